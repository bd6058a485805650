const places = 8;

/** What each principal used of a route, by kind of unit, since its counters were told last: telling twenty of each message would cost too much. */
export class PrincipalTally {
  #used = new Map<string, { readonly kept: number[]; readonly keptOrRefused: number[] }>();

  add(principal: string, kept: readonly number[], keptOrRefused: readonly number[]): void {
    let used = this.#used.get(principal);
    if (used === undefined) {
      used = { kept: kept.map(() => 0), keptOrRefused: kept.map(() => 0) };
      this.#used.set(principal, used);
    }
    for (let kind = 0; kind < kept.length; kind++) {
      used.kept[kind] = (used.kept[kind] as number) + (kept[kind] as number);
      used.keptOrRefused[kind] = (used.keptOrRefused[kind] as number) + (keptOrRefused[kind] as number);
    }
  }

  drain(): ReadonlyMap<string, { readonly kept: readonly number[]; readonly keptOrRefused: readonly number[] }> {
    const used = this.#used;
    if (used.size > 0) this.#used = new Map();
    return used;
  }
}

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
