import { rule, fact, sinceEver, steady } from "./rules.ts";
import type { ServiceProfile } from "./service.ts";
import { sources } from "./sources.ts";

/** What connector relay and Direct Send have in common: both hand mail to the tenant's MX, where nobody logs in. */
export function tenantMxProfile(
  kind: "connector" | "direct-send",
): Omit<ServiceProfile, "tls" | "external" | "senderRule" | "keepsReversePath" | "takesNullReversePath" | "countsForTenant"> {
  const id = (name: string) => `${kind}.${name}`;
  return {
    hosts: steady<readonly string[]>(id("hosts"), "Host names", [], sources.mxName, {
      note: "The MX of the accepted domain, looked up and never derived: *.mail.protection.outlook.com or *.mx.microsoft.",
    }),
    ports: steady(id("ports"), "Ports", [25], sources.multifunction),
    minTlsVersion: steady(id("min-tls-version"), "Lowest TLS version", "TLSv1.2", sources.multifunction),
    sasl: steady(id("sasl"), "Ways to log in", [], sources.multifunction),
    tokenScope: steady(id("token-scope"), "OAuth scope", null, sources.multifunction),
    maxRecipients: fact<number | null>(id("recipients-per-message"), "Recipients of one domain in one envelope", [
      rule<number | null>(200, sinceEver, sources.smtpSubmission, { note: "More from outside get 452 4.5.3." }),
    ]),
    maxSize: steady(id("message-size"), "Largest message", 150 * 1024 * 1024, sources.exchangeLimits, {
      unit: "bytes",
      status: "unverified",
    }),
    maxConnections: steady(id("connections"), "Connections at a time", null, sources.multifunction, {
      status: "unverified",
      note: '"Reasonable limits"; unknown addresses are throttled.',
    }),
    maxMessagesPerConnection: steady(id("messages-per-connection"), "Messages over one connection", null, sources.multifunction, {
      status: "unverified",
    }),
    internal: steady(id("internal"), "Takes recipients of the tenant", true, sources.multifunction),
    savesToSentItems: steady(id("sent-items"), "Saves a copy to Sent Items", false, sources.comparison),
    metered: steady(id("metered"), "Counts or costs, so that a doubtful message is not repeated", false, sources.comparison),
    price: steady(id("price"), "Price", null, sources.comparison),
  };
}
