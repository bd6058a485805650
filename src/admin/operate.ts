import type { SmtpDoor } from "../ingress/smtp/smtp-door.ts";
import type { DeviceRegistry } from "../ingress/devices.ts";
import { domainOf } from "../mail/address.ts";
import type { PolicyClock } from "../lib/clock.ts";
import type { Outlet } from "../queue/outlet.ts";
import type { Queue } from "../queue/queue.ts";
import type { Decision } from "../routing/decide.ts";
import type { OpenedStore } from "../store/sqlite/open-store.ts";
import type { GatewayConfig } from "../config/config.ts";
import type { FactCounters } from "./facts.ts";
import type { Gateway, ListenerStatus, QueueAction, QueueChange, ReloadReport, RouteStatus, StatusSnapshot } from "./gateway.ts";

/** The parts of a running gateway, as operators see them. */
export interface GatewayParts {
  readonly config: GatewayConfig;
  readonly version: string;
  /** Wall time, ms. */
  readonly startedAt: number;
  readonly clock: PolicyClock;
  readonly opened: OpenedStore;
  readonly queue: Queue;
  readonly door: SmtpDoor;
  readonly devices: DeviceRegistry;
  readonly counters: FactCounters;
  readonly reload: () => Promise<ReloadReport>;
}

/** Messages changed in one step; between steps the queue goes on. */
const changeBatch = 1000;

export function createGateway(parts: GatewayParts): Gateway {
  const { opened, queue, door, devices } = parts;
  const { store, archive } = opened;
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
    routes: {
      list: () => routesOf(parts),
      pause: async (name) => queue.dispatcher.pause(name),
      resume: async (name) => queue.dispatcher.resume(name),
      probe: async (name, signal) => (await queue.dispatcher.outlets.get(name)?.route.probe(signal)) ?? null,
    },
    explain: ({ from, to, size, principal }) =>
      to.map((recipient) => ({
        recipient,
        decision: queue.router.decide({ principal, reversePath: from, recipientDomain: domainOf(recipient), size, dsn: false, smtputf8: false }),
      })),
    devices: () => devices.snapshot(),
    backup: (directory, onProgress, signal) => opened.backup(directory, onProgress, signal),
    reload: parts.reload,
  };
}

async function changeQueue({ opened, queue, clock }: GatewayParts, action: QueueAction, filter: Parameters<Gateway["queue"]["change"]>[1], by: string): Promise<QueueChange> {
  const to = action === "hold" ? "held" : action === "drop" ? "cancelled" : "queued";
  let messages = 0;
  let recipients = 0;
  let skipped = 0;
  for (let more = true; more; ) {
    const step = await opened.change(filter, { action, to, at: clock.now(), by }, changeBatch);
    messages += step.messages;
    recipients += step.recipients;
    skipped = step.skipped;
    more = step.more;
  }
  // What became due must be seen by the dispatcher; what left is found gone when it is claimed.
  await queue.refreshLanes();
  return { messages, recipients, skipped };
}

function statusOf(parts: GatewayParts): StatusSnapshot {
  const { config, clock, opened, queue, door, counters } = parts;
  const totals = opened.store.totals();
  const accounted = totals.relayed + totals.failed + totals.expired + totals.cancelled + totals.queued + totals.leased + totals.inDoubt + totals.held;
  const now = clock.now();
  const free = opened.store.freeBytes();
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
    oldestQueuedMs: opened.oldestWaiting() === null ? null : now - (opened.oldestWaiting() ?? now),
    diskFreeBytes: free,
    accepting: free >= config.queue.freeSpaceReserve,
    connections: door.connections(),
    listeners: listenersOf(parts),
    routes: routesOf(parts),
    counters: { acceptedMessages: counters.acceptedMessages, refusedMessages: counters.refusals, attempts: counters.attempts, delayed: counters.delayed },
  };
}

function listenersOf({ config, door }: GatewayParts): readonly ListenerStatus[] {
  const bound = door.addresses();
  return config.listeners.map(({ name, kind, address, port }) => {
    const at = bound.find((one) => one.listener === name);
    return { name, kind, address: at?.address ?? address, port: at?.port ?? port, ready: at !== undefined, connections: door.connectionsOf(name) };
  });
}

function routesOf({ config, queue }: GatewayParts): readonly RouteStatus[] {
  return [...queue.dispatcher.outlets.values()].map((outlet) => {
    const options = config.routes.find(({ name }) => name === outlet.route.name);
    return routeStatus(outlet, options === undefined ? "" : options.kind === "sink" ? options.folder : `${options.host}:${options.port ?? 25}`);
  });
}

function routeStatus({ route, circuit, active, relayed, delayed, failed, openings, lastText }: Outlet, target: string): RouteStatus {
  return {
    name: route.name,
    kind: route.kind,
    circuit: circuit.state,
    since: circuit.since,
    ...(circuit.state === "open" ? { retryAt: circuit.retryAt } : {}),
    ...(circuit.reason === null ? {} : { reason: circuit.reason.text }),
    active,
    concurrency: route.traits.concurrency,
    relayed,
    delayed,
    failed,
    openings,
    ...(lastText === "" ? {} : { lastReply: lastText }),
    target,
  };
}
