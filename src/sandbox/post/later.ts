import { setTimeout as sleep } from "node:timers/promises";

type Job = () => Promise<void>;

/** Checks that may wait; more are not taken, so that a flood costs no memory. */
const maxChecks = 300;
/** Checks wait until no message has come for so long, in wall time … */
const calmMs = 30;
/** … but one in so long is made in any case. */
const longestMs = 500;

/**
 * What the sandbox does when the client has its answer: deliveries at once, one after the other; checks of what an MX took when nothing else
 * is going on, so that they take nothing from the rooms' speed.
 */
export class Later implements AsyncDisposable {
  readonly #deliveries: Job[] = [];
  readonly #checks: Job[] = [];
  readonly #stop = new AbortController();
  readonly #onFault: (error: unknown) => void;
  #lastMessage = -Infinity;
  #running: Promise<void> | null = null;

  constructor(onFault: (error: unknown) => void) {
    this.#onFault = onFault;
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** How many deliveries wait. */
  get waiting(): number {
    return this.#deliveries.length;
  }

  deliver(job: Job): void {
    this.#deliveries.push(job);
    this.#run();
  }

  /** false: too many wait already, this one is not made. */
  check(job: Job): boolean {
    this.#lastMessage = performance.now();
    if (this.#checks.length >= maxChecks) return false;
    this.#checks.push(job);
    this.#run();
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  #run(): void {
    if (this.#stop.signal.aborted) return;
    this.#running ??= this.#work().finally(() => {
      this.#running = null;
      if (this.#deliveries.length + this.#checks.length > 0) this.#run();
    });
  }

  async #work(): Promise<void> {
    const { signal } = this.#stop;
    let lastCheck = performance.now();
    while (!signal.aborted) {
      const job = this.#deliveries.shift();
      if (job !== undefined) {
        await job().catch(this.#onFault);
        continue;
      }
      if (this.#checks.length === 0) return;
      const now = performance.now();
      if (now - this.#lastMessage < calmMs && now - lastCheck < longestMs) {
        await sleep(calmMs, undefined, { signal }).catch(() => undefined);
        continue;
      }
      lastCheck = now;
      await this.#checks.shift()?.().catch(this.#onFault);
    }
  }
}
