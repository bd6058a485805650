import { HttpFailure } from "../../lib/http/http-failure.ts";

/**
 * A date, or a date with time and zone, as ms. A time without a zone would mean something else on every machine, so it is refused.
 *
 * @param name of the field, for the fault
 */
export function parseInstant(text: string, name = "now"): number {
  const known = /^\d{4}-\d{2}-\d{2}(?:[Tt ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:[Zz]|[+-]\d{2}:\d{2}))?$/.test(text);
  const ms = known ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) throw new HttpFailure(400, "clock.bad-time", `\`${name}\` is a time such as 2027-01-15T00:00:00Z.`);
  return ms;
}
