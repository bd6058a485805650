import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openStore, type OpenStore } from "../../src/store/sqlite/open-store.ts";
import { fates, modelDisk, type Fate, type Ignored } from "../support/disk-model.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { contentOf, findToken, hashOf } from "../support/token-message.ts";
import type { RecordedRun } from "./recorded-run.ts";

/**
 * Power cuts, made afterwards: from the trace of a run, disks are built that a cut at some moment may have left, and the store opens them.
 *
 * On each: it opens; SQLite finds its file sound; the counts agree with the rows; every message whose positive reply had begun to be
 * written is in the queue with every byte, or relayed (and the next hop has it); no message is there that was not sent whole.
 */
export interface CutReport {
  readonly images: number;
  /** Messages that had their reply, over all images. */
  readonly promised: number;
  readonly unsynced: number;
  readonly harmed: number;
  /** What is wrong, a line each. */
  readonly violations: readonly string[];
}

export interface CutOptions {
  readonly images: number;
  readonly seed: number;
  readonly ignored?: Ignored;
  readonly fates?: readonly Fate[];
}

const atOnce = 4;

interface Promised {
  readonly token: string;
  readonly line: number;
  readonly id: string;
}

export async function cutPower(run: RecordedRun, options: CutOptions): Promise<CutReport> {
  const model = modelDisk(run.calls, run.data, options.ignored);
  const replies = readReplies(run);
  const chosen = options.fates ?? fates;
  const known = new Set(run.messages.map(({ token }) => token));
  const violations: string[] = [];
  let [promised, unsynced, harmed, next] = [0, 0, 0, 0];
  const work = async (): Promise<void> => {
    while (next < options.images) {
      const n = next++;
      const random = seededRandom(options.seed * 10_007 + n);
      const fate = chosen[n % chosen.length] as Fate;
      // Half of the cuts come right after a reply was written, where a promise has just been made.
      const reply = replies[Math.floor(random() * replies.length)] as Promised;
      const cut = random() < 0.5 ? reply.line + 1 : model.first + Math.floor(random() * (model.last - model.first));
      const due = replies.filter(({ line }) => line < cut);
      using folder = temporaryFolder();
      const image = join(folder.path, "data");
      mkdirSync(image, { mode: 0o700 });
      const survived = model.build(cut, { random, fate }, image);
      promised += due.length;
      unsynced += survived.unsynced;
      harmed += survived.harmed;
      const faults = await inspect(image, due, known, run.relayed).catch((error: unknown) => [String(error)]);
      for (const fault of faults) violations.push(`image ${n} (cut at line ${cut}, ${fate}): ${fault}`);
    }
  };
  // Opening a store is mostly waiting for its threads to start.
  await Promise.all(Array.from({ length: atOnce }, work));
  return { images: options.images, promised, unsynced, harmed, violations };
}

function readReplies({ calls, messages }: RecordedRun): readonly Promised[] {
  const tokens = new Map(messages.flatMap(({ id, token }) => (id === null ? [] : [[id, token]])));
  const replies: Promised[] = [];
  for (const { args, begin } of calls)
    for (const [, id] of args.slice(0, 1000).matchAll(/250 2\.0\.0 Ok: queued as (\w+)/g)) {
      const token = tokens.get(id as string);
      if (token !== undefined) replies.push({ token, line: begin, id: id as string });
    }
  return replies;
}

async function inspect(
  image: string,
  promised: readonly Promised[],
  known: ReadonlySet<string>,
  relayed: ReadonlySet<string>,
): Promise<readonly string[]> {
  const faults: string[] = [];
  // Small sizes: an image is opened once, and what is written ahead for speed would only cost time here.
  const opened = await openStore({
    directory: image,
    now: Date.now,
    freeSpaceReserveBytes: 0,
    onFault: (error) => faults.push(`the store gave up: ${error.message}`),
    tuning: { walBytes: 1024 * 1024, ballastBytes: 64 * 1024 },
  });
  await using _opened = opened;
  const waiting = await readWaiting(opened, known, faults);
  // All at once: a look for each would unpack the history each time.
  const found = await opened.archive.find({ sender: "app@contoso.example", limit: 1_000_000 });
  const states = new Map(found.map((summary) => [findToken(summary.messageIdField), Object.keys(summary.states)]));
  for (const { token } of promised) {
    if (waiting.has(token)) continue;
    const told = states.get(token) ?? [];
    if (told.length === 1 && told[0] === "relayed" && relayed.has(token)) continue;
    faults.push(`${token} was accepted, and is ${told.length === 0 ? "not there" : `${told.join(", ")}, which is not true`}`);
  }
  checkDatabase(image, opened, faults);
  return faults;
}

/** Tokens of the queue; each content is compared. */
async function readWaiting({ store, archive }: OpenStore, known: ReadonlySet<string>, faults: string[]): Promise<ReadonlySet<string>> {
  const waiting = new Set<string>();
  for (let after = 0; ;) {
    const page = await archive.list({}, { after, limit: 500 });
    for (const { message } of page) {
      after = message.id;
      const token = findToken(message.messageIdField);
      if (token === null || !known.has(token)) {
        faults.push(`message ${message.id} was never sent`);
        continue;
      }
      const pieces: Uint8Array[] = [];
      for await (const piece of store.readContent(message.content, message.id)) pieces.push(piece);
      const content = Buffer.concat(pieces);
      if (hashOf(content) !== hashOf(contentOf(token))) faults.push(`${token} has another content (${content.length} bytes)`);
      waiting.add(token);
    }
    if (page.length === 0) return waiting;
  }
}

function checkDatabase(image: string, { store }: OpenStore, faults: string[]): void {
  using database = new DatabaseSync(join(image, "queue.sqlite"), { readOnly: true });
  const sound = database.prepare("PRAGMA integrity_check").all();
  if (sound.length !== 1 || sound[0]?.["integrity_check"] !== "ok") faults.push(`SQLite: ${JSON.stringify(sound).slice(0, 500)}`);
  const { accepted, relayed, failed, expired, cancelled, queued, leased, inDoubt, held, messages } = store.totals();
  if (accepted !== relayed + failed + expired + cancelled + queued + leased + inDoubt + held) faults.push("the totals do not balance");
  const rows = database.prepare("SELECT (SELECT count(*) FROM recipient) AS recipients, (SELECT count(*) FROM message) AS messages").get();
  if (Number(rows?.["recipients"]) !== queued + leased + inDoubt + held || Number(rows?.["messages"]) !== messages)
    faults.push(`the totals say ${queued + leased + inDoubt + held} of ${messages}, the rows ${JSON.stringify(rows)}`);
}
