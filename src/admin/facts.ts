import type { ReturnResult } from "../feedback/bounces/bounce-desk.ts";
import type { ClientFacts, SmtpDoorLog } from "../ingress/smtp/door-log.ts";
import { formatId } from "../lib/ids.ts";
import type { TokenLog } from "../identity/tokens/cached-source.ts";
import type { LineOutput } from "../lib/line-output.ts";
import type { LimitAlert } from "../limits/limit-alerts.ts";
import type { Log, LogOutput } from "../lib/log.ts";
import type { Failure } from "../mail/failure.ts";
import { replyText } from "../mail/reply.ts";
import { enhancedStatus } from "../mail/status.ts";
import type { QueueLog } from "../queue/queue-log.ts";
import type { StoredMessage, StoredRecipient } from "../queue/store.ts";
import type { RouteLog } from "../routes/route-log.ts";

/**
 * The facts that the parts tell, written to the log and counted. Counters are since start; the totals that balance are the store's.
 */
export interface Facts {
  readonly door: SmtpDoorLog;
  readonly queue: QueueLog;
  readonly routes: RouteLog;
  readonly identities: TokenLog;
  readonly counters: FactCounters;
  /** A message came back to a bounce address. */
  readonly returned: (result: ReturnResult) => void;
  /** Facts of the process. */
  started(version: string, dataDirectory: string): void;
  stopping(reason: string): void;
  reloaded(generation: string, applied: readonly string[]): void;
  /** A limit is nearly used up, or a From domain becomes a bulk sender. */
  limitAlert(alert: LimitAlert): void;
}

export interface FactCounters {
  connections: number;
  openConnections: number;
  acceptedMessages: number;
  refusals: number;
  logIns: number;
  failedLogIns: number;
  attempts: number;
  relayed: number;
  delayed: number;
  failed: number;
  expired: number;
  inDoubt: number;
  dsns: number;
  /** What came back to bounce addresses, by what it was. */
  readonly returned: Record<ReturnResult, number>;
  circuitOpenings: number;
  faults: number;
}

/** @param isPrincipal whether a name is one of the configuration: only such names are logged as typed when a log-in fails. */
export function recordFacts({ log, lines }: Pick<LogOutput, "log" | "lines">, isPrincipal: (name: string) => boolean = () => false): Facts {
  const counters: FactCounters = {
    connections: 0,
    openConnections: 0,
    acceptedMessages: 0,
    refusals: 0,
    logIns: 0,
    failedLogIns: 0,
    attempts: 0,
    relayed: 0,
    delayed: 0,
    failed: 0,
    expired: 0,
    inDoubt: 0,
    dsns: 0,
    returned: { report: 0, note: 0, known: 0, forgotten: 0 },
    circuitOpenings: 0,
    faults: 0,
  };
  return {
    counters,
    door: doorFacts(log, counters, isPrincipal),
    queue: queueFacts(log, lines, counters),
    routes: routeFacts(log, counters),
    identities: identityFacts(log, counters),
    returned: (result) => void counters.returned[result]++,
    started: (version, dataDirectory) => log.info({ version, dataDirectory, pid: process.pid, node: process.version }, "started"),
    stopping: (reason) => log.info({ reason }, "stopping"),
    limitAlert: ({ kind, ...alert }) => log.warn({ ...alert, at: new Date(alert.at).toISOString() }, kind),
    reloaded: (generation, applied) => log.info({ generation, applied }, "reloaded"),
  };
}

