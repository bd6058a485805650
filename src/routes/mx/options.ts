import { Type, type Static } from "typebox";
import { type Decoded, durationOption, fileOption, optionsObject, sizeOption } from "../../lib/option-schema.ts";
import type { ReplyRule } from "../../services/match-reply.ts";
import { defaultTimeouts, type Settings } from "../smtp-client/settings.ts";

/** Options of a route of kind `mx`, as the configuration file has them. */
export const mxRouteSchema = optionsObject(
  {
    name: Type.String({ minLength: 1, description: "Name of the route, as rules use it." }),
    kind: Type.Literal("mx"),
    port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65535, default: 25, description: "Port of the mail servers." })),
    tls: Type.Optional(
      Type.Enum(["opportunistic", "required"], {
        default: "opportunistic",
        description:
          "opportunistic: STARTTLS when offered, certificate not verified, plain when it fails, unless the destination demands more. required: STARTTLS with a verified certificate for every destination.",
      }),
    ),
    mtaSts: Type.Optional(
      Type.Boolean({ default: true, description: "Obey the destination's MTA-STS policy (RFC 8461): fetched, kept, enforced." }),
    ),
    dane: Type.Optional(
      Type.Enum(["auto", "on", "off"], {
        default: "auto",
        description:
          "Obey the destination's TLSA records (DANE, RFC 7672). auto: when `network.dns.trusted` is set, without which no answer can be believed. on: refuse to start without it.",
      }),
    ),
    ca: Type.Optional(fileOption({ description: "PEM file of the authorities to trust instead of the well-known ones." })),
    helloName: Type.Optional(
      Type.String({ minLength: 1, description: "Name given in EHLO; default: `hostname`. It should have this machine's address." }),
    ),
    localAddress: Type.Optional(
      Type.String({
        minLength: 1,
        description: "Address of this machine to connect from; servers of the other family are then out of reach.",
      }),
    ),
    maxConnections: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1000, default: 50, description: "Transactions, and so connections in use, at a time." }),
    ),
    maxConnectionsPerServer: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 100, default: 5, description: "Connections to one mail server at a time." }),
    ),
    maxMessagesPerConnection: Type.Optional(
      Type.Integer({ minimum: 1, default: 100, description: "Messages before a connection is closed and a new one opened." }),
    ),
    maxRecipients: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 10_000, default: 100, description: "Recipients in one transaction." }),
    ),
    maxSize: Type.Optional(sizeOption({ description: "Largest message; default: what each server says itself." })),
    idle: Type.Optional(durationOption({ default: "10s", description: "How long an unused connection is kept." })),
    allowPrivate: Type.Optional(
      Type.Boolean({
        default: false,
        description:
          "Mail servers may be at loopback, private or link-local addresses. The names come from strangers: for networks of one's own only.",
      }),
    ),
    paused: Type.Optional(
      Type.Boolean({ default: false, description: "Start with the route paused: its mail waits until `postern routes resume`." }),
    ),
    timeouts: Type.Optional(
      optionsObject(
        {
          connect: Type.Optional(durationOption({ default: "30s", description: "Connection." })),
          greeting: Type.Optional(
            durationOption({ default: "5m", description: "The first line, and each answer until the first message." }),
          ),
          command: Type.Optional(durationOption({ default: "5m", description: "Each answer to MAIL and RCPT." })),
          data: Type.Optional(durationOption({ default: "2m", description: "The answer to DATA." })),
          block: Type.Optional(durationOption({ default: "3m", description: "Each piece of the content." })),
          end: Type.Optional(durationOption({ default: "10m", description: "The answer to the end of the content." })),
        },
        "How long to wait (RFC 5321 §4.5.3.2).",
      ),
    ),
  },
  "Directly to the mail servers of each recipient's domain, found by DNS (MX).",
);

/** Nobody logs in to a stranger's server: what elsewhere means wrong credentials of ours is its way to refuse the mail. */
const strangersReplies: readonly ReplyRule[] = [
  { stages: ["mail", "rcpt", "data", "content"], codes: [530, 535, 538], code: "remote.refused-by-policy" },
  { stages: ["mail", "rcpt"], codes: [5], details: ["7.57"], code: "remote.refused-by-policy" },
];

type Parsed = Decoded<Static<typeof mxRouteSchema>>;

export type MxRouteOptions = Omit<Parsed, "kind"> & { readonly kind?: "mx" };

/** With every default in place; `server` is what all servers share. */
export interface MxSettings {
  readonly mtaSts: boolean;
  readonly dane: "auto" | "on" | "off";
  readonly maxConnections: number;
  readonly server: Omit<Settings, "host" | "serverName">;
}

export function withDefaults(options: MxRouteOptions): MxSettings {
  return {
    mtaSts: options.mtaSts ?? true,
    dane: options.dane ?? "auto",
    maxConnections: options.maxConnections ?? 50,
    server: {
      name: options.name,
      port: options.port ?? 25,
      tls: options.tls ?? "opportunistic",
      ...(options.ca === undefined ? {} : { ca: options.ca }),
      ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
      authWithoutTls: false,
      helloName: options.helloName ?? "localhost",
      maxConnections: options.maxConnectionsPerServer ?? 5,
      maxMessagesPerConnection: options.maxMessagesPerConnection ?? 100,
      maxRecipients: options.maxRecipients ?? 100,
      maxSize: options.maxSize ?? null,
      idleMs: options.idleMs ?? 10_000,
      allowPrivate: options.allowPrivate ?? false,
      inDoubt: "retry",
      replies: strangersReplies,
      timeouts: { ...defaultTimeouts, ...options.timeouts },
    },
  };
}
