import { AcsError } from "./acs-error.ts";

/** @throws AcsError when it is no object or has a key besides these */
export function readObject<K extends string>(value: unknown, target: string, keys: readonly K[]): Readonly<Partial<Record<K, unknown>>> {
  if (value === undefined) throw invalid(target === "" ? "body" : target, "is required");
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw invalid(target === "" ? "body" : target, "must be an object");
  for (const key of Object.keys(value))
    if (!(keys as readonly string[]).includes(key))
      throw invalid(`${target === "" ? "" : `${target}.`}${key.slice(0, 64)}`, "is not a known property");
  return value as Partial<Record<K, unknown>>;
}

export function readText(value: unknown, target: string): string {
  if (value === undefined) throw invalid(target, "is required");
  if (typeof value !== "string") throw invalid(target, "must be a string");
  return value;
}

/** A text that goes into a header field: nothing in it may end the field, or be invisible there. */
export function readLine(value: unknown, target: string): string {
  const text = readText(value, target);
  if (/[\p{Cc}\u2028\u2029]/u.test(text)) throw invalid(target, "has a control character");
  // RFC 5322 §2.1.1: a line is 998 characters at most; nothing sensible in one text is longer than a few of them.
  if (text.length > 4000) throw invalid(target, "is too long");
  return text;
}

export function invalid(target: string, what: string): AcsError {
  return new AcsError(400, "BadRequest", `The request is not valid: ${target} ${what}.`, target);
}
