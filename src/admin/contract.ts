import { Type, type Static } from "typebox";
import { deliverySecurities } from "../mail/delivery-security.ts";

/**
 * The operator API: what the console, the command line and other programs see. Ids are texts as in our 250, times are ISO 8601, durations
 * are ms, sizes are bytes. The console imports its types from here and nothing else of ours.
 */
const time = (description: string) => Type.String({ format: "date-time", description });
const optional = Type.Optional;
const open = { additionalProperties: true } as const;

export const recipientState = Type.Enum(["queued", "leased", "inDoubt", "held", "relayed", "failed", "expired", "cancelled"]);

export const totalsView = Type.Object({
  messages: Type.Integer({ description: "Messages that wait." }),
  accepted: Type.Integer({ description: "Recipients ever taken." }),
  relayed: Type.Integer(),
  failed: Type.Integer(),
  expired: Type.Integer(),
  cancelled: Type.Integer(),
  queued: Type.Integer(),
  leased: Type.Integer(),
  inDoubt: Type.Integer(),
  held: Type.Integer(),
});

export const listenerView = Type.Object({
  name: Type.String(),
  kind: Type.String(),
  address: Type.String(),
  port: Type.Integer(),
  ready: Type.Boolean(),
  connections: Type.Integer(),
  text: optional(Type.String()),
});

/** A limit with the numbers of the moment at which it bound. */
export const boundLimitView = Type.Object({
  id: Type.String(),
  counted: Type.String({ description: "For whom it is counted." }),
  amount: Type.Integer(),
  used: Type.Number(),
  windowMs: Type.Integer({ description: "0: at a time." }),
});

export const gateView = Type.Object({
  priority: Type.Enum(["transactional", "bulk"]),
  recipients: Type.Enum(["all", "internal", "external"]),
  since: time("When it was closed."),
  until: time("When the limit is asked again."),
  limit: boundLimitView,
});

export const routeView = Type.Object({
  name: Type.String(),
  kind: Type.String(),
  target: Type.String(),
  circuit: Type.Enum(["closed", "open", "paused"], {
    description: "closed: traffic flows; open: in trouble, probed from time to time; paused: by an operator.",
  }),
  since: time("When the circuit came into this state."),
  retryAt: optional(time("When an open circuit is probed next.")),
  reason: optional(Type.String()),
  active: Type.Integer({ description: "Transactions under way." }),
  concurrency: Type.Integer(),
  connections: optional(Type.Integer()),
  relayed: Type.Integer(),
  relayedBy: Type.Record(Type.String(), Type.Integer(), {
    description: `Of them, by what protected them on the way: ${deliverySecurities.join(", ")}.`,
  }),
  delayed: Type.Integer(),
  failed: Type.Integer(),
  openings: Type.Integer(),
  lastReply: optional(Type.String()),
  gates: Type.Array(gateView, { description: "Mail that limits keep waiting." }),
  nextHops: optional(
    Type.Array(
      Type.Object({
        remote: Type.String(),
        trouble: optional(Type.String()),
        restsUntil: optional(time("Until then others are tried before it.")),
      }),
      { description: "Where it leads to several servers: each of them, and what it had trouble with last." },
    ),
  ),
});

export const identityView = Type.Object({
  name: Type.String(),
  kind: Type.String(),
  authority: Type.String(),
  tenant: Type.Union([Type.String(), Type.Null()]),
  clientId: Type.Union([Type.String(), Type.Null()]),
  credentialExpiresAt: optional(time("When the secret or certificate in use ends. Wall time.")),
  worksWith: optional(Type.String({ description: "Which secret or certificate worked last, by its reference." })),
  renewals: Type.Object({ done: Type.Integer(), failed: Type.Integer() }, { description: "Tokens asked for since start." }),
  lastError: optional(Type.Object({ at: time("Wall time."), code: Type.String(), text: Type.String() })),
  tokens: Type.Array(Type.Object({ scope: Type.String(), expiresAt: time("Wall time.") })),
});

export const balanceView = Type.Object({ ok: Type.Boolean(), accepted: Type.Integer(), accounted: Type.Integer() });

export const statusView = Type.Object({
  version: Type.String(),
  hostname: Type.String(),
  pid: Type.Integer(),
  startedAt: time("Wall time."),
  uptimeMs: Type.Integer(),
  now: time("Policy time."),
  clockOffsetMs: Type.Integer({ description: "Policy time minus wall time; 0 but in a demo whose clock was moved." }),
  configGeneration: Type.String(),
  totals: totalsView,
  balance: balanceView,
  oldestQueuedMs: Type.Union([Type.Integer(), Type.Null()]),
  diskFreeBytes: Type.Number(),
  accepting: Type.Boolean(),
  connections: Type.Integer(),
  counters: Type.Object({
    acceptedMessages: Type.Integer(),
    refusedMessages: Type.Integer(),
    attempts: Type.Integer(),
    delayed: Type.Integer(),
    returned: Type.Object(
      { report: Type.Integer(), note: Type.Integer(), known: Type.Integer(), forgotten: Type.Integer() },
      {
        description:
          "What came back to bounce addresses: reports about recipients, what is no report, what was known already, what is about a message that the history has no more.",
      },
    ),
  }),
  listeners: Type.Array(listenerView),
  routes: Type.Array(routeView),
  identities: Type.Array(identityView),
});

