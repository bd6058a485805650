import { Type, type Static } from "typebox";
import { optionsObject, pathOption, sizeOption, type Decoded } from "../../lib/option-schema.ts";

/** Where `postern sendmail` looks when nobody tells it otherwise. */
export const defaultLocalSocket = "/run/postern/sendmail.sock";

/** One of `sendmail` in the configuration. */
export const localListenerSchema = optionsObject(
  {
    name: Type.String({ minLength: 1, maxLength: 64, description: "Unique name, also among `listeners`; shown in traces and metrics." }),
    socket: pathOption({
      default: defaultLocalSocket,
      description: "Path of the Unix socket; its folder must exist, and those who send must be able to enter it.",
    }),
    principal: Type.String({
      minLength: 1,
      examples: ["local"],
      description: "As whom mail is taken that comes by this socket: one of `principals`, whose fence holds.",
    }),
    group: Type.Optional(
      Type.String({
        pattern: "^[A-Za-z0-9_][A-Za-z0-9_.-]*$",
        examples: ["mail"],
        description:
          "Name or number of the group whose members may send (socket mode 0660). Default: only the user as which the gateway runs.",
      }),
    ),
    everybody: Type.Optional(
      Type.Boolean({ default: false, description: "Every user of this machine may send (mode 0666), as with most mail servers." }),
    ),
    domain: Type.Optional(
      Type.String({
        pattern: "^[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$",
        examples: ["contoso.example"],
        description: "Put behind names without a domain (`root`); default: `hostname`.",
      }),
    ),
    maxMessageSize: Type.Optional(sizeOption({ description: "Largest message. Default 150MB." })),
    maxRecipients: Type.Optional(Type.Integer({ minimum: 1, default: 1000, description: "Recipients of one message." })),
    maxConnections: Type.Optional(Type.Integer({ minimum: 1, default: 100, description: "Connections at the same time." })),
  },
  "A Unix socket for `postern sendmail`.",
);

export type LocalListenerOptions = Decoded<Static<typeof localListenerSchema>>;
