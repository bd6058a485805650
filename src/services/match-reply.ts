import type { Reply } from "../mail/reply.ts";
import { parseEnhancedStatus, type StatusDetail } from "../mail/status.ts";
import type { KnownReply, Stage } from "./service.ts";

/** What of a known reply decides whether one fits, and what it means then. */
export type ReplyRule = Omit<KnownReply, "example" | "source" | "status">;

/** The first rule that fits, or undefined. Linear in rules and text: the patterns of the catalogue have no nested repetition. */
export function matchReply<R extends ReplyRule>(rules: readonly R[], stage: Stage, reply: Reply): R | undefined {
  const firstDigit = Math.floor(reply.code / 100);
  const detail = statusDetail(reply);
  const text = reply.lines.join(" ");
  return rules.find(
    (rule) =>
      (rule.stages === undefined || rule.stages.includes(stage)) &&
      (rule.codes === undefined || rule.codes.includes(reply.code) || rule.codes.includes(firstDigit)) &&
      (rule.details === undefined || rule.details.some((pattern) => fits(pattern, detail))) &&
      (rule.text === undefined || rule.text.test(text)),
  );
}

/** RFC 2034 §4: the class of the status agrees with the first digit of the code, else neither is believed. */
export function statusDetail(reply: Reply): StatusDetail | null {
  const status = parseEnhancedStatus(reply.lines[0] ?? "");
  return status !== null && status.class === Math.floor(reply.code / 100) ? status.detail : null;
}

/** `7.1` exactly, `7.*` a subject, `7.500-7.699` a range within a subject, empty: no status. */
function fits(pattern: string, detail: StatusDetail | null): boolean {
  if (detail === null) return pattern === "";
  if (pattern === detail) return true;
  if (pattern.endsWith(".*")) return detail.startsWith(pattern.slice(0, -1));
  const [from, to] = pattern.split("-");
  if (from === undefined || to === undefined) return false;
  const [subject, number] = split(detail);
  const [lowSubject, low] = split(from);
  const [highSubject, high] = split(to);
  return subject === lowSubject && subject === highSubject && number >= low && number <= high;
}

function split(detail: string): readonly [subject: number, number: number] {
  const [subject, number] = detail.split(".");
  return [Number(subject), Number(number)];
}
