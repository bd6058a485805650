import { Type, type Static } from "typebox";
import { durationOption, fileOption, optionsObject, secretOption, sizeOption, type Decoded } from "../lib/option-schema.ts";

/** What of the configuration says who may submit: `networks` and `principals`. */
export function rateOption(description: string) {
  return optionsObject(
    {
      messages: Type.Integer({
        minimum: 1,
        description: "Messages in the time `per`; a burst of the whole is allowed.",
      }),
      per: durationOption({ description: "The time, for instance 1m." }),
    },
    description,
  );
}

const pattern = Type.String({
  minLength: 1,
  description: "`*`, `user@domain`, `@domain`, `*.domain`, or `<>` for the null reverse-path.",
});

const fence = {
  reversePaths: Type.Array(pattern, {
    description: "Who may stand in MAIL FROM. `<>` must be named to be allowed.",
  }),
  authors: Type.Optional(
    Type.Array(pattern, {
      description: "Who may stand in the From: field; as `reversePaths` when absent.",
    }),
  ),
  recipients: Type.Optional(Type.Array(pattern, { description: "Whom mail may go to; anybody when absent." })),
  rate: Type.Optional(rateOption("At most so many messages in a time.")),
  maxRecipients: Type.Optional(Type.Integer({ minimum: 1, description: "RCPT commands in one transaction." })),
  maxMessageSize: Type.Optional(sizeOption({ description: "Largest message, when that is less than the listener's." })),
  priority: Type.Optional(
    Type.Union([Type.Literal("transactional"), Type.Literal("bulk")], {
      description:
        "transactional: its mail goes first where a limit leaves no room for all. bulk: it goes behind, with a share of its own. Default: bulk when the message has List-Unsubscribe or `Precedence: bulk`, `list` or `junk`, else transactional.",
    }),
  ),
};

const name = Type.String({
  minLength: 1,
  maxLength: 64,
  pattern: "^[^\\s:\\x00-\\x1f]+$",
  description: "Unique name.",
});

/** One of `networks`. */
export const networkSchema = optionsObject(
  {
    name,
    addresses: Type.Array(Type.String({ description: "`10.0.0.0/8`, `fd00::/8`, or one address." }), { minItems: 1 }),
    listeners: Type.Optional(
      Type.Array(Type.String(), {
        description: "Names of the listeners on which it is trusted; all relay and legacy listeners when absent.",
      }),
    ),
    ...fence,
  },
  "A network whose devices may send without logging in; the most specific one counts.",
);

const password = Type.Union([
  optionsObject({
    hash: Type.String({
      pattern: "^\\$argon2id\\$",
      description: "As `postern hash-password` prints it.",
    }),
  }),
  secretOption({ description: "The password itself, by reference." }),
]);

const login = optionsObject(
  {
    user: Type.String({
      minLength: 1,
      maxLength: 320,
      pattern: "^[^\\s\\x00-\\x1f]+$",
      examples: ["apikey", "hve-scanner@contoso.example"],
      description: "User name as the device or application has it. Of an ACS user name the separators `.` and `|` are the same.",
    }),
    password: Type.Optional(password),
    key: Type.Optional(
      secretOption({ description: "A random key of 20 characters or more, by reference. Principals with keys may share a user name." }),
    ),
    sha256: Type.Optional(
      Type.String({
        pattern: "^[0-9a-f]{64}$",
        description: "Instead of the key its SHA-256, as `sha256sum` prints it; for random keys only.",
      }),
    ),
  },
  "A user name with its secret: `password`, `key` or `sha256`.",
);

/** One of `principals`. */
export const userSchema = optionsObject(
  {
    name,
    password: Type.Optional(password),
    logins: Type.Optional(Type.Array(login, { description: "Log-ins it had elsewhere and keeps, so that only the host changes." })),
    xsmtpapi: Type.Optional(
      Type.Boolean({
        default: false,
        description: "Obey the X-SMTPAPI field of its messages, as SendGrid does: docs/guides/keep-your-login.md says how far.",
      }),
    ),
    tokens: Type.Optional(
      Type.Array(
        optionsObject({
          application: Type.Optional(
            Type.String({ minLength: 1, maxLength: 64, description: "Client id of an application that sends as itself." }),
          ),
          user: Type.Optional(Type.String({ minLength: 1, maxLength: 254, description: "User principal name or object id." })),
        }),
        { minItems: 1, maxItems: 32, description: "Whose tokens stand for it, of the `tokens.authorities`; then it needs no password." },
      ),
    ),
    acsKeys: Type.Optional(
      Type.Array(secretOption({ description: "In base64, as after `accesskey=` of a connection string." }), {
        minItems: 1,
        maxItems: 4,
        description:
          "Access keys with which it signs its requests to the ACS Email API; two, so that one can follow the other. A signature can only be checked with the key itself, so it is given by reference and not as a hash.",
      }),
    ),
    ...fence,
  },
  "An application or device that logs in.",
);

/** The section `tokens`. */
export const tokensSchema = optionsObject(
  {
    authorities: Type.Array(
      optionsObject({
        authority: Type.String({
          pattern: "^https://[^\\s/?#@]+(/[^\\s?#]*)?$",
          default: "https://login.microsoftonline.com",
          description: "Where the tokens come from, without the tenant.",
        }),
        tenant: Type.String({
          pattern: "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$",
          examples: ["11111111-2222-3333-4444-555555555555"],
          description: "Tenant id.",
        }),
        audiences: Type.Array(Type.String({ minLength: 1 }), {
          minItems: 1,
          maxItems: 16,
          examples: ['[ "api://postern" ]'],
          description: "What tokens must be meant for: the application id (URI) that you registered for Postern.",
        }),
        issuers: Type.Optional(
          Type.Array(Type.String({ minLength: 1 }), {
            minItems: 1,
            maxItems: 4,
            description: "Values of `iss`; default: those of Entra, in both versions.",
          }),
        ),
        ca: Type.Optional(fileOption({ description: "PEM file of the authorities to trust for that place." })),
      }),
      { default: [], maxItems: 16, description: "Whose tokens are taken." },
    ),
  },
  "Tokens in place of passwords at our doors (XOAUTH2). Offered when an authority is configured.",
);

export type TokenAuthorityOptions = Decoded<Static<typeof tokensSchema>>["authorities"][number];
export type TokensOptions = Decoded<Static<typeof tokensSchema>>;
export type NetworkOptions = Decoded<Static<typeof networkSchema>>;
export type UserOptions = Decoded<Static<typeof userSchema>>;

export interface IdentityOptions {
  readonly networks: readonly NetworkOptions[];
  readonly principals: readonly UserOptions[];
}
