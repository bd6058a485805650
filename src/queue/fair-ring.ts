import type { Lane } from "./lanes.ts";

/**
 * Whose turn is it: round robin over principals, and within a principal over its lanes, so that neither a principal's flood nor one
 * destination's backlog delays the rest. A lane is in the ring at most once; adding twice does nothing. All steps are O(1).
 */
export class FairRing {
  readonly #principals = new Map<string, Set<Lane>>();
  #lanes = 0;

  /** Principals in it. */
  get size(): number {
    return this.#principals.size;
  }

  /** Lanes in it. */
  get lanes(): number {
    return this.#lanes;
  }

  add(lane: Lane): void {
    const lanes = this.#principals.get(lane.principal);
    if (lanes === undefined) this.#principals.set(lane.principal, new Set([lane]));
    else if (lanes.has(lane)) return;
    else lanes.add(lane);
    this.#lanes++;
  }

  delete(lane: Lane): void {
    const lanes = this.#principals.get(lane.principal);
    if (lanes?.delete(lane) !== true) return;
    this.#lanes--;
    if (lanes.size === 0) this.#principals.delete(lane.principal);
  }

  /** The lane whose turn it is. */
  first(): Lane | undefined {
    for (const lanes of this.#principals.values()) for (const lane of lanes) return lane;
    return undefined;
  }

  /** The lane has had its turn: it goes to the end of its principal's turn, and the principal to the end of all. */
  served(lane: Lane): void {
    const { principal } = lane;
    const lanes = this.#principals.get(principal);
    if (lanes === undefined) return;
    if (lanes.size > 1) {
      lanes.delete(lane);
      lanes.add(lane);
    }
    if (this.#principals.size > 1) {
      this.#principals.delete(principal);
      this.#principals.set(principal, lanes);
    }
  }

  /** Takes out the lane whose turn it is; its principal goes to the end of all. */
  take(): Lane | undefined {
    const lane = this.first();
    if (lane !== undefined) {
      this.served(lane);
      this.delete(lane);
    }
    return lane;
  }

  /** Whether a lane of the principal is in it. */
  has(principal: string): boolean {
    return this.#principals.has(principal);
  }

  *[Symbol.iterator](): Iterator<Lane> {
    for (const lanes of this.#principals.values()) yield* lanes;
  }
}
