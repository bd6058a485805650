import type { MtaSts } from "../../domains/mta-sts/mta-sts.ts";
import type { Signer } from "../../domains/signer.ts";
import type { Dialer } from "../../lib/dial.ts";
import type { Dns } from "../../lib/dns/dns.ts";
import { domainOf } from "../../mail/address.ts";
import type { Recipient } from "../../mail/envelope.ts";
import { failure } from "../../mail/failure-codes.ts";
import type { Failure } from "../../mail/failure.ts";
import type { Outcome } from "../../mail/outcome.ts";
import type { Delivery, Route, RouteTraits, Transaction } from "../route.ts";
import type { RouteLog } from "../route-log.ts";
import { hasUtf8Header } from "../smtp-client/utf8-header.ts";
import { deliverTo } from "./destination.ts";
import { authorDomain, type MakeBounceAddress, sign, withBounceAddress } from "./dress.ts";
import { type MxRouteOptions, withDefaults } from "./options.ts";
import { Pools } from "./pools.ts";
import { probeDirect } from "./probe.ts";
import { dnsDomain } from "./servers.ts";
import { Slots } from "./slots.ts";

/**
 * The way out to the mail servers of each recipient's own domain, found by DNS.
 *
 * Promises: servers are tried by preference, at random within one (RFC 5321 §5.1), the next when one cannot be reached, encrypted or made to
 * greet; what a domain demands by MTA-STS (RFC 8461) or DANE (RFC 7672) is kept or the mail waits; no name of a stranger leads to a
 * private address; a domain that takes no mail fails at once, one that cannot be looked up waits; troubles of one destination have the
 * scope `destination` and say nothing about the route. A message for several domains is carried to each on its own.
 * Does not: decide about retries; look after IP reputation.
 *
 * servers.ts MX records · demand.ts how a server is to be secured · destination.ts one domain's servers, one after the other · pools.ts
 * connections · dress.ts signature and bounce address.
 */
export function createMxRoute(options: MxRouteOptions, deps: MxRouteDeps): Route {
  const settings = withDefaults(options);
  const { name } = settings.server;
  if (settings.dane === "on" && !deps.dnsTrusted)
    throw new Error(`route ${name}: DANE needs name servers that are trusted (network.dns.trusted)`);
  const pools = new Pools(settings.maxConnections * 2, deps);
  const slots = new Slots(settings.maxConnections);
  const traits: RouteTraits = {
    concurrency: settings.maxConnections,
    maxSize: settings.server.maxSize,
    maxRecipients: settings.server.maxRecipients,
    perDestination: true,
    keepsReversePath: deps.bounce === undefined,
    ...(deps.bounce === undefined ? {} : { hearsBounces: true }),
    keepsHeaders: true,
    smtputf8: true,
    takesNullReversePath: true,
    external: true,
    deduplicates: false,
    inDoubt: settings.server.inDoubt,
  };
  const destination = {
    settings,
    dns: deps.dns,
    daneDns: settings.dane !== "off" && deps.dnsTrusted ? deps.dns : null,
    sts: settings.mtaSts ? (deps.sts ?? null) : null,
    ourNames: new Set([deps.hostname, settings.server.helloName].map((each) => each.toLowerCase())),
    pools,
    isMapped: (host: string) => deps.dialer.isMapped({ host, port: settings.server.port }),
    random: Math.random,
    now: deps.now,
  };
  return {
    name,
    kind: "mx",
    traits,
    async deliver(given, signal) {
      signal.throwIfAborted();
      const author = deps.signer === undefined && deps.bounce === undefined ? null : await authorDomain(given.content);
      const transaction = await prepare(given, author, deps, signal);
      if (!("content" in transaction)) return refused(given.recipients, transaction);
      const utf8Header =
        transaction.envelope.smtputf8 === true && transaction.content.eightBit && (await hasUtf8Header(transaction.content));
      const parts = await Promise.all(
        [...byDomain(transaction.recipients)].map(async ([domain, recipients]) => {
          await using _slot = await slots.take(signal);
          const addressed = deps.bounce === undefined ? transaction : withBounceAddress(transaction, { author, recipients }, deps.bounce);
          return deliverTo(domain, { ...addressed, recipients }, utf8Header, destination, signal);
        }),
      );
      return merge(given.recipients, parts);
    },
    probe: (signal) =>
      probeDirect(
        { dns: deps.dns, dialer: deps.dialer, domains: deps.ownDomains ?? [], ourNames: destination.ourNames, server: settings.server },
        signal,
      ),
    [Symbol.asyncDispose]: () => pools[Symbol.asyncDispose](),
  };
}

export interface MxRouteDeps {
  /** Looks names up in `dns`. */
  readonly dialer: Dialer;
  readonly dns: Dns;
  /** The AD bit is believed. */
  readonly dnsTrusted: boolean;
  readonly sts?: MtaSts;
  readonly log: RouteLog;
  /** Policy-clock ms. */
  readonly now: () => number;
  /** Our own name: mail is never sent to ourselves. */
  readonly hostname: string;
  /** Of the organisation: a probe tries their mail servers. */
  readonly ownDomains?: readonly string[];
  readonly signer?: Signer;
  readonly bounce?: MakeBounceAddress;
}

/** Signed, when there is somebody to sign. */
async function prepare(
  transaction: Transaction,
  author: string | null,
  { signer, log }: MxRouteDeps,
  signal: AbortSignal,
): Promise<Transaction | Failure> {
  if (signer === undefined || author === null) return transaction;
  try {
    return { ...transaction, content: await sign(transaction.content, author, signer, signal) };
  } catch (error) {
    signal.throwIfAborted();
    log.fault("signing", error);
    // Unsigned it would be refused or, worse, count against the domain.
    return failure("system.fault", { text: "The message could not be signed" });
  }
}

/** RFC 5321 §2.3.5: domains are compared as the DNS does, without case. */
function byDomain(recipients: readonly Recipient[]): ReadonlyMap<string, readonly Recipient[]> {
  const domains = new Map<string, Recipient[]>();
  for (const recipient of recipients) {
    const domain = dnsDomain(domainOf(recipient.address));
    const same = domains.get(domain);
    if (same === undefined) domains.set(domain, [recipient]);
    else same.push(recipient);
  }
  return domains;
}

function refused(recipients: readonly Recipient[], why: Failure): Delivery {
  const outcome: Outcome = { action: "delayed", failure: why };
  return { outcomes: new Map(recipients.map((recipient) => [recipient, outcome])), session: { remote: "" } };
}

/** The queue hands over one domain at a time; of several the first to have been reached stands for all in the trace. */
function merge(recipients: readonly Recipient[], parts: readonly Delivery[]): Delivery {
  const [first, ...more] = parts;
  if (first !== undefined && more.length === 0) return first;
  const outcomes = new Map<Recipient, Outcome>();
  for (const recipient of recipients) {
    const outcome = parts.find((part) => part.outcomes.has(recipient))?.outcomes.get(recipient);
    if (outcome !== undefined) outcomes.set(recipient, outcome);
  }
  const session = (parts.find(({ session: { address } }) => address !== undefined) ?? first)?.session ?? { remote: "" };
  return { outcomes, session };
}
