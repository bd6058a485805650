import type { Facts } from "../admin/facts.ts";
import type { GatewayConfig } from "../config/config.ts";
import type { MtaSts } from "../domains/mta-sts/mta-sts.ts";
import type { Signer } from "../domains/signer.ts";
import { matchesDomain } from "../mail/address.ts";
import type { MakeBounceAddress } from "../routes/mx/dress.ts";
import { createMxRoute } from "../routes/mx/mx-route.ts";
import type { Route } from "../routes/route.ts";
import { createSinkRoute } from "../routes/sink/sink-route.ts";
import { createServiceRoute } from "../routes/smtp/service-route.ts";
import { createSmtpRoute } from "../routes/smtp/smtp-route.ts";
import { acceptedDomains } from "../routing/decide.ts";
import { overrideValues, readOverrides } from "../services/overrides.ts";
import type { Identities } from "./open-identities.ts";
import type { Network } from "./open-network.ts";

export interface RouteParts {
  readonly network: Network;
  readonly sts: MtaSts | null;
  readonly identities: Identities;
  readonly signer: Signer | null;
  readonly bounce: MakeBounceAddress | null;
  readonly facts: Facts;
  /** Policy-clock ms. */
  readonly now: () => number;
}

/** Every way out of the configuration, by name. */
export function openRoutes(config: GatewayConfig, parts: RouteParts): Map<string, Route> {
  const { dialer, dnsDialer, dns, dnsTrusted } = parts.network;
  const { sts, identities, signer, bounce, facts, now } = parts;
  const { hostname } = config;
  const { exact, below } = acceptedDomains(config.routing.acceptedDomains);
  const isAccepted = (domain: string) => exact.has(domain) || below.some((pattern) => matchesDomain(pattern, domain));
  const overrides = overrideValues(readOverrides(config.services));
  const deps = { log: facts.routes, now };
  const tokensOf = (auth: { readonly identity?: string } | undefined) =>
    auth?.identity === undefined ? null : (identities.sources.get(auth.identity) ?? null);
  const open = (options: GatewayConfig["routes"][number]): Route => {
    switch (options.kind) {
      case "sink":
        return createSinkRoute(options, deps);
      case "mx":
        return createMxRoute(
          { helloName: hostname, ...options },
          {
            ...deps,
            dialer: dnsDialer,
            dns,
            dnsTrusted,
            hostname,
            ownDomains: [...exact],
            ...(sts === null ? {} : { sts }),
            ...(signer === null ? {} : { signer }),
            ...(bounce === null ? {} : { bounce }),
          },
        );
      case "smtp":
        return createSmtpRoute({ helloName: hostname, ...options }, { ...deps, dialer, tokens: tokensOf(options.auth) });
      default: {
        const tokens = tokensOf(options.auth);
        return createServiceRoute({ helloName: hostname, ...options }, { ...deps, dialer, dns, tokens, isAccepted, overrides });
      }
    }
  };
  return new Map(config.routes.map((options) => [options.name, open(options)]));
}
