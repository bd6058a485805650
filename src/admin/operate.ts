import type { HttpDoor } from "../ingress/http/http-door.ts";
import type { PickupDoor } from "../ingress/pickup/pickup-door.ts";
import type { SmtpDoor } from "../ingress/smtp/smtp-door.ts";
import type { DeviceRegistry } from "../ingress/devices.ts";
import { domainOf } from "../mail/address.ts";
import type { PolicyClock } from "../lib/clock.ts";
import { failure } from "../mail/failure-codes.ts";
import type { Failure } from "../mail/failure.ts";
import type { TokenSource } from "../identity/tokens/token-source.ts";
import type { Outlet } from "../queue/outlet.ts";
import type { Queue } from "../queue/queue.ts";
import type { RecipientState, WaitingState } from "../queue/store.ts";
import { sameRoutes } from "../queue/lanes.ts";
import type { Decision } from "../routing/decide.ts";
import { outlooksOf } from "../routing/outlook.ts";
import type { OpenStore } from "../store/sqlite/open-store.ts";
import { catalogue } from "../services/catalogue.ts";
import type { GatewayConfig } from "../config/config.ts";
import { backUp } from "./back-up.ts";
import { consult, type DoctorDeps } from "./doctor/doctor.ts";
import { createSetup, type SetupDeps } from "./setup/setup.ts";
import { gatesOf } from "./gates-of.ts";
import type { FactCounters } from "./facts.ts";
import type {
  ExplainAnswer,
  ExplainQuestion,
  ForecastControl,
  Gateway,
  PauseBook,
  PinControl,
  QuotaControl,
  ListenerStatus,
  QueueAction,
  QueueChange,
  ReloadReport,
  RouteStatus,
  StatusSnapshot,
} from "./gateway.ts";

/** The parts of a running gateway, as operators see them. */
export interface GatewayParts {
  readonly config: GatewayConfig;
  readonly version: string;
  /** Wall time, ms. */
  readonly startedAt: number;
  readonly clock: PolicyClock;
  readonly opened: OpenStore;
  readonly queue: Queue;
  readonly door: SmtpDoor;
  readonly apis: HttpDoor;
  readonly pickup: PickupDoor;
  readonly devices: DeviceRegistry;
  readonly counters: FactCounters;
  readonly pins: PinControl;
  readonly forecast: ForecastControl;
  readonly pauses: PauseBook;
  readonly quota: QuotaControl;
  readonly reload: () => Promise<ReloadReport>;
  /** When the longest waiting message came; null when none waits. A few seconds old at most. */
  readonly oldestWaiting: () => number | null;
  readonly identities: ReadonlyMap<string, TokenSource>;
  readonly clockSkew: DoctorDeps["clockSkew"];
  readonly signIn: SetupDeps["signIn"];
}

/** Messages changed in one step; between steps the queue goes on. */
const changeBatch = 1000;

export function createGateway(parts: GatewayParts): Gateway {
  const { opened, queue, devices } = parts;
  const { archive } = opened;
  return {
    status: () => statusOf(parts),
    ready() {
      const listeners = listenersOf(parts);
      const reasons = listeners.filter(({ ready }) => !ready).map(({ name }) => `listener ${name} is not up`);
      return { ok: reasons.length === 0, listeners, reasons };
    },
    queue: {
      list: (filter, page) => archive.list(filter, page),
      count: (filter) => archive.count(filter),
      change: (action, filter, by) => changeQueue(parts, action, filter, by),
    },
    trace: (id) => archive.trace(id),
    find: (query) => archive.find(query),
    decision: async (key) => (await archive.decision(key)) as Decision | null,
    async presentDecisions(id) {
      const [entry] = await archive.list({ ids: [id] }, { limit: 1 });
      return new Map(entry?.recipients.map(({ n, address }) => [n, queue.decide(entry.message, address)]));
    },
    routes: {
      list: () => routesOf(parts),
      async pause(name, by) {
        if (!queue.dispatcher.pause(name)) return false;
        await parts.pauses.set(name, { by, at: parts.clock.now() });
        return true;
      },
      async resume(name) {
        if (parts.pauses.get(name) !== undefined) await parts.pauses.remove(name);
        return queue.dispatcher.resume(name);
      },
      probe: (name, signal) => queue.dispatcher.probe(name, signal),
    },
    setup: createSetup({
      config: parts.config,
      identities: parts.identities,
      signIn: parts.signIn,
      probe: (name, signal) => queue.dispatcher.probe(name, signal),
      day: () => dayOf(parts),
    }),
    doctor: (name, signal) =>
      consult(
        name,
        {
          routes: parts.config.routes,
          probe: (route, ended) => queue.dispatcher.probe(route, ended),
          identities: parts.identities,
          clockSkew: parts.clockSkew,
          now: () => Date.now(),
          day: () => dayOf(parts),
        },
        signal,
      ),
    explain: (question) => explain(queue, question),
    outlooks: (decision, facts) => outlooksOf(decision, facts, queue.router),
    pins: parts.pins,
    forecast: parts.forecast,
    quota: parts.quota,
    devices: () => devices.snapshot(),
    backup: (directory, onProgress) => backUp(opened, directory, onProgress),
    reload: parts.reload,
  };
}

