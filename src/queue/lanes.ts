import { createHash } from "node:crypto";
import { Fifo } from "../lib/fifo.ts";
import type { Job } from "./job.ts";

/**
 * A lane: recipients that share who submitted them, which routes may take them and (roughly) where they go. It is the unit of fairness and
 * of waiting for a route. Destinations fall into `buckets` by hash, so that the number of lanes stays bounded however many domains a
 * campaign has; two domains in one bucket share a turn, nothing else.
 *
 * A lane's number is a column in the store; what it stands for is stored once, as a decision with the key `lane:NUMBER`.
 */
export interface Lane {
  readonly id: number;
  readonly principal: string;
  readonly routes: readonly string[];
  /** Leased and in memory, in order. */
  readonly jobs: Fifo<Job>;
  /** Earliest `notBefore` of what waits for this lane in the store; null: nothing does, as far as we know. */
  backlogDue: number | null;
  /** A claim is under way. */
  claiming: boolean;
  /** The store knows what the number stands for. */
  stored: boolean;
  readonly description: LaneDescription;
}

export interface LaneDescription {
  readonly principal: string;
  readonly routes: readonly string[];
  readonly bucket: number;
}

/** Lanes a principal and list of routes can have. */
const buckets = 64;

export class LaneBook {
  readonly #byKey = new Map<string, Lane>();
  readonly #byId = new Map<number, Lane>();

  find(principal: string, routes: readonly string[], domain: string): Lane {
    const bucket = bucketOf(domain);
    const key = `${principal}\0${routes.join("\0")}\0${bucket}`;
    return this.#byKey.get(key) ?? this.#add(laneNumber(key), key, { principal, routes, bucket }, false);
  }

  /** A lane known from the store. */
  restore(id: number, description: LaneDescription): Lane {
    const key = `${description.principal}\0${description.routes.join("\0")}\0${description.bucket}`;
    return this.#byId.get(id) ?? this.#add(id, key, description, true);
  }

  byId(id: number): Lane | undefined {
    return this.#byId.get(id);
  }

  [Symbol.iterator](): Iterator<Lane> {
    return this.#byId.values();
  }

  #add(id: number, key: string, description: LaneDescription, stored: boolean): Lane {
    const { principal, routes } = description;
    const lane: Lane = { id, principal, routes, jobs: new Fifo(), backlogDue: null, claiming: false, stored, description };
    this.#byKey.set(key, lane);
    this.#byId.set(id, lane);
    return lane;
  }
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
