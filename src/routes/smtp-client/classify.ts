import { failure } from "../../mail/failure-codes.ts";
import type { Failure } from "../../mail/failure.ts";
import type { Reply } from "../../mail/reply.ts";
import { matchReply, type ReplyRule, statusDetail } from "../../services/match-reply.ts";
import { exchangeQuotaReplies } from "../../services/replies/exchange-online.ts";
import type { Stage } from "../../services/service.ts";

/**
 * What a refusing reply means, as data: the first rule that fits wins. A service's own rules (its catalogue's table: quota texts, policies)
 * come before the general ones, which are the protocol's, and Exchange Online's quotas, that any next hop may pass on.
 *
 * The peer's enhanced status is kept when its class agrees with the reply's code; without one the detail is the failure code's own. A bare
 * 550 is never called an unknown address: it may as well be a block list.
 */
const beforeMail = ["greeting", "hello", "starttls"] as const;
const beforeEnvelope: readonly Stage[] = [...beforeMail, "auth"];

const generalRules: readonly ReplyRule[] = [
  // RFC 5321 §3.8: the server closes; said at any time, about the whole server.
  { codes: [421], code: "remote.unavailable" },
  // What a server says before it has seen a sender is never about the message: nothing bounces, whatever the class.
  { stages: beforeMail, details: ["4.5", "7.500"], code: "remote.throttled" },
  { stages: beforeMail, code: "remote.unavailable" },
  { stages: ["auth"], codes: [4], code: "remote.unavailable" },
  { stages: ["auth"], code: "route.auth-failed" },
  // RFC 4954 §6: authentication or encryption is wanted; the route's credentials are at fault, not the mail.
  { codes: [530, 535, 538], code: "route.auth-failed" },
  { stages: ["mail", "rcpt"], codes: [5], details: ["7.57"], code: "route.auth-failed" },
  { codes: [451], details: ["7.500", "7.501"], code: "remote.throttled" },
  { codes: [432], details: ["3.2"], code: "quota.connections" },
  { codes: [4], details: ["4.5"], code: "remote.throttled" },
  // Exchange Online says with a permanent code that a sending limit is reached. The address is good and the mail is not lost: it waits.
  ...exchangeQuotaReplies,
  { codes: [5], details: ["3.4"], code: "remote.too-large" },
  { stages: ["mail", "data", "content"], codes: [552], details: ["0.0", ""], code: "remote.too-large" },
  { stages: ["mail", "rcpt", "data", "content"], codes: [5], details: ["6.7"], code: "remote.no-smtputf8" },
  { stages: ["content"], codes: [5], details: ["6.3"], code: "remote.no-8bitmime" },

  { stages: ["rcpt"], codes: [5], details: ["1.1", "1.10", "1.6"], code: "remote.no-such-recipient" },
  // RFC 5321 §4.5.3.1.10: a bare 552 to RCPT is an old way to say 452, too many recipients.
  { stages: ["rcpt"], codes: [552], details: ["", "5.3"], code: "remote.delayed", permanent: false },
  { stages: ["rcpt"], details: ["2.2"], code: "remote.mailbox-full" },
  { stages: ["rcpt"], codes: [5], details: ["7.*"], code: "remote.refused-by-policy", scope: "recipient" },
  { stages: ["rcpt"], codes: [5], code: "remote.refused-recipient" },
  { stages: ["rcpt"], codes: [4], code: "remote.delayed" },

  { stages: ["mail"], codes: [5], details: ["7.*"], code: "remote.refused-by-policy" },
  { stages: ["mail"], codes: [5], code: "remote.refused-sender" },
  { stages: ["data", "content"], codes: [5], details: ["7.*"], code: "remote.refused-by-policy" },
  { stages: ["data", "content"], codes: [5], details: ["2.2"], code: "remote.mailbox-full", scope: "message" },
  { stages: ["data", "content"], codes: [5], code: "remote.refused-message" },
  { codes: [4], code: "remote.delayed", scope: "message" },
];

/** The failure that a reply with a code of 400 or more stands for; anything else is a breach of protocol. */
export function classifyReply(stage: Stage, reply: Reply, serviceRules: readonly ReplyRule[] = []): Failure {
  const firstDigit = Math.floor(reply.code / 100);
  if (firstDigit !== 4 && firstDigit !== 5) return failure("remote.protocol", { reply });
  const detail = statusDetail(reply);
  const rule = matchReply(serviceRules, stage, reply) ?? matchReply(generalRules, stage, reply);
  if (rule === undefined) return failure("remote.protocol", { reply });
  const told = failure(rule.code, {
    reply,
    ...(rule.scope === undefined ? {} : { scope: rule.scope }),
    ...(rule.advice === undefined ? {} : { advice: rule.advice }),
  });
  // What a server says before it has seen a sender, a service's own words included, is never about a message or a recipient.
  const early = beforeEnvelope.includes(stage);
  const scope = early && told.scope !== "destination" ? "route" : told.scope;
  // What is the route's trouble delays its mail; it never fails it.
  const permanent = !early && (rule.permanent ?? (scope !== "route" && firstDigit === 5));
  // `x.0.0` says nothing that the failure's own detail does not say better.
  return { ...told, scope, permanent, detail: detail === null || detail === "0.0" ? told.detail : detail };
}

const hint = /\b(?:in|for|after|wait|within)\s+(?:about\s+)?(\d{1,5})\s*(s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?)\b/i;
const longestHintMs = 24 * 3_600_000;

/** `try again in 5 minutes`, as greylisting and throttling servers say it: ms from now, at most a day; null when nothing of the kind is said. */
export function retryHintMs(reply: Reply): number | null {
  const match = hint.exec(reply.lines.join(" "));
  if (match === null) return null;
  const unit = (match[2] ?? "s")[0]?.toLowerCase();
  const unitMs = unit === "h" ? 3_600_000 : unit === "m" ? 60_000 : 1000;
  return Math.min(Number(match[1]) * unitMs, longestHintMs);
}