function doorFacts(log: Log, counters: FactCounters, isPrincipal: (name: string) => boolean): SmtpDoorLog {
  return {
    listening: (listener, address, port) => log.info({ listener, address, port }, "listening"),
    connected(client) {
      counters.connections++;
      counters.openConnections++;
      if (log.isLevelEnabled("debug")) log.debug(clientOf(client), "connected");
    },
    disconnected(client, reason) {
      counters.openConnections--;
      if (log.isLevelEnabled("debug")) log.debug({ ...clientOf(client), reason }, "disconnected");
    },
    accepted(client, id, size) {
      if (log.isLevelEnabled("debug")) log.debug({ id: formatId(id), ...clientOf(client), size }, "received");
    },
    refused(client, code, text) {
      counters.refusals++;
      log.info({ ...clientOf(client), code, text }, "refused");
    },
    loggedIn(client, mechanism) {
      counters.logIns++;
      if (log.isLevelEnabled("debug")) log.debug({ ...clientOf(client), mechanism }, "logged-in");
    },
    logInFailed(client, mechanism, user, code) {
      counters.failedLogIns++;
      // People type passwords into the field for the name.
      log.warn({ ...clientOf(client), mechanism, user: isPrincipal(user) ? user : `${user.slice(0, 2)}…`, code }, "log-in-failed");
    },
    tlsOnPlainPort: (client, crossed) => log.info({ ...clientOf(client), crossed }, "tls-on-plain-port"),
    tlsFailed: (client, reason) => log.info({ ...clientOf(client), reason }, "tls-failed"),
    turnedAway(listener, address, code) {
      counters.refusals++;
      log.info({ listener, client: address, code }, "turned-away");
    },
    cut: (client, reason) => log.info({ ...clientOf(client), reason }, "cut"),
    fault(client, error) {
      counters.faults++;
      log.error({ ...(client === null ? {} : clientOf(client)), error }, "fault");
    },
  };
}

function routeFacts(log: Log, counters: FactCounters): RouteLog {
  return {
    connected(route, remote, address, tls) {
      if (log.isLevelEnabled("debug")) log.debug({ route, remote, address, tls }, "route-connected");
    },
    connectFailed: (route, remote, step, code, text) => log.warn({ route, remote, step, code, text }, "route-connect-failed"),
    connectionLost: (route, remote, text) => log.info({ route, remote, text }, "route-connection-lost"),
    tlsGivenUp: (route, remote, text) => log.warn({ route, remote, text }, "route-tls-given-up"),
    writeFailed: (route, folder, text) => log.warn({ route, folder, text }, "route-write-failed"),
    fault(where, error) {
      counters.faults++;
      log.error({ where, error }, "fault");
    },
  };
}

function identityFacts(log: Log, counters: FactCounters): TokenLog {
  const iso = (at: number) => new Date(at).toISOString();
  return {
    tokenRenewed: (identity, scope, expiresAt) => log.info({ identity, scope, expiresAt: iso(expiresAt) }, "token-renewed"),
    tokenFailed: (identity, scope, code, text) => log.warn({ identity, scope, code, text }, "token-failed"),
    credentialExpires: (identity, expiresAt, daysLeft) => log.warn({ identity, expiresAt: iso(expiresAt), daysLeft }, "credential-expires"),
    fault(where, error) {
      counters.faults++;
      log.error({ where, error }, "fault");
    },
  };
}

