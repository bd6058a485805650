import { createHash } from "node:crypto";
import { Fifo } from "../lib/fifo.ts";
import type { Decision } from "../routing/decide.ts";
import type { Job } from "./job.ts";
import { firstWindow } from "./window.ts";

/**
 * A lane: recipients that share who submitted them, which routes may take them and (roughly) where they go. It is the unit of fairness and
 * of waiting for a route. Destinations fall into `buckets` by hash, so that the number of lanes stays bounded however many domains a
 * campaign has; two domains in one bucket share a turn, nothing else.
 *
 * A lane's number is a column in the store; what it stands for is stored once, as a decision with the key `lane:NUMBER`.
 *
 * A lane belongs to the routing configuration that made it. With another one it only runs out: what waits in it is claimed whether its
 * routes are well or not, and goes over to lanes of the new configuration, so that new rules help mail which waits for a dead route.
 */
export interface Lane {
  readonly id: number;
  readonly principal: string;
  /** Of the routing configuration. */
  readonly generation: string;
  readonly routes: readonly string[];
  /** Leased and in memory, in order. */
  readonly jobs: Fifo<Job>;
  /** Earliest `notBefore` of what waits for this lane in the store; null: nothing does, as far as we know. */
  backlogDue: number | null;
  /** A claim is under way. */
  claiming: boolean;
  /** Attempts under way. */
  active: number;
  /** Attempts it may have under way; window.ts. */
  window: number;
  /** The store knows what the number stands for. */
  stored: boolean;
  readonly description: LaneDescription;
}

export interface LaneDescription {
  readonly principal: string;
  /** Absent in stores of versions before it was kept. */
  readonly generation?: string;
  readonly routes: readonly string[];
  readonly bucket: number;
}

/** Lanes a principal and list of routes can have. */
const buckets = 64;

export class LaneBook {
  readonly #byKey = new Map<string, Lane>();
  readonly #byId = new Map<number, Lane>();

  find(principal: string, { generation, candidates }: Pick<Decision, "generation" | "candidates">, domain: string): Lane {
    const description = { principal, generation, routes: candidates, bucket: bucketOf(domain) };
    const key = keyOf(description);
    return this.#byKey.get(key) ?? this.#add(laneNumber(key), key, description, false);
  }

  /** A lane known from the store. */
  restore(id: number, description: LaneDescription): Lane {
    return this.#byId.get(id) ?? this.#add(id, keyOf(description), description, true);
  }

  byId(id: number): Lane | undefined {
    return this.#byId.get(id);
  }

  [Symbol.iterator](): Iterator<Lane> {
    return this.#byId.values();
  }

  #add(id: number, key: string, description: LaneDescription, stored: boolean): Lane {
    const { principal, generation = "", routes } = description;
    const lane: Lane = {
      id,
      principal,
      generation,
      routes,
      jobs: new Fifo(),
      backlogDue: null,
      claiming: false,
      active: 0,
      window: firstWindow,
      stored,
      description,
    };
    this.#byKey.set(key, lane);
    this.#byId.set(id, lane);
    return lane;
  }
}

function keyOf({ principal, generation = "", routes, bucket }: LaneDescription): string {
  return `${principal}\0${generation}\0${routes.join("\0")}\0${bucket}`;
}

/** The same for the same key on every run, so that lanes need no counter; 48 bits make a clash of two lanes as good as impossible. */
function laneNumber(key: string): number {
  return createHash("sha256").update(key).digest().readUIntBE(0, 6);
}

function bucketOf(domain: string): number {
  let hash = 0;
  for (let i = 0; i < domain.length; i++) hash = (Math.imul(hash, 31) + domain.charCodeAt(i)) | 0;
  return (hash >>> 0) % buckets;
}
