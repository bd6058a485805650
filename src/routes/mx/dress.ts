import type { Signer } from "../../domains/signer.ts";
import { domainOf } from "../../mail/address.ts";
import type { Recipient } from "../../mail/envelope.ts";
import { maxHeaderBytes, scanHeader } from "../../wire/mime/header-scan.ts";
import type { OutgoingContent, Transaction } from "../route.ts";

/** What a bounce address is made from. */
export interface BounceFacts {
  readonly messageId: number;
  /** Domain of the From field, lower case; null when there is not exactly one. */
  readonly author: string | null;
  /** Those of one domain, who share the transaction. */
  readonly recipients: readonly Recipient[];
}

/** Makes the reverse-path that leaves, so that bounces come back to us; null leaves it as it is. Never asked about the null reverse-path. */
export type MakeBounceAddress = (facts: BounceFacts) => string | null;

/** Puts the author's domain's signatures below our own Received field, which stays the newest trace. @throws what the signer throws */
export async function sign(content: OutgoingContent, domain: string, signer: Signer, signal: AbortSignal): Promise<OutgoingContent> {
  const fields = await signer.sign(domain, content, signal);
  if (fields.length === 0) return content;
  return {
    size: fields.length + content.size,
    leadingDots: content.leadingDots,
    eightBit: content.eightBit,
    inMemory: content.inMemory === null ? null : content.inMemory.flatMap((piece, n) => (n === 0 ? around(piece, fields) : [piece])),
    async *stream() {
      let first = true;
      for await (const piece of content.stream()) {
        if (first) yield* around(piece, fields);
        else yield piece;
        first = false;
      }
    },
  };
}

/** The first piece with the fields behind its first field when that is Received, else in front of all. */
function around(piece: Uint8Array, fields: Uint8Array): readonly Uint8Array[] {
  const text = Buffer.from(piece.buffer, piece.byteOffset, Math.min(piece.length, longestReceived)).toString("latin1");
  const end = /^Received:[^]*?\r\n(?![ \t])/.exec(text)?.[0].length ?? 0;
  return end === 0 || (end === text.length && end < piece.length) ? [fields, piece] : [piece.subarray(0, end), fields, piece.subarray(end)];
}

const longestReceived = 4096;

export function withBounceAddress(transaction: Transaction, facts: Omit<BounceFacts, "messageId">, bounce: MakeBounceAddress): Transaction {
  const { messageId, envelope } = transaction;
  // RFC 3464 §2, RFC 5321 §4.5.5: what reports must not be reported on.
  if (envelope.reversePath === null) return transaction;
  const reversePath = bounce({ messageId, ...facts });
  return reversePath === null ? transaction : { ...transaction, envelope: { ...envelope, reversePath } };
}

/** The domain of the From field, lower case; null when there is not exactly one. */
export async function authorDomain(content: OutgoingContent): Promise<string | null> {
  const pieces: Buffer[] = [];
  let size = 0;
  let whole = true;
  for await (const bytes of content.inMemory ?? content.stream()) {
    const piece = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, maxHeaderBytes));
    const end = piece.indexOf("\r\n\r\n", 0, "latin1");
    // The body is not copied.
    pieces.push(end < 0 ? piece : piece.subarray(0, end + 4));
    size += piece.length;
    if (end >= 0 || size > maxHeaderBytes) {
      whole = false;
      break;
    }
  }
  const { authors } = scanHeader(Buffer.concat(pieces), whole);
  const domains = new Set(authors.map(domainOf));
  const [domain] = domains;
  return domains.size === 1 && domain !== undefined && domain !== "" ? domain : null;
}
