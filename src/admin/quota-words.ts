import { formatDuration } from "../lib/units.ts";
import type { LimitAlert } from "../limits/limit-alerts.ts";
import type { LimitUnit } from "../limits/rule.ts";

const units: Readonly<Record<LimitUnit, readonly [one: string, many: string]>> = {
  messages: ["message", "messages"],
  recipients: ["recipient", "recipients"],
  "external-recipients": ["external recipient", "external recipients"],
  bytes: ["byte", "bytes"],
  requests: ["request", "requests"],
};

/** `5000 external recipients in 1d`, `3 messages at a time`. */
export function amountWords(amount: number, unit: string, windowMs: number): string {
  const [one, many] = units[unit as LimitUnit];
  return `${amount} ${amount === 1 ? one : many} ${windowMs === 0 ? "at a time" : `in ${formatDuration(windowMs)}`}`;
}

/** What an alert says, in a sentence. */
export function alertWords(alert: LimitAlert): string {
  if (alert.kind === "bulk-sender") {
    const { domain, provider, used, amount, reached, missing, unchecked } = alert;
    const lacks = [
      ...(missing.length === 0 ? [] : [`Missing: ${missing.join("; ")}.`]),
      ...(unchecked.length === 0 ? [] : [`Not known: ${unchecked.join("; ")}.`]),
    ];
    const what = reached ? "has become a bulk sender at" : "comes near to being a bulk sender at";
    return [`${domain} ${what} ${provider}: ${used} of ${amount} recipients in 24 hours.`, ...lacks].join(" ");
  }
  const { rule, title, counted, share, used, amount, windowMs, more } = alert;
  const others = more === 0 ? "" : ` ${more} more since it was told last.`;
  const time = windowMs === 0 ? "at a time" : `in ${formatDuration(windowMs)}`;
  return `${title} (${rule}), ${counted === "" ? "all mail" : counted}: ${Math.round(share * 100)} %, ${used} of ${amount} ${time}.${others}`;
}
