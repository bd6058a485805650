/**
 * How many attempts a lane may have under way: slow start, as every mail system has it. A lane begins with few, gets one more with each quick
 * answer and loses half with each slow one, so that a destination that hangs cannot take all the connections of a route before anybody
 * knows that it hangs. A lane that has run empty begins anew.
 */
export const firstWindow = 5;
/** What slow answers leave it. */
const leastWindow = 2;

/** An answer within this time is quick. */
const quickMs = 2000;
/** One that took longer is slow. */
const slowMs = 30_000;

/** @param most what the route can make use of */
export function windowAfter(window: number, durationMs: number, most: number): number {
  if (durationMs < quickMs) return Math.min(window + 1, Math.max(most, leastWindow));
  return durationMs > slowMs ? Math.max(leastWindow, window >> 1) : window;
}
