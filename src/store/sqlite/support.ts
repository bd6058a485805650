import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NewRecipient, Operation, Settlement, StoredMessage, WaitingState } from "../../queue/store.ts";
import { openStore, type OpenStore, type StoreOptions } from "./open-store.ts";

/** For the tests of this folder and for bench/store.ts. */

export interface Scratch extends AsyncDisposable {
  readonly directory: string;
}

export async function scratch(): Promise<Scratch> {
  const directory = await mkdtemp(join(tmpdir(), "postern-store-"));
  return { directory, [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }) };
}

export const testTuning = { walBytes: 1024 * 1024, ballastBytes: 64 * 1024, segmentBytes: 1024 * 1024, spareSegments: 1 };

export function openTest(directory: string, options: Partial<StoreOptions> = {}): Promise<OpenStore> {
  return openStore({
    directory,
    now: () => Date.now(),
    freeSpaceReserveBytes: 0,
    onFault: () => undefined,
    ...options,
    tuning: { ...testTuning, ...options.tuning },
  });
}

export function messageOf(id: number, changes: Partial<StoredMessage> = {}): StoredMessage {
  return {
    id,
    receivedAt: 1_700_000_000_000 + id,
    principal: "app",
    origin: { door: "smtp", clientAddress: "192.0.2.7", clientName: "printer.contoso.example" },
    reversePath: "scanner@contoso.example",
    messageIdField: `<${id}@contoso.example>`,
    subject: `Scan ${id}`,
    author: "scanner@contoso.example",
    content: { size: 5, leadingDots: false, eightBit: false },
    prefix: Buffer.from("Received: here\r\n"),
    expiresAt: 1_700_000_000_000 + id + 172_800_000,
    ...changes,
  };
}

export function recipientOf(n: number, state: NewRecipient["state"], changes: Partial<NewRecipient> = {}): NewRecipient {
  return { n, address: `bob${n}@fabrikam.example`, lane: 1, decision: "d1", attempts: 0, notBefore: 1000, state, ...changes };
}

export function acceptOf(
  id: number,
  recipients: readonly NewRecipient[],
  body: Uint8Array | null = Buffer.from("Hello"),
  changes: Partial<StoredMessage> = {},
): Operation {
  return { op: "accept", message: messageOf(id, changes), body, recipients };
}

export function relayed(n: number, from: WaitingState = "leased"): Settlement {
  return { n, from, to: "relayed", attempts: 1, text: "250 2.0.0 OK" };
}

export async function gather(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

/** Looks again and again for 10 s. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 10_000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error("waited 10 s in vain");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