function queueFacts(log: Log, lines: LineOutput, counters: FactCounters): QueueLog {
  let openedAt = 0;
  let opened = "";
  /** Level and time; the time's text is made once a millisecond. */
  const opening = (): string => {
    const now = Date.now();
    if (now !== openedAt) {
      openedAt = now;
      opened = `{"level":"info","time":"${new Date(now).toISOString()}",`;
    }
    return opened;
  };
  const quote = JSON.stringify;
  return {
    // By hand: once a message and once a recipient, where the logger's way of composing would be a tenth of all the work.
    accepted(message, recipients) {
      counters.acceptedMessages++;
      if (!log.isLevelEnabled("info")) return;
      const { principal, origin, messageIdField, content, reversePath } = message;
      const to = recipients.length === 1 ? quote(recipients[0]?.address) : quote(recipients.slice(0, 20).map(({ address }) => address));
      const client = origin.clientAddress === undefined ? "" : `,"client":${quote(origin.clientAddress)}`;
      lines.write(
        `${opening()}"id":"${formatId(message.id)}","from":${quote(reversePath ?? "<>")},"to":${to},"recipients":${recipients.length},"principal":${quote(principal)},` +
          `"door":"${origin.door}"${client},"size":${content.size},"messageId":${quote(messageIdField)},"fact":"accepted"}\n`,
      );
    },
    relayed(message, recipient, attempt, text) {
      counters.attempts++;
      counters.relayed++;
      if (!log.isLevelEnabled("info")) return;
      const tls = attempt.tls === undefined ? "" : `,"tls":${quote(attempt.tls)}`;
      lines.write(
        `${opening()}"id":"${formatId(message.id)}","to":${quote(recipient.address)},"attempt":${recipient.attempts + 1},"route":${quote(attempt.route)},` +
          `"remote":${quote(attempt.remote)}${tls},"ms":${Math.round(attempt.durationMs)},"reply":${quote(text)},"fact":"relayed"}\n`,
      );
    },
    delayed(message, recipient, attempt, reason, notBefore) {
      counters.attempts++;
      counters.delayed++;
      if (!log.isLevelEnabled("info")) return;
      log.info(
        {
          ...about(message, recipient),
          route: attempt.route,
          remote: attempt.remote,
          ...causeOf(reason),
          notBefore: new Date(notBefore).toISOString(),
        },
        "delayed",
      );
    },
    failed(message, recipient, attempt, reason) {
      if (attempt !== null) counters.attempts++;
      counters.failed++;
      log.warn(
        { ...about(message, recipient), ...(attempt === null ? {} : { route: attempt.route, remote: attempt.remote }), ...causeOf(reason) },
        "failed",
      );
    },
    expired(message, recipient, reason) {
      counters.expired++;
      log.warn({ ...about(message, recipient), ...causeOf(reason) }, "expired");
    },
    inDoubt(message, recipient, attempt, reason) {
      counters.attempts++;
      counters.inDoubt++;
      log.warn({ ...about(message, recipient), route: attempt.route, remote: attempt.remote, ...causeOf(reason) }, "in-doubt");
    },
    held: (message, recipients, reason) => log.info({ id: formatId(message.id), recipients: recipients.length, reason }, "held"),
    dsnMade(dsn, original, kind) {
      counters.dsns++;
      log.info({ id: formatId(dsn.id), about: formatId(original.id), kind }, "dsn-made");
    },
    heardLater(message, address, { action, remote, text, failure }) {
      const facts = { id: formatId(message.id), to: address, action, remote, said: text };
      if (failure === undefined) log.info(facts, "heard-later");
      else log.warn({ ...facts, code: failure.code, status: enhancedStatus(true, failure.detail) }, "heard-later");
    },
    circuitOpened(route, reason, retryAt) {
      counters.circuitOpenings++;
      log.warn({ route, ...causeOf(reason), retryAt: new Date(retryAt).toISOString() }, "route-opened");
    },
    limitReached: (route, priority, recipients, { id, counted, amount, used, windowMs }, until) =>
      log.warn(
        { route, priority, recipients, limit: id, counted, amount, used, windowMs, until: new Date(until).toISOString() },
        "limit-reached",
      ),
    circuitClosed: (route) => log.info({ route }, "route-closed"),
    fault(where, error) {
      counters.faults++;
      log.error({ where, error }, "fault");
    },
  };
}

function about(message: StoredMessage, recipient: StoredRecipient) {
  return { id: formatId(message.id), to: recipient.address, attempt: recipient.attempts + 1 };
}

function causeOf(reason: Failure) {
  const reply = reason.reply === undefined ? {} : { reply: replyText(reason.reply) };
  const advice = reason.advice === undefined ? {} : { advice: reason.advice };
  return { code: reason.code, status: enhancedStatus(reason.permanent, reason.detail), text: reason.text, ...reply, ...advice };
}

function clientOf({ listenerName, address, clientName, principalName, tls }: ClientFacts) {
  return {
    listener: listenerName,
    client: address,
    name: clientName,
    ...(principalName === "" ? {} : { principal: principalName }),
    ...(tls === "" ? {} : { tls }),
  };
}
