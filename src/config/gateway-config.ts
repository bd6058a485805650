import { Type, type Static } from "typebox";
import { networkSchema, tokensSchema, userSchema, type IdentityOptions, type TokensOptions } from "../identity/options.ts";
import { tokenIdentitySchema, tokenStoreSchema, type TokenIdentityOptions, type TokenStoreOptions } from "../identity/tokens/options.ts";
import { networkSectionSchema, type NetworkOptions } from "../lib/network-options.ts";
import { durationOption, optionsObject, sizeOption, type Decoded } from "../lib/option-schema.ts";
import { limitsSchema, tenantSchema, type LimitsOptions, type TenantOptions } from "../limits/options.ts";
import { QueueSchema, type QueueOptions } from "../queue/options.ts";
import { RoutingSchema, type RoutingOptions } from "../routing/options.ts";
import { httpListenerSchema } from "../ingress/http/options.ts";
import { pickupSchema, type PickupOptions } from "../ingress/pickup/options.ts";
import { localListenerSchema, type LocalListenerOptions } from "../ingress/smtp/local-options.ts";
import { smtpListenerSchema, type SmtpListenerOptions } from "../ingress/smtp/options.ts";
import { domainSchema, type DomainOptions } from "../domains/options.ts";
import { mxRouteSchema, type MxRouteOptions } from "../routes/mx/options.ts";
import { sinkRouteSchema, type SinkRouteOptions } from "../routes/sink/options.ts";
import { smtpRouteSchema, type SmtpRouteOptions } from "../routes/smtp/options.ts";
import { serviceRouteSchemas, type ServiceRouteOptions } from "../routes/smtp/service-options.ts";
import { plain, type Schema } from "./kinds.ts";
import type { OverrideSections } from "../services/overrides.ts";
import { servicesSchema } from "./services-section.ts";

/** The sections that belong to no adapter. */
const httpSchema = optionsObject(
  {
    console: optionsObject(
      {
        enabled: Type.Boolean({
          default: true,
          description: "false: not served; the command line still works.",
        }),
        address: Type.String({
          default: "127.0.0.1",
          description: "IP address to listen on. Behind a reverse proxy leave it on loopback.",
        }),
        port: Type.Integer({
          minimum: 0,
          maximum: 65_535,
          default: 8025,
          description: "0: any free port.",
        }),
        hosts: Type.Array(Type.String({ minLength: 1 }), {
          default: [],
          description: "Names under which browsers may reach it, besides loopback; others are refused, so that no foreign page can.",
        }),
      },
      "Console, admin API, `/livez`, `/readyz`, `/metrics`.",
    ),
    listeners: Type.Array(httpListenerSchema, {
      default: [],
      description: "Where the compatible APIs are served; without TLS on loopback only.",
    }),
  },
  "HTTP listeners.",
);

const historySchema = optionsObject(
  {
    keep: durationOption({
      default: "30d",
      description: "How long the trace of a finished message is kept.",
    }),
    maxSize: sizeOption({ default: "10GB", description: "Above it the oldest days go first." }),
  },
  "What is remembered of finished messages.",
);

const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
const logSchema = optionsObject(
  {
    level: Type.Union(
      logLevels.map((level) => Type.Literal(level)),
      { default: "info", description: "Facts below it are not logged." },
    ),
  },
  "JSON lines on standard output.",
);

const clockSchema = optionsObject(
  {
    follow: Type.Optional(
      Type.String({
        pattern: "^http://(127\\.0\\.0\\.1|\\[::1\\]|localhost)(:[0-9]+)?/?$",
        examples: ["http://127.0.0.1:8026"],
        description: "Address of a sandbox's control API on loopback whose policy clock is followed. For demos and tests only.",
      }),
    ),
  },
  "The policy clock; wall time unless said otherwise.",
);

