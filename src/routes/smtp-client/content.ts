import { contentEnd, DotStuffer } from "../../wire/smtp/client/dot-stuffing.ts";
import type { OutgoingContent } from "../route.ts";

/** Up to here one copy into one buffer and one write is cheaper than a gathering write of the pieces. */
export const smallContentBytes = 65_536;
/** A large piece in memory is given to the socket in parts, so that the timeout is per part and an abort is seen. */
const partBytes = 262_144;

/** Whether composeContent will do; else it is streamed. */
export function isSmall(content: OutgoingContent): content is OutgoingContent & { readonly inMemory: readonly Uint8Array[] } {
  return content.inMemory !== null && content.size <= smallContentBytes;
}

/** Content, end of content and whatever commands follow, in one buffer. */
export function composeContent(content: OutgoingContent & { readonly inMemory: readonly Uint8Array[] }, following: string): Buffer {
  const pieces = content.leadingDots ? stuffed(content.inMemory) : content.inMemory;
  let size = 0;
  for (const piece of pieces) size += piece.length;
  const buffer = Buffer.allocUnsafe(size + 5 + following.length * 3);
  let at = 0;
  for (const piece of pieces) {
    buffer.set(piece, at);
    at += piece.length;
  }
  at += buffer.write(contentEnd(buffer.subarray(0, at)), at, "latin1");
  at += buffer.write(following, at, "utf8");
  return buffer.subarray(0, at);
}

function stuffed(pieces: readonly Uint8Array[]): readonly Uint8Array[] {
  const stuffer = new DotStuffer();
  const out: Uint8Array[] = [];
  for (const piece of pieces) stuffer.stuff(piece, out);
  return out;
}

/** The content in parts; nothing is copied. */
export async function* contentParts(content: OutgoingContent): AsyncIterable<Uint8Array> {
  for await (const piece of content.inMemory ?? content.stream()) {
    for (let at = 0; at < piece.length; at += partBytes) yield piece.subarray(at, at + partBytes);
  }
}
