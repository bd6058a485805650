import type { Fact, Rule } from "./fact.ts";
import type { Source } from "./sources.ts";

/** What a rule may say beyond its value and source; absent `from`: its beginning was not published. */
export interface RuleDates {
  readonly from?: string;
  readonly until?: string;
  readonly announced?: string;
  readonly superseded?: string;
  readonly cancelled?: string;
  readonly status?: Rule<unknown>["status"];
  readonly note?: string;
}

/** Before anything in this catalogue: what began on a day nobody published, holds from here. */
export const sinceEver = "2000-01-01";

/** One answer to a fact's question, in short. */
export function rule<T>(value: T, source: Source, dates: RuleDates = {}): Rule<T> {
  const { from = sinceEver, until, announced, superseded, cancelled, status = source.status ?? "documented", note } = dates;
  return {
    value,
    validFrom: from,
    ...(until === undefined ? {} : { validTo: until }),
    source: source.source,
    sourceDate: source.sourceDate,
    status,
    ...(announced === undefined ? {} : { announcedOn: announced }),
    ...(superseded === undefined ? {} : { supersededOn: superseded }),
    ...(cancelled === undefined ? {} : { cancelledOn: cancelled }),
    ...(note === undefined ? {} : { note }),
  };
}

/** A fact with its rules, oldest first; `unit` may be empty. */
export function fact<T>(id: string, title: string, unit: string, ...rules: readonly Rule<T>[]): Fact<T> {
  return unit === "" ? { id, title, rules } : { id, title, unit, rules };
}
