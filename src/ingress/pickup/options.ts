import { Type, type Static } from "typebox";
import { durationOption, optionsObject, pathOption, sizeOption, type Decoded } from "../../lib/option-schema.ts";

/** One of `pickup` in the configuration. */
export const pickupSchema = optionsObject(
  {
    name: Type.String({ minLength: 1, maxLength: 64, description: "Unique name, also among `listeners`; shown in traces and metrics." }),
    folder: pathOption({ description: "Where programs put `.eml` files; it must exist, and its permissions say who may." }),
    principal: Type.String({
      minLength: 1,
      examples: ["erp"],
      description: "As whom what lies there is sent: one of `principals`, whose fence holds.",
    }),
    domain: Type.Optional(
      Type.String({
        pattern: "^[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$",
        examples: ["contoso.example"],
        description: "Put behind names without a domain; default: `hostname`.",
      }),
    ),
    poll: Type.Optional(durationOption({ default: "1s", description: "How often the folder is looked at." })),
    settle: Type.Optional(
      durationOption({
        default: "2s",
        description: "A file is taken when it has not changed for so long; 0s for programs that rename a finished file into the folder.",
      }),
    ),
    maxMessageSize: Type.Optional(sizeOption({ default: "150MB", description: "Largest file." })),
    maxRecipients: Type.Optional(Type.Integer({ minimum: 1, default: 1000, description: "Recipients of one message." })),
  },
  "A folder from which files are sent.",
);

export type PickupOptions = Decoded<Static<typeof pickupSchema>>;

/** What is left out of a folder's options. */
export const pickupDefaults = { pollMs: 1000, settleMs: 2000, maxMessageSize: 150 * 1024 ** 2, maxRecipients: 1000 } as const;
