import type { Fact, Rule } from "./fact.ts";
import type { Source } from "./sources.ts";

/** The day that stands for "no beginning was published": it held as long as the service has been there. */
export const sinceEver = "1970-01-01";

type Extras = Partial<Pick<Rule<unknown>, "validTo" | "announcedOn" | "supersededOn" | "cancelledOn" | "note" | "status">>;

/** A value from a day on, as a source tells it. Documented, unless the extras say otherwise. */
export function rule<T>(value: T, validFrom: string, { source, sourceDate }: Source, extras: Extras = {}): Rule<T> {
  return { value, validFrom, source, sourceDate, status: "documented", ...extras };
}

/** A fact with a single rule that has held since ever. */
export function steady<T>(id: string, title: string, value: T, source: Source, extras: Extras & { readonly unit?: string } = {}): Fact<T> {
  const { unit, ...rest } = extras;
  return fact(id, title, [rule(value, sinceEver, source, rest)], unit);
}

export function fact<T>(id: string, title: string, rules: readonly Rule<T>[], unit?: string): Fact<T> {
  return unit === undefined ? { id, title, rules } : { id, title, unit, rules };
}
