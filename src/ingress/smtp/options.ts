import { Type, type Static } from "typebox";
import { rateOption } from "../../identity/options.ts";
import type { LocalListenerOptions } from "./local-options.ts";
import { durationOption, fileOption, optionsObject, sizeOption, type Decoded } from "../../lib/option-schema.ts";

/** One of `listeners` in the configuration. */
export const smtpListenerSchema = optionsObject(
  {
    name: Type.String({ minLength: 1, maxLength: 64, description: "Unique name, shown in traces and metrics." }),
    kind: Type.Union(
      [Type.Literal("relay"), Type.Literal("submission"), Type.Literal("submissions"), Type.Literal("legacy"), Type.Literal("bounce")],
      {
        description:
          "relay: trusted networks without log-in (25). submission: log-in after STARTTLS (587). submissions: log-in over implicit TLS (465). legacy: TLS 1.0 and old ciphers, for given networks only. bounce: from everybody, and only to bounce addresses made here (`domains`, `bounces`).",
      },
    ),
    address: Type.String({
      minLength: 1,
      default: "127.0.0.1",
      description: "Address to listen on; `::` is every address of both families.",
    }),
    port: Type.Integer({ minimum: 0, maximum: 65_535, description: "Port; 0 takes a free one." }),
    tls: Type.Optional(
      optionsObject({
        cert: fileOption({ description: "Certificate chain, PEM." }),
        key: fileOption({ description: "Private key, PEM." }),
      }),
    ),
    networks: Type.Optional(
      Type.Array(Type.String(), {
        description: "Names of the networks that may connect; needed for legacy. Others are refused in the greeting.",
      }),
    ),
    lineEndings: Type.Optional(
      Type.Union([Type.Literal("strict"), Type.Literal("normalise")], {
        default: "strict",
        description: "strict refuses a bare CR, bare LF or NUL in content; normalise mends them.",
      }),
    ),
    maxMessageSize: Type.Optional(sizeOption({ description: "Largest message. Default 150MB; bounce: 1MB." })),
    maxRecipients: Type.Optional(
      Type.Integer({
        minimum: 1,
        default: 1000,
        description: "Recipients of one message. bounce: always 1, for each address is a message's own.",
      }),
    ),
    maxConnections: Type.Optional(Type.Integer({ minimum: 1, description: "Connections at the same time. Default 1000; bounce: 100." })),
    maxConnectionsPerAddress: Type.Optional(
      Type.Integer({
        minimum: 1,
        description:
          "Connections at the same time from one address (IPv6: one /64). Default 250 from a trusted network, else 50; bounce: 10.",
      }),
    ),
    rate: Type.Optional(rateOption("bounce: at most so many messages from one address (IPv6: one /64). Default 300 in 1m.")),
    idleTimeout: Type.Optional(durationOption({ default: "5m", description: "Longest wait for a command." })),
    dataTimeout: Type.Optional(durationOption({ default: "3m", description: "Longest wait for a block of content." })),
  },
  "An SMTP listener.",
);

export type SmtpListenerOptions = Decoded<Static<typeof smtpListenerSchema>>;
export type SmtpListenerKind = SmtpListenerOptions["kind"];

/** What a listening socket is made of; `sendmail` is a Unix socket, the others have an address and a port. */
export type ListenerOptions =
  | (SmtpListenerOptions & { readonly local?: undefined })
  | (Omit<SmtpListenerOptions, "kind"> & { readonly kind: "sendmail"; readonly local: LocalListenerOptions });

export interface SmtpDoorOptions {
  /** The name in the greeting and in the answer to EHLO. */
  readonly hostname: string;
  readonly listeners: readonly SmtpListenerOptions[];
  /** Unix sockets for programs of this machine. */
  readonly local?: readonly LocalListenerOptions[];
  /** Bytes of content that all connections together may hold in memory; more is answered 452 until some are stored. Default 256 MB. */
  readonly maxContentInMemory?: number;
}

/** What is left out of a listener's options. */
export const smtpListenerDefaults = {
  lineEndings: "strict",
  maxMessageSize: 150 * 1024 ** 2,
  maxRecipients: 1000,
  maxConnections: 1000,
  trustedConnectionsPerAddress: 250,
  otherConnectionsPerAddress: 50,
  localConnections: 100,
  bounce: { maxMessageSize: 1024 ** 2, maxConnections: 100, connectionsPerAddress: 10, rate: { messages: 300, perMs: 60_000 } },
  // RFC 5321 §4.5.3.2.7: a server waits at least 5 minutes for the next command.
  idleTimeoutMs: 5 * 60_000,
  // RFC 5321 §4.5.3.2.5: 3 minutes for a block of content.
  dataTimeoutMs: 3 * 60_000,
} as const;
