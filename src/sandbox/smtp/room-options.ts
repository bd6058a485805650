import { Type, type Static } from "typebox";
import { parseCidr } from "../../lib/cidr.ts";
import { fileOption, optionsObject, sizeOption, type Decoded } from "../../lib/option-schema.ts";
import type { EhloLists } from "./ehlo-keywords.ts";
import { unverifiedReplies, type UnverifiedReply } from "../texts/unverified-replies.ts";

/** What sandbox.yaml says of the sending rooms. */
const replyPattern = "^[245][0-9]{2} [ -~]{1,400}$";

const ipv4 = "((25[0-5]|2[0-4]\\d|1?\\d?\\d)(\\.(?!$|/)|(?=$|/))){4}";
/** What is no address after all is found by roomOptions; this is for a fault that names the line. */
export const addressPattern = `^(${ipv4}|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)$`;
const networkPattern = `^(${ipv4}(/([12]?\\d|3[0-2]))?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(/(\\d{1,2}|1[01]\\d|12[0-8]))?)$`;

const ReplyOverrides = optionsObject(
  Object.fromEntries(
    Object.entries(unverifiedReplies).map(([name, { text, about }]) => [
      name,
      Type.Optional(Type.String({ pattern: replyPattern, default: text, description: about })),
    ]),
  ) as Record<UnverifiedReply, ReturnType<typeof Type.Optional<ReturnType<typeof Type.String>>>>,
  "Replies that nobody has published, as `550 5.7.1 text`, in place of the sandbox's own.",
);

const ehloServices = ["tenant-mx", "internet-mx", "on-premises", "smtp-auth", "hve", "acs-smtp", "sendgrid-smtp"] as const;
const EhloList = Type.Array(Type.String({ pattern: "^[A-Z0-9][A-Z0-9-]{0,40}( [!-~]{1,100}){0,10}$" }), { maxItems: 40 });

export const roomSchemas = {
  ehlo: Type.Optional(
    optionsObject(
      Object.fromEntries(ehloServices.map((service) => [service, Type.Optional(EhloList)])) as Record<
        (typeof ehloServices)[number],
        ReturnType<typeof Type.Optional<typeof EhloList>>
      >,
      "What a service lists in EHLO, in this order, in place of the sandbox's own list, which is not published: `SIZE`, `AUTH LOGIN`. STARTTLS and AUTH are left out where they are not offered.",
    ),
  ),
  trust: Type.Optional(
    fileOption({
      description:
        "PEM file of the authorities whose client certificates the tenant's MX believes. Absent: those of any authority, while they are valid.",
    }),
  ),
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
          Type.Array(Type.String({ maxLength: 64, pattern: networkPattern }), {
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
  /** By service. */
  readonly ehlo: EhloLists;
  /** PEM; null: any authority. */
  readonly trust: string | null;
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
export function roomOptions({ ehlo = {}, trust, replies = {}, hve, onPremises }: RoomsFile): RoomOptions {
  const relayFrom = onPremises?.relayFrom ?? ["127.0.0.1", "::1"];
  for (const network of relayFrom)
    if (parseCidr(network) === null) throw new RangeError(`onPremises.relayFrom: ${network} is no address or network`);
  return {
    ehlo,
    trust: trust ?? null,
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
