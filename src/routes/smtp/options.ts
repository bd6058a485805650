import { Type, type Static } from "typebox";
import { type Decoded, durationOption, fileOption, optionsObject, secretOption, sizeOption } from "../../lib/option-schema.ts";
import { tokenAuth, type Tokens } from "./token-auth.ts";
import { type AuthMechanism, defaultTimeouts, type SecretProvider, type Settings } from "../smtp-client/settings.ts";

/** What every next hop by SMTP can be told, whichever the kind. */
export const clientOptions = {
  serverName: Type.Optional(Type.String({ minLength: 1, description: "Name the certificate must carry; default: host." })),
  ca: Type.Optional(fileOption({ description: "PEM file of the authorities to trust instead of the well-known ones." })),
  clientCertificate: Type.Optional(
    optionsObject(
      {
        cert: fileOption({ description: "PEM file of the certificate chain." }),
        key: fileOption({ description: "PEM file of the key." }),
      },
      "Certificate to show to the next hop.",
    ),
  ),
  authWithoutTls: Type.Optional(
    Type.Boolean({ default: false, description: "Log in though the connection is not encrypted: the password can be read on the way." }),
  ),
  helloName: Type.Optional(Type.String({ minLength: 1, description: "Name given in EHLO; default: `hostname`." })),
  maxConnections: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 10, description: "Connections kept at a time." })),
  maxMessagesPerConnection: Type.Optional(
    Type.Integer({ minimum: 1, default: 1000, description: "Messages before a connection is closed and a new one opened." }),
  ),
  maxRecipients: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, default: 100, description: "Recipients in one transaction." })),
  maxSize: Type.Optional(sizeOption({ description: "Largest message the next hop takes; default: what it says itself." })),
  idle: Type.Optional(durationOption({ default: "30s", description: "How long an unused connection is kept." })),
  allowPrivate: Type.Optional(
    Type.Boolean({ default: false, description: "The next hop may be at a loopback, private or link-local address." }),
  ),
  inDoubt: Type.Optional(
    Type.Enum(["retry", "wait"], {
      default: "retry",
      description:
        "What to do when the answer to a message was lost, by a broken connection or a crash of ours. retry: send it again, at the risk of a second copy (RFC 5321 §4.5.3.2.6). wait: keep it in doubt until an operator decides; for next hops that cost money or count.",
    }),
  ),
  paused: Type.Optional(
    Type.Boolean({ default: false, description: "Start with the route paused: its mail waits until `postern routes resume`." }),
  ),
  timeouts: Type.Optional(
    optionsObject(
      {
        connect: Type.Optional(durationOption({ default: "30s", description: "Name and connection." })),
        greeting: Type.Optional(durationOption({ default: "5m", description: "The first line, and each answer until the first message." })),
        command: Type.Optional(durationOption({ default: "5m", description: "Each answer to MAIL and RCPT." })),
        data: Type.Optional(durationOption({ default: "2m", description: "The answer to DATA." })),
        block: Type.Optional(durationOption({ default: "3m", description: "Each piece of the content." })),
        end: Type.Optional(durationOption({ default: "10m", description: "The answer to the end of the content." })),
      },
      "How long to wait (RFC 5321 §4.5.3.2).",
    ),
  ),
};

/** Where the kind does not say that mail passes Exchange Online. */
export const throughTenant = Type.Boolean({
  default: false,
  description: "What leaves by it passes Exchange Online, so that its external recipients count for the tenant's limits.",
});

/** Options of a route of kind `smtp`, as the configuration file has them. */
export const smtpRouteSchema = optionsObject(
  {
    name: Type.String({ minLength: 1, description: "Name of the route, as rules use it." }),
    kind: Type.Literal("smtp"),
    host: Type.String({ minLength: 1, description: "Next hop: host name or address." }),
    port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65535, default: 25, description: "Port of the next hop." })),
    tls: Type.Optional(
      Type.Enum(["none", "opportunistic", "required", "implicit"], {
        default: "opportunistic",
        description:
          "none: plain. opportunistic: STARTTLS when offered, certificate not verified, plain when it fails. required: STARTTLS with a verified certificate, or nothing is sent. implicit: TLS from the first byte, verified (port 465).",
      }),
    ),
    auth: Type.Optional(
      optionsObject(
        {
          mechanism: Type.Optional(
            Type.Enum(["auto", "plain", "login", "xoauth2"], {
              default: "auto",
              description: "auto: the best that is offered, of plain and login; with an identity xoauth2.",
            }),
          ),
          user: Type.String({ minLength: 1 }),
          secret: Type.Optional(secretOption({ description: "Password, or token for xoauth2; or `identity`." })),
          identity: Type.Optional(
            Type.String({ minLength: 1, description: "Name of one of `identities`: logs in with its token (XOAUTH2)." }),
          ),
          scope: Type.Optional(Type.String({ minLength: 1, description: "Scope of the token; needed with `identity`." })),
        },
        "Log in to the next hop. The secret or the identity must be given.",
      ),
    ),
    ...clientOptions,
    throughTenant: Type.Optional(throughTenant),
  },
  "A next hop that speaks SMTP.",
);

type Parsed = Decoded<Static<typeof smtpRouteSchema>>;

export interface SmtpRouteOptions extends Omit<Parsed, "auth" | "kind"> {
  readonly kind?: "smtp";
  readonly auth?: {
    readonly mechanism?: AuthMechanism;
    readonly user: string;
    readonly secret?: SecretProvider;
    readonly identity?: string;
    readonly scope?: string;
  };
}

/** Options with every default in place. @param tokens of the identity that logs in; null: it has a secret, or none */
export function withDefaults({ auth, ...options }: SmtpRouteOptions, tokens: Tokens | null): Settings {
  return {
    port: 25,
    tls: "opportunistic",
    serverName: options.host,
    authWithoutTls: false,
    helloName: "localhost",
    maxConnections: 10,
    maxMessagesPerConnection: 1000,
    maxRecipients: 100,
    maxSize: null,
    idleMs: 30_000,
    allowPrivate: false,
    inDoubt: "retry",
    ...options,
    ...(auth === undefined
      ? {}
      : { auth: tokens === null ? { ...auth, secret: auth.secret ?? "" } : tokenAuth(auth.user, auth.scope ?? "", tokens) }),
    timeouts: { ...defaultTimeouts, ...options.timeouts },
  };
}
