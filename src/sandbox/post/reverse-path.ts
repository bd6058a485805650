import { createHash } from "node:crypto";
import { domainOf, localPartOf } from "../../mail/address.ts";
import { isAcceptedDomain } from "../tenant/directory.ts";
import type { Tenant } from "../tenant/tenant.ts";
import { sendgridHost, sendgridReturnPathLabel } from "../world/hosts.ts";
import { sendgridDomainOf } from "../world/sendgrid-domain.ts";

/** The reverse-path a service sends with. */
export function outgoingReversePath(tenant: Tenant, service: string, reversePath: string, author: string): string {
  if (reversePath === "") return "";
  if (service === "sendgrid-smtp") {
    // Its own return path, under the author's domain when that is authenticated. The template of the local part is unverified.
    const domain = sendgridDomainOf(tenant, author);
    const host = domain === null ? sendgridHost : `${sendgridReturnPathLabel}.${domain}`;
    return `bounces+4217-${digest(reversePath, 4)}-${localPartOf(reversePath)}=${domainOf(reversePath)}@${host}`;
  }
  if (service !== "tenant-mx" || isAcceptedDomain(tenant, domainOf(reversePath))) return reversePath;
  // MS "Sender Rewriting Scheme": relayed mail of a foreign sender gets the tenant's default domain.
  return `bounces+SRS=${digest(reversePath, 5)}=${digest(domainOf(reversePath), 2)}@${tenant.domains[0]?.name ?? ""}`;
}

function digest(text: string, length: number): string {
  return createHash("sha256").update(text).digest("hex").slice(0, length);
}
