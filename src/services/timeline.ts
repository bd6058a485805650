import { isWithdrawn, type Fact } from "./fact.ts";
import { announcedOn } from "./facts-as-of.ts";
import { sinceEver } from "./rules.ts";

/** A day on which something about a service changes, or would have. */
export interface TimelineEntry {
  readonly date: string;
  readonly factId: string;
  readonly title: string;
  readonly value: unknown;
  readonly unit?: string;
  /** superseded and cancelled: it was announced so, and will not be (or was not). */
  readonly state: "in force" | "pending" | "ended" | "superseded" | "cancelled";
  readonly announcedOn: string;
  readonly source: string;
  readonly sourceDate: string;
  readonly status: "documented" | "field" | "unverified";
  readonly note?: string;
}

/** Every dated rule of these facts as a feed, in order of its day: what holds on `today`, what is still to come, and what was only announced. */
export function timeline(facts: readonly Fact<unknown>[], today: string, knownOn = today): readonly TimelineEntry[] {
  return facts
    .flatMap(({ id, title, unit, rules }) =>
      rules
        .filter((rule) => rule.validFrom !== sinceEver && announcedOn(rule) <= knownOn)
        .map((rule): TimelineEntry => ({
          date: rule.validFrom,
          factId: id,
          title,
          value: rule.value,
          ...(unit === undefined ? {} : { unit }),
          state: isWithdrawn(rule, knownOn)
            ? rule.cancelledOn === undefined
              ? "superseded"
              : "cancelled"
            : rule.validFrom > today
              ? "pending"
              : rule.validTo !== undefined && rule.validTo <= today
                ? "ended"
                : "in force",
          announcedOn: announcedOn(rule),
          source: rule.source,
          sourceDate: rule.sourceDate,
          status: rule.status,
          ...(rule.note === undefined ? {} : { note: rule.note }),
        })),
    )
    .toSorted((one, other) => (one.date < other.date ? -1 : one.date > other.date ? 1 : 0));
}
