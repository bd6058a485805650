import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openStore, type OpenStore } from "../../src/store/sqlite/open-store.ts";
import { contentOf, findToken, hashOf } from "../support/token-message.ts";

export interface Expected {
  /** Had a positive reply: in the queue, or relayed. */
  readonly promised: readonly { readonly token: string }[];
  /** Everything that was ever sent. */
  readonly known: ReadonlySet<string>;
  /** What the next hop has. */
  readonly relayed: ReadonlySet<string>;
}

export interface Inspected {
  readonly waiting: ReadonlySet<string>;
  /** What is wrong, a line each. */
  readonly faults: readonly string[];
}

/** Opens a data directory as the next start would, and compares what is in it, byte by byte, with what must and may be. */
export async function inspectStore(directory: string, { promised, known, relayed }: Expected): Promise<Inspected> {
  const faults: string[] = [];
  let closing = false;
  // Small sizes: an image is opened once, and what is written ahead for speed would only cost time here.
  const opened = await openStore({
    directory,
    now: Date.now,
    freeSpaceReserveBytes: 0,
    onFault: (error) => {
      // What it says of its own end is not what a disk is judged by.
      if (!closing) faults.push(`the store gave up: ${error.message}`);
    },
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
  checkDatabase(directory, opened, faults);
  closing = true;
  return { waiting, faults };
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

function checkDatabase(directory: string, { store }: OpenStore, faults: string[]): void {
  using database = new DatabaseSync(join(directory, "queue.sqlite"), { readOnly: true });
  const sound = database.prepare("PRAGMA integrity_check").all();
  if (sound.length !== 1 || sound[0]?.["integrity_check"] !== "ok") faults.push(`SQLite: ${JSON.stringify(sound).slice(0, 500)}`);
  const { accepted, relayed, failed, expired, cancelled, queued, leased, inDoubt, held, messages } = store.totals();
  if (accepted !== relayed + failed + expired + cancelled + queued + leased + inDoubt + held) faults.push("the totals do not balance");
  const rows = database.prepare("SELECT (SELECT count(*) FROM recipient) AS recipients, (SELECT count(*) FROM message) AS messages").get();
  if (Number(rows?.["recipients"]) !== queued + leased + inDoubt + held || Number(rows?.["messages"]) !== messages)
    faults.push(`the totals say ${queued + leased + inDoubt + held} of ${messages}, the rows ${JSON.stringify(rows)}`);
}
