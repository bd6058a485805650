import { Counter, Gauge, Registry, collectDefaultMetrics } from "@prometheus-io/client";
import { deliverySecurities } from "../mail/delivery-security.ts";
import type { Gateway } from "./gateway.ts";
import { quotaMetrics } from "./quota-metrics.ts";

/**
 * Metrics in Prometheus' text format, prefix `postern_`. Read from the facade when they are asked for: nothing is counted twice and nothing
 * costs while mail flows. The registry is our own, never the library's global one.
 */
export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
}

const recipientStates = ["accepted", "relayed", "failed", "expired", "cancelled"] as const;
const waitingStates = ["queued", "leased", "inDoubt", "held"] as const;
const circuits = ["closed", "open", "paused"] as const;

export function createMetrics(gateway: Gateway): Metrics {
  const { registry, collect } = defineMetrics();
  collectDefaultMetrics({ register: registry, prefix: "postern_" });
  return {
    contentType: registry.contentType,
    async text() {
      collect(gateway);
      return await registry.metrics();
    },
  };
}

/** Our own metrics, and what reads their values; besides them there are those of the process. */
export function defineMetrics(): { readonly registry: Registry; readonly collect: (gateway: Gateway) => void } {
  const registry = new Registry();
  const registers = [registry];
  const gauge = <L extends string = never>(name: string, help: string, labelNames: L[] = []) =>
    new Gauge({ name: `postern_${name}`, help, labelNames, registers });
  const counter = <L extends string = never>(name: string, help: string, labelNames: L[] = []) =>
    new Counter({ name: `postern_${name}`, help, labelNames, registers });

  const info = gauge("info", "Version and name; always 1", ["version", "hostname"]);
  const recipients = counter("recipients_total", "Recipients ever taken (accepted) and how they ended", ["state"]);
  const waiting = gauge("queue_recipients", "Recipients that wait, by state", ["state"]);
  const messages = gauge("queue_messages", "Messages that wait");
  const oldest = gauge("queue_oldest_age_seconds", "Age of the longest waiting message; 0 when none waits");
  const balanced = gauge("balance_ok", "1 when accepted = relayed + failed + expired + cancelled + queued + leased + in doubt + held");
  const accepted = counter("messages_accepted_total", "Messages taken since start");
  const refused = counter("refusals_total", "Positive answers withheld at the doors since start");
  const attempts = counter("attempts_total", "Attempts at routes since start");
  const delayed = counter("delays_total", "Attempts that ended in a delay since start");
  const returned = counter("returned_total", "Messages that came back to bounce addresses since start, by what they were", ["result"]);
  const accepting = gauge("accepting", "1 when there is room for new messages");
  const disk = gauge("disk_free_bytes", "Bytes free on the disk of the data directory");
  const connections = gauge("connections", "Open connections, by listener", ["listener"]);
  const listenerUp = gauge("listener_up", "1 when the listener is bound", ["listener", "kind"]);
  const circuit = gauge("route_circuit", "1 for the state that the route's circuit is in", ["route", "state"]);
  const active = gauge("route_active_transactions", "Transactions under way", ["route"]);
  const outcomes = counter("route_recipients_total", "Recipients attempted since start, by outcome", ["route", "outcome"]);
  const relayedBy = counter("relayed_total", "Recipients relayed since start, by what protected them on the way", ["route", "security"]);
  const openings = counter("route_circuit_openings_total", "How often the circuit opened since start", ["route"]);
  const gate = gauge(
    "route_gate_closed_until_seconds",
    "When mail that a limit keeps waiting may go, seconds since 1970; absent when none waits",
    ["route", "priority", "recipients", "limit"],
  );
  const credentialExpiry = gauge(
    "identity_credential_expiry_seconds",
    "When the secret or certificate in use ends, seconds since 1970; absent when unknown",
    ["identity"],
  );
  const tokenExpiry = gauge("identity_token_expiry_seconds", "When the token at hand ends, seconds since 1970", ["identity", "scope"]);
  const renewals = counter("identity_token_requests_total", "Tokens asked for since start, by result", ["identity", "result"]);
  const collectQuota = quotaMetrics(registry);
  const clockOffset = gauge("clock_offset_seconds", "Policy time minus wall time");

  const collect = (gateway: Gateway): void => {
    const status = gateway.status();
    info.set({ version: status.version, hostname: status.hostname }, 1);
    for (const state of recipientStates) setCounter(recipients, { state }, status.totals[state]);
    for (const state of waitingStates) waiting.set({ state: state === "inDoubt" ? "in_doubt" : state }, status.totals[state]);
    messages.set(status.totals.messages);
    oldest.set((status.oldestQueuedMs ?? 0) / 1000);
    balanced.set(status.balance.ok ? 1 : 0);
    setCounter(accepted, {}, status.counters.acceptedMessages);
    setCounter(refused, {}, status.counters.refusedMessages);
    setCounter(attempts, {}, status.counters.attempts);
    setCounter(delayed, {}, status.counters.delayed);
    for (const [result, count] of Object.entries(status.counters.returned)) setCounter(returned, { result }, count);
    accepting.set(status.accepting ? 1 : 0);
    disk.set(status.diskFreeBytes);
    clockOffset.set(status.clockOffsetMs / 1000);
    for (const listener of status.listeners) {
      connections.set({ listener: listener.name }, listener.connections);
      listenerUp.set({ listener: listener.name, kind: listener.kind }, listener.ready ? 1 : 0);
    }
    // Routes come and go with the configuration.
    for (const metric of [circuit, active, outcomes, relayedBy, openings, gate]) metric.reset();
    for (const route of status.routes) {
      for (const state of circuits) circuit.set({ route: route.name, state }, route.circuit === state ? 1 : 0);
      active.set({ route: route.name }, route.active);
      for (const outcome of ["relayed", "delayed", "failed"] as const) outcomes.inc({ route: route.name, outcome }, route[outcome]);
      for (const security of deliverySecurities) relayedBy.inc({ route: route.name, security }, route.relayedBy[security]);
      openings.inc({ route: route.name }, route.openings);
      for (const { priority, recipients: to, until, limit } of route.gates)
        gate.set({ route: route.name, priority, recipients: to, limit: limit.id }, Math.round(until / 1000));
    }
    collectQuota(gateway.quota);
    for (const metric of [credentialExpiry, tokenExpiry, renewals]) metric.reset();
    for (const { name: identity, credentialExpiresAt, tokens, renewals: count } of status.identities) {
      if (credentialExpiresAt !== null) credentialExpiry.set({ identity }, Math.round(credentialExpiresAt / 1000));
      for (const { scope, expiresAt } of tokens) tokenExpiry.set({ identity, scope }, Math.round(expiresAt / 1000));
      for (const result of ["done", "failed"] as const) renewals.inc({ identity, result }, count[result]);
    }
  };
  return { registry, collect };
}

/** The count is kept elsewhere; the metric follows it. */
function setCounter<L extends string>(metric: Counter<L>, labels: Partial<Record<L, string | number>>, value: number): void {
  metric.remove(labels as never);
  metric.inc(labels as never, value);
}
