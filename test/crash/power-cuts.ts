import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fates, modelDisk, type Fate, type Ignored } from "../support/disk-model.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { inspectStore } from "./inspect-store.ts";
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
      const faults = await inspectStore(image, { promised: due, known, relayed: run.relayed })
        .then((found) => found.faults)
        .catch((error: unknown) => [String(error)]);
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
