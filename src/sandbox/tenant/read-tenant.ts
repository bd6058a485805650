import { X509Certificate } from "node:crypto";
import { Value } from "typebox/value";
import { parseDocument } from "yaml";
import { canonicalAddress, domainOf, localPartOf } from "../../mail/address.ts";
import { isAcceptedDomain } from "./directory.ts";
import { TenantSchema } from "./tenant-schema.ts";
import type { Tenant } from "./tenant.ts";

/** The tenant is not well-formed, or contradicts itself. The message says where and what, for people. */
export class TenantFault extends Error {
  override readonly name = "TenantFault";
}

/** A tenant file: YAML, read with its defaults. @throws TenantFault */
export function readTenant(yaml: string, where: string): Tenant {
  const document = parseDocument(yaml, { prettyErrors: true });
  const [error] = document.errors;
  if (error !== undefined) throw new TenantFault(`${where}: ${error.message}`);
  try {
    // Aliases are bounded, so that a file of a few lines cannot become gigabytes.
    return completeTenant(document.toJS({ maxAliasCount: 100 }));
  } catch (cause) {
    if (cause instanceof TenantFault || cause instanceof ReferenceError) throw new TenantFault(`${where}: ${cause.message}`, { cause });
    throw cause;
  }
}

/** Fills in defaults and checks what the schema says and what it cannot say. @throws TenantFault */
export function completeTenant(value: unknown): Tenant {
  // Interpreted, not compiled: a compiler costs a tenth of a second of processor each time, this a hundredth.
  const draft = Value.Default(TenantSchema, withShorthands(structuredClone(value)));
  // `boolean` tells of an unknown key a second time, without its name.
  const [fault] = Value.Errors(TenantSchema, draft).filter(({ keyword }) => keyword !== "boolean");
  if (fault !== undefined) {
    const { additionalProperties, allowedValues } = fault.params as { additionalProperties?: unknown; allowedValues?: unknown };
    const detail = additionalProperties ?? allowedValues;
    throw new TenantFault(`${place(fault.instancePath)}${fault.message}${detail === undefined ? "" : ` ${JSON.stringify(detail)}`}`);
  }
  const tenant = draft as Tenant;
  const named = <A extends { readonly address: string; readonly displayName: string }>(account: A): A =>
    account.displayName === "" ? { ...account, displayName: localPartOf(account.address) } : account;
  return checkTenant({
    ...tenant,
    domains: tenant.domains.map((domain) => ({ ...domain, name: domain.name.toLowerCase() })),
    mailboxes: tenant.mailboxes.map(named),
    hveAccounts: tenant.hveAccounts
      .map(named)
      .map((account) => (account.alias === "" ? { ...account, alias: localPartOf(account.address) } : account)),
  });
}

/** What must hold between the parts. @throws TenantFault */
export function checkTenant(tenant: Tenant): Tenant {
  if (Number.isNaN(Date.parse(tenant.createdOn))) throw new TenantFault(`createdOn: ${tenant.createdOn} is no day`);
  const seen = new Map<string, string>();
  const take = (address: string, where: string) => {
    if (!isAcceptedDomain(tenant, domainOf(address)))
      throw new TenantFault(`${where}: ${address} is not of an accepted domain (${tenant.domains.map(({ name }) => name).join(", ")})`);
    const key = canonicalAddress(address);
    const other = seen.get(key);
    if (other !== undefined) throw new TenantFault(`${where}: ${address} is in use already (${other})`);
    seen.set(key, where);
  };
  for (const { address, aliases } of tenant.mailboxes) for (const each of [address, ...aliases]) take(each, `mailbox ${address}`);
  for (const { address } of tenant.hveAccounts) take(address, `HVE account ${address}`);
  unique(tenant.hveAccounts, ({ alias }) => alias.toLowerCase(), "HVE accounts with the alias");
  unique(tenant.domains, ({ name }) => name, "domains named");
  unique(tenant.applications, ({ clientId }) => clientId.toLowerCase(), "applications with the client id");
  unique(tenant.applications, ({ objectId }) => objectId.toLowerCase(), "applications with the object id");
  unique(tenant.connectors, ({ name }) => name.toLowerCase(), "connectors named");
  unique(tenant.acs, ({ name }) => name.toLowerCase(), "ACS resources named");
  for (const { name, certificates } of tenant.applications) for (const pem of certificates) checkCertificate(name, pem);
  for (const { name, secrets } of tenant.applications)
    for (const { expiresOn } of secrets)
      if (Number.isNaN(Date.parse(expiresOn))) throw new TenantFault(`application ${name}: ${expiresOn} is no day or instant`);
  return tenant;
}

function checkCertificate(application: string, pem: string): void {
  try {
    // eslint-disable-next-line no-new
    new X509Certificate(pem);
  } catch (cause) {
    throw new TenantFault(`application ${application}: one of its certificates is not a PEM certificate`, { cause });
  }
}

function unique<T>(items: readonly T[], key: (item: T) => string, what: string): void {
  const seen = new Set<string>();
  for (const item of items) {
    const value = key(item);
    if (seen.has(value)) throw new TenantFault(`there are two ${what} ${value}`);
    seen.add(value);
  }
}

/** A name or address alone stands for an object with defaults. */
function withShorthands(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const tenant = value as Record<string, unknown>;
  const expand = (list: unknown, key: string) =>
    Array.isArray(list) ? list.map((item: unknown) => (typeof item === "string" ? { [key]: item } : item)) : list;
  return {
    ...tenant,
    ...("domains" in tenant ? { domains: expand(tenant["domains"], "name") } : {}),
    ...("mailboxes" in tenant ? { mailboxes: expand(tenant["mailboxes"], "address") } : {}),
  };
}

/** `/mailboxes/0/address` becomes `mailboxes[0].address: `. */
function place(pointer: string): string {
  if (pointer === "") return "";
  return `${pointer
    .slice(1)
    .replace(/\/(\d+)/g, "[$1]")
    .replaceAll("/", ".")}: `;
}
