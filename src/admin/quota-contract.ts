import { Type, type Static, type TSchema } from "typebox";

/** Limits in the operator API. Times are ISO 8601 by the policy clock, units are whole. */
const time = (description: string) => Type.String({ format: "date-time", description });
const optional = Type.Optional;
const id = Type.String({ minLength: 1, maxLength: 200, description: "Id of a limit: `tenant.external-recipients`." });
const part = Type.String({ maxLength: 400, description: "A part of whom it is counted for, in whatever case." });
const byPriority = <T extends TSchema>(of: T, description: string) => Type.Object({ transactional: of, bulk: of }, { description });

export const quotaQuery = Type.Object({
  rule: optional(id),
  route: optional(Type.String({ maxLength: 200 })),
  counted: optional(part),
  limit: optional(
    Type.Integer({
      minimum: 1,
      maximum: 1000,
      default: 10,
      description: "Of what is counted for many, so many for each limit, the fullest.",
    }),
  ),
});

export const quotaCounterView = Type.Object({
  counted: Type.String({ description: "For whom: `tenant`, `mailbox app@contoso.example to bob@fabrikam.example`." }),
  used: Type.Integer({ description: "Ours in the window, those under way included." }),
  held: Type.Integer({ description: "Of these, under way." }),
  bulk: Type.Integer({ description: "Of these, bulk mail." }),
  foreign: Type.Integer({ description: "Of other senders, as a reply or an import told; fades over one window." }),
  foreignSince: optional(time("When that was told.")),
  ratio: Type.Number({ description: "Used and foreign as a share of the amount." }),
  left: byPriority(Type.Integer(), "What could go now, if the pace allows."),
  nextAt: byPriority(Type.String({ format: "date-time" }), "When one unit can go next."),
  refills: Type.Array(Type.Object({ at: time("When."), units: Type.Integer() }), {
    description: "What comes back next, in at most 12 steps.",
  }),
  freesAt: optional(time("When the first unit comes back.")),
  emptyAt: optional(time("When all has come back, if nothing is used meanwhile.")),
  pausedUntil: optional(time("The service said that it is full: nothing goes until then.")),
  principals: Type.Array(Type.Object({ principal: Type.String(), share: Type.Number() }), {
    description: "Who used most of late, of what was used, 0 to 1.",
  }),
});

export const quotaLimitView = Type.Object({
  id: Type.String(),
  title: Type.String(),
  unit: Type.String({ description: "messages, recipients, external-recipients, bytes, requests." }),
  amount: Type.Integer(),
  windowMs: Type.Integer({ description: "In any so long time; 0: so many at a time." }),
  burst: Type.Integer({ description: "So many go at once, the rest is spread evenly; the amount: not spread." }),
  others: Type.Integer({ description: "Of the amount, left to senders Postern does not see." }),
  holds: Type.Boolean({ description: "false: a threshold that is warned of; no mail waits for it." }),
  countsRefused: Type.Boolean(),
  routes: Type.Array(Type.String()),
  scope: Type.Array(Type.String(), {
    description: "What is counted apart besides: principal, sender-domain, recipient, sender-recipient.",
  }),
  source: Type.String({ description: "Where it is published, or `configuration`." }),
  status: Type.String({ description: "documented, field, unverified, configured." }),
  waits: Type.Integer({ description: "How often something was told to wait for it, since start." }),
  inUse: Type.Integer({ description: "Counters in which anything is used." }),
  counters: Type.Array(quotaCounterView, { description: "The fullest first where it is counted for many; then not all are here." }),
});

export const limitAlertView = Type.Object({
  at: time("When."),
  kind: Type.Enum(["near-limit", "bulk-sender"]),
  text: Type.String({ description: "What came to pass, in a sentence." }),
});

export const quotaView = Type.Object({
  now: time("Policy time."),
  limits: Type.Array(quotaLimitView),
  alerts: Type.Array(limitAlertView, { description: "The last ones since start, the newest first." }),
});

export const quotaHistoryQuery = Type.Object({
  rule: optional(id),
  counted: optional(part),
  every: optional(Type.String({ pattern: "^[0-9]+(m|h|d)$", description: "One point for so long, a multiple of 15m.", default: "15m" })),
  limit: optional(Type.Integer({ minimum: 1, maximum: 200, default: 20, description: "So many series, the latest first." })),
});

export const quotaHistoryView = Type.Object({
  now: time("Policy time."),
  everyMs: Type.Integer(),
  keptMs: Type.Integer({ description: "What is older is forgotten." }),
  series: Type.Array(
    Type.Object({
      rule: Type.String(),
      counted: Type.String(),
      amount: optional(Type.Integer({ description: "As it is now; absent: the limit is not in force any more." })),
      points: Type.Array(
        Type.Object({
          at: time("Begin."),
          used: Type.Integer({ description: "The most at a time." }),
          foreign: Type.Integer(),
        }),
        { description: "The oldest first; of times in which nothing was used there is none." },
      ),
    }),
    { description: "Of limits that are not counted for single recipients." },
  ),
});

export const foreignBody = Type.Object({
  text: optional(Type.String({ maxLength: 65_536, description: "The output of Get-LimitsEnforcementStatus; instead of the others." })),
  rule: optional(id),
  observed: optional(Type.Integer({ minimum: 0, description: "What the service says was used in the window in all, by whomever." })),
  counted: optional(Type.String({ maxLength: 400, description: "For whom, as the listing tells; absent: all." })),
});

export const foreignView = Type.Object({
  rule: Type.String(),
  observed: Type.Integer(),
  amount: Type.Integer({ description: "The limit as Postern knows it." }),
  foreign: Type.Integer({ description: "What others used: the observed without ours; of several parties the most." }),
  notes: Type.Array(Type.String(), { description: "What should be looked at." }),
});

export const forgetQuery = Type.Object({
  rule: id,
  counted: optional(Type.String({ maxLength: 400, description: "For whom, as the listing tells; absent: all." })),
});
export const forgetView = Type.Object({ counters: Type.Integer({ description: "Of so many something was forgotten." }) });

export const reputationQuery = Type.Object({
  days: optional(Type.Integer({ minimum: 1, maximum: 90, default: 90 })),
  limit: optional(Type.Integer({ minimum: 1, maximum: 2000, default: 100 })),
});
export const reputationView = Type.Object({
  days: Type.Integer(),
  figures: Type.Array(
    Type.Object({
      domain: Type.String({ description: "Of From; `*`: those beyond the ones that are counted apart." }),
      route: Type.String(),
      firstUse: Type.String({ description: "Day of the first use, UTC." }),
      relayed: Type.Integer({ description: "Recipients." }),
      failed: Type.Integer(),
      returned: Type.Integer({ description: "Failed after they were relayed." }),
      complaints: Type.Integer(),
      failureRate: Type.Number({ description: "Failed and returned, of what was relayed or failed." }),
      complaintRate: Type.Number({ description: "Of what was relayed." }),
    }),
    { description: "Those with the most mail first." },
  ),
});

export type QuotaView = Static<typeof quotaView>;
export type QuotaLimitView = Static<typeof quotaLimitView>;
export type QuotaCounterView = Static<typeof quotaCounterView>;
export type LimitAlertView = Static<typeof limitAlertView>;
export type QuotaHistoryView = Static<typeof quotaHistoryView>;
export type ForeignBody = Static<typeof foreignBody>;
export type ForeignView = Static<typeof foreignView>;
export type ForgetView = Static<typeof forgetView>;
export type ReputationView = Static<typeof reputationView>;
