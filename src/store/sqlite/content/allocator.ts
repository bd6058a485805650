import type { Extent } from "../../../queue/store.ts";

/** Extents begin at multiples of this, so that a write never has to read the page it shares with another. */
export const blockBytes = 4096;

interface Hole {
  start: number;
  end: number;
}

/** Which parts of the segments are free. Pure bookkeeping: what it says follows from the rows of `extent`. */
export class Allocator {
  readonly #segmentBytes: number;
  /** Per segment, holes by position, never touching each other. */
  readonly #segments = new Map<number, Hole[]>();
  /** Filled until it has no hole large enough, so that writes go to one place. */
  #current: number | null = null;

  constructor(segmentBytes: number) {
    this.#segmentBytes = segmentBytes;
  }

  /** Makes a segment known; `used` are its extents, by position. */
  add(segment: number, used: readonly (readonly [position: number, length: number])[]): void {
    const holes: Hole[] = [];
    let at = 0;
    for (const [position, length] of used) {
      if (position > at) holes.push({ start: at, end: position });
      at = Math.max(at, position + roundUp(length));
    }
    if (at < this.#segmentBytes) holes.push({ start: at, end: this.#segmentBytes });
    this.#segments.set(segment, holes);
  }

  /** null when no segment has a hole of that size. */
  take(length: number): Extent | null {
    const size = roundUp(length);
    const here = this.#current === null ? null : this.#takeIn(this.#current, size, length);
    if (here !== null) return here;
    for (const segment of this.#segments.keys()) {
      const extent = this.#takeIn(segment, size, length);
      if (extent === null) continue;
      this.#current = segment;
      return extent;
    }
    return null;
  }

  /** Gives an extent back; of a segment that is not known it is free already. Whether its segment is empty now. */
  free({ segment, offset, length }: Extent): boolean {
    const holes = this.#segments.get(segment);
    if (holes === undefined) return false;
    const end = offset + roundUp(length);
    let at = 0;
    while (at < holes.length && (holes[at] as Hole).start < offset) at++;
    const before = holes[at - 1];
    const after = holes[at];
    if (before !== undefined && before.end >= offset) {
      before.end = Math.max(before.end, end);
      if (after !== undefined && after.start <= before.end) {
        before.end = Math.max(before.end, after.end);
        holes.splice(at, 1);
      }
    } else if (after !== undefined && after.start <= end) {
      after.start = offset;
    } else {
      holes.splice(at, 0, { start: offset, end });
    }
    return this.#isEmpty(holes);
  }

  /** Segments without any extent, lowest first. */
  empty(): readonly number[] {
    const empty: number[] = [];
    for (const [segment, holes] of this.#segments) if (this.#isEmpty(holes)) empty.push(segment);
    return empty.sort((a, b) => a - b);
  }

  forget(segment: number): void {
    this.#segments.delete(segment);
    if (this.#current === segment) this.#current = null;
  }

  /** Bytes that may be taken without a new segment. */
  freeBytes(): number {
    let free = 0;
    for (const holes of this.#segments.values()) for (const { start, end } of holes) free += end - start;
    return free;
  }

  #isEmpty([hole]: readonly Hole[]): boolean {
    return hole !== undefined && hole.start === 0 && hole.end === this.#segmentBytes;
  }

  #takeIn(segment: number, size: number, length: number): Extent | null {
    const holes = this.#segments.get(segment);
    if (holes === undefined) return null;
    for (let i = 0; i < holes.length; i++) {
      const hole = holes[i] as Hole;
      if (hole.end - hole.start < size) continue;
      const offset = hole.start;
      hole.start += size;
      if (hole.start === hole.end) holes.splice(i, 1);
      return { segment, offset, length };
    }
    return null;
  }
}

function roundUp(length: number): number {
  return Math.ceil(length / blockBytes) * blockBytes;
}
