/** A message on standard input ends at a line with nothing but a dot, as a person would type it; without one it ends with the input. */
export async function* untilDot(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  // What may be the beginning of that line is kept for the next chunk. A line has just begun, as if behind a LF that is not passed on.
  let kept: Buffer = Buffer.from("\n");
  let skip = 1;
  for await (const chunk of chunks) {
    const bytes = Buffer.concat([kept, chunk]);
    const end = findDot(bytes);
    if (end >= 0) return void (yield bytes.subarray(skip, end + 1));
    const tail = bytes.lastIndexOf("\n");
    const cut = mayBecomeDot(bytes.subarray(Math.max(0, tail))) ? tail : bytes.length;
    if (cut > skip) yield bytes.subarray(skip, cut);
    if (cut > 0) skip = 0;
    kept = bytes.subarray(cut);
  }
  // The last line need not end.
  yield kept.length > 1 && mayBecomeDot(kept) ? kept.subarray(skip, 1) : kept.subarray(skip);
}

function mayBecomeDot(bytes: Buffer): boolean {
  return bytes.length <= 3 && "\n.\r".startsWith(bytes.toString("latin1"));
}

/** Where the LF before the lone dot is. */
function findDot(bytes: Buffer): number {
  for (let at = bytes.indexOf("\n."); at >= 0; at = bytes.indexOf("\n.", at + 1)) {
    const next = bytes[at + 2];
    if (next === 10 || (next === 13 && bytes[at + 3] === 10)) return at;
  }
  return -1;
}
