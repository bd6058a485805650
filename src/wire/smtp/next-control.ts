/**
 * Skips text four bytes at a time.
 *
 * Of all bytes below 0x0E only CR, LF and NUL matter to SMTP, and hardly any other occurs; so the loop asks of four bytes at once whether
 * one is below 0x0E, with the carry-free trick `(v - 0x0E0E0E0E) & ~v & 0x80808080` (the lowest byte it flags is always right), and
 * gathers their high bits on the way.
 */
export function nextControl(chunk: Buffer, words: Int32Array | null, from: number, to: number, seen: { eightBit: boolean }): number {
  let i = from;
  if (words !== null) {
    // Where the chunk begins within the first word, and where the words begin within their buffer.
    const base = chunk.byteOffset - words.byteOffset;
    let index = (base + i) >> 2;
    const end = (base + to) >> 2;
    if (index < end) {
      // Bytes before `from` in its word are made harmless.
      let word = keepFrom(words[index] as number, (base + i) & 3);
      let high = 0;
      let low = (word - 0x0e0e0e0e) & ~word & highBits;
      while (low === 0) {
        high |= word;
        if (++index === end) break;
        word = words[index] as number;
        low = (word - 0x0e0e0e0e) & ~word & highBits;
      }
      if (low !== 0) {
        const first = low & -low;
        // Of the word with the control character, only the bytes before it were passed.
        if (((high | (word & (first - 1))) & highBits) !== 0) seen.eightBit = true;
        return (index << 2) - base + ((31 - Math.clz32(first)) >> 3);
      }
      if ((high & highBits) !== 0) seen.eightBit = true;
      i = (end << 2) - base;
    }
  }
  for (; i < to; i++) {
    const byte = chunk[i] as number;
    if (byte < 0x0e) break;
    if (byte > 127) seen.eightBit = true;
  }
  return i;
}

/** The chunk's memory as words, for `nextControl`; null when it is too small to be worth it. */
export function wordsOf(chunk: Buffer, length: number): Int32Array | null {
  if (length < 64 || !littleEndian) return null;
  const from = chunk.byteOffset & ~3;
  return new Int32Array(chunk.buffer, from, (chunk.byteOffset + chunk.length - from) >> 2);
}

function keepFrom(word: number, offset: number): number {
  switch (offset) {
    case 0:
      return word;
    case 1:
      return (word & ~0xff) | 0x20;
    case 2:
      return (word & ~0xffff) | 0x2020;
    default:
      return (word & ~0xffffff) | 0x202020;
  }
}

const highBits = 0x80808080 | 0;
const littleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;
