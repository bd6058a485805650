import { Type, type Static } from "typebox";
import { durationOption, optionsObject, secretOption, sizeOption, type Decoded } from "../lib/option-schema.ts";

/** What of the configuration says who may submit: `networks` and `principals`. */
const rate = optionsObject(
  {
    messages: Type.Integer({
      minimum: 1,
      description: "Messages in the time `per`; a burst of the whole is allowed.",
    }),
    per: durationOption({ description: "The time, for instance 1m." }),
  },
  "At most so many messages in a time.",
);

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
  rate: Type.Optional(rate),
  maxRecipients: Type.Optional(Type.Integer({ minimum: 1, description: "RCPT commands in one transaction." })),
  maxMessageSize: Type.Optional(sizeOption({ description: "Largest message, when that is less than the listener's." })),
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

/** One of `principals`. */
export const userSchema = optionsObject(
  {
    name,
    password: Type.Union([
      optionsObject({
        hash: Type.String({
          pattern: "^\\$argon2id\\$",
          description: "As `postern hash-password` prints it.",
        }),
      }),
      secretOption({ description: "The password itself, by reference." }),
    ]),
    ...fence,
  },
  "An application or device that logs in.",
);

export type NetworkOptions = Decoded<Static<typeof networkSchema>>;
export type UserOptions = Decoded<Static<typeof userSchema>>;

export interface IdentityOptions {
  readonly networks: readonly NetworkOptions[];
  readonly principals: readonly UserOptions[];
}
