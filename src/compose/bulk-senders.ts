import type { GatewayConfig } from "../config/config.ts";
import { countedTraffic } from "../config/counted-traffic.ts";
import { checkBulkReadiness } from "../domains/bulk-readiness.ts";
import { dkimKeys } from "../domains/dkim/dkim-keys.ts";
import { dkimRecord } from "../domains/dkim/dkim-record.ts";
import { keysFor } from "../domains/dkim/dkim-signer.ts";
import type { Dns } from "../lib/dns/dns.ts";
import type { Crossing } from "../limits/alarms.ts";
import type { BulkSenderWarning } from "../limits/bulk-sender-warning.ts";
import { consumerProviders } from "../services/receivers.ts";
import type { ReputationBook } from "./open-reputation.ts";

export interface BulkSenderParts {
  readonly reputation: Pick<ReputationBook, "becameBulk" | "bulkSince" | "figures">;
  readonly dns: Dns;
  /** Policy-clock ms. */
  readonly now: () => number;
  readonly warn: (warning: BulkSenderWarning) => void;
  readonly onTrouble: (error: unknown) => void;
}

const patienceMs = 30_000;

/** Takes the ledger's crossings and looks, where one is of a consumer provider's threshold, whether the domain is ready. */
export function watchBulkSenders(config: GatewayConfig, parts: BulkSenderParts): (crossing: Crossing) => void {
  const kinds = new Map(countedTraffic(config).routes.map(({ name, service }) => [name, service]));
  const keys = dkimKeys(config.domains);
  return ({ rule, key: domain, share, used }) => {
    const provider = consumerProviders.find(({ bulk }) => bulk.id === rule.id);
    if (provider === undefined || domain === "" || parts.reputation.bulkSince(rule.id, domain) !== null) return;
    // At 95 % there is nothing to say that was not said at 80.
    if (share === 0.95) return;
    const reached = share === 1;
    if (reached) parts.reputation.becameBulk(rule.id, domain);
    const seen = parts.reputation.figures(2).filter((pair) => pair.domain === domain);
    // Of the first mail of a domain nothing is relayed yet: any route may be its way.
    const routes = seen.length > 0 ? seen.map(({ route }) => route) : rule.routes.map(({ name }) => name);
    const ways = new Set(routes.map((route) => kinds.get(route) ?? null));
    const signing = keysFor(domain, keys, parts.now()).flatMap((n) => keys[n] ?? []);
    const question = {
      domain,
      ways,
      keys: signing.map((one) => ({ domain: one.domain, selector: one.selector, record: dkimRecord(one.key) })),
    };
    checkBulkReadiness(question, parts.dns, AbortSignal.timeout(patienceMs)).then(({ passes, missing, unchecked }) => {
      if (!passes) parts.warn({ domain, provider: provider.name, used, amount: rule.amount, reached, missing, unchecked });
    }, parts.onTrouble);
  };
}
