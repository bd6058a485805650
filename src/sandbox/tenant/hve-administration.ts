import { canonicalAddress } from "../../mail/address.ts";
import { catalogue } from "../../services/catalogue.ts";
import { ruleAsOf } from "../../services/fact.ts";
import { findApplication, findHveAccount } from "./directory.ts";
import { completeTenant, TenantFault } from "./read-tenant.ts";
import type { HveAccount, Tenant } from "./tenant.ts";

/**
 * Making, changing and removing High Volume Email accounts, for API, form, command line and cmdlets alike. Every function gives a new tenant or
 * throws a TenantFault that says what to do. How many accounts there may be is dated: the sandbox's clock decides.
 */
export interface NewHveAccount {
  readonly displayName?: string;
  readonly address: string;
  readonly alias?: string;
  readonly password: string;
}

export type HveChanges = Partial<Omit<HveAccount, "address">>;

/** @param now ms, by the sandbox's clock. */
export function addHveAccount(tenant: Tenant, account: NewHveAccount, now: number): Tenant {
  const most = hveAccountLimit(now);
  if (tenant.hveAccounts.length >= most)
    throw new TenantFault(
      `The tenant has ${tenant.hveAccounts.length} HVE accounts; ${most === 0 ? "there is no HVE" : `${most} are the most`} on ${dayOf(now)}. Remove one first.`,
    );
  return completeTenant({ ...tenant, hveAccounts: [...tenant.hveAccounts, account] });
}

export function changeHveAccount(tenant: Tenant, address: string, changes: HveChanges): Tenant {
  const account = needHveAccount(tenant, address);
  checkAllowedApps(tenant, changes.allowedApps ?? []);
  return completeTenant({ ...tenant, hveAccounts: tenant.hveAccounts.map((each) => (each === account ? { ...each, ...changes } : each)) });
}

export function removeHveAccount(tenant: Tenant, address: string): Tenant {
  const account = needHveAccount(tenant, address);
  return { ...tenant, hveAccounts: tenant.hveAccounts.filter((each) => each !== account) };
}

/** By primary address, or alias as -Identity takes it. */
export function needHveAccount(tenant: Tenant, identity: string): HveAccount {
  const wanted = canonicalAddress(identity);
  const account = findHveAccount(tenant, identity) ?? tenant.hveAccounts.find(({ alias }) => alias.toLowerCase() === wanted.toLowerCase());
  if (account === undefined) throw new UnknownHveAccount(`There is no HVE account ${identity}.`);
  return account;
}

export class UnknownHveAccount extends TenantFault {}

export function hveAccountLimit(now: number): number {
  const fact = catalogue.hve.facts["accounts"];
  const rule = fact === undefined ? null : ruleAsOf(fact, dayOf(now));
  return typeof rule?.value === "number" ? rule.value : 0;
}

/** MS Add-HVEAppAccess (2026-04-21): at most ten, each by the object id of its enterprise application, whatever the parameter's name. */
export const maxAllowedApps = 10;

export function checkAllowedApps(tenant: Tenant, ids: readonly string[]): void {
  if (ids.length > maxAllowedApps)
    throw new TenantFault(`An HVE account takes at most ${maxAllowedApps} applications; that would be ${ids.length}.`);
  for (const id of ids) {
    if (tenant.applications.some(({ objectId }) => objectId.toLowerCase() === id.toLowerCase())) continue;
    const application = findApplication(tenant, id);
    throw new TenantFault(
      application === null
        ? `No enterprise application of the tenant has the object id ${id}.`
        : `${id} is the application (client) id of "${application.name}". Here the object id of its enterprise application is asked for: ${application.objectId}.`,
    );
  }
}

function dayOf(now: number): string {
  return new Date(now).toISOString().slice(0, 10);
}
