import type { ProfileValues } from "../../services/profile-as-of.ts";
import type { SenderTraits } from "../../services/sender-rule.ts";
import type { Service } from "../../services/service.ts";
import type { RouteTraits } from "../route.ts";
import { type AuthMechanism, type AuthSettings, defaultTimeouts, type Settings } from "../smtp-client/settings.ts";
import type { ServiceRouteOptions } from "./service-options.ts";
import { tokenAuth, type Tokens } from "./token-auth.ts";

/** What the engine is told for a service: the operator's options, else the catalogue's values. The host is filled in by targets.ts. */
export function serviceSettings(options: ServiceRouteOptions, service: Service, profile: ProfileValues, tokens: Tokens | null): Settings {
  const auth = authSettings(options, profile, tokens);
  const connections = options.maxConnections ?? Math.min(profile.maxConnections ?? defaultConnections, defaultConnections);
  return {
    name: options.name,
    host: options.host ?? profile.hosts[0] ?? "",
    port: options.port ?? profile.ports[0] ?? 25,
    tls: options.tls ?? profile.tls,
    minTlsVersion: profile.minTlsVersion,
    serverName: options.serverName ?? options.host ?? profile.hosts[0] ?? "",
    ...(options.ca === undefined ? {} : { ca: options.ca }),
    ...(options.clientCertificate === undefined ? {} : { clientCertificate: options.clientCertificate }),
    ...(auth === null ? {} : { auth }),
    authWithoutTls: options.authWithoutTls ?? false,
    helloName: options.helloName ?? "localhost",
    maxConnections: connections,
    maxMessagesPerConnection: options.maxMessagesPerConnection ?? profile.maxMessagesPerConnection ?? 1000,
    maxRecipients: options.maxRecipients ?? profile.maxRecipients ?? 100,
    maxSize: options.maxSize ?? profile.maxSize,
    idleMs: options.idleMs ?? 30_000,
    allowPrivate: options.allowPrivate ?? false,
    inDoubt: options.inDoubt ?? (profile.metered ? "wait" : "retry"),
    replies: service.replies,
    timeouts: { ...defaultTimeouts, ...options.timeouts },
  };
}

/** One below the published three of a mailbox: other programs of the tenant use it too. */
const defaultConnections = 10;

function authSettings(options: ServiceRouteOptions, profile: ProfileValues, tokens: Tokens | null): AuthSettings | null {
  const { auth } = options;
  if (auth === undefined) return null;
  const user = userName(auth);
  if (tokens === null) return { mechanism: passwordMechanism(profile), user, secret: auth.secret ?? "" };
  return tokenAuth(user, auth.scope ?? profile.tokenScope ?? "", tokens);
}

/** Where a service takes LOGIN and no PLAIN, LOGIN is said whatever a server in between offers. */
function passwordMechanism({ sasl }: ProfileValues): AuthMechanism {
  return sasl.includes("PLAIN") ? "auto" : "login";
}

/** `resource.application.tenant`: what ACS wants for a user name; `|` separates as well. */
function userName(auth: NonNullable<ServiceRouteOptions["auth"]>): string {
  return auth.user ?? [auth.resource, auth.application, auth.tenant].join(".");
}

/** Whom the route lets be the sender, and whether it puts the account in the place of others. */
export interface Sender extends SenderTraits {
  readonly rewrites: boolean;
}

export function senderOf(options: ServiceRouteOptions, { senderRule }: ProfileValues): Sender {
  const user = options.auth === undefined ? "" : userName(options.auth);
  const account = (options.account ?? (/^[^@\s|]+@[^@\s|]+$/.test(user) ? user : undefined))?.toLowerCase();
  // MS "Updated requirements for SMTP relay" (2023-11): the domain of the certificate or that of MAIL FROM must be accepted, not both.
  const rule = senderRule === "accepted-domain" && options.clientCertificate !== undefined ? "any" : senderRule;
  // Of a mailbox it is known that it may not send as everybody: whom it may besides itself is the operator's list.
  const senders = options.senders ?? (senderRule === "send-as" ? [] : undefined);
  return {
    senderRule: rule,
    ...(account === undefined ? {} : { account }),
    ...(senders === undefined ? {} : { senders }),
    rewrites: options.rewriteSender === true && account !== undefined,
  };
}

export function serviceTraits(
  settings: Settings,
  profile: ProfileValues,
  { rewrites, ...sender }: Sender,
  { maxSize, hosts }: { readonly maxSize: () => number | null; readonly hosts: number },
): RouteTraits {
  return {
    concurrency: settings.maxConnections * 3 * hosts,
    get maxSize() {
      return settings.maxSize ?? maxSize();
    },
    maxRecipients: settings.maxRecipients,
    perDestination: false,
    keepsReversePath: profile.keepsReversePath && !rewrites,
    keepsHeaders: !rewrites,
    smtputf8: true,
    takesNullReversePath: profile.takesNullReversePath,
    external: profile.external,
    deduplicates: false,
    inDoubt: settings.inDoubt,
    internal: profile.internal,
    ...sender,
    rewritesSender: rewrites,
    savesToSentItems: profile.savesToSentItems,
    price: profile.price,
  };
}
