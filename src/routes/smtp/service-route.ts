import type { Dialer } from "../../lib/dial.ts";
import type { Dns } from "../../lib/dns/dns.ts";
import type { HostPort } from "../../lib/host-port.ts";
import { failure } from "../../mail/failure-codes.ts";
import type { Failure } from "../../mail/failure.ts";
import type { Outcome } from "../../mail/outcome.ts";
import { catalogue } from "../../services/catalogue.ts";
import { type Overrides, profileAsOf, type ProfileValues } from "../../services/profile-as-of.ts";
import { forbiddenSender } from "../../services/sender-rule.ts";
import { maxHeaderBytes, scanHeader } from "../../wire/mime/header-scan.ts";
import type { Delivery, OutgoingContent, Route, RouteTraits, Transaction } from "../route.ts";
import type { RouteLog } from "../route-log.ts";
import { Attempt } from "../smtp-client/attempt.ts";
import { Pool } from "../smtp-client/pool.ts";
import type { Settings } from "../smtp-client/settings.ts";
import { hasUtf8Header } from "../smtp-client/utf8-header.ts";
import { DatedService, liveView } from "./dated-service.ts";
import { probeNextHop } from "./probe.ts";
import { rewriteSender } from "./rewrite-sender.ts";
import type { ServiceRouteOptions } from "./service-options.ts";
import { type Sender, senderOf, serviceSettings, serviceTraits } from "./service-settings.ts";
import { TargetPools } from "./target-pools.ts";
import type { Tokens } from "./token-auth.ts";
import { serviceShapes } from "./service-shapes.ts";
import { MxTargets, NamedTargets, type Targets } from "./targets.ts";

/**
 * The way out to a sending service that speaks SMTP, by its profile from the catalogue: hosts, encryption, log-in, limits, whom it lets be
 * the sender, what its refusals mean. One adapter for all of them: nothing here asks which service it is.
 *
 * Promises beyond smtp-route.ts: what is dated in the catalogue holds on its day, also while the route is open; a sender that the service
 * would refuse is refused here, or rewritten where the operator says so; of several hosts the next is tried when one cannot be reached,
 * encrypted or made to greet, and the one in trouble rests for a while; a token is asked for at each log-in, and a refused one is not used
 * again.
 *
 * service-options.ts what the configuration has · service-settings.ts options + profile · dated-service.ts which day's profile · targets.ts
 * which host · target-pools.ts connections · rewrite-sender.ts the sender.
 */
export function createServiceRoute(options: ServiceRouteOptions, deps: ServiceRouteDeps): Route {
  const service = catalogue[options.kind];
  const read = (day: string, before: Today | null): Today => {
    const values = profileAsOf(service, day, deps.overrides);
    const settings = serviceSettings(options, service, values, deps.tokens);
    const sender = senderOf(options, values);
    const traits = serviceTraits(settings, values, sender, { maxSize: () => pools.maxSize, hosts: options.hosts?.length ?? 1 });
    // Troubles of hosts are worth remembering while the hosts are the same.
    const sameHosts = before !== null && before.settings.host === settings.host && before.settings.port === settings.port;
    return { values, settings, sender, traits, targets: sameHosts ? before.targets : openTargets(options, settings, deps) };
  };
  const at = (target: HostPort): Settings => ({
    ...dated.present.settings,
    ...target,
    serverName: options.serverName ?? target.host,
  });
  const pools = new TargetPools((target) => new Pool(at(target), deps.dialer, deps.log, deps.now));
  const dated = new DatedService(read, deps.now, () => pools.keep([]));
  return {
    name: options.name,
    kind: options.kind,
    traits: liveView(traitNames(dated.present.traits), () => dated.present.traits),
    async deliver(given, signal) {
      signal.throwIfAborted();
      const { settings, sender, targets } = dated.present;
      const transaction = await dress(given, sender, deps.isAccepted);
      if ("code" in transaction) return refuseAll(given, transaction, settings.host);
      const order = await targets.order(signal);
      if ("code" in order) return refuseAll(given, order, settings.host);
      pools.keep(order);
      const { smtputf8 } = transaction.envelope;
      const utf8Header = smtputf8 === true && transaction.content.eightBit && (await hasUtf8Header(transaction.content));
      let delivery: Delivery | undefined;
      for (const target of order) {
        signal.throwIfAborted();
        const attempt = new Attempt(transaction, utf8Header, signal);
        delivery = await pools.run(target, attempt);
        if (![...delivery.outcomes.values()].every(isHostTrouble)) {
          targets.worked(target);
          return delivery;
        }
        targets.troubled(target, reasonOf(delivery));
      }
      return delivery ?? { outcomes: new Map(), session: { remote: settings.host } };
    },
    nextHops: () =>
      dated.present.targets.health().map(({ target: { host, port }, trouble }) => ({
        remote: `${host}:${port}`,
        ...(trouble === null ? {} : { trouble: trouble.reason, restsUntil: deps.now() + trouble.restMs }),
      })),
    async probe(signal) {
      const { sender, targets } = dated.present;
      const order = await targets.order(signal);
      if ("code" in order) return { ok: false, text: order.text, failure: order, steps: [{ name: "dns", ok: false, text: order.text }] };
      const results = [];
      for (const target of order) results.push(await probeNextHop(at(target), deps.dialer, signal, sender.account));
      const best = results.find(({ ok }) => ok) ?? results[0];
      return best === undefined
        ? { ok: false, text: "there is no host", steps: [] }
        : { ...best, steps: results.flatMap(({ steps }) => steps) };
    },
    [Symbol.asyncDispose]: () => pools[Symbol.asyncDispose](),
  };
}

