import type { OutgoingContent } from "../route.ts";

/** RFC 6532: whether the header section has bytes beyond ASCII. Read at most as far as a header section may reach. */
export async function hasUtf8Header(content: OutgoingContent): Promise<boolean> {
  let read = 0;
  let tail = "";
  for await (const piece of content.inMemory ?? content.stream()) {
    const text = tail + Buffer.from(piece.buffer, piece.byteOffset, Math.min(piece.length, longestHeader)).toString("latin1");
    const end = text.indexOf("\r\n\r\n");
    // eslint-disable-next-line no-control-regex
    if (/[^\x00-\x7f]/.test(end < 0 ? text : text.slice(0, end))) return true;
    read += piece.length;
    if (end >= 0 || read > longestHeader) return false;
    tail = text.slice(-3);
  }
  return false;
}

const longestHeader = 262_144;
