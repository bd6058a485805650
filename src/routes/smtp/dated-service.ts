/**
 * What a service is like today. Values of the catalogue are dated, and a gateway runs for months: a date that passes takes effect with the
 * next message. Asking costs a look at the clock; the values are read again when the day (UTC, policy clock) is another one, also when the
 * clock was moved back.
 */
export class DatedService<T extends { readonly values: object }> {
  readonly #read: (day: string, before: T | null) => T;
  readonly #now: () => number;
  readonly #changed: () => void;
  #day: number;
  #present: T;

  /**
   * @param read what holds on a day (`2027-01-15`)
   * @param now policy-clock ms
   * @param changed other values hold from now on
   */
  constructor(read: (day: string, before: T | null) => T, now: () => number, changed: () => void) {
    this.#read = read;
    this.#now = now;
    this.#changed = changed;
    this.#day = dayNumber(now());
    this.#present = read(dayText(this.#day), null);
  }

  get present(): T {
    const day = dayNumber(this.#now());
    if (day === this.#day) return this.#present;
    this.#day = day;
    const before = this.#present;
    const present = this.#read(dayText(day), before);
    if (JSON.stringify(present.values) === JSON.stringify(before.values)) return before;
    this.#present = present;
    this.#changed();
    return present;
  }
}

/** An object whose properties are those of another one, asked anew each time. */
export function liveView<T extends object>(keys: readonly (keyof T)[], read: () => T): T {
  const view = {} as T;
  for (const key of keys) Object.defineProperty(view, key, { enumerable: true, get: () => read()[key] });
  return view;
}

const dayMs = 86_400_000;

function dayNumber(at: number): number {
  return Math.floor(at / dayMs);
}

function dayText(day: number): string {
  return new Date(day * dayMs).toISOString().slice(0, 10);
}