export interface ServiceRouteDeps {
  readonly dialer: Dialer;
  readonly dns: Dns;
  readonly log: RouteLog;
  /** Policy-clock ms. */
  readonly now: () => number;
  /** Of the identity that logs in; null: it has a secret, or none. */
  readonly tokens: Tokens | null;
  /** Whether a domain (lower case) is the organisation's. */
  readonly isAccepted: (domain: string) => boolean;
  readonly overrides?: Overrides;
}

/** What holds today. */
interface Today {
  readonly values: ProfileValues;
  readonly settings: Settings;
  readonly sender: Sender;
  readonly traits: RouteTraits;
  readonly targets: Targets;
}

/** Those that depend on the sender rule may be there on another day. */
function traitNames(traits: RouteTraits): readonly (keyof RouteTraits)[] {
  return [...new Set([...(Object.keys(traits) as (keyof RouteTraits)[]), "account", "senders"] as const)];
}

function openTargets(options: ServiceRouteOptions, settings: Settings, { dns }: ServiceRouteDeps): Targets {
  const now = () => performance.now();
  // ACS has an option of that name, too: what kind of sending domain it is.
  const byMx = serviceShapes[options.kind].place === "mx" && options.host === undefined;
  if (byMx && options.domain !== undefined) return new MxTargets(options.domain, settings.port, dns, now);
  return new NamedTargets(options.hosts ?? [settings.host], settings.port, now);
}

/** The next hop's fault as a host, not as a service: another host may do better. */
function isHostTrouble(outcome: Outcome): boolean {
  if (outcome.action !== "delayed" || outcome.inDoubt === true) return false;
  const { code, scope } = outcome.failure;
  return (
    scope === "route" &&
    (code.startsWith("network.") || code.startsWith("dns.") || code === "remote.unavailable" || code === "route.tls-failed")
  );
}

/** The transaction with a sender that the service takes, or why there is none. */
async function dress(given: Transaction, sender: Sender, isAccepted: (domain: string) => boolean): Promise<Transaction | Failure> {
  const { senderRule, account } = sender;
  if (senderRule === undefined || senderRule === "any") return given;
  const { envelope, content } = given;
  const authors = senderRule === "accepted-domain" ? [] : await authorsOf(content);
  const refused = forbiddenSender(sender, { reversePath: envelope.reversePath, authors }, isAccepted);
  if (refused === null) return given;
  if (!sender.rewrites || account === undefined) return senderFailure(sender, refused);
  // What the service would take stays as it is.
  const refuses = (reversePath: string | null, from: readonly string[]) =>
    forbiddenSender(sender, { reversePath, authors: from }, isAccepted) !== null;
  return {
    ...given,
    envelope: refuses(envelope.reversePath, []) ? { ...envelope, reversePath: account } : envelope,
    content: refuses(null, authors) ? await rewriteSender(content, account) : content,
  };
}

function senderFailure({ senderRule, account, senders }: Sender, refused: string): Failure {
  const others = senders === undefined || senders.length === 0 ? "" : " and those it may send as";
  const text =
    senderRule === "accepted-domain"
      ? `${refused} is not of an accepted domain`
      : `This route sends as ${account ?? "configured senders"}${account === undefined ? "" : others}, not as ${refused}`;
  return failure("route.sender-not-allowed", { text });
}

function reasonOf({ outcomes }: Delivery): string {
  for (const outcome of outcomes.values()) if (outcome.action !== "relayed") return outcome.failure.text;
  return "";
}

async function authorsOf(content: OutgoingContent): Promise<readonly string[]> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of content.inMemory ?? content.stream()) {
    pieces.push(piece);
    size += piece.length;
    if (size > maxHeaderBytes) break;
  }
  return scanHeader(Buffer.concat(pieces), size <= maxHeaderBytes).authors;
}

function refuseAll({ recipients }: Transaction, why: Failure, remote: string): Delivery {
  const outcome: Outcome = why.permanent ? { action: "failed", failure: why } : { action: "delayed", failure: why };
  return { outcomes: new Map(recipients.map((recipient) => [recipient, outcome])), session: { remote } };
}
