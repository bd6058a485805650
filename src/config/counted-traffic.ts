import type { CountedTraffic, RouteToCount } from "../limits/counted-traffic.ts";
import { acceptedDomains } from "../routing/decide.ts";
import type { GatewayConfig } from "./gateway-config.ts";

/** What of a configuration the limits are reckoned from. */
export function countedTraffic({
  routes,
  tenant,
  limits,
  routing,
}: Pick<GatewayConfig, "routes" | "tenant" | "limits" | "routing">): CountedTraffic {
  const { exact, below } = acceptedDomains(routing.acceptedDomains);
  return { routes: routes.map(routeToCount), tenant, limits, acceptedDomains: [...exact, ...below] };
}

function routeToCount(options: GatewayConfig["routes"][number]): RouteToCount {
  const { name } = options;
  switch (options.kind) {
    case "sink":
      return { name, service: null, ends: true };
    case "smtp":
      return { name, service: null, ...(options.throughTenant === undefined ? {} : { throughTenant: options.throughTenant }) };
    case "mx":
      return { name, service: "mx" };
    default: {
      const { kind, subscription, domain, plan, throughTenant } = options;
      const mailbox = mailboxOf(options);
      return {
        name,
        service: kind,
        ...(mailbox === undefined ? {} : { mailbox }),
        ...(subscription === undefined ? {} : { subscription }),
        ...(kind === "acs-smtp" && domain === "azure-managed" ? { domain } : {}),
        ...(plan === undefined ? {} : { plan }),
        // The default of the option says nothing about kinds that do not have it.
        ...(throughTenant === true ? { throughTenant } : {}),
      };
    }
  }
}

/** Lower case. */
function mailboxOf({
  mailbox,
  account,
  auth,
}: {
  readonly mailbox?: string;
  readonly account?: string;
  readonly auth?: { readonly user?: string };
}): string | undefined {
  const user = auth?.user ?? "";
  return (mailbox ?? (/^[^@\s|]+@[^@\s|]+$/.test(user) ? user : account))?.toLowerCase();
}
