/**
 * The queue: what waits, what happens to it, and who may change it.
 *
 * State machine, per recipient (a message is finished when all its recipients are):
 *
 *     queued  → leased      the dispatcher takes it (in memory, about to be attempted)
 *             → held        an operator, or a DSN that nobody takes
 *             → cancelled   an operator
 *             → expired     its lifetime ended while it waited
 *     leased  → relayed     a next hop took it over
 *             → failed      refused for good
 *             → queued      delayed, put back, or found leased after a crash
 *             → inDoubt     it may have been taken, and the route may not repeat (trait `inDoubt: wait`); also when a crash finds it begun
 *             → expired     delayed by an attempt that was due at the end of its lifetime
 *     inDoubt → relayed, failed, queued      reconciled or decided by an operator
 *     held    → queued, cancelled, expired   an operator
 *
 * Nothing leaves relayed, failed, expired, cancelled. Nobody but the dispatcher touches what is leased: operators' changes wait for the
 * end of the attempt. *accepted = relayed + failed + expired + cancelled + queued + leased + inDoubt + held*, in every commit.
 *
 * What it promises: `accept` resolves when the message is on stable storage (RFC 5321 §6.1: the responsibility is ours from then on).
 * A recipient is attempted at least once, and more than once only if a crash or a lost answer left the outcome unknown.
 */
import { domainOf } from "../mail/address.ts";
import type { Clock } from "../lib/clock.ts";
import type { IdSource } from "../lib/ids.ts";
import type { LimitName, Limits } from "../limits/limits.ts";
import type { Route, RouteTraits } from "../routes/route.ts";
import type { Decision, Router } from "../routing/decide.ts";
import { admit, type Addressed, type Admission, type NewMessage } from "./admission.ts";
import type { Archive } from "./archive.ts";
import { createConclude } from "./conclude.ts";
import { Dispatcher } from "./dispatcher.ts";
import type { DsnComposer } from "./dsn-composer.ts";
import { keepFailedDsn, makeDsns, markTold, type DsnDraft } from "./dsns.ts";
import { jobOverhead, outgoingContent, portions, type Job } from "./job.ts";
import { LaneBook, type Lane, type LaneDescription } from "./lanes.ts";
import type { Notice } from "./notices.ts";
import type { QueueOptions } from "./options.ts";
import type { QueueLog } from "./queue-log.ts";
import { reroute } from "./reroute.ts";
import { expiredFailure } from "./settlement.ts";
import {
  StoreFailed,
  type ClaimedMessage,
  type Operation,
  type QueueStore,
  type Settlement,
  type StoredMessage,
  type StoredRecipient,
} from "./store.ts";
import { held, postponed, putBack } from "./unleased.ts";

export interface QueueDeps {
  readonly store: QueueStore;
  readonly archive: Archive;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly routes: ReadonlyMap<string, Route>;
  readonly router: Router;
  readonly options: QueueOptions;
  readonly dsn: DsnComposer;
  /** null: nothing is limited. */
  readonly limits: Limits | null;
  readonly log: QueueLog;
  readonly random?: () => number;
  /** The store cannot go on: the process must end and start anew. */
  readonly onStoreFailed: (error: unknown) => void;
}

const expirySweepMs = 60_000;
/** What is due at the end of its lifetime has so long to be attempted a last time before it expires without. */
const expiryGraceMs = 5 * 60_000;
const expiryBatch = 500;

export class Queue {
  readonly #deps: QueueDeps;
  readonly #lanes: LaneBook;
  readonly #decisions = new Set<string>();
  readonly dispatcher: Dispatcher;
  #router: Router;
  #sweep: Disposable | null = null;
  #closing = false;

