import type { Failure } from "../mail/failure.ts";

/**
 * A circuit breaker for one route. Time comes in as an argument; whoever drives it (queue/dispatcher.ts) does the probing.
 *
 * - closed: traffic flows. `threshold` troubles of the route in a row, or one refused log-in or used-up quota, open it.
 * - open: no traffic until `retryAt`, which grows with each failed probe; then the driver probes.
 * - paused: an operator closed the route to traffic; only `resume` ends it.
 */
export type CircuitState = "closed" | "open" | "paused";

export interface CircuitOptions {
  readonly threshold: number;
  readonly firstMs: number;
  readonly longestMs: number;
  /** Longest wait where trying is what does harm: a refused log-in, a quota that is used up. Default: `longestMs`. */
  readonly patientMs?: number;
}

export const defaultCircuit: CircuitOptions = { threshold: 3, firstMs: 10_000, longestMs: 5 * 60_000, patientMs: 3_600_000 };

/** Whoever is refused for these is refused for everything, and each further try counts or brings a lock nearer. */
function wantsPatience({ code }: Failure): boolean {
  return code.startsWith("route.auth-") || exhausted.has(code);
}

const exhausted: ReadonlySet<Failure["code"]> = new Set(["quota.mailbox", "quota.subscription", "quota.credits", "quota.sent-items"]);

export class Circuit {
  readonly #options: CircuitOptions;
  #state: CircuitState = "closed";
  #troubles = 0;
  #waitMs = 0;
  /** The last wait for patience; 0 when something has succeeded since. A probe sends no message, so its success says nothing of a quota. */
  #patienceMs = 0;
  #since: number;
  #retryAt = 0;
  #reason: Failure | null = null;

  constructor(now: number, options: CircuitOptions = defaultCircuit) {
    this.#options = options;
    this.#since = now;
  }

  get state(): CircuitState {
    return this.#state;
  }
  /** When the present state began. */
  get since(): number {
    return this.#since;
  }
  /** When an open circuit is to be probed next. */
  get retryAt(): number {
    return this.#retryAt;
  }
  /** What opened it last. */
  get reason(): Failure | null {
    return this.#reason;
  }

  succeeded(): void {
    this.#troubles = 0;
    this.#patienceMs = 0;
  }

  /** A failure of scope `route`. Returns whether it opened the circuit. */
  troubled(reason: Failure, now: number): boolean {
    if (this.#state !== "closed") return false;
    this.#troubles++;
    this.#reason = reason;
    // A wrong password does not heal by trying: each further try brings the account nearer to a lock. So it pauses at once, and for long.
    const patient = wantsPatience(reason);
    if (this.#troubles < this.#options.threshold && !patient) return false;
    this.#state = "open";
    this.#since = now;
    if (patient) this.#patienceMs = this.#waitMs = Math.min(Math.max(this.#options.longestMs, this.#patienceMs * 2), this.#mostMs());
    else this.#waitMs = this.#options.firstMs;
    this.#retryAt = now + this.#waitMs;
    return true;
  }

  /** The outcome of a probe. Returns whether it still mattered: false when the circuit was not open any more. */
  probed(ok: boolean, now: number): boolean {
    if (this.#state !== "open") return false;
    if (ok) {
      this.#close(now);
      // One trouble more opens it again: a route that answers probes but takes no mail must not flap at full speed.
      this.#troubles = this.#options.threshold - 1;
    } else {
      this.#waitMs = Math.min(this.#waitMs * 2, this.#mostMs());
      this.#retryAt = now + this.#waitMs;
    }
    return true;
  }

  /**
   * A probe before its time has succeeded. Returns whether that closed the circuit: a quota is used up all the same, for a probe sends no
   * message.
   */
  mended(now: number): boolean {
    if (this.#state !== "open" || (this.#reason !== null && exhausted.has(this.#reason.code))) return false;
    return this.probed(true, now);
  }

  /** Longest wait for what opened it. */
  #mostMs(): number {
    const { longestMs, patientMs = longestMs } = this.#options;
    return this.#reason !== null && wantsPatience(this.#reason) ? patientMs : longestMs;
  }

  pause(now: number): void {
    this.#state = "paused";
    this.#since = now;
  }

  resume(now: number): void {
    if (this.#state === "paused") this.#close(now);
  }

  #close(now: number): void {
    this.#state = "closed";
    this.#since = now;
    this.#troubles = 0;
    this.#reason = null;
  }
}
