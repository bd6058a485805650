import type { NextHop } from "../routes/route.ts";
import type { DeliverySecurity } from "../mail/delivery-security.ts";
import type { ReturnResult } from "../feedback/bounces/bounce-desk.ts";
import type { Addressees, Forecast, ForecastQuestion } from "../forecast/forecast.ts";
import type { RunOptions } from "../forecast/run-forecast.ts";
import type { Device } from "../ingress/devices.ts";
import type { Page, QueueEntry, QueueFilter, TraceQuery, TraceRecord, TraceSummary } from "../queue/archive.ts";
import type { Totals } from "../queue/store.ts";
import type { LimitAlert } from "../limits/limit-alerts.ts";
import type { ReputationFigures } from "../limits/reputation.ts";
import type { UsageHistoryQuery, UsageSeries } from "../limits/usage-history.ts";
import type { LimitUsage, UsageQuery } from "../limits/usage.ts";
import type { TokenSourceStatus } from "../identity/tokens/token-source.ts";
import type { DoctorReport } from "./doctor/examination.ts";
import type { Rotation } from "./setup/setup.ts";
import type { ProbeResult } from "../routes/route.ts";
import type { LimitName } from "../limits/limits.ts";
import type { Priority } from "../mail/priority.ts";
import type { Decision, RecipientClass } from "../routing/decide.ts";
import type { FidelityFacts } from "../routing/fidelity.ts";
import type { Outlook } from "../routing/outlook.ts";
import type { Pin } from "../routing/pins.ts";

/**
 * What operators may ask of a running gateway; main.ts implements it over the parts, the admin handlers speak it.
 *
 * Duties of the implementation: every method answers in bounded time or heeds `signal`; nothing here blocks the queue (listings go by the
 * archive's own worker); changes are durable when they resolve. Times are policy-clock ms unless a name says otherwise.
 */
export interface Gateway {
  status(): StatusSnapshot;
  ready(): Readiness;
  readonly queue: QueueControl;
  trace(id: number): Promise<TraceRecord | null>;
  find(query: TraceQuery): Promise<readonly TraceSummary[]>;
  /** The decision stored under a key; null when it is unknown. */
  decision(key: string): Promise<Decision | null>;
  /** What the present rules and pins say about the recipients of a message that wait, by their number. */
  presentDecisions(id: number): Promise<ReadonlyMap<number, Decision>>;
  readonly routes: RouteControl;
  /** What is missing, for one route or for all; null when there is no such route. Logs in, sends nothing. */
  doctor(route: string | null, signal: AbortSignal): Promise<readonly DoctorReport[] | null>;
  readonly setup: SetupControl;
  /** What routing would decide now for such a message; nothing is sent. */
  explain(question: ExplainQuestion): readonly ExplainAnswer[];
  /** What the routes of a decision would do, by the traits they have now. */
  outlooks(decision: Decision, facts: FidelityFacts): readonly Outlook[];
  readonly pins: PinControl;
  readonly forecast: ForecastControl;
  readonly quota: QuotaControl;
  /** Who was seen sending, most recent first. */
  devices(): readonly Device[];
  /** Copies the data directory to `directory` (absent or empty) while running. */
  backup(directory: string, onProgress: (progress: BackupProgress) => void, signal: AbortSignal): Promise<BackupReport>;
  /** Reads the configuration again; what cannot change without a restart is told, nothing is half applied. */
  reload(): Promise<ReloadReport>;
}

export interface QueueControl {
  list(filter: QueueFilter, page: Page): Promise<readonly QueueEntry[]>;
  /** Messages that wait, for one filter. */
  count(filter: QueueFilter): Promise<number>;
  /** Recipients changed. `hold`: queued to held. `release`: held to queued. `retry`: queued and held become due now. `drop`: cancelled, without a DSN. */
  change(action: QueueAction, filter: QueueFilter, by: string): Promise<QueueChange>;
}

export type QueueAction = "hold" | "release" | "retry" | "drop";

export interface QueueChange {
  readonly recipients: number;
  /** Recipients that matched but could not be changed, such as one that is being attempted. */
  readonly skipped: number;
}

export interface RouteControl {
  list(): readonly RouteStatus[];
  /** Both also over restarts. @param by who asks */
  pause(name: string, by: string): Promise<boolean>;
  resume(name: string): Promise<boolean>;
  /** null when there is no such route. */
  probe(name: string, signal: AbortSignal): Promise<ProbeResult | null>;
}

export interface SetupControl {
  /** How the secret or certificate of a route's identity is renewed; nothing is done. @throws SetupRefused */
  rotation(route: string): Rotation;
  /** A user signs in for the route's identity. `tell` gets what they must do. @throws SetupRefused, TokenFailed */
  signIn(route: string, tell: (line: string) => void, signal: AbortSignal): Promise<void>;
}

export interface StatusSnapshot {
  readonly version: string;
  readonly hostname: string;
  readonly pid: number;
  /** Wall time, ms. */
  readonly startedAt: number;
  readonly uptimeMs: number;
  /** Policy time, ms. */
  readonly now: number;
  /** Policy time minus wall time. */
  readonly clockOffsetMs: number;
  readonly configGeneration: string;
  readonly totals: Totals;
  readonly balance: Balance;
  /** Age of the longest waiting message; null when none waits. */
  readonly oldestQueuedMs: number | null;
  readonly diskFreeBytes: number;
  readonly accepting: boolean;
  readonly connections: number;
  readonly listeners: readonly ListenerStatus[];
  readonly routes: readonly RouteStatus[];
  /** As whom routes get tokens. Wall time. */
  readonly identities: readonly TokenSourceStatus[];
  /** Since start: messages taken and refused at the doors, attempts at the routes. */
  readonly counters: Counters;
}