  constructor(deps: QueueDeps) {
    this.#deps = deps;
    this.#router = deps.router;
    const { clock, log, options, limits } = deps;
    this.#lanes = new LaneBook(limits === null ? undefined : (route) => limits.countsExternal(route));
    this.dispatcher = new Dispatcher(deps.routes.values(), {
      clock,
      log,
      lanes: this.#lanes,
      generation: () => this.#router.generation,
      conclude: createConclude({
        clock,
        log,
        options,
        random: deps.random ?? Math.random,
        settle: (job, operations, notices, requeuedAt) => void this.#settle(job, operations, notices, requeuedAt),
        alternative: (job, failed, limited) => this.dispatcher.alternative(job, failed, limited),
        mayWait: (job, failed) => this.dispatcher.mayWait(job, failed),
        moveOver: (job, outlet) => this.dispatcher.moveOver(job, outlet),
        opened: (outlet, reason) => this.dispatcher.opened(outlet, reason),
      }),
      claim: (lane, max) => this.#claim(lane, max),
      begin: ({ message: { id }, recipients }) =>
        this.#guard(this.#deps.store.apply([{ op: "begin", messageId: id, recipients: recipients.map(({ n }) => n) }])),
      putBack: (job) => this.#putBack(job),
      postpone: (job, recipients, notBefore, limit) => this.#postpone(job, recipients, notBefore, limit),
      limits,
      isInternal: (domain) => this.#router.isAccepted(domain),
    });
  }

  get router(): Router {
    return this.#router;
  }

  /** Picks up what waits in the store. Call once, before anything else. */
  async open(): Promise<void> {
    await this.refreshLanes();
    this.#scheduleSweep();
  }

  /** Learns from the store which lanes have work: at start, and after operators changed what waits. */
  async refreshLanes(): Promise<void> {
    for (const { lane: id, notBefore } of await this.#deps.store.lanes()) {
      const lane = this.#lanes.byId(id) ?? (await this.#restoreLane(id));
      this.dispatcher.backlogged(lane, notBefore);
    }
  }

  async #restoreLane(id: number): Promise<Lane> {
    const stored = (await this.#deps.archive.decision(`lane:${id}`)) as LaneDescription | null;
    // A lane without description cannot come from us; it counts as one of another configuration, so that what is in it is routed anew.
    return this.#lanes.restore(id, stored ?? { principal: "", routes: [], bucket: 0 });
  }

  /** Makes a message durable and sets it on its way. Rejects with StoreFull or StoreFailed. */
  accept(message: StoredMessage, body: Uint8Array | null, addressed: readonly Addressed[]): Promise<void> {
    return this.acceptAll([{ message, body, addressed }]);
  }

  /** All of them and what else belongs to the same commit, or none. */
  async acceptAll(messages: readonly NewMessage[], besides: readonly Operation[] = []): Promise<void> {
    const operations: Operation[] = [...besides];
    const admitted = messages.map((given) => {
      const { message, body, event } = given;
      const admissions = this.#admit(given, operations);
      if (event !== undefined) operations.push({ op: "event", messageId: message.id, event });
      return { message, body, admissions };
    });
    try {
      await this.#deps.store.apply(operations);
    } catch (error) {
      for (const { admissions } of admitted)
        for (const { lane, weight, state } of admissions) if (state === "leased") this.dispatcher.cancel(lane, weight);
      if (error instanceof StoreFailed) this.#deps.onStoreFailed(error);
      throw error;
    }
    for (const { addressed } of messages) for (const { decision } of addressed) this.#decisions.add(decision.key);
    for (const { message, body, admissions } of admitted) this.#start(message, body, admissions);
  }