export const queueRecipientView = Type.Object({
  address: Type.String(),
  state: recipientState,
  attempts: Type.Integer(),
  notBefore: time("Next attempt."),
  status: optional(Type.String({ description: "Enhanced status of the last failure." })),
  code: optional(Type.String({ description: "Our code of the last failure." })),
  reason: optional(Type.String({ description: "Text of the last failure, and the next hop's reply." })),
  advice: optional(Type.String({ description: "What to do about it, where the reply tells." })),
});

export const queueEntryView = Type.Object({
  id: Type.String(),
  receivedAt: time("When it was taken."),
  expiresAt: time("When it is given up."),
  principal: Type.String(),
  from: Type.String({ description: "Reverse-path; `<>` is the null one." }),
  subject: Type.String(),
  messageId: Type.String(),
  size: Type.Integer(),
  recipients: Type.Array(queueRecipientView),
});

export const queueListView = Type.Object({
  messages: Type.Array(queueEntryView),
  next: optional(Type.String({ description: "Give as `after` for the next page." })),
});

const address = Type.String({ maxLength: 1000, description: "Address pattern: `user@domain`, `@domain`, `@*.domain`." });
const filterProperties = {
  state: optional(Type.Enum(["queued", "leased", "inDoubt", "held"])),
  principal: optional(Type.String({ maxLength: 200 })),
  sender: optional(address),
  recipient: optional(address),
  olderThan: optional(Type.String({ pattern: "^[0-9]+(ms|s|m|h|d|w)$", description: "Taken longer ago than this: `2h`." })),
};

export const queueQuery = Type.Object({
  ...filterProperties,
  after: optional(Type.String()),
  limit: optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
});
export const queueCountQuery = Type.Object(filterProperties);

/** Which messages to change: ids, a filter, or plainly all; nothing at all is refused. */
export const queueSelector = Type.Object({
  ids: optional(Type.Array(Type.String({ maxLength: 1000 }), { minItems: 1, maxItems: 10_000, description: "Ids or Message-IDs." })),
  ...filterProperties,
  all: optional(Type.Literal(true)),
});

export const queueChangeView = Type.Object({
  recipients: Type.Integer(),
  skipped: Type.Integer({ description: "Recipients that matched but are being attempted right now." }),
});

export const traceAttemptView = Type.Object({
  at: time("Start."),
  durationMs: Type.Integer(),
  route: Type.String(),
  remote: Type.String(),
  address: optional(Type.String()),
  tls: optional(Type.String()),
  verified: optional(Type.Boolean()),
  security: optional(Type.Enum([...deliverySecurities], { description: "What protected it on its way." })),
  securityNote: optional(Type.String({ description: "Why not better." })),
  atLimit: optional(
    Type.Array(Type.Object({ route: Type.String(), limit: boundLimitView, until: time("When it was to have room, or had.") }), {
      description: "Routes before this one that were at a limit; and this one, if the mail had waited for its limit.",
    }),
  ),
  results: Type.Array(
    Type.Object({ recipient: Type.String(), state: recipientState, text: Type.String(), status: optional(Type.String()) }),
  ),
});

export const traceView = Type.Object({
  id: Type.String(),
  receivedAt: time("When it was taken."),
  finishedAt: optional(time("When its last recipient was settled.")),
  expiresAt: time("When it is given up."),
  principal: Type.String(),
  origin: Type.Object({
    door: Type.String(),
    clientAddress: optional(Type.String()),
    clientName: optional(Type.String()),
    tls: optional(Type.String()),
    auth: optional(Type.String()),
  }),
  from: Type.String(),
  author: Type.String(),
  subject: Type.String(),
  messageId: Type.String(),
  envid: optional(Type.String()),
  dsnFor: optional(Type.String()),
  priority: Type.Enum(["transactional", "bulk"]),
  size: Type.Integer(),
  recipients: Type.Array(queueRecipientView),
  attempts: Type.Array(traceAttemptView),
  events: Type.Array(Type.Object({ at: time("When."), what: Type.String(), text: Type.String() })),
  story: Type.Array(Type.String(), { description: "The same in sentences." }),
});

export const summaryView = Type.Object({
  id: Type.String(),
  receivedAt: time("When it was taken."),
  from: Type.String(),
  recipients: Type.Integer(),
  subject: Type.String(),
  messageId: Type.String(),
  states: Type.Record(Type.String(), Type.Integer()),
});