/** accepted = relayed + failed + expired + cancelled + queued + leased + inDoubt + held. */
export interface Balance {
  readonly ok: boolean;
  readonly accepted: number;
  readonly accounted: number;
}

export interface Counters {
  readonly acceptedMessages: number;
  readonly refusedMessages: number;
  readonly attempts: number;
  readonly delayed: number;
  /** What came back to bounce addresses. */
  readonly returned: Readonly<Record<ReturnResult, number>>;
}

export interface ListenerStatus {
  readonly name: string;
  /** `relay`, `submission`, `submissions`, `legacy`, `bounce`, `sendmail`, `pickup`, `http`, `api`, `api-tls`. */
  readonly kind: string;
  /** Of a door that is a file: its path, and port 0. */
  readonly address: string;
  readonly port: number;
  readonly ready: boolean;
  readonly connections: number;
  readonly text?: string;
}

export interface RouteStatus {
  readonly name: string;
  readonly kind: string;
  /** `closed`: traffic flows; `open`: in trouble, probed from time to time; `paused`: by an operator. */
  readonly circuit: "closed" | "open" | "paused";
  readonly since: number;
  readonly retryAt?: number;
  readonly reason?: string;
  readonly active: number;
  readonly concurrency: number;
  readonly connections?: number;
  readonly relayed: number;
  readonly relayedBy: Readonly<Record<DeliverySecurity, number>>;
  readonly delayed: number;
  readonly failed: number;
  readonly openings: number;
  readonly lastReply?: string;
  /** Where it leads, `host:port` or a folder. */
  readonly target: string;
  /** Each of several servers, and how it does. */
  readonly nextHops?: readonly NextHop[];
  /** Closed by limits. */
  readonly gates: readonly GateStatus[];
}

/** Mail of one priority to one class of recipients that a limit keeps waiting. */
export interface GateStatus {
  readonly priority: Priority;
  readonly recipients: RecipientClass | "all";
  readonly since: number;
  /** When the limit is asked again. */
  readonly until: number;
  readonly limit: LimitName;
}

export interface Readiness {
  readonly ok: boolean;
  readonly listeners: readonly ListenerStatus[];
  readonly reasons: readonly string[];
}

export interface ExplainQuestion {
  /** null is `<>`. */
  readonly from: string | null;
  readonly to: readonly string[];
  readonly size: number;
  readonly principal: string;
  /** Addresses in From; empty: the reverse-path. */
  readonly authors?: readonly string[];
  /** null: there is no Reply-To; absent: not known. */
  readonly replyTo?: string | null;
}

export interface ForecastControl {
  /** When mail that is not sent yet would be out. @throws QuestionRefused; rejects when the signal aborts */
  ask(request: ForecastRequest, options: RunOptions): Promise<ForecastAnswer>;
}

/** What is absent is taken from the configuration or from now. */
export interface ForecastRequest extends Pick<ForecastQuestion, "size" | "perMessage" | "priority"> {
  readonly internal?: number;
  readonly external?: number;
  readonly to?: readonly Addressees[];
  readonly from?: string | null;
  readonly principal?: string;
  readonly startsAt?: number;
}

export interface ForecastAnswer {
  readonly now: number;
  readonly question: ForecastQuestion;
  readonly forecast: Forecast;
}

export interface PinControl {
  list(): readonly Pin[];
  /** null: there are too many. */
  add(pin: Omit<Pin, "id" | "at">): Promise<Pin | null>;
  remove(id: string): Promise<boolean>;
}

/** What was used of the limits. */
export interface QuotaControl {
  /** Looks at each counter once: no more often than people, or a monitor, do. */
  limits(query: UsageQuery): readonly LimitUsage[];
  history(query: UsageHistoryQuery): readonly UsageSeries[];
  /** The newest first. */
  alerts(): readonly LimitAlert[];
  /** What a service says was used in all. @param counted for whom, as `limits` tells; absent: all. Returns whether there is such a limit. */
  observe(rule: string, observed: number, counted?: string): Promise<boolean>;
  /** Forgets what is believed of other senders. Returns of how many counters. */
  forget(rule: string, counted?: string): Promise<number>;
  /** Of the last days, 90 at most; the pair with the most mail first. */
  figures(days: number): readonly ReputationFigures[];
}

/** Routes that operators paused, kept over restarts. */
export interface PauseBook {
  get(route: string): { readonly by: string; readonly at: number } | undefined;
  set(route: string, pause: { readonly by: string; readonly at: number }): Promise<void>;
  remove(route: string): Promise<void>;
}

export interface ExplainAnswer {
  readonly recipient: string;
  readonly decision: Decision;
  readonly outlooks: readonly Outlook[];
}

export interface BackupProgress {
  readonly step: string;
  readonly done: number;
  readonly total: number;
}

export interface BackupReport {
  readonly directory: string;
  readonly files: number;
  readonly bytes: number;
  readonly messages: number;
}

export interface ReloadReport {
  readonly ok: boolean;
  readonly generation: string;
  /** What changed and is in force. */
  readonly applied: readonly string[];
  /** What changed but waits for a restart. */
  readonly needsRestart: readonly string[];
  /** Faults of the file; nothing was applied. */
  readonly faults: readonly string[];
}

/** What startGateway of main.ts gives. */
export interface RunningGateway extends Gateway {
  /** Stops taking mail, lets running transactions end for at most `graceMs`, closes the store. */
  stop(graceMs: number): Promise<void>;
  /** Settles when the gateway cannot go on (failed disk); the process must end and be restarted. */
  readonly failed: Promise<Error>;
}