/** One of `routes`; `kind` tells the adapter. */
const routeSchema = Type.Union([smtpRouteSchema, ...serviceRouteSchemas, mxRouteSchema, sinkRouteSchema]);
export type RouteOptions =
  | (SmtpRouteOptions & { readonly kind: "smtp" })
  | ServiceRouteOptions
  | (MxRouteOptions & { readonly kind: "mx" })
  | (SinkRouteOptions & { readonly kind: "sink" });

const parts = {
  hostname: {
    type: "string",
    pattern: "^[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$",
    examples: ["gateway.contoso.example"],
    description: "Full name of this gateway: in greeting, EHLO, Received.",
  } as Schema,
  postmaster: {
    type: "string",
    pattern: "^[^@\\s<>]+@[^@\\s<>]+$",
    examples: ["postmaster@contoso.example"],
    description: "Sender name of delivery status notifications, and receiver of mail for <Postmaster>.",
  } as Schema,
  listeners: {
    type: "array",
    items: plain(smtpListenerSchema),
    minItems: 1,
    description: "Where mail comes in.",
  } as Schema,
  sendmail: {
    type: "array",
    items: plain(localListenerSchema),
    default: [],
    description: "Unix sockets through which programs of this machine send, with `postern sendmail` in the place of /usr/sbin/sendmail.",
  } as Schema,
  pickup: {
    type: "array",
    items: plain(pickupSchema),
    default: [],
    description: "Folders from which `.eml` files are sent.",
  } as Schema,
  networks: {
    type: "array",
    items: plain(networkSchema),
    default: [],
    description: "Networks whose devices send without logging in, each with a fence.",
  } as Schema,
  principals: {
    type: "array",
    items: plain(userSchema),
    default: [],
    description: "Applications and devices that log in.",
  } as Schema,
  tokens: plain(tokensSchema),
  identities: {
    type: "array",
    items: plain(tokenIdentitySchema),
    default: [],
    description: "As whom routes get OAuth tokens.",
  } as Schema,
  tokenStore: plain(tokenStoreSchema),
  domains: {
    type: "array",
    items: plain(domainSchema),
    default: [],
    description: "Domains in whose name mail leaves directly (kind mx): what signs it, and where it is returned to.",
  } as Schema,
  routes: {
    type: "array",
    items: plain(routeSchema),
    minItems: 1,
    description: "Ways out.",
  } as Schema,
  services: servicesSchema,
  tenant: plain(tenantSchema),
  limits: plain(limitsSchema),
  routing: plain(RoutingSchema),
  queue: plain(QueueSchema),
  network: plain(networkSectionSchema),
  http: plain(httpSchema),
  history: plain(historySchema),
  log: plain(logSchema),
  clock: plain(clockSchema),
};

/** The whole file. */
export const gatewaySchema: Schema = {
  type: "object",
  description: "Configuration of a Postern gateway.",
  properties: parts,
  required: Object.keys(parts),
  additionalProperties: false,
};

/** The file, parsed: what main.ts takes. */
export interface GatewayConfig {
  readonly hostname: string;
  readonly postmaster: string;
  readonly listeners: readonly SmtpListenerOptions[];
  readonly sendmail: readonly LocalListenerOptions[];
  readonly pickup: readonly PickupOptions[];
  readonly networks: IdentityOptions["networks"];
  readonly principals: IdentityOptions["principals"];
  readonly tokens: TokensOptions;
  readonly identities: readonly TokenIdentityOptions[];
  readonly tokenStore: TokenStoreOptions;
  readonly domains: readonly DomainOptions[];
  readonly routes: readonly RouteOptions[];
  readonly services: OverrideSections;
  readonly tenant: TenantOptions;
  readonly limits: LimitsOptions;
  readonly routing: RoutingOptions;
  readonly queue: QueueOptions;
  readonly network: NetworkOptions;
  readonly http: Decoded<Static<typeof httpSchema>>;
  readonly history: Decoded<Static<typeof historySchema>>;
  readonly log: { readonly level: (typeof logLevels)[number] };
  readonly clock: { readonly follow?: string };
}