function explain(queue: Queue, { from, to, size, principal, authors, replyTo }: ExplainQuestion): readonly ExplainAnswer[] {
  const { router } = queue;
  const known = authors !== undefined && authors.length > 0 ? authors : from === null ? [] : [from];
  const answers = to.map((recipient) => ({
    recipient,
    decision: router.decide({
      principal,
      reversePath: from,
      authors: known,
      recipientDomain: domainOf(recipient),
      recipient,
      size,
      dsn: false,
      smtputf8: false,
    }),
  }));
  return answers.map(({ recipient, decision }) => {
    // Recipients that go the same way share transactions.
    const recipients = answers.filter((other) => sameRoutes(other.decision.candidates, decision.candidates)).length;
    const facts = { reversePath: from, authors: known, size, recipients, ...(replyTo === undefined ? {} : { replyTo }) };
    return { recipient, decision, outlooks: outlooksOf(decision, facts, router) };
  });
}

function dayOf({ clock }: GatewayParts): string {
  return new Date(clock.now()).toISOString().slice(0, 10);
}

async function changeQueue(
  { opened, queue, clock }: GatewayParts,
  action: QueueAction,
  filter: Parameters<Gateway["queue"]["change"]>[1],
  by: string,
): Promise<QueueChange> {
  const { store } = opened;
  const at = clock.now();
  const change = {
    filter,
    ...changes[action],
    ...(action === "release" || action === "retry" ? { notBefore: at } : {}),
    ...(action === "drop" ? { failure: failure("message.cancelled") } : {}),
    event: { at, what: changes[action].what, text: `by ${by}` },
    limit: changeBatch,
  };
  let recipients = 0;
  let skipped = 0;
  for (let after: number | null = 0; after !== null;) {
    const step = await store.change(change, after);
    recipients += step.changed;
    skipped += step.leased;
    after = step.next;
  }
  // What became due must be seen by the dispatcher; what left is found gone when it is claimed.
  await queue.refreshLanes();
  return { recipients, skipped };
}

/** The moves of queue.ts that operators may make. */
const changes = {
  hold: { from: ["queued"], to: "held", what: "held" },
  release: { from: ["held"], to: "queued", what: "released" },
  retry: { from: ["queued", "held", "inDoubt"], to: "queued", what: "retried" },
  drop: { from: ["queued", "held", "inDoubt"], to: "cancelled", what: "cancelled" },
} as const satisfies Record<QueueAction, { from: readonly WaitingState[]; to: RecipientState; what: string }>;

