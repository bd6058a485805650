import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Recipient } from "../../src/mail/envelope.ts";
import { openLedger } from "../../src/limits/ledger.ts";
import type { LimitRule } from "../../src/limits/rule.ts";
import { steadyClock } from "../../src/lib/steady-clock.ts";
import type { Limits } from "../../src/limits/limits.ts";
import { PolicyClock } from "../../src/lib/clock.ts";
import { IdSource } from "../../src/lib/ids.ts";
import { createLateNews } from "../../src/queue/keep-late-news.ts";
import type { LateNews } from "../../src/queue/late-news.ts";
import type { QueueOptions } from "../../src/queue/options.ts";
import { Queue } from "../../src/queue/queue.ts";
import type { QueueLog } from "../../src/queue/queue-log.ts";
import type { StoredMessage } from "../../src/queue/store.ts";
import { createDsnComposer } from "../../src/reports/dsn.ts";
import type { Route } from "../../src/routes/route.ts";
import { Router } from "../../src/routing/decide.ts";
import type { RoutingOptions } from "../../src/routing/options.ts";
import { openStore, type OpenStore } from "../../src/store/sqlite/open-store.ts";

/** A real queue over a real store in a folder of its own; the ways out are the test's. */
export interface QueueWorld extends AsyncDisposable {
  readonly queue: Queue;
  readonly lateNews: LateNews;
  readonly opened: OpenStore;
  readonly clock: PolicyClock;
  readonly facts: string[];
  readonly directory: string;
  /** Accepts a message of some bytes; resolves with its id when it is durable. */
  send(message: SentMessage): Promise<number>;
  /** Moves the policy clock on in steps from due time to due time, each run to rest, as the demo's follower does. */
  advance(ms: number): Promise<void>;
  /** Closes and opens again on the same folder. */
  reopen(): Promise<QueueWorld>;
}

export interface SentMessage {
  readonly to: readonly (string | Recipient)[];
  readonly from?: string | null;
  readonly principal?: string;
  readonly ret?: "FULL" | "HDRS";
  readonly priority?: "bulk";
}

export const testOptions: QueueOptions = {
  lifetimeMs: 2 * 86_400_000,
  retry: { firstMs: 60_000, factor: 2, longestMs: 3_600_000, jitter: 0 },
  delayNoticeMs: 4 * 3_600_000,
  missingHeaders: "add",
  maxHops: 50,
  freeSpaceReserve: 0,
  dsnReturn: 65_536,
};

export interface WorldOptions {
  readonly routes: readonly Route[];
  readonly rules?: RoutingOptions["rules"];
  readonly options?: Partial<QueueOptions>;
  readonly directory?: string;
  readonly clock?: PolicyClock;
  readonly limits?: Limits;
}

/** A queue under limits, by the real account of them. */
export async function openLimitedWorld({ limits, ...options }: Omit<WorldOptions, "limits"> & { readonly limits: readonly LimitRule[] }) {
  const clock = options.clock ?? new PolicyClock();
  let world: QueueWorld | null = null;
  const ledger = await openLedger({
    rules: limits,
    clock: steadyClock(clock),
    journal: null,
    onFreed: (routes) => world?.queue.dispatcher.freed(routes),
  });
  world = await openQueueWorld({ ...options, clock, limits: ledger });
  return Object.assign(world, { ledger });
}

const content = Buffer.from("From: <app@contoso.example>\r\nSubject: hello\r\n\r\nbody\r\n");