export const findQuery = Type.Object({
  messageId: optional(Type.String({ maxLength: 1000 })),
  from: optional(address),
  to: optional(address),
  since: optional(Type.String({ description: "ISO 8601, or a duration back from now: `2h`." })),
  until: optional(Type.String()),
  limit: optional(Type.Integer({ minimum: 1, maximum: 1000, default: 50 })),
});
export const findView = Type.Object({ messages: Type.Array(summaryView) });

/** A routing decision as stored (routing/decide.ts). */
export const decisionView = Type.Object(
  {
    key: Type.String(),
    generation: Type.String(),
    rule: Type.Union([Type.String(), Type.Null()]),
    recipientClass: Type.String(),
    dsn: Type.Boolean(),
    candidates: Type.Array(Type.String()),
    rejected: Type.Array(Type.Object({ route: Type.String(), reason: Type.String(), senders: Type.Optional(Type.Array(Type.String())) })),
    passedOver: Type.Array(Type.Object({ rule: Type.String(), condition: Type.String() })),
  },
  open,
);

export const whyView = Type.Object({
  id: Type.String(),
  recipients: Type.Array(
    Type.Object({
      address: Type.String(),
      decision: Type.Union([decisionView, Type.Null()]),
      present: optional(decisionView),
      text: Type.Array(Type.String()),
    }),
  ),
});

export const explainBody = Type.Object({
  from: Type.String({ maxLength: 1000, description: "`<>` or empty: the null reverse-path." }),
  to: Type.Array(Type.String({ maxLength: 1000 }), { minItems: 1, maxItems: 1000 }),
  size: Type.Integer({ minimum: 0, default: 10_000 }),
  principal: Type.String({ maxLength: 200, default: "" }),
  authors: Type.Array(Type.String({ maxLength: 1000 }), {
    maxItems: 100,
    default: [],
    description: "Addresses in From; empty: as `from`.",
  }),
  replyTo: Type.Optional(
    Type.Union([Type.String({ maxLength: 1000 }), Type.Null()], { description: "null: there is none; absent: not known." }),
  ),
});

export const outlookView = Type.Object(
  {
    route: Type.String(),
    place: Type.Union([Type.Integer(), Type.Null()]),
    costUsd: Type.Union([Type.Number(), Type.Null()]),
    maxRecipients: Type.Union([Type.Integer(), Type.Null()]),
    maxSize: Type.Union([Type.Integer(), Type.Null()]),
    changes: Type.Array(
      Type.Object({
        what: Type.String(),
        from: Type.Union([Type.String(), Type.Null()]),
        to: Type.Union([Type.String(), Type.Null()]),
        text: Type.String(),
      }),
    ),
  },
  open,
);

export const probeView = Type.Object({
  ok: Type.Boolean(),
  text: Type.String(),
  steps: Type.Array(Type.Object({ name: Type.String(), ok: Type.Boolean(), text: Type.String() })),
});

export const reloadView = Type.Object({
  ok: Type.Boolean(),
  generation: Type.String(),
  applied: Type.Array(Type.String()),
  needsRestart: Type.Array(Type.String()),
  faults: Type.Array(Type.String()),
});

export const backupBody = Type.Object({
  directory: Type.String({ minLength: 1, maxLength: 4096, description: "Absolute; absent or empty." }),
});
export const backupView = Type.Object({
  progress: optional(Type.Object({ step: Type.String(), done: Type.Number(), total: Type.Number() })),
  report: optional(Type.Object({ directory: Type.String(), files: Type.Integer(), bytes: Type.Number(), messages: Type.Integer() })),
  error: optional(Type.Object({ message: Type.String(), code: optional(Type.String()) })),
});

export const readinessView = Type.Object({ ok: Type.Boolean(), reasons: Type.Array(Type.String()), listeners: Type.Array(listenerView) });
export const deviceView = Type.Object(
  { listener: Type.String(), address: Type.String(), principal: Type.String(), messages: Type.Integer() },
  open,
);

export type StatusView = Static<typeof statusView>;
export type QueueEntryView = Static<typeof queueEntryView>;
export type QueueListView = Static<typeof queueListView>;
export type QueueRecipientView = Static<typeof queueRecipientView>;
export type QueueSelector = Static<typeof queueSelector>;
export type QueueChangeView = Static<typeof queueChangeView>;
export type TraceView = Static<typeof traceView>;
export type SummaryView = Static<typeof summaryView>;
export type FindView = Static<typeof findView>;
export type WhyView = Static<typeof whyView>;
export type IdentityView = Static<typeof identityView>;
export type RouteView = Static<typeof routeView>;
export type GateView = Static<typeof gateView>;
export type ListenerView = Static<typeof listenerView>;
export type ProbeView = Static<typeof probeView>;
export type ReloadView = Static<typeof reloadView>;
export type ReadinessView = Static<typeof readinessView>;
export type DeviceView = Static<typeof deviceView>;
export type ExplainBody = Static<typeof explainBody>;
export type BackupLine = Static<typeof backupView>;
