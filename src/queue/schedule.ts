import type { QueueOptions } from "./options.ts";

/**
 * When to try again after the `attempts`-th attempt was delayed. Waits grow by `factor` from `first` to `longest` and are spread by
 * `jitter`, so that mail that failed together does not come back together. With the defaults (ms): 60000, 120000, 240000 … 3600000.
 *
 * @param random 0 ≤ x < 1
 */
export function retryDelayMs(attempts: number, retry: QueueOptions["retry"], random: number): number {
  const plain = Math.min(retry.firstMs * retry.factor ** Math.max(0, attempts - 1), retry.longestMs);
  return Math.round(plain * (1 + retry.jitter * (2 * random - 1)));
}
