const places = 8;

/**
 * Who used most of a counter: the space-saving algorithm with a few places. A newcomer takes the place of the smallest and its count, so
 * that nobody who used more than an eighth is ever missing. All counts are halved once a window, so that it tells of late.
 */
export class TopPrincipals {
  #names: string[] = [];
  #counts: number[] = [];
  #last = 0;
  #halveAt = 0;

  add(principal: string, units: number, now: number, windowMs: number): void {
    if (now >= this.#halveAt) {
      if (this.#halveAt > 0) for (let i = 0; i < this.#counts.length; i++) this.#counts[i] = (this.#counts[i] as number) / 2;
      this.#halveAt = now + windowMs;
    }
    let place = this.#names[this.#last] === principal ? this.#last : this.#names.indexOf(principal);
    if (place < 0) {
      if (this.#names.length < places) place = this.#names.push(principal) - 1;
      else {
        place = this.#counts.indexOf(Math.min(...this.#counts));
        this.#names[place] = principal;
      }
    }
    this.#last = place;
    this.#counts[place] = (this.#counts[place] ?? 0) + units;
  }

  /** The most first; `share` of all that was counted, 0 to 1. */
  list(): readonly { readonly principal: string; readonly share: number }[] {
    const total = this.#counts.reduce((sum, count) => sum + count, 0);
    return this.#names
      .map((principal, i) => ({ principal, share: total === 0 ? 0 : (this.#counts[i] as number) / total }))
      .toSorted((a, b) => b.share - a.share);
  }
}
