import { failure, type FailureCode } from "../../mail/failure-codes.ts";
import type { Failure, FailureScope } from "../../mail/failure.ts";
import type { Reply } from "../../mail/reply.ts";
import { parseEnhancedStatus, type StatusDetail } from "../../mail/status.ts";

/**
 * What a refusing reply means, as data: the first rule that fits wins. A service's own rules (its quota texts, its policies) come before
 * the general ones.
 *
 * The peer's enhanced status is kept when its class agrees with the reply's code; without one the detail is the failure code's own. A bare
 * 550 is never called an unknown address: it may as well be a block list.
 */
export interface ReplyRule {
  readonly stages?: readonly Stage[];
  /** Reply codes: `421`, or by first digit `4` or `5`. */
  readonly codes?: readonly number[];
  /** Enhanced status without class: exact `7.1`, or a whole subject `7.*`. */
  readonly details?: readonly string[];
  readonly text?: RegExp;
  readonly code: FailureCode;
  readonly scope?: FailureScope;
  /** When the reply's own class is not to be believed: a permanent code that only means *later*. */
  readonly permanent?: boolean;
}

/** Where in the dialogue the reply came. */
export type Stage = "greeting" | "hello" | "starttls" | "auth" | "mail" | "rcpt" | "data" | "content";

const beforeMail = ["greeting", "hello", "starttls"] as const;

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
  { codes: [432], details: ["3.2"], code: "remote.throttled" },
  { codes: [4], details: ["4.5"], code: "remote.throttled" },
  // Exchange Online says with a permanent code that a sending limit is reached: of the mailbox, the trial tenant, the tenant, its onmicrosoft
  // domains. The address is good and the mail is not lost: it waits until the window frees.
  { codes: [5], details: ["1.90", "7.232", "7.233", "7.236"], code: "remote.throttled", permanent: false },
  { codes: [5], details: ["2.0", "2.2"], text: /submission ?quota ?exceeded/i, code: "remote.throttled", permanent: false },
  // The recipient receives too much, from this sender or in all: only mail to this recipient waits.
  { codes: [5], details: ["2.121", "2.122"], code: "remote.throttled", scope: "recipient", permanent: false },
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
  const detail = statusDetail(reply, firstDigit);
  const rule = find(serviceRules, stage, reply, firstDigit, detail) ?? find(generalRules, stage, reply, firstDigit, detail);
  if (rule === undefined) return failure("remote.protocol", { reply });
  const told = failure(rule.code, rule.scope === undefined ? { reply } : { reply, scope: rule.scope });
  // What is the route's trouble delays its mail; it never fails it.
  const permanent = rule.permanent ?? (told.scope !== "route" && firstDigit === 5);
  // `x.0.0` says nothing that the failure's own detail does not say better.
  return { ...told, permanent, detail: detail === null || detail === "0.0" ? told.detail : detail };
}

function find(
  rules: readonly ReplyRule[],
  stage: Stage,
  reply: Reply,
  firstDigit: number,
  detail: StatusDetail | null,
): ReplyRule | undefined {
  return rules.find(
    (rule) =>
      (rule.stages === undefined || rule.stages.includes(stage)) &&
      (rule.codes === undefined || rule.codes.includes(reply.code) || rule.codes.includes(firstDigit)) &&
      (rule.details === undefined || rule.details.some((pattern) => fits(pattern, detail))) &&
      (rule.text === undefined || rule.text.test(reply.lines.join(" "))),
  );
}

function fits(pattern: string, detail: StatusDetail | null): boolean {
  if (detail === null) return pattern === "";
  return pattern.endsWith(".*") ? detail.startsWith(pattern.slice(0, -1)) : pattern === detail;
}

/** RFC 2034 §4: the class of the status agrees with the first digit of the code, else neither is believed. */
function statusDetail(reply: Reply, firstDigit: number): StatusDetail | null {
  const status = parseEnhancedStatus(reply.lines[0] ?? "");
  return status !== null && status.class === firstDigit ? status.detail : null;
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
