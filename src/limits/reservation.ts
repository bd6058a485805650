import type { Chunk } from "./cover.ts";
import type { Counter } from "./counter.ts";
import type { CounterSet } from "./counter-set.ts";
import type { AdmissionRequest, Reservation, ReservationOutcome } from "./limits.ts";
import type { RoutePlan } from "./route-plan.ts";
import { unitKindCount } from "./rule-in-force.ts";

/** Not a position of a recipient: counted for the message as a whole, or for those recipients that a rule counts. */
export const wholeMessage = -1;

const none: readonly never[] = [];

/** What one admission has taken. Used again after its settlement: an admission allocates nothing. */
export class Taken implements Reservation {
  route = "";
  principal = "";
  isBulk = false;
  isLive = false;
  recipients: readonly string[] = [];
  external = 0;
  size = 0;
  transactions = 1;
  /** Of the counters that count all mail of the route, in the order of its plan, and the chunks that cover what was taken from them. */
  fixed: readonly Counter[] = [];
  readonly fixedChunks: (Chunk | null)[] = [];
  plan: RoutePlan | null = null;
  /** Of the others, side by side: `count` of each, and what was left by earlier reservations behind. */
  count = 0;
  readonly counters: Counter[] = [];
  readonly sets: CounterSet[] = [];
  readonly units: number[] = [];
  readonly positions: number[] = [];
  readonly chunks: (Chunk | null)[] = [];
  /** Counters in doubt that this attempt is to try. */
  readonly probes: Counter[] = [];
  readonly admission: { readonly ok: true; readonly reservation: Taken; ready: Promise<void> | null } = {
    ok: true,
    reservation: this,
    ready: null,
  };

  begin({ route, principal, priority, recipients, external, size, transactions }: AdmissionRequest, plan: RoutePlan | undefined): void {
    this.route = route;
    this.principal = principal;
    this.isBulk = priority === "bulk";
    this.isLive = true;
    this.recipients = recipients;
    this.external = external;
    this.size = size;
    this.transactions = transactions ?? 1;
    this.plan = plan ?? null;
    this.fixed = plan?.fixed ?? none;
    this.count = 0;
    this.admission.ready = null;
  }

  add(counter: Counter, set: CounterSet, units: number, position: number): void {
    const at = this.count++;
    this.counters[at] = counter;
    this.sets[at] = set;
    this.units[at] = units;
    this.positions[at] = position;
    this.chunks[at] = null;
  }

  clear(): void {
    this.isLive = false;
    this.recipients = none;
    if (this.probes.length > 0) this.probes.length = 0;
  }
}

/**
 * Units of each kind (rule-in-force.ts) that so many transactions are, of so many recipients in all: first over time, then at a time, for they
 * are one after another.
 *
 * @param size of each
 */
export function amountsOf(into: number[], recipients: number, external: number, size: number, transactions: number): void {
  const one = recipients > 0 ? 1 : 0;
  const all = one * transactions;
  into[0] = all;
  into[1] = recipients;
  into[2] = external;
  into[3] = all * size;
  into[4] = all;
  into[5] = one;
  into[6] = recipients / transactions;
  into[7] = external / transactions;
  into[8] = one * size;
  into[9] = one;
}

export function noAmounts(): number[] {
  return Array.from({ length: 2 * unitKindCount }, () => 0);
}

/** Which recipients the service took. */
export class TakenPositions {
  #not: ReadonlySet<number> | null = null;
  #none = false;

  read({ asked, taken, notTaken }: ReservationOutcome): void {
    this.#none = !asked || taken === 0;
    this.#not = notTaken === undefined || notTaken.length === 0 ? null : new Set(notTaken);
  }

  has(position: number): boolean {
    return !this.#none && (this.#not === null || !this.#not.has(position));
  }
}
