import type { Tenant } from "../tenant/tenant.ts";

/** The domain of an author, when SendGrid has authenticated it. */
export function sendgridDomainOf(tenant: Tenant, author: string): string | null {
  const wanted = `@${author}`;
  return tenant.sendgrid.some(({ verifiedSenders }) => verifiedSenders.some((sender) => sender.toLowerCase() === wanted)) ? author : null;
}
