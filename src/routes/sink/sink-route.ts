import { createHash } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { formatId } from "../../lib/ids.ts";
import { syncFolder } from "../../lib/sync-folder.ts";
import { failure } from "../../mail/failure-codes.ts";
import type { Outcome } from "../../mail/outcome.ts";
import type { Delivery, OutgoingContent, Route, Transaction } from "../route.ts";
import type { RouteLog } from "../route-log.ts";
import type { SinkRouteOptions } from "./options.ts";

/**
 * A way out that keeps what it gets: two files for each transaction, `<id>-<recipients>.eml` with the content as it would be sent, and
 * `.json` with the envelope. For archives, tests and trying out rules. The smallest adapter, and the template for new ones: options.ts,
 * a factory, a test that runs route.contract.ts.
 *
 * Promises: an .eml that is there is whole, its .json lies beside it, and both survive a power cut once the outcome is given (written under
 * another name, synced, renamed, folder synced). The same transaction again writes the same files, so a repeat is harmless.
 * Does not: remove anything.
 */
export function createSinkRoute(options: SinkRouteOptions, deps: SinkRouteDeps): Route {
  const { name, folder } = options;
  return {
    name,
    kind: "sink",
    traits: {
      concurrency: 4,
      maxSize: null,
      maxRecipients: 10_000,
      perDestination: false,
      keepsReversePath: true,
      keepsHeaders: true,
      smtputf8: true,
      takesNullReversePath: true,
      external: true,
      deduplicates: true,
      inDoubt: "retry",
    },
    async deliver(transaction, signal) {
      signal.throwIfAborted();
      const file = fileName(transaction);
      try {
        await mkdir(folder, { recursive: true });
        await writeWhole(folder, `${file}.json`, [Buffer.from(`${JSON.stringify(describe(transaction, deps.now()), null, 2)}\n`)], signal);
        await writeWhole(folder, `${file}.eml`, pieces(transaction.content), signal);
        await syncFolder(folder);
      } catch (error) {
        signal.throwIfAborted();
        deps.log.writeFailed(name, folder, (error as Error).message);
        return delivery(transaction, folder, { action: "delayed", failure: failure("route.write-failed") });
      }
      return delivery(transaction, folder, { action: "relayed", text: "written", remoteId: `${file}.eml` });
    },
    async probe() {
      try {
        await mkdir(folder, { recursive: true });
        await writeWhole(folder, ".probe", [Buffer.from("probe\n")], AbortSignal.timeout(probeMs));
        await rm(join(folder, ".probe"));
        const text = `${folder} can be written`;
        return { ok: true, text, steps: [{ name: "write", ok: true, text }] };
      } catch (error) {
        const text = (error as Error).message;
        return { ok: false, text, steps: [{ name: "write", ok: false, text }] };
      }
    },
    async [Symbol.asyncDispose]() {},
  };
}

export interface SinkRouteDeps {
  readonly log: RouteLog;
  /** Policy-clock ms. */
  readonly now: () => number;
}

const probeMs = 10_000;

/** One name for one transaction: the message and its recipients. */
function fileName(transaction: Transaction): string {
  const addresses = transaction.recipients.map((recipient) => recipient.address).join("\n");
  return `${formatId(transaction.messageId)}-${createHash("sha256").update(addresses).digest("hex").slice(0, 8)}`;
}

function describe(transaction: Transaction, now: number): unknown {
  const { envelope, recipients, messageId } = transaction;
  return {
    id: formatId(messageId),
    writtenAt: new Date(now).toISOString(),
    reversePath: envelope.reversePath,
    recipients,
    envid: envelope.envid,
    ret: envelope.ret,
    smtputf8: envelope.smtputf8,
  };
}

function pieces(content: OutgoingContent): AsyncIterable<Uint8Array> | Iterable<Uint8Array> {
  return content.inMemory ?? content.stream();
}

/** Nobody sees the name before the bytes are on the disk. */
async function writeWhole(
  folder: string,
  name: string,
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const temporary = join(folder, `${name}.tmp`);
  try {
    await using file = await open(temporary, "w");
    for await (const piece of content) {
      signal.throwIfAborted();
      await writeAll(file, piece);
    }
    await file.sync();
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await rename(temporary, join(folder, name));
}

async function writeAll(file: Awaited<ReturnType<typeof open>>, piece: Uint8Array): Promise<void> {
  for (let at = 0; at < piece.length;) at += (await file.write(piece, at)).bytesWritten;
}

function delivery(transaction: Transaction, remote: string, outcome: Outcome): Delivery {
  return { outcomes: new Map(transaction.recipients.map((recipient) => [recipient, outcome])), session: { remote } };
}
