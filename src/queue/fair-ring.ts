import type { Lane } from "./lanes.ts";

/**
 * Whose turn is it: round robin over principals, and within a principal over its lanes, so that neither a principal's flood nor one
 * destination's backlog delays the rest. A lane is in the ring at most once; adding twice does nothing. All steps are O(1).
 */
export class FairRing {
  readonly #principals = new Map<string, Set<Lane>>();

  get size(): number {
    return this.#principals.size;
  }

  add(lane: Lane): void {
    const lanes = this.#principals.get(lane.principal);
    if (lanes === undefined) this.#principals.set(lane.principal, new Set([lane]));
    else lanes.add(lane);
  }

  delete(lane: Lane): void {
    const lanes = this.#principals.get(lane.principal);
    if (lanes?.delete(lane) === true && lanes.size === 0) this.#principals.delete(lane.principal);
  }

  /** The lane whose turn it is; it goes to the end of its principal's turn, and the principal to the end of all. */
  next(): Lane | undefined {
    for (const [principal, lanes] of this.#principals) {
      for (const lane of lanes) {
        if (lanes.size > 1) {
          lanes.delete(lane);
          lanes.add(lane);
        }
        if (this.#principals.size > 1) {
          this.#principals.delete(principal);
          this.#principals.set(principal, lanes);
        }
        return lane;
      }
    }
    return undefined;
  }

  *[Symbol.iterator](): Iterator<Lane> {
    for (const lanes of this.#principals.values()) yield* lanes;
  }
}
