import type { LimitRule } from "../../src/limits/rule.ts";

/**
 * Judges a schedule by brute force, and shares no code with the ledger: a list of what was sent, and for each limit the worst moment.
 *
 * The service may have counted a unit at any moment from its reservation until its settlement. So a window that ends at `e` may hold every
 * unit that was reserved by `e` and settled after the window began; how many is worst at a reservation.
 */
/** It may even count a unit so long after it has answered; in short windows less, an hour's share of it. */
const countedLateMs = 5000;

export interface Sent {
  readonly route: string;
  readonly principal: string;
  readonly sender: string;
  readonly reversePath: string;
  readonly size: number;
  readonly isExternal: boolean;
  /** True time, ms. */
  readonly reservedAt: number;
  /** The last moment at which the service may have counted it. */
  readonly endedAt: number;
  /** When its connection ended: a crash ends all, whatever is on its way still. */
  readonly closedAt: number;
  readonly asked: boolean;
  readonly recipients: readonly { readonly address: string; readonly fate: "taken" | "refused" | "untried" }[];
}

export interface Breach {
  readonly rule: string;
  readonly counted: string;
  readonly at: number;
  readonly units: number;
  readonly amount: number;
}

export function breaches(rules: readonly LimitRule[], sent: readonly Sent[]): readonly Breach[] {
  return rules.filter(({ holds }) => holds).flatMap((rule) => breachesOf(rule, sent));
}

interface Entry {
  readonly from: number;
  readonly to: number;
  readonly units: number;
}

function breachesOf(rule: LimitRule, sent: readonly Sent[]): readonly Breach[] {
  const accounts = new Map<string, Entry[]>();
  for (const one of sent) {
    const route = rule.routes.find(({ name }) => name === one.route);
    if (route === undefined || !isMeant(rule, one)) continue;
    for (const [key, units] of unitsOf(rule, one)) {
      const account = `${route.counted} | ${key}`;
      const entries = accounts.get(account) ?? [];
      const countedBy = one.endedAt + Math.min(countedLateMs, rule.windowMs / 720);
      entries.push({ from: one.reservedAt, to: rule.windowMs === 0 ? one.closedAt : countedBy, units });
      accounts.set(account, entries);
    }
  }
  const found: Breach[] = [];
  for (const [counted, entries] of accounts) {
    for (const { from: at } of entries) {
      let units = 0;
      for (const entry of entries) if (entry.from <= at && entry.to > at - rule.windowMs) units += entry.units;
      if (units > rule.amount) found.push({ rule: rule.id, counted, at, units, amount: rule.amount });
    }
  }
  return found;
}

function isMeant({ reversePaths, authors }: LimitRule, { reversePath, sender }: Sent): boolean {
  const fits = (patterns: readonly string[] | undefined, address: string): boolean =>
    patterns === undefined || patterns.some((pattern) => (pattern.startsWith("@") ? address.endsWith(pattern) : address === pattern));
  return fits(reversePaths, reversePath) && fits(authors, sender);
}

function unitsOf(rule: LimitRule, one: Sent): readonly (readonly [key: string, units: number])[] {
  const { scope, unit, recipientDomains } = rule;
  const counts = one.recipients.filter(({ address, fate }) => {
    const isInDomains = recipientDomains === undefined || recipientDomains.some((domain) => address.endsWith(`@${domain}`));
    // At a time: whatever becomes of it.
    if (rule.windowMs === 0) return isInDomains;
    return isInDomains && one.asked && (fate === "taken" || (rule.countsRefused && fate === "refused"));
  });
  if (counts.length === 0) return [];
  const senderKey = [
    scope.includes("principal") ? one.principal : "",
    scope.includes("sender-domain") ? one.sender.split("@")[1] : "",
    scope.includes("sender-recipient") ? one.sender : "",
  ].join("/");
  if (unit === "external-recipients" && !one.isExternal) return [];
  if (scope.includes("recipient") || scope.includes("sender-recipient"))
    return counts.map(({ address }) => [`${senderKey}/${address}`, unit === "bytes" ? one.size : 1]);
  if (unit === "bytes") return [[senderKey, one.size]];
  if (unit === "messages" || unit === "requests") return [[senderKey, 1]];
  return [[senderKey, counts.length]];
}