export async function openQueueWorld(options: WorldOptions): Promise<QueueWorld> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), "postern-queue-")));
  const clock = options.clock ?? new PolicyClock();
  const opened = await openStore({
    directory,
    now: () => clock.now(),
    freeSpaceReserveBytes: 0,
    onFault: (error) => facts.push(`store-failed ${error.message}`),
  });
  const facts: string[] = [];
  const routes = new Map(options.routes.map((route) => [route.name, route]));
  const rules = options.rules ?? [{ name: "all", routes: [...routes.keys()] }];
  const router = new Router(
    { acceptedDomains: ["contoso.example"], rules },
    new Map([...routes].map(([name, { traits }]) => [name, traits])),
  );
  const ids = new IdSource(() => clock.now(), opened.store.lastId);
  const shared = {
    archive: opened.archive,
    clock,
    ids,
    options: { ...testOptions, ...options.options },
    dsn: createDsnComposer({ hostname: "gateway.contoso.example", postmaster: "postmaster@contoso.example" }),
    log: recorder(facts),
  };
  const queue = new Queue({
    ...shared,
    store: opened.store,
    routes,
    router,
    limits: options.limits ?? null,
    random: () => 0.5,
    onStoreFailed: (error) => facts.push(`store-failed ${String(error)}`),
  });
  await queue.open();
  const world: QueueWorld = {
    queue,
    lateNews: createLateNews({ queue, ...shared }),
    opened,
    clock,
    facts,
    directory,
    async send({ to, from = "app@contoso.example", principal = "app", ret, priority }) {
      const id = ids.next();
      const now = clock.now();
      const message: StoredMessage = {
        id,
        receivedAt: now,
        principal,
        origin: { door: "smtp", clientAddress: "127.0.0.1" },
        reversePath: from,
        messageIdField: `<${id}@test.example>`,
        subject: "hello",
        author: "app@contoso.example",
        content: { size: content.length, leadingDots: false, eightBit: false },
        prefix: Buffer.from("Received: test\r\n"),
        expiresAt: now + (options.options?.lifetimeMs ?? testOptions.lifetimeMs),
        ...(ret === undefined ? {} : { ret }),
        ...(priority === undefined ? {} : { priority }),
      };
      const addressed = to.map((entry) => {
        const recipient: Recipient = typeof entry === "string" ? { address: entry } : entry;
        return { recipient, decision: queue.decide(message, recipient.address) };
      });
      await queue.accept(message, content, addressed);
      return id;
    },
    async advance(ms) {
      const target = clock.now() + ms;
      await queue.dispatcher.atRest();
      for (let due = clock.nextDue(); due !== null && due <= target; due = clock.nextDue()) {
        if (due > clock.now()) clock.set(due);
        await turn();
        await queue.dispatcher.atRest();
      }
      clock.set(target);
      await turn();
      await queue.dispatcher.atRest();
    },
    async reopen() {
      await queue.close(1000);
      await opened[Symbol.asyncDispose]();
      return openQueueWorld({ ...options, directory, clock });
    },
    async [Symbol.asyncDispose]() {
      await queue.close(1000);
      await opened[Symbol.asyncDispose]();
      clock[Symbol.dispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
  return world;
}

/** Lets timers that are due now fire. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 2));
}

function recorder(facts: string[]): QueueLog {
  return {
    accepted: () => undefined,
    relayed: (_message, recipient, attempt) => facts.push(`relayed ${recipient.address} by ${attempt.route}`),
    delayed: (_message, recipient, _attempt, failure) => facts.push(`delayed ${recipient.address} ${failure.code}`),
    failed: (_message, recipient, _attempt, failure) => facts.push(`failed ${recipient.address} ${failure.code}`),
    expired: (_message, recipient) => facts.push(`expired ${recipient.address}`),
    inDoubt: (_message, recipient) => facts.push(`in-doubt ${recipient.address}`),
    held: (_message, recipients, reason) => facts.push(`held ${recipients.map(({ address }) => address).join(",")} ${reason}`),
    dsnMade: (dsn, _about, kind) => facts.push(`dsn ${kind} ${dsn.subject}`),
    heardLater: (_message, address, { action, text }) => facts.push(`heard ${address} ${action} ${text}`),
    circuitOpened: (route) => facts.push(`open ${route}`),
    limitReached: (route, priority, recipients, limit) => facts.push(`limit ${route} ${priority} ${recipients} ${limit.id}`),
    circuitClosed: (route) => facts.push(`closed ${route}`),
    fault: (where, error) => facts.push(`fault ${where} ${String(error)}`),
  };
}
