import type { Tenant } from "../tenant/tenant.ts";
import type { SigningKeys } from "./signing-keys.ts";
import type { WorldFacts } from "./world-zones.ts";

/** What the tenant, as it stands now, puts into the DNS. */
export function worldFacts(tenant: Tenant, internetDomains: readonly string[], keys: SigningKeys, certificate: string): WorldFacts {
  const lower = (names: readonly string[]): readonly string[] => [...new Set(names.map((name) => name.toLowerCase()))];
  return {
    tenantId: tenant.id,
    tenantDomains: lower(tenant.domains.map(({ name }) => name)),
    acsDomains: lower(tenant.acs.flatMap(({ domains }) => domains.filter(({ verified }) => verified).map(({ name }) => name))),
    sendgridDomains: lower(
      tenant.sendgrid.flatMap(({ verifiedSenders }) =>
        verifiedSenders.filter((sender) => sender.startsWith("@")).map((sender) => sender.slice(1)),
      ),
    ),
    internetDomains: lower(internetDomains),
    certificate,
    keyRecord: (name) => keys.record(name),
  };
}
