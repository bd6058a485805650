import { steady } from "./rules.ts";
import type { DomainRecords } from "./service.ts";
import { sources } from "./sources.ts";

/** What a domain publishes for mail that leaves by Exchange Online, by whichever way it came there. */
export function exchangeRecords(kind: "smtp-auth" | "hve" | "connector"): DomainRecords {
  return {
    spfInclude: steady(`${kind}.spf-include`, "What the SPF record names", "spf.protection.outlook.com", sources.dkimNames, {
      note: "GCC High and DoD: spf.protection.office365.us (unverified).",
    }),
    dkimSelectors: steady<readonly string[]>(`${kind}.dkim-selectors`, "Selectors of DKIM", ["selector1", "selector2"], sources.dkimNames),
  };
}
