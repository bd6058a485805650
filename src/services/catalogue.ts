/**
 * The catalogue: every sending service that Postern knows, as published. One file a service; facts that concern a whole tenant are in
 * tenant.ts. Other code reads it through here, profile-as-of.ts and timeline.ts, never a service's file.
 */
import { acsSmtp } from "./acs-smtp.ts";
import { connector } from "./connector.ts";
import { directSend } from "./direct-send.ts";
import type { Fact } from "./fact.ts";
import { graphFacts } from "./graph.ts";
import { hve } from "./hve.ts";
import { mx } from "./mx.ts";
import { sendgridSmtp } from "./sendgrid-smtp.ts";
import type { Service, ServiceKind } from "./service.ts";
import { smartHost } from "./smart-host.ts";
import { smtpAuth } from "./smtp-auth.ts";
import { neighbourFacts } from "./neighbours.ts";
import { receiverFacts } from "./receivers.ts";
import { tenantFacts } from "./tenant.ts";

export const catalogue: Readonly<Record<ServiceKind, Service>> = {
  "smtp-auth": smtpAuth,
  hve,
  "acs-smtp": acsSmtp,
  connector,
  "direct-send": directSend,
  "smart-host": smartHost,
  "sendgrid-smtp": sendgridSmtp,
  mx,
};

export function isServiceKind(kind: string): kind is ServiceKind {
  return Object.hasOwn(catalogue, kind);
}

/** Every fact of a service, those of its profile first. */
export function factsOf({ profile, facts, domainRecords }: Service): readonly Fact<unknown>[] {
  return [profile, facts, domainRecords ?? {}].flatMap((group) => Object.values(group) as readonly Fact<unknown>[]);
}

/** What no single service owns. */
export const shared = {
  tenant: { title: "The tenant", facts: tenantFacts },
  receivers: { title: "Large receivers", facts: receiverFacts },
  graph: { title: "Microsoft Graph", facts: graphFacts },
  neighbours: { title: "Products beside", facts: neighbourFacts },
} as const;

export type FactGroup = ServiceKind | keyof typeof shared;

export function isFactGroup(name: string): name is FactGroup {
  return isServiceKind(name) || Object.hasOwn(shared, name);
}

/** Every name that facts can be asked by. */
export const factGroups: readonly FactGroup[] = [
  ...(Object.keys(catalogue) as ServiceKind[]),
  ...(Object.keys(shared) as (keyof typeof shared)[]),
];

export function groupOf(name: FactGroup): { readonly title: string; readonly facts: readonly Fact<unknown>[] } {
  if (isServiceKind(name)) return { title: catalogue[name].title, facts: factsOf(catalogue[name]) };
  return { title: shared[name].title, facts: Object.values(shared[name].facts) };
}

/** Every fact there is. */
export function allFacts(): readonly Fact<unknown>[] {
  return [...Object.values(catalogue).flatMap(factsOf), ...Object.values(shared).flatMap(({ facts }) => Object.values(facts))];
}