  #admit({ message, body, addressed, notBefore }: NewMessage, operations: Operation[]): readonly Admission[] {
    return admit(message, body, addressed, operations, {
      dispatcher: this.dispatcher,
      lanes: this.#lanes,
      decisions: this.#decisions,
      now: this.#deps.clock.now(),
      ...(notBefore === undefined ? {} : { notBefore }),
    });
  }

  /** The admissions are durable. */
  #start(message: StoredMessage, body: Uint8Array | null, admissions: readonly Admission[]): void {
    this.#deps.log.accepted(
      message,
      admissions.length === 1 ? (admissions[0] as Admission).recipients : admissions.flatMap(({ recipients }) => recipients),
    );
    for (const { lane, state, weight, recipients, notBefore } of admissions) {
      lane.stored = true;
      if (state === "leased") this.#enqueue(message, body, recipients, lane, weight);
      else if (state === "queued") this.dispatcher.backlogged(lane, notBefore);
      else this.#deps.log.held(message, recipients, "there is no route for it");
    }
  }

  /** One reservation becomes as many jobs as transactions are needed. */
  #enqueue(message: StoredMessage, body: Uint8Array | null, recipients: readonly StoredRecipient[], lane: Lane, weight: number): void {
    const content = outgoingContent(message, body, (from) => this.#deps.store.readContent(from.content, from.id));
    let first = true;
    const routes = lane.routes.flatMap((name) => this.#deps.routes.get(name)?.traits ?? []);
    const max = this.#largestTransaction(lane, routes);
    const perDestination = routes.some((traits) => traits.perDestination);
    for (const part of portions(recipients, max, perDestination)) {
      if (!first) this.dispatcher.reserve(lane, weight);
      first = false;
      this.dispatcher.enqueue({ message, recipients: part, content, weight, lane, tried: [], maySucceedLater: false });
    }
  }

  /** Recipients: as many as every route of the lane takes at once, and as every limit of theirs can ever have room for. */
  #largestTransaction({ routes }: Lane, traits: readonly RouteTraits[]): number {
    const { limits } = this.#deps;
    const limited = limits === null ? [] : routes.map((route) => limits.largestTransaction(route));
    return Math.max(1, Math.min(...limited, ...traits.map(({ maxRecipients }) => maxRecipients)));
  }

  async #claim(lane: Lane, max: number): Promise<void> {
    const { store, clock } = this.#deps;
    lane.backlogDue = null;
    const claim = await this.#guard(store.claim(lane.id, clock.now(), max));
    if (claim.nextDue !== null) lane.backlogDue = lane.backlogDue === null ? claim.nextDue : Math.min(lane.backlogDue, claim.nextDue);
    for (const claimed of claim.messages) this.#take(claimed, lane);
  }

  /** Puts claimed recipients to work. */
  #take(claimed: ClaimedMessage, claimedLane: Lane): void {
    const { message, body } = claimed;
    const decide = (of: StoredMessage, address: string) => this.decide(of, address);
    const { groups, operations } = reroute(claimed, claimedLane, { lanes: this.#lanes, decisions: this.#decisions, decide });
    if (operations.length > 0) {
      for (const operation of operations) if (operation.op === "rerouted") this.#decisions.add(operation.decision);
      void this.dispatcher.track(this.#apply(operations));
    }
    const weight = (body?.length ?? 0) + jobOverhead;
    for (const [lane, group] of groups) {
      if (lane === null) {
        this.#hold(message, group, "no route is configured for it any more");
      } else {
        this.dispatcher.reserve(lane, weight);
        this.#enqueue(message, body, group, lane, weight);
      }
    }
  }

  /** What the present configuration says about a stored message. */
  decide(message: StoredMessage, address: string): Decision {
    return this.#router.decide({
      message: message.id,
      principal: message.principal,
      reversePath: message.reversePath,
      authors: message.author === "" ? [] : message.author.split(", "),
      recipientDomain: domainOf(address),
      recipient: address,
      size: message.prefix.length + message.content.size,
      dsn: message.dsnFor !== undefined,
      smtputf8: message.smtputf8 === true,
    });
  }

  #putBack(job: Job): void {
    void this.#write(putBack(job), job.lane, this.#deps.clock.now());
  }

  /** A limit has no room for some recipients of a job: no attempt, no failure of theirs, only a time. */
  #postpone({ message, lane }: Job, recipients: readonly StoredRecipient[], notBefore: number, limit: LimitName): void {
    void this.#write(postponed(message, lane, recipients, notBefore, limit, this.#deps.clock.now()), lane, notBefore);
  }

  #hold(message: StoredMessage, recipients: readonly StoredRecipient[], reason: string): void {
    this.#deps.log.held(message, recipients, reason);
    void this.#apply(held(message, recipients, reason, this.#deps.clock.now()));
  }

  #expire({ message, recipients, body }: ClaimedMessage): Promise<void> {
    const settlements: Settlement[] = [];
    const notices: Notice[] = [];
    for (const recipient of recipients) {
      const reason = expiredFailure(recipient.lastFailure);
      this.#deps.log.expired(message, recipient, reason);
      settlements.push({ n: recipient.n, from: "leased", to: "expired", failure: reason });
      notices.push({ kind: "failure", recipient, failure: reason });
    }
    const content = outgoingContent(message, body, (from) => this.#deps.store.readContent(from.content, from.id));
    return this.#settle(
      { message, content, lane: null },
      [{ op: "settle", messageId: message.id, recipients: settlements }],
      notices,
      null,
    );
  }

  #scheduleSweep(): void {
    this.#sweep = this.#deps.clock.at(this.#deps.clock.now() + expirySweepMs, () => {
      void this.dispatcher.track(this.#expireOverdue()).finally(() => this.#scheduleSweep());
    });
  }

  /** What waits for a route that does not come back, or for its turn, expires all the same. One batch is written before the next is taken. */
  async #expireOverdue(): Promise<void> {
    try {
      while (!this.#closing) {
        const overdue = await this.#guard(this.#deps.store.claimExpired(this.#deps.clock.now() - expiryGraceMs, expiryBatch));
        if (overdue.length === 0) return;
        await Promise.all(overdue.map((claimed) => this.#expire(claimed)));
      }
    } catch (error) {
      // For want of space: the next sweep may find some.
      this.#deps.log.fault("expiry", error);
    }
  }

  /** Writes what became of an attempt, with the DSNs it causes in the same commit. */
  #settle(
    job: { message: StoredMessage; content: Job["content"]; lane: Lane | null },
    operations: Operation[],
    notices: readonly Notice[],
    requeuedAt: number | null,
  ): Promise<void> {
    const { dsn, log, clock } = this.#deps;
    const { message, lane } = job;
    const wanted = notices.filter((notice) => dsn.wants(notice.kind, message, notice.recipient));
    if (message.dsnFor !== undefined) operations = keepFailedDsn(message.id, operations, clock.now());
    if (wanted.length === 0) return operations.length > 0 ? this.#write(operations, lane, requeuedAt) : Promise.resolve();
    return this.dispatcher.track(
      makeDsns(wanted, message, job.content, { dsn, now: clock.now(), options: this.#deps.options, nextId: () => this.#deps.ids.next() })
        .then((drafts) => this.#writeWithDsns(message, markTold(operations, wanted), drafts, lane, requeuedAt))
        .catch((error: unknown) => {
          log.fault("dsn", error);
          return this.#write(operations, lane, requeuedAt);
        }),
    );
  }

  async #writeWithDsns(
    about: StoredMessage,
    operations: Operation[],
    drafts: readonly DsnDraft[],
    lane: Lane | null,
    requeuedAt: number | null,
  ): Promise<void> {
    const started: (() => void)[] = [];
    for (const { kind, message, body, recipient, recipients: told } of drafts) {
      const decision = this.decide(message, recipient.address);
      const admissions = this.#admit({ message, body, addressed: [{ recipient, decision }] }, operations);
      operations.push({
        op: "event",
        messageId: about.id,
        event: { at: this.#deps.clock.now(), what: "dsn-sent", text: `${kind} notification to ${recipient.address}`, recipients: told },
      });
      started.push(() => {
        this.#deps.log.dsnMade(message, about, kind);
        this.#start(message, body, admissions);
      });
    }
    // Events of a message must come before the settlement that finishes it.
    operations.sort((a, b) => Number(a.op === "settle") - Number(b.op === "settle"));
    await this.#apply(operations);
    for (const start of started) start();
    if (requeuedAt !== null && lane !== null) this.dispatcher.backlogged(lane, requeuedAt);
  }

  #write(operations: readonly Operation[], lane: Lane | null, requeuedAt: number | null): Promise<void> {
    return this.dispatcher.track(
      this.#apply(operations).then(() => {
        if (requeuedAt !== null && lane !== null) this.dispatcher.backlogged(lane, requeuedAt);
      }),
    );
  }

  /** Settlements are never lost silently: without them the state in memory and on disk would part, so the process ends. */
  async #apply(operations: readonly Operation[]): Promise<void> {
    try {
      await this.#guard(this.#deps.store.apply(operations));
    } catch (error) {
      this.#deps.log.fault("settle", error);
      this.#deps.onStoreFailed(error);
    }
  }

  async #guard<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (error instanceof StoreFailed) this.#deps.onStoreFailed(error);
      throw error;
    }
  }

  /** Uses another routing configuration from now on, also for what waits. */
  reroute(router: Router): void {
    this.#router = router;
    this.dispatcher.rerouted();
  }

  async close(drainMs: number): Promise<void> {
    this.#closing = true;
    this.#sweep?.[Symbol.dispose]();
    await this.dispatcher.close(drainMs);
  }
}
