import type { Priority } from "../mail/priority.ts";

/** Jobs in memory at most; beyond it new mail waits in the store. */
const maxJobs = 1000;
/** Bytes of content in memory at most. */
const maxBytes = 32 * 1024 * 1024;
/** Of both, what mail of one priority may take: a flood of one leaves room for the other. */
const share = 0.9;
/** Of both, from where on mail behind a gate is let in no more: it would keep out mail that can go. */
const crowd = 0.5;

interface Taken {
  jobs: number;
  bytes: number;
}

/** What the jobs in memory take, and may take together whatever the backlog. A job is counted from before its lease until its attempt has ended. */
export class Room {
  readonly #taken: Readonly<Record<Priority, Taken>> = { transactional: { jobs: 0, bytes: 0 }, bulk: { jobs: 0, bytes: 0 } };

  get jobs(): number {
    return this.#taken.transactional.jobs + this.#taken.bulk.jobs;
  }

  get isCrowded(): boolean {
    return this.jobs >= maxJobs * crowd || this.#bytes >= maxBytes * crowd;
  }

  /** Whether there is room for a job besides so many that are on their way. */
  hasJobsLeft(priority: Priority, coming: number): boolean {
    return this.fits(priority, 0) && coming < Math.min(maxJobs * share - this.#taken[priority].jobs, maxJobs - this.jobs);
  }

  fits(priority: Priority, weight: number): boolean {
    const { jobs, bytes } = this.#taken[priority];
    if (jobs >= maxJobs * share || bytes + weight >= maxBytes * share) return false;
    return this.jobs < maxJobs && this.#bytes + weight < maxBytes;
  }

  take(priority: Priority, weight: number): void {
    const taken = this.#taken[priority];
    taken.jobs++;
    taken.bytes += weight;
  }

  giveBack(priority: Priority, weight: number): void {
    const taken = this.#taken[priority];
    taken.jobs--;
    taken.bytes -= weight;
  }

  get #bytes(): number {
    return this.#taken.transactional.bytes + this.#taken.bulk.bytes;
  }
}
