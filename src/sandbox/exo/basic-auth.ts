import { ruleAsOf } from "../../services/fact.ts";
import { smtpAuth } from "../../services/smtp-auth.ts";
import type { Tenant } from "../tenant/tenant.ts";

/** What becomes of a log-in by password at smtp.office365.com, by the day of the policy clock. */
export type BasicAuth =
  | "accepted"
  /** Its default went off; an administrator may switch it on again. */
  | "off-by-default"
  /** The tenant was made too late for it, or passwords have been removed for good. */
  | "unavailable";

/**
 * MS Exchange Team blog 4489835 of 2026-01-27 (read 2026-11-21): unchanged until December 2026, off by default at its end; tenants made
 * afterwards have none.
 *
 * @param day ISO
 */
export function basicAuthOf({ createdOn, policies }: Tenant, day: string): BasicAuth {
  const { basic, "basic-new-tenants": newTenants } = smtpAuth.facts;
  // A tenant is new when the rule for new tenants was in force on the day it was made. That no switch brings passwords back there is unverified.
  if (newTenants !== undefined && ruleAsOf(newTenants, createdOn)?.value === "removed") return "unavailable";
  switch (basic === undefined ? undefined : ruleAsOf(basic, day)?.value) {
    case "removed":
      return "unavailable";
    case "off-by-default":
      return policies.basicAuthReEnabled ? "accepted" : "off-by-default";
    default:
      return "accepted";
  }
}
