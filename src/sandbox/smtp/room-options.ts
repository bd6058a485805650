import { Type, type Static } from "typebox";
import { parseCidr } from "../../lib/cidr.ts";
import { optionsObject, sizeOption, type Decoded } from "../../lib/option-schema.ts";
import { unverifiedReplies, type UnverifiedReply } from "../texts/unverified-replies.ts";

/** What sandbox.yaml says of the sending rooms. */
const replyPattern = "^[245][0-9]{2} [ -~]{1,400}$";

const ReplyOverrides = Type.Record(Type.String({ maxLength: 64 }), Type.String({ pattern: replyPattern }), {
  propertyNames: { enum: Object.keys(unverifiedReplies) },
  description:
    "Replies that nobody has published, as `550 5.7.1 text`, in place of the sandbox's own; docs/reference/sandbox-sending-services.md lists them.",
});

export const roomSchemas = {
  replies: Type.Optional(ReplyOverrides),
  hve: Type.Optional(
    optionsObject(
      {
        refuseExternalAt: Type.Optional(
          Type.Unsafe<"rcpt" | "data">({
            type: "string",
            enum: ["rcpt", "data"],
            default: "rcpt",
            description: "Where recipients outside are refused: not published.",
          }),
        ),
      },
      "High Volume Email.",
    ),
  ),
  onPremises: Type.Optional(
    optionsObject(
      {
        relayFrom: Type.Optional(
          Type.Array(Type.String({ maxLength: 64 }), {
            maxItems: 1000,
            default: ["127.0.0.1", "::1"],
            description: "Addresses and networks that may relay without log-in.",
          }),
        ),
        users: Type.Optional(
          Type.Array(optionsObject({ name: Type.String({ minLength: 1, maxLength: 320 }), password: Type.String({ minLength: 1 }) }), {
            maxItems: 1000,
            description: "Who may log in, and then relay. Absent: `relay` with the password `Sandbox-Relay-1`.",
          }),
        ),
        maxMessageSize: Type.Optional(
          sizeOption({ default: "36MB", description: "MaxMessageSize of the Receive connector (default unverified)." }),
        ),
        maxRecipients: Type.Optional(
          Type.Integer({ minimum: 1, maximum: 100_000, default: 200, description: "MaxRecipientsPerMessage (default unverified)." }),
        ),
      },
      "The Exchange server on premises.",
    ),
  ),
};

const RoomsSchema = optionsObject(roomSchemas);
type RoomsFile = Decoded<Static<typeof RoomsSchema>>;

export interface RoomOptions {
  readonly replies: Partial<Readonly<Record<UnverifiedReply, string>>>;
  readonly hve: { readonly refuseExternalAt: "rcpt" | "data" };
  readonly onPremises: {
    readonly relayFrom: readonly string[];
    readonly users: readonly { readonly name: string; readonly password: string }[];
    readonly maxMessageSize: number;
    readonly maxRecipients: number;
  };
}

/** With the defaults. @throws RangeError for a network that is none */
export function roomOptions({ replies = {}, hve, onPremises }: RoomsFile): RoomOptions {
  const relayFrom = onPremises?.relayFrom ?? ["127.0.0.1", "::1"];
  for (const network of relayFrom)
    if (parseCidr(network) === null) throw new RangeError(`onPremises.relayFrom: ${network} is no address or network`);
  return {
    replies,
    hve: { refuseExternalAt: hve?.refuseExternalAt ?? "rcpt" },
    onPremises: {
      relayFrom,
      users: onPremises?.users ?? [{ name: "relay", password: "Sandbox-Relay-1" }],
      maxMessageSize: onPremises?.maxMessageSize ?? 36 * 1024 * 1024,
      maxRecipients: onPremises?.maxRecipients ?? 200,
    },
  };
}
