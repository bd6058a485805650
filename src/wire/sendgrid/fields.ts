import { isMailbox } from "../smtp/address.ts";
import type { ApiErrors } from "./api-errors.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

/** Of a display name or a file; ours. */
export const maxNameLength = 500;

/** `{"email": …, "name": …}`. */
export interface EmailObject {
  readonly email: string;
  /** Absent: none, or an empty one. */
  readonly name?: string;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The object, or null with a fault. Properties that nobody has told us of are faults: what they ask would be left undone in silence. */
export function objectAt(value: unknown, field: string, properties: readonly string[], errors: ApiErrors): JsonObject | null {
  if (!isObject(value)) {
    errors.add(field, `Invalid type. Expected: object, given: ${typeName(value)}.`);
    return null;
  }
  for (const key of Object.keys(value))
    if (!properties.includes(key)) errors.add(join(field, printable(key)), `Additional property ${printable(key)} is not allowed`);
  return value;
}

export function arrayAt(value: unknown, field: string, errors: ApiErrors): readonly unknown[] {
  if (Array.isArray(value)) return value;
  errors.add(field, `Invalid type. Expected: array, given: ${typeName(value)}.`);
  return [];
}

/** An object whose values are all texts; `fault` says it in the words of the field. */
export function textsAt(value: unknown, field: string, fault: string, errors: ApiErrors): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  if (!isObject(value)) {
    errors.add(field, `Invalid type. Expected: object, given: ${typeName(value)}.`);
    return texts;
  }
  for (const [key, text] of Object.entries(value)) {
    if (typeof text === "string") texts.set(key, text);
    else errors.add(join(field, printable(key)), fault);
  }
  return texts;
}

/** @param what `to`, `from`, `reply_to`: how the texts name it */
export function emailAt(value: unknown, field: string, what: string, errors: ApiErrors): EmailObject | null {
  const object = objectAt(value, field, ["email", "name"], errors);
  if (object === null) return null;
  const { email, name } = object;
  if (typeof email !== "string" || !isAddress(email)) {
    errors.add(join(field, "email"), `The ${what} email does not contain a valid address.`);
    return null;
  }
  if (name !== undefined && name !== null && typeof name !== "string") {
    errors.add(join(field, "name"), `The ${what} name must be a string.`);
    return null;
  }
  if (name === undefined || name === null || name === "") return { email };
  if (hasControl(name) || name.length > maxNameLength) {
    errors.add(join(field, "name"), `The ${what} name cannot contain control characters, or be longer than ${maxNameLength} characters.`);
    return null;
  }
  return { email, name };
}

/** One ASCII mailbox without quoting: what no other reader takes for something else, or for two. */
export function isAddress(text: string): boolean {
  return /^[^"[\]]+$/.test(text) && isMailbox(text);
}

export function hasControl(text: string): boolean {
  return /[\p{Cc}\u2028\u2029]/u.test(text);
}

export function join(field: string, key: string): string {
  return field === "" ? key : `${field}.${key}`;
}

/** What a client wrote, as far as an answer may repeat it. */
export function printable(text: string): string {
  return text.slice(0, 100).replace(/[^\x20-\x7e]/g, "?");
}

function typeName(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}
