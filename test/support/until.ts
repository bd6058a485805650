import { setTimeout as delay } from "node:timers/promises";

/**
 * Waits until `condition` gives something other than false, null or undefined, and resolves with it. For states that no event tells of;
 * where there is an event, await that.
 *
 * @throws when it has not within `timeoutMs`; an error of the condition itself is thrown at once
 */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  { timeoutMs = 10_000, everyMs = 20 }: { timeoutMs?: number; everyMs?: number } = {},
): Promise<NonNullable<Exclude<T, false>>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value !== false && value !== null && value !== undefined) return value as NonNullable<Exclude<T, false>>;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await delay(everyMs);
  }
}
