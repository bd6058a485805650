import { ruleAsOf, type Fact } from "../../services/fact.ts";
import type { Tenant } from "../tenant/tenant.ts";

/** What becomes of a log-in by password at smtp.office365.com, by the day of the policy clock. */
export type BasicAuth =
  | "accepted"
  /** Its default went off; an administrator may switch it on again. */
  | "off-by-default"
  /** The tenant was made too late for it. */
  | "unavailable";

/** MS Exchange Team blog 4489835 of 2026-01-27 (read 2026-11-21): behaviour unchanged until December 2026, off by default at its end. */
export const basicAuthTimeline: Fact<"on" | "off-by-default"> = {
  id: "smtp-auth.basic",
  title: "Basic authentication for SMTP AUTH",
  rules: [
    {
      value: "on",
      validFrom: "2010-01-01",
      validTo: "2027-01-01",
      source: "Exchange Team blog 4489835",
      sourceDate: "2026-01-29",
      status: "documented",
    },
    {
      value: "off-by-default",
      validFrom: "2027-01-01",
      source: "Exchange Team blog 4489835",
      sourceDate: "2026-01-29",
      status: "documented",
      announcedOn: "2026-01-27",
      note: "`End of December 2026`: the exact day was not published.",
    },
  ],
};

export function basicAuthOf({ createdOn, policies }: Tenant, day: string): BasicAuth {
  if (ruleAsOf(basicAuthTimeline, day)?.value !== "off-by-default") return "accepted";
  // Tenants made after December 2026: OAuth only. That no switch brings it back there is unverified.
  if (createdOn > "2026-12-31") return "unavailable";
  return policies.basicAuthReEnabled ? "accepted" : "off-by-default";
}
