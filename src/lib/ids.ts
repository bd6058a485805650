/**
 * Message ids: one integer, rising with time, that is also the row's key in the store.
 *
 * Upper bits: milliseconds since 2025-01-01; lower 12 bits: a counter. Below 2^53 until the year 2094, so a JavaScript number holds it.
 * People see it in Crockford's base 32 (no I, L, O, U), 11 characters, which sorts like the number.
 */
const epochMs = Date.UTC(2025, 0, 1);
const perMs = 4096;
const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const length = 11;

/** Makes ids that never repeat or fall, whatever the clock does. `last` is the highest id in the store. */
export class IdSource {
  #last: number;
  readonly #now: () => number;

  constructor(now: () => number, last = 0) {
    this.#now = now;
    this.#last = last;
  }

  next(): number {
    this.#last = Math.max(this.#last + 1, (this.#now() - epochMs) * perMs);
    return this.#last;
  }
}

export function formatId(id: number): string {
  let text = "";
  let rest = id;
  for (let i = 0; i < length; i++) {
    const digit = rest % 32;
    text = digits.charAt(digit) + text;
    rest = (rest - digit) / 32;
  }
  return text;
}

/** null when the text is not an id as formatId writes it (case does not matter). */
export function parseId(text: string): number | null {
  if (text.length !== length) return null;
  let id = 0;
  for (const char of text.toUpperCase()) {
    const digit = digits.indexOf(char);
    if (digit < 0) return null;
    id = id * 32 + digit;
  }
  return Number.isSafeInteger(id) ? id : null;
}
