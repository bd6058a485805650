/**
 * Every service in one list, and the questions that go to all of them.
 *
 * The rest of the program asks here, so that no number stands twice: routes for what they have to obey, the sandbox for what it has to
 * enforce, advice and the reference for what was published when. What no single service owns (the tenant's limits, dates of other products)
 * is in tenant.ts. Everything is data: no clock, no I/O.
 */
import { acsSmtp } from "./acs-smtp.ts";
import { connector } from "./connector.ts";
import { directSend } from "./direct-send.ts";
import type { Fact } from "./fact.ts";
import { hve } from "./hve.ts";
import { mx } from "./mx.ts";
import { sendgridSmtp } from "./sendgrid-smtp.ts";
import type { Service, ServiceKind } from "./service.ts";
import { smartHost } from "./smart-host.ts";
import { smtpAuth } from "./smtp-auth.ts";

export const catalogue: readonly Service[] = [smtpAuth, hve, acsSmtp, connector, directSend, smartHost, sendgridSmtp, mx];

export function serviceOf(kind: ServiceKind): Service {
  const service = catalogue.find((each) => each.kind === kind);
  if (service === undefined) throw new Error(`no service ${kind}`);
  return service;
}

/** All facts of a service: its profile, then the rest. */
export function facts({ profile, facts: others }: Pick<Service, "profile" | "facts">): readonly Fact<unknown>[] {
  return [...(Object.values(profile) as Fact<unknown>[]), ...Object.values(others)];
}
