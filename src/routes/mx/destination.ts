import { isIP } from "node:net";
import type { MtaSts } from "../../domains/mta-sts/mta-sts.ts";
import type { StsPolicy } from "../../domains/mta-sts/policy.ts";
import { type Dns, DnsFailed } from "../../lib/dns/dns.ts";
import { isPrivateAddress } from "../../lib/private-address.ts";
import { failure } from "../../mail/failure-codes.ts";
import type { Failure } from "../../mail/failure.ts";
import type { Recipient } from "../../mail/envelope.ts";
import type { Outcome } from "../../mail/outcome.ts";
import type { Delivery, DeliverySession, Transaction } from "../route.ts";
import { Attempt, outcomeOf } from "../smtp-client/attempt.ts";
import { type Demand, demandOf } from "./demand.ts";
import type { MxSettings } from "./options.ts";
import type { Pools } from "./pools.ts";
import { findServers } from "./servers.ts";

/** What all destinations of a route share. */
export interface DestinationDeps {
  readonly settings: MxSettings;
  readonly dns: Dns;
  /** null: DANE is not used. */
  readonly daneDns: Dns | null;
  readonly sts: MtaSts | null;
  readonly ourNames: ReadonlySet<string>;
  readonly pools: Pools;
  /** The host map says where a server is: its address is not looked at. */
  readonly isMapped: (host: string) => boolean;
  readonly random: () => number;
  /** Policy-clock ms. */
  readonly now: () => number;
}

/**
 * One domain's part of a transaction, from its MX records to its outcomes: servers one after the other until one has taken it or refused it
 * itself. A refusal of a recipient or of the message is final (RFC 5321 §5.1 speaks of servers that cannot be reached, not of other
 * opinions).
 *
 * @param domain as servers.ts wants it
 */
export async function deliverTo(
  domain: string,
  transaction: Transaction,
  utf8Header: boolean,
  deps: DestinationDeps,
  signal: AbortSignal,
): Promise<Delivery> {
  const { now } = deps;
  const all = (why: Failure, session: DeliverySession): Delivery => {
    const outcome = outcomeOf(why, now());
    return { outcomes: new Map(transaction.recipients.map((recipient) => [recipient, outcome])), session };
  };
  const servers = await findServers(domain, deps.dns, deps.ourNames, deps.random, signal);
  if ("code" in servers) return all(servers, { remote: domain });
  const policy = deps.sts === null || domain.startsWith("[") ? null : await deps.sts.policyFor(domain, signal);
  let worst: { readonly why: Failure; readonly session: DeliverySession } | null = null;
  for (const host of reachableFirst(servers.hosts, deps)) {
    if (deps.pools.closed) return all(failure("route.unavailable"), { remote: domain });
    const { server } = deps.settings;
    const target = { domain, host, port: server.port };
    const demand = await demandFor(target, policy, servers.authentic, deps, signal);
    if ("code" in demand) {
      worst = heavier(worst, demand, { remote: `${host}:${server.port}` });
      continue;
    }
    const delivery = await tryServer(host, demand, transaction, utf8Header, deps, signal);
    const trouble = troubleOf(delivery);
    if (trouble === null) return ofDestination(delivery);
    worst = heavier(worst, trouble, delivery.session);
  }
  const { why, session } = worst ?? { why: failure("dns.no-mail-server"), session: { remote: domain } };
  return all({ ...why, scope: why.scope === "route" ? "destination" : why.scope }, session);
}

/** A server that could not be reached a moment ago comes last, so that it costs no time-out for each message. */
function reachableFirst(hosts: readonly string[], { pools }: DestinationDeps): readonly string[] {
  const troubled = hosts.filter((host) => pools.isTroubled(host));
  return troubled.length === 0 ? hosts : [...hosts.filter((host) => !troubled.includes(host)), ...troubled];
}

async function demandFor(
  target: { readonly domain: string; readonly host: string; readonly port: number },
  policy: StsPolicy | null,
  authentic: boolean,
  deps: DestinationDeps,
  signal: AbortSignal,
): Promise<Demand | Failure> {
  const { settings, daneDns } = deps;
  const unusable = await addressTrouble(target.host, deps, signal);
  if (unusable !== null) return unusable;
  return demandOf(target, settings.server.tls, policy, authentic ? daneDns : null, signal);
}

/** Why a server cannot be connected to, as far as its addresses tell. The dialer checks again the address that it really connects to. */
async function addressTrouble(host: string, { dns, settings, isMapped }: DestinationDeps, signal: AbortSignal): Promise<Failure | null> {
  if (isMapped(host)) return null;
  let addresses: readonly string[];
  try {
    addresses = isIP(host) === 0 ? (await dns.addresses(host, signal)).records : [host];
  } catch (error) {
    if (!(error instanceof DnsFailed)) throw error;
    return failure("dns.temporary", { text: `The mail server ${host} could not be looked up: ${error.message}` });
  }
  if (addresses.length === 0) return failure("dns.no-mail-server", { text: `The mail server ${host} has no address` });
  if (settings.server.allowPrivate || addresses.some((address) => !isPrivateAddress(address))) return null;
  // It will not get better by waiting, and it may be meant: `MX localhost` says that there is no mail.
  return failure("network.blocked-address", {
    permanent: true,
    scope: "destination",
    text: `The mail server ${host} is at ${addresses.join(", ")}, where no mail server for others can be`,
  });
}

async function tryServer(
  host: string,
  demand: Demand,
  transaction: Transaction,
  utf8Header: boolean,
  { settings, pools }: DestinationDeps,
  signal: AbortSignal,
): Promise<Delivery> {
  const entry = pools.entry(`${host} ${demand.key}`, { ...settings.server, host, ...demand.settings });
  const attempt = new Attempt(transaction, utf8Header, signal);
  entry.active++;
  try {
    entry.pool.add(attempt);
    const delivery = await attempt.done;
    if (troubleOf(delivery) !== null) pools.trouble(host);
    return delivery;
  } finally {
    entry.active--;
  }
}

/** What makes the next server worth a try: the same trouble of the whole server for everybody, before it can have taken anything. */
function troubleOf({ outcomes }: Delivery): Failure | null {
  let trouble: Failure | null = null;
  for (const outcome of outcomes.values()) {
    if (outcome.action !== "delayed" || outcome.inDoubt === true) return null;
    const { scope, code } = outcome.failure;
    // Who throttles is well: his other servers would count the same.
    if (code === "remote.throttled" || code.startsWith("quota.") || (scope !== "route" && !code.startsWith("tls."))) return null;
    trouble ??= outcome.failure;
  }
  return trouble;
}

/** What can be mended by waiting weighs more than what cannot: while one server may come back, nothing bounces. */
function heavier(
  before: { readonly why: Failure; readonly session: DeliverySession } | null,
  why: Failure,
  session: DeliverySession,
): { readonly why: Failure; readonly session: DeliverySession } {
  return before !== null && !before.why.permanent && why.permanent ? before : { why, session };
}

/** One destination's trouble never says anything about the route. */
function ofDestination({ outcomes, session }: Delivery): Delivery {
  const narrowed = new Map<Recipient, Outcome>();
  for (const [recipient, outcome] of outcomes) {
    const { scope } = outcome.action === "relayed" ? { scope: null } : outcome.failure;
    if (outcome.action === "relayed" || scope !== "route") narrowed.set(recipient, outcome);
    else narrowed.set(recipient, { ...outcome, failure: { ...outcome.failure, scope: "destination" } });
  }
  return { outcomes: narrowed, session };
}