function statusOf(parts: GatewayParts): StatusSnapshot {
  const { config, clock, opened, queue, door, counters } = parts;
  const totals = opened.store.totals();
  const accounted =
    totals.relayed + totals.failed + totals.expired + totals.cancelled + totals.queued + totals.leased + totals.inDoubt + totals.held;
  const now = clock.now();
  const free = opened.store.freeBytes();
  const oldest = parts.oldestWaiting();
  return {
    version: parts.version,
    hostname: config.hostname,
    pid: process.pid,
    startedAt: parts.startedAt,
    uptimeMs: Date.now() - parts.startedAt,
    now,
    clockOffsetMs: now - Date.now(),
    configGeneration: queue.router.generation,
    totals,
    balance: { ok: accounted === totals.accepted, accepted: totals.accepted, accounted },
    oldestQueuedMs: totals.messages === 0 || oldest === null ? null : now - oldest,
    diskFreeBytes: free + config.queue.freeSpaceReserve,
    accepting: free > 0,
    connections: door.connections(),
    listeners: listenersOf(parts),
    routes: routesOf(parts),
    identities: [...parts.identities.values()].map((source) => source.status()),
    counters: {
      acceptedMessages: counters.acceptedMessages,
      refusedMessages: counters.refusals,
      attempts: counters.attempts,
      delayed: counters.delayed,
      returned: { ...counters.returned },
    },
  };
}

function listenersOf({ config, door, apis, pickup }: GatewayParts): readonly ListenerStatus[] {
  return [
    ...config.listeners.map((listener) => listenerStatus(listener, listener.kind, door)),
    ...config.sendmail.map(({ name, socket }) => listenerStatus({ name, address: socket, port: 0 }, "sendmail", door)),
    ...config.pickup.map(({ name, folder }) => listenerStatus({ name, address: folder, port: 0 }, "pickup", pickup)),
    ...config.http.listeners.map((listener) => listenerStatus(listener, listener.tls === undefined ? "api" : "api-tls", apis)),
  ];
}

function listenerStatus(
  { name, address, port }: { readonly name: string; readonly address: string; readonly port: number },
  kind: string,
  door: Pick<SmtpDoor, "addresses" | "connectionsOf">,
): ListenerStatus {
  const at = door.addresses().find((one) => one.listener === name);
  return {
    name,
    kind,
    address: at?.address ?? address,
    port: at?.port ?? port,
    ready: at !== undefined,
    connections: door.connectionsOf(name),
  };
}

function routesOf({ config, queue, pauses }: GatewayParts): readonly RouteStatus[] {
  return [...queue.dispatcher.outlets.values()].map((outlet) => {
    const options = config.routes.find(({ name }) => name === outlet.route.name);
    return routeStatus(outlet, options === undefined ? "" : targetOf(options), pauses.get(outlet.route.name)?.by);
  });
}

function targetOf(options: GatewayConfig["routes"][number]): string {
  switch (options.kind) {
    case "sink":
      return options.folder;
    case "mx":
      return "each domain's own mail servers";
    case "smtp":
      return `${options.host}:${options.port ?? 25}`;
    case "connector":
    case "direct-send":
      return options.host ?? `the MX of ${options.domain ?? ""}`;
    default:
      return options.hosts?.join(", ") ?? options.host ?? catalogue[options.kind].title;
  }
}

function routeStatus(outlet: Outlet, target: string, pausedBy = "the configuration"): RouteStatus {
  const { route, circuit, active, relayed, relayedBy, delayed, failed, openings, lastText } = outlet;
  return {
    name: route.name,
    kind: route.kind,
    circuit: circuit.state,
    since: circuit.since,
    ...(circuit.state === "open" ? { retryAt: circuit.retryAt } : {}),
    ...(circuit.state === "paused"
      ? { reason: `paused by ${pausedBy}` }
      : circuit.reason === null
        ? {}
        : { reason: reasonOf(circuit.reason) }),
    active,
    concurrency: route.traits.concurrency,
    relayed,
    relayedBy: { ...relayedBy },
    delayed,
    failed,
    openings,
    ...(lastText === "" ? {} : { lastReply: lastText }),
    target,
    ...(route.nextHops === undefined ? {} : { nextHops: route.nextHops() }),
    gates: gatesOf(outlet.turns),
  };
}

/** Why a route does not work, and what to do about it where the reply told. */
function reasonOf({ text, advice }: Failure): string {
  return advice === undefined ? text : `${text.replace(/\.?$/, ".")} ${advice}`;
}
