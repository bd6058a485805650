import { createHash } from "node:crypto";
import { Fifo } from "../lib/fifo.ts";
import type { Priority } from "../mail/priority.ts";
import type { Decision, RecipientClass } from "../routing/decide.ts";
import type { Job } from "./job.ts";
import type { Turn } from "./turn.ts";
import { firstWindow } from "./window.ts";

/**
 * A lane: recipients that share who submitted them, how urgent they are, which routes may take them, whether they are internal, and (roughly)
 * where they go. It is the unit of fairness and of waiting for a route or a limit. Destinations fall into `buckets` by hash, so that the
 * number of lanes stays bounded however many domains a campaign has; two domains in one bucket share a turn, nothing else.
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
  /** Of the routes, those for failures only. */
  readonly fallbacks: readonly string[];
  readonly priority: Priority;
  /** null: of both, for there is no limit that tells them apart. */
  readonly recipientClass: RecipientClass | null;
  /** Number of its turn at each route, turn.ts. */
  readonly turn: 0 | 1 | 2 | 3;
  /** Where it takes turns; null: it has no jobs, or as many attempts under way as it may have. */
  place: Turn | null;
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
  /** Absent: none. */
  readonly fallbacks?: readonly string[];
  /** Absent: transactional. */
  readonly priority?: Priority;
  /** Absent: both. */
  readonly recipientClass?: RecipientClass;
}

/** What of a decision and a message makes the lane. */
export type LaneDecision = Pick<Decision, "generation" | "candidates" | "fallbacks" | "recipientClass">;
export interface LaneMessage {
  readonly principal: string;
  readonly priority?: Priority;
}

const none: readonly string[] = [];

/** Lanes a principal and list of routes can have. */
const buckets = 64;

export class LaneBook {
  readonly #byKey = new Map<string, Lane>();
  readonly #byId = new Map<number, Lane>();
  readonly #countsExternal: (route: string) => boolean;

  /**
   * @param countsExternal whether a limit counts a route's external recipients apart. Then both classes have lanes of their own, for one may
   * have to wait without the other; else they share transactions.
   */
  constructor(countsExternal: (route: string) => boolean = () => false) {
    this.#countsExternal = countsExternal;
  }

  find({ principal, priority }: LaneMessage, decision: LaneDecision, domain: string): Lane {
    const { generation, candidates, fallbacks } = decision;
    const recipientClass = this.#classFor(decision);
    const description: LaneDescription = {
      principal,
      generation,
      routes: candidates,
      bucket: bucketOf(domain),
      ...(fallbacks === undefined ? {} : { fallbacks }),
      ...(priority === "bulk" ? { priority } : {}),
      ...(recipientClass === null ? {} : { recipientClass }),
    };
    const key = keyOf(description);
    return this.#byKey.get(key) ?? this.#add(laneNumber(key), key, description, false);
  }

  /** A lane known from the store. */
  restore(id: number, description: LaneDescription): Lane {
    return this.#byId.get(id) ?? this.#add(id, keyOf(description), description, true);
  }

  /** Whether a recipient with this decision belongs to the lane, as far as its domain does not tell. */
  isLaneOf(lane: Lane, { priority = "transactional" }: LaneMessage, decision: LaneDecision): boolean {
    return (
      decision.generation === lane.generation &&
      this.#classFor(decision) === lane.recipientClass &&
      priority === lane.priority &&
      sameRoutes(decision.candidates, lane.routes) &&
      sameRoutes(decision.fallbacks ?? none, lane.fallbacks)
    );
  }

  #classFor({ candidates, recipientClass }: LaneDecision): RecipientClass | null {
    for (const route of candidates) if (this.#countsExternal(route)) return recipientClass;
    return null;
  }

  byId(id: number): Lane | undefined {
    return this.#byId.get(id);
  }

  [Symbol.iterator](): Iterator<Lane> {
    return this.#byId.values();
  }

  #add(id: number, key: string, description: LaneDescription, stored: boolean): Lane {
    const { principal, generation = "", routes, fallbacks = none, priority = "transactional", recipientClass = null } = description;
    const lane: Lane = {
      id,
      principal,
      generation,
      routes,
      fallbacks,
      priority,
      recipientClass,
      turn: priority === "bulk" ? (recipientClass === "internal" ? 2 : 3) : recipientClass === "internal" ? 0 : 1,
      place: null,
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

function keyOf({ principal, generation = "", routes, bucket, fallbacks = none, priority, recipientClass }: LaneDescription): string {
  return [principal, generation, ...routes, bucket, ...fallbacks, priority ?? "", recipientClass ?? ""].join("\0");
}

export function sameRoutes(a: readonly string[], b: readonly string[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
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
