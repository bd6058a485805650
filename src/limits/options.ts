import { Type, type Static } from "typebox";
import { durationOption, optionsObject, type Decoded } from "../lib/option-schema.ts";

const share = (description: string, byDefault?: string) =>
  Type.String({
    pattern: "^[0-9]{1,2}(\\.[0-9]+)?%$",
    examples: ["30%"],
    description,
    ...(byDefault === undefined ? {} : { default: byDefault }),
  });
const perMailbox = (what: string) =>
  Type.Optional(Type.Integer({ minimum: 1, description: `${what} for one mailbox; 0 in the policy, the service's own: leave it out.` }));

/** The `tenant` key of the configuration: what its limits are reckoned from. */
export const tenantSchema = optionsObject(
  {
    licences: Type.Optional(
      Type.Integer({
        minimum: 0,
        description:
          "Purchased e-mail licences, assigned or not, trial and free ones not counted: the limit for external recipients (TERRL) follows from them. Default: 1, so that the limit is never taken too high.",
      }),
    ),
    freeEducationLicences: Type.Optional(Type.Integer({ minimum: 0, default: 0, description: "Free education licences beside." })),
    trial: Type.Optional(Type.Boolean({ default: false, description: "A trial tenant." })),
    createdOn: Type.Optional(
      Type.String({
        pattern: "^\\d{4}-\\d{2}-\\d{2}$",
        examples: ["2019-05-20"],
        description: "Day on which the tenant was made: a new one may send less. Default: long ago.",
      }),
    ),
    cloud: Type.Optional(
      Type.Enum(["worldwide", "gcc", "gcc-high", "dod", "21vianet"], {
        default: "worldwide",
        description: "Where the tenant lives: external recipients are limited in the worldwide cloud.",
      }),
    ),
    outboundPolicy: Type.Optional(
      optionsObject(
        {
          externalPerHour: perMailbox("External recipients an hour"),
          internalPerHour: perMailbox("Internal recipients an hour"),
          perDay: perMailbox("Recipients a day"),
        },
        "Limits of the outbound spam policy (Get-HostedOutboundSpamFilterPolicy), which blocks a mailbox that exceeds them.",
      ),
    ),
  },
  "The Microsoft 365 tenant that mail leaves by or arrives in.",
);

/** The `limits` key of the configuration. */
export const limitsSchema = optionsObject(
  {
    rules: Type.Array(
      optionsObject({
        name: Type.String({
          pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
          description: "Name; `postern quota` shows it as `limits.NAME`.",
        }),
        unit: Type.Enum(["messages", "recipients", "external-recipients", "bytes"], {
          description: "What is counted: transactions, recipients, those outside the accepted domains, or bytes.",
        }),
        amount: Type.Integer({ minimum: 1, description: "So many." }),
        per: Type.Optional(durationOption({ description: "In any so long time; or `atATime`." })),
        atATime: Type.Optional(Type.Boolean({ default: false, description: "true: so many at the same time, instead of `per`." })),
        routes: Type.Optional(
          Type.Array(Type.String({ minLength: 1 }), { minItems: 1, description: "Only by these routes; default: all." }),
        ),
        each: Type.Optional(
          Type.Array(Type.Enum(["route", "principal", "sender-domain", "recipient", "sender-recipient"]), {
            maxItems: 5,
            description:
              "Counted apart for each route, principal, domain of From, recipient, or pair of From and recipient; default: all together.",
          }),
        ),
        authors: Type.Optional(
          Type.Array(Type.String({ minLength: 1 }), { description: "Only mail with such a From: `user@domain`, `@domain`, `@*.domain`." }),
        ),
        reversePaths: Type.Optional(
          Type.Array(Type.String({ minLength: 1 }), { description: "Only mail with such a reverse-path; also `<>`, `*`." }),
        ),
        recipientDomains: Type.Optional(
          Type.Array(Type.String({ minLength: 1 }), { description: "Only recipients in these domains: `example.com`, `*.example.com`." }),
        ),
        burst: Type.Optional(
          Type.Integer({
            minimum: 1,
            description: "So many may go at once, the rest is spread evenly over the time. Default: all at once.",
          }),
        ),
        countsRefused: Type.Optional(Type.Boolean({ default: false, description: "What is refused counts as well." })),
      }),
      { default: [], maxItems: 200, description: "Limits of your own, beside the published ones." },
    ),
    others: Type.Record(Type.String(), share("Share."), {
      description:
        "Share of a limit that is left to senders Postern does not see, by the limit's id: `tenant.external-recipients: 30%`. `postern quota` lists the ids.",
      default: {},
    }),
    transactionalShare: share("Share of each limit that bulk mail never uses.", "1%"),
    bulkShare: share("Share of each limit that bulk mail gets while it waits, however much transactional mail there is.", "10%"),
  },
  "Pacing. The published limits of the services hold by themselves; `services` replaces or lifts one.",
);

export type TenantOptions = Decoded<Static<typeof tenantSchema>>;
export type LimitsOptions = Decoded<Static<typeof limitsSchema>>;
export type OperatorRule = LimitsOptions["rules"][number];

/** `30%` as 0.3. */
export function shareOf(text: string): number {
  return Number(text.slice(0, -1)) / 100;
}
