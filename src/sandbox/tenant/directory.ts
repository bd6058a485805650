import { canonicalAddress, domainOf } from "../../mail/address.ts";
import type { AcceptedDomain, Application, HveAccount, Mailbox, Tenant } from "./tenant.ts";

/** Look-ups in a tenant, as its directory answers them. */
export function findDomain(tenant: Tenant, domain: string): AcceptedDomain | null {
  const wanted = domain.toLowerCase();
  return (
    tenant.domains.find(({ name }) => name === wanted) ??
    tenant.domains.find(({ name, matchSubDomains }) => matchSubDomains && wanted.endsWith(`.${name}`)) ??
    null
  );
}

export function isAcceptedDomain(tenant: Tenant, domain: string): boolean {
  return findDomain(tenant, domain) !== null;
}

/** By primary address or alias. */
export function findMailbox(tenant: Tenant, address: string): Mailbox | null {
  const wanted = canonicalAddress(address);
  return (
    tenant.mailboxes.find((mailbox) => [mailbox.address, ...mailbox.aliases].some((each) => canonicalAddress(each) === wanted)) ?? null
  );
}

export function findHveAccount(tenant: Tenant, address: string): HveAccount | null {
  const wanted = canonicalAddress(address);
  return tenant.hveAccounts.find((account) => canonicalAddress(account.address) === wanted) ?? null;
}

export function findApplication(tenant: Tenant, clientId: string): Application | null {
  const wanted = clientId.toLowerCase();
  return tenant.applications.find((application) => application.clientId.toLowerCase() === wanted) ?? null;
}

/** Whether the tenant takes mail for it: listed, or its domain takes everything. */
export function isRecipient(tenant: Tenant, address: string): boolean {
  const domain = findDomain(tenant, domainOf(address));
  if (domain === null) return false;
  // MS Set-AcceptedDomain: what is not known in an internal relay domain is passed on, not refused.
  if (tenant.catchAll || domain.type === "InternalRelay") return true;
  return findMailbox(tenant, address) !== null || findHveAccount(tenant, address) !== null;
}
