import { tenantMxReplies } from "./replies/tenant-mx.ts";
import { fact, rule, sinceEver, steady } from "./rules.ts";
import type { Service } from "./service.ts";
import { sources } from "./sources.ts";
import { tenantMxProfile } from "./tenant-mx-profile.ts";

const id = (name: string) => `direct-send.${name}`;

/** Direct Send: anonymous mail to the tenant's own MX, for its own recipients. */
export const directSend: Service = {
  kind: "direct-send",
  title: "Direct Send",
  profile: {
    ...tenantMxProfile("direct-send"),
    tls: steady(id("tls"), "Encryption", "opportunistic", sources.directSend),
    external: steady(id("external"), "Takes recipients outside the tenant", false, sources.directSend),
    senderRule: steady(id("sender-rule"), "Who may be the sender", "any", sources.directSend, {
      note: "An accepted domain makes it Direct Send; SPF must name our address or it lands in junk.",
    }),
    keepsReversePath: steady(id("keeps-reverse-path"), "Keeps the reverse-path", true, sources.directSend),
    countsForTenant: steady(id("counts-for-tenant"), "External recipients count for the tenant's limit", false, sources.terrl, {
      note: "It takes none.",
    }),
    takesNullReversePath: steady(id("null-reverse-path"), "Takes the null reverse-path", true, sources.directSend),
  },
  facts: {
    "reject-switch": fact(id("reject-switch"), "RejectDirectSend", [
      rule("not there", sinceEver, sources.directSend, { validTo: "2025-04-28" }),
      rule("opt-in, preview", "2025-04-28", sources.directSend, { validTo: "2025-09-01" }),
      rule("opt-in", "2025-09-01", sources.directSend, {
        note: "On by default for new tenants is announced without a date; sources disagree about GCC High.",
      }),
    ]),
    "reject-effect": fact(id("reject-effect"), "What RejectDirectSend looks at", [
      rule(
        "MAIL FROM of an accepted domain, anonymous, and no connector by certificate or address; From, SPF and DMARC do not count",
        "2025-04-28",
        sources.directSend,
        { note: "In effect within 30 minutes." },
      ),
    ]),
  },
  // No number but what a mailbox takes in (tenant.ts).
  limits: [],
  replies: tenantMxReplies,
};
