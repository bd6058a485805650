import { costOf } from "./cost.ts";
import type { Decision, Router } from "./decide.ts";
import { changesBy, type Change, type FidelityFacts } from "./fidelity.ts";

/** What one route of a decision would do to a message, and for how much. */
export interface Outlook {
  readonly route: string;
  /** From 1, in the order in which they are tried; null: set aside. */
  readonly place: number | null;
  /** US dollars for each recipient; 0: in the licence; null: not known. */
  readonly costUsd: number | null;
  /** Recipients that it takes in one transaction; null: not known. */
  readonly maxRecipients: number | null;
  /** Bytes; null: not known. */
  readonly maxSize: number | null;
  readonly changes: readonly Change[];
}

/** By the traits that routes have now. Routes that are gone are left out. */
export function outlooksOf(
  { candidates, rejected }: Pick<Decision, "candidates" | "rejected">,
  facts: FidelityFacts,
  router: Router,
): readonly Outlook[] {
  return [...candidates, ...rejected.map(({ route }) => route)].flatMap((route, index) => {
    const traits = router.traitsOf(route);
    if (traits === undefined) return [];
    return {
      route,
      place: index < candidates.length ? index + 1 : null,
      costUsd: costOf(traits, facts.size),
      maxRecipients: traits.maxRecipients ?? null,
      maxSize: traits.maxSize,
      changes: changesBy(traits, facts, router.isAccepted),
    };
  });
}
