import type { Fact } from "./fact.ts";
import type { Overrides } from "./profile-as-of.ts";

/**
 * What an operator knows better than the catalogue: a limit that support has raised, a host name of one's own. It holds on every day, and
 * whoever looks sees both it and what is published.
 */
export interface Override {
  readonly value: unknown;
  /** Why: `raised by ticket 4711`. */
  readonly reason: string;
}

/** By fact id. */
export type OverrideMap = ReadonlyMap<string, Override>;

/** As the configuration has them: by service, then by the last part of the fact's id. */
export type OverrideSections = Readonly<Record<string, Readonly<Record<string, Override>> | undefined>>;

export function readOverrides(sections: OverrideSections): OverrideMap {
  return new Map(
    Object.entries(sections).flatMap(([service, entries]) =>
      Object.entries(entries ?? {}).map(([name, { value, reason }]) => [
        `${service}.${name}`,
        // YAML's null counts as absent, so a limit is lifted by a word.
        { value: value === unlimited ? null : value, reason },
      ]),
    ),
  );
}

/** The values alone, as profileAsOf takes them. */
export function overrideValues(overrides: OverrideMap): Overrides {
  return new Map([...overrides].map(([id, { value }]) => [id, value]));
}

/** What keeps a value from standing in for a fact's: `must be a whole number or null`; null when nothing does. */
export function valueFault(fact: Fact<unknown>, value: unknown): string | null {
  const name = fact.id.slice(fact.id.indexOf(".") + 1);
  const choices = chosen[name];
  if (choices !== undefined) {
    const given = Array.isArray(value) === choices.many ? (choices.many ? (value as readonly unknown[]) : [value]) : [undefined];
    const fits = given.every((each) => choices.of.includes(each as string));
    return fits ? null : `must be ${choices.many ? "a list of " : ""}${choices.of.join(", ")}`;
  }
  if (name === "price") return isPrice(value) ? null : "must be { perRecipientUsd, perMegabyteUsd }";
  if (counted.has(name)) return value === unlimited || isCount(value) ? null : `must be a whole number above 0, or ${unlimited}`;
  const examples = fact.rules.map((rule) => rule.value);
  if (examples.some((example) => isLike(example, value))) return null;
  const kinds = [...new Set(examples.map(kindOf))];
  return `must be ${kinds.join(" or ")}`;
}

const unlimited = "unlimited";

const chosen: Readonly<Record<string, { readonly many: boolean; readonly of: readonly string[] }>> = {
  tls: { many: false, of: ["none", "opportunistic", "required", "implicit"] },
  "min-tls-version": { many: false, of: ["TLSv1", "TLSv1.2", "TLSv1.3"] },
  sasl: { many: true, of: ["LOGIN", "PLAIN", "XOAUTH2"] },
  "sender-rule": { many: false, of: ["account", "send-as", "accepted-domain", "verified", "any"] },
};

/** Limits: a number, or none. Their examples do not tell: null on some services, a formula for the tenant. */
const counted: ReadonlySet<string> = new Set([
  "recipients-per-message",
  "message-size",
  "connections",
  "messages-per-connection",
  "recipients-per-day",
  "external-recipients-per-day",
  "messages-per-minute",
  "messages-per-hour",
  "managed-messages-per-minute",
  "managed-messages-per-hour",
  "requests-per-ten-minutes",
  "concurrent-requests",
  "upload-per-five-minutes",
  // Of the tenant: instead of what the formula gives.
  "external-recipients",
  "external-recipients-trial",
  "onmicrosoft-external-recipients",
  "received-per-hour",
  "received-per-hour-from-one",
  "outlook-bulk",
  "gmail-bulk",
  "yahoo-bulk",
]);

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function isPrice(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const { perRecipientUsd, perMegabyteUsd, ...rest } = value as Record<string, unknown>;
  return [perRecipientUsd, perMegabyteUsd].every((part) => typeof part === "number" && part >= 0) && Object.keys(rest).length === 0;
}

function isLike(example: unknown, value: unknown): boolean {
  if (kindOf(example) !== kindOf(value)) return false;
  if (Array.isArray(value)) {
    const kinds = new Set((example as readonly unknown[]).map(kindOf));
    return kinds.size === 0 ? value.every((each) => typeof each === "string") : value.every((each) => kinds.has(kindOf(each)));
  }
  if (typeof value === "number") return Number.isFinite(value) && value >= 0;
  return true;
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  switch (typeof value) {
    case "number":
      return "a number";
    case "boolean":
      return "true or false";
    case "string":
      return "text";
    default:
      return "a mapping";
  }
}
