import { randomInt } from "node:crypto";
import { AUTHENTIC_DATA, decode, encode, RECURSION_DESIRED, type Answer, type DecodedPacket } from "dns-packet";

/** The record types that are asked for. */
export type QuestionType = "A" | "AAAA" | "MX" | "TXT" | "TLSA" | "PTR" | "CNAME";

export interface Question {
  /** Lower case, without the final dot. */
  readonly name: string;
  readonly type: QuestionType;
}

/** A question as it is sent once: each sending has an id of its own. */
export interface Query {
  readonly id: number;
  readonly question: Question;
  readonly bytes: Buffer;
}

/** What of an answer matters here. */
export interface Reply {
  readonly rcode: string;
  readonly truncated: boolean;
  /** The AD bit as it came. */
  readonly authentic: boolean;
  readonly answers: readonly Answer[];
  readonly authorities: readonly Answer[];
}

/**
 * AD without DO: the resolver says whether it validated (RFC 6840 §5.7), and sends none of the signatures that nobody here would read.
 *
 * @param extended with EDNS (RFC 6891): answers up to 1232 bytes by UDP; a few old servers do not know it.
 */
export function composeQuery(question: Question, extended: boolean): Query {
  // RFC 5452 §9.2: an id that cannot be guessed.
  const id = randomInt(65_536);
  const bytes = encode({
    type: "query",
    id,
    flags: RECURSION_DESIRED | AUTHENTIC_DATA,
    questions: [{ type: question.type, name: question.name }],
    ...(extended
      ? {
          additionals: [
            { type: "OPT", name: ".", udpPayloadSize: 1232, extendedRcode: 0, ednsVersion: 0, flags: 0, flag_do: false, options: [] },
          ],
        }
      : {}),
  });
  return { id, question, bytes };
}

/** The answer to `query`; null when the bytes are none: another id or question (RFC 5452 §9.1), a query, or no DNS message at all. */
export function readReply(bytes: Buffer, query: Query): Reply | null {
  if (bytes.length < 12 || bytes.readUInt16BE(0) !== query.id) return null;
  // Names may point back a long way: the records are what makes that long way costly.
  const records = bytes.readUInt16BE(6) + bytes.readUInt16BE(8) + bytes.readUInt16BE(10);
  if (records > maxRecords) return null;
  if (bytes.length === 12) return readRefusal(bytes);
  let packet: DecodedPacket;
  try {
    packet = decode(bytes);
  } catch {
    return null;
  }
  if (packet.type !== "response" || packet.questions?.length !== 1) return null;
  const [asked] = packet.questions;
  if (asked?.type !== query.question.type || canonicalName(asked.name) !== query.question.name) return null;
  return {
    // The types do not know that it is there.
    rcode: (packet as unknown as { readonly rcode: string }).rcode,
    truncated: packet.flag_tc,
    authentic: packet.flag_ad,
    answers: packet.answers ?? [],
    authorities: packet.authorities ?? [],
  };
}

/** Lower case, without the final dot; the root is the empty name. */
export function canonicalName(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}

/** RFC 1035 §3.1: what can be asked at all. Names come from strangers' addresses. */
export function isName(name: string): boolean {
  return name.length > 0 && name.length <= 253 && name.split(".").every((label) => /^[\x21-\x7e]{1,63}$/.test(label));
}

/** RFC 6891 §7: a server without EDNS may answer FORMERR with nothing but a header. */
function readRefusal(bytes: Buffer): Reply | null {
  const isResponse = (bytes.readUInt8(2) & 0x80) !== 0;
  if (!isResponse || (bytes.readUInt8(3) & 15) !== 1) return null;
  return { rcode: "FORMERR", truncated: false, authentic: false, answers: [], authorities: [] };
}

const maxRecords = 512;
