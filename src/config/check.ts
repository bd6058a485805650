import { parseDuration, parseSize } from "../lib/units.ts";
import { nearest, type Path } from "./fault.ts";
import { absentValue, type Schema } from "./kinds.ts";
import { secretReference } from "./secret-reference.ts";

/**
 * Checks a value against a schema and parses it on the way: defaults filled in, durations to milliseconds (key with `Ms` added), sizes to
 * bytes, secrets and files read, paths made absolute. Reports every fault with a remedy that a person can follow, which is why no general
 * JSON Schema validator does this.
 */
export interface CheckContext {
  /** `key`: the fault is the last key of the path itself, not its value. */
  fault(path: Path, text: string, remedy: string, key?: true): void;
  readFile(path: string): string;
  env(name: string): string | undefined;
  absolute(path: string): string;
}

/** What came out; `undefined` when it was faulty (and a fault reported). */
export function check(schema: Schema, value: unknown, path: Path, context: CheckContext): unknown {
  switch (schema["x-kind"]) {
    case "duration":
      return duration(value, path, context);
    case "size":
      return size(value, path, context);
    case "secret":
      return secret(value, path, context);
    case "secret-reader":
      return secretReader(value, path, context);
    case "file":
      return reference(schema, value, path, context);
    case "path":
      if (typeof value !== "string" || value === "")
        return void context.fault(path, "must be a path", "Write a path, relative to this file or absolute.");
      return context.absolute(value);
    case undefined:
  }
  if (schema.anyOf !== undefined) return anyOf(schema.anyOf, value, path, context);
  if (schema.const !== undefined || schema.enum !== undefined) return oneOf(schema.enum ?? [schema.const], value, path, context);
  switch (schema.type) {
    case "object":
      return object(schema, value, path, context);
    case "array":
      return array(schema, value, path, context);
    case "string":
      return text(schema, value, path, context);
    case "integer":
    case "number":
      return number(schema, value, path, context);
    case "boolean":
      if (typeof value !== "boolean") return void context.fault(path, `must be true or false, not ${shown(value)}`, "Write true or false.");
      return value;
    default:
      return value;
  }
}

/** Of a mapping whose keys are free: what each value is. */
function freeValues({ patternProperties, additionalProperties }: Schema): Schema | null {
  if (typeof additionalProperties === "object") return additionalProperties;
  return Object.values(patternProperties ?? {})[0] ?? null;
}

/** The key under which a checked property appears. */
function parsedKey(name: string, schema: Schema): string {
  return schema["x-kind"] === "duration" ? `${name}Ms` : name;
}

function object(schema: Schema, value: unknown, path: Path, context: CheckContext): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return void context.fault(
      path,
      `must be a mapping, not ${shown(value)}`,
      `Write keys and values: ${Object.keys(schema.properties ?? {})
        .slice(0, 5)
        .join(", ")}.`,
    );
  }
  const properties = schema.properties ?? {};
  const given = value as Record<string, unknown>;
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(properties, name) || schema.additionalProperties !== false) continue;
    const near = nearest(name, Object.keys(properties));
    const remedy = near === null ? `Known here: ${Object.keys(properties).join(", ")}.` : `Did you mean ${near}?`;
    context.fault([...path, name], "unknown key", remedy, true);
  }
  const result: Record<string, unknown> = {};
  const free = freeValues(schema);
  // Defined, not assigned: a key `__proto__` is a key like any other, and must be seen by whoever checks the names.
  if (free !== null)
    for (const [name, each] of Object.entries(given))
      Object.defineProperty(result, name, {
        value: check(free, each, [...path, name], context),
        enumerable: true,
        writable: true,
        configurable: true,
      });
  for (const [name, property] of Object.entries(properties)) {
    const key = parsedKey(name, property);
    // An empty value (`networks:` with nothing behind) counts as absent.
    if (Object.hasOwn(given, name) && given[name] !== null && given[name] !== undefined)
      result[key] = check(property, given[name], [...path, name], context);
    else {
      const required = schema.required?.includes(name) === true;
      const absent = required ? absentValue(property) : property.default;
      if (absent !== undefined) result[key] = check(property, absent, [...path, name], context);
      else if (required)
        context.fault(path, `needs ${name}`, `Add ${name}: ${firstSentence(property.description) ?? describeType(property)}`);
    }
  }
  return result;
}

function array(schema: Schema, value: unknown, path: Path, context: CheckContext): unknown {
  if (!Array.isArray(value))
    return void context.fault(path, `must be a list, not ${shown(value)}`, "Write [a, b], or one `- ` line for each.");
  if (schema.minItems !== undefined && value.length < schema.minItems) context.fault(path, `needs at least ${schema.minItems}`, "Add one.");
  if (schema.maxItems !== undefined && value.length > schema.maxItems)
    context.fault(path, `takes at most ${schema.maxItems}`, "Remove some.");
  const items = schema.items ?? {};
  return value.map((item, index) => check(items, item, [...path, index], context));
}

function text(schema: Schema, value: unknown, path: Path, context: CheckContext): unknown {
  if (typeof value !== "string") {
    return void context.fault(
      path,
      `must be a text, not ${shown(value)}`,
      typeof value === "number" || typeof value === "boolean" ? `Put it in quotes: "${String(value)}".` : "Write a text.",
    );
  }
  if (schema.minLength !== undefined && value.length < schema.minLength)
    return void context.fault(path, "must not be empty", describeType(schema));
  if (schema.maxLength !== undefined && value.length > schema.maxLength)
    return void context.fault(path, `must be at most ${schema.maxLength} characters`, "Shorten it.");
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, "u").test(value)) {
    return void context.fault(
      path,
      `${shown(value)} has the wrong form`,
      schema.examples === undefined
        ? `It must match ${schema.pattern}. ${schema.description ?? ""}`.trim()
        : `Write it like ${schema.examples.join(" or ")}.`,
    );
  }
  return value;
}

function number(schema: Schema, value: unknown, path: Path, context: CheckContext): unknown {
  const range = `Write a ${schema.type === "integer" ? "whole " : ""}number${schema.minimum === undefined ? "" : ` from ${schema.minimum}`}${schema.maximum === undefined ? "" : ` to ${schema.maximum}`}.`;
  if (typeof value !== "number" || !Number.isFinite(value)) return void context.fault(path, `must be a number, not ${shown(value)}`, range);
  if (schema.type === "integer" && !Number.isSafeInteger(value))
    return void context.fault(path, `must be a whole number, not ${value}`, range);
  if (schema.minimum !== undefined && value < schema.minimum)
    return void context.fault(path, `must be at least ${schema.minimum}, not ${value}`, range);
  if (schema.maximum !== undefined && value > schema.maximum)
    return void context.fault(path, `must be at most ${schema.maximum}, not ${value}`, range);
  return value;
}

function oneOf(known: readonly unknown[], value: unknown, path: Path, context: CheckContext): unknown {
  if (known.includes(value)) return value;
  const near =
    typeof value === "string"
      ? nearest(
          value,
          known.filter((each) => typeof each === "string"),
        )
      : null;
  context.fault(
    path,
    `${shown(value)} is not known here`,
    near === null ? `Write one of: ${known.join(", ")}.` : `Did you mean ${near}? Known: ${known.join(", ")}.`,
  );
  return undefined;
}

/** Picks the branch that the value was meant for, so that faults speak about that one alone. */
function anyOf(branches: readonly Schema[], value: unknown, path: Path, context: CheckContext): unknown {
  if (branches.every((branch) => branch.const !== undefined))
    return oneOf(
      branches.map((branch) => branch.const),
      value,
      path,
      context,
    );
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    const objects = branches.filter((branch) => branch.type === "object");
    const discriminator = discriminatorOf(objects);
    if (discriminator !== null && objects.length > 1) {
      const chosen = (value as Record<string, unknown>)[discriminator];
      const known = objects.map((branch) => branch.properties?.[discriminator]?.const);
      const branch = objects[known.indexOf(chosen as string)];
      if (branch !== undefined) return check(branch, value, path, context);
      if (chosen === undefined || chosen === null)
        context.fault(path, `needs ${discriminator}`, `Add ${discriminator}: one of ${known.join(", ")}.`);
      else oneOf(known, chosen, [...path, discriminator], context);
      return undefined;
    }
    const keys = Object.keys(value);
    const meant = branches.find((branch) => keys.some((key) => keysOf(branch).includes(key)));
    if (meant !== undefined) return check(meant, value, path, context);
    context.fault(path, "has none of the known forms", `Write one of: ${branches.map(describeType).join(", ")}.`);
    return undefined;
  }
  const secretBranch = branches.find((branch) => branch["x-kind"] === "secret");
  if (secretBranch !== undefined) return check(secretBranch, value, path, context);
  const branch = branches.find((each) => accepts(each, value));
  if (branch !== undefined) return check(branch, value, path, context);
  const literals = branches.flatMap((each) => (each.const === undefined ? [] : [each.const]));
  if (literals.length > 0 && typeof value === "string") return oneOf(literals, value, path, context);
  context.fault(path, `${shown(value)} has none of the known forms`, `Write one of: ${branches.map(describeType).join(", ")}.`);
  return undefined;
}

/** The key that tells the branches of a union apart: each has it with a constant of its own. */
export function discriminatorOf(branches: readonly Schema[]): string | null {
  const names = Object.entries(branches[0]?.properties ?? {}).flatMap(([name, property]) => (property.const === undefined ? [] : [name]));
  return names.find((name) => branches.every((branch) => branch.properties?.[name]?.const !== undefined)) ?? null;
}

function keysOf(branch: Schema): readonly string[] {
  return branch.anyOf === undefined ? Object.keys(branch.properties ?? {}) : branch.anyOf.flatMap(keysOf);
}

function accepts(branch: Schema, value: unknown): boolean {
  if (branch.const !== undefined) return branch.const === value;
  if (branch["x-kind"] === "duration") return typeof value === "string" && parseDuration(value) !== null;
  if (branch["x-kind"] === "size") return (typeof value === "string" || typeof value === "number") && parseSize(String(value)) !== null;
  switch (branch.type) {
    case "string":
      return typeof value === "string";
    case "boolean":
      return typeof value === "boolean";
    case "integer":
    case "number":
      return typeof value === "number";
    case "array":
      return Array.isArray(value);
    default:
      return false;
  }
}

function duration(value: unknown, path: Path, context: CheckContext): unknown {
  const parsed = typeof value === "string" ? parseDuration(value) : null;
  if (parsed !== null) return parsed;
  const remedy =
    typeof value === "number"
      ? `Add the unit: ${value}s, ${value}m, ${value}h or ${value}d.`
      : "Write a number and a unit: 90s, 5m, 4h, 2d.";
  context.fault(path, `${shown(value)} is not a duration`, remedy);
  return undefined;
}

function size(value: unknown, path: Path, context: CheckContext): unknown {
  const parsed =
    typeof value === "string" || (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) ? parseSize(String(value)) : null;
  if (parsed !== null) return parsed;
  context.fault(path, `${shown(value)} is not a size`, "Write a number and a unit: 64KB, 10MB, 1GB.");
  return undefined;
}

function secret(value: unknown, path: Path, context: CheckContext): unknown {
  const remedy = "Write { env: NAME } or { file: path }.";
  // The value is never shown: it may be the secret.
  if (typeof value !== "object" || value === null)
    return void context.fault(
      path,
      "a secret must not stand in this file",
      `Put it in a file of its own or in the environment, and refer to it. ${remedy}`,
    );
  const { env, file } = value as { env?: unknown; file?: unknown };
  const unknown = Object.keys(value).filter((key) => key !== "env" && key !== "file");
  if (unknown.length > 0 || (env === undefined) === (file === undefined))
    return void context.fault(path, "must be one reference to a secret", remedy);
  let found: string | null | undefined;
  if (typeof env === "string") {
    found = context.env(env);
    if (found === undefined || found === "")
      return void context.fault(path, `the environment variable ${env} is not set`, "Set it for the process, or refer to a file.");
  } else if (typeof file === "string") {
    found = readReferred(file, path, context);
  } else return void context.fault(path, "must be one reference to a secret", remedy);
  if (found === null) return undefined;
  const trimmed = found.replace(/\r?\n$/, "");
  if (trimmed === "") return void context.fault(path, "the secret is empty", "Fill the file.");
  return trimmed;
}

/** Read once, so that a wrong reference is told at once; what comes out reads again. */
function secretReader(value: unknown, path: Path, context: CheckContext): unknown {
  if (typeof value !== "object" || value === null) return secret(value, path, context);
  const { expires, ...place } = value as { readonly expires?: unknown; readonly env?: string; readonly file?: string };
  if (expires !== undefined && (typeof expires !== "string" || !/^\d{4}-\d\d-\d\d$/.test(expires) || Number.isNaN(Date.parse(expires))))
    context.fault([...path, "expires"], `${shown(expires)} is not a day`, "Write it like 2027-01-15.");
  if (secret(place, path, context) === undefined) return undefined;
  const where = place.env === undefined ? { file: context.absolute(place.file ?? "") } : { env: place.env };
  return secretReference(where, expires as string | undefined, (name) => context.env(name));
}

function reference(schema: Schema, value: unknown, path: Path, context: CheckContext): unknown {
  const file =
    schema.type === "string" ? value : typeof value === "object" && value !== null ? (value as { file?: unknown }).file : undefined;
  if (typeof file !== "string" || file === "")
    return void context.fault(path, "must name a file", schema.type === "string" ? "Write a path." : "Write { file: path }.");
  return readReferred(file, path, context) ?? undefined;
}

function readReferred(file: string, path: Path, context: CheckContext): string | null {
  const absolute = context.absolute(file);
  try {
    return context.readFile(absolute);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const reason =
      code === "ENOENT" ? "does not exist" : code === "EACCES" ? "may not be read by this user" : `cannot be read (${code ?? "error"})`;
    context.fault(path, `the file ${absolute} ${reason}`, "Create it, or mend the path (relative to this file).");
    return null;
  }
}

/** A value as it stands in the file, shortened. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "a mapping";
  if (value === null || value === undefined) return "nothing";
  const quoted = JSON.stringify(value);
  return quoted.length > 60 ? `${quoted.slice(0, 57)}…` : quoted;
}

export function describeType(schema: Schema): string {
  if (schema["x-kind"] === "duration") return "a duration such as 5m";
  if (schema["x-kind"] === "size") return "a size such as 10MB";
  if (schema["x-kind"] === "secret" || schema["x-kind"] === "secret-reader") return "{ env: NAME } | { file: path }";
  if (schema["x-kind"] === "file") return schema.type === "string" ? "a path" : "{ file: path }";
  if (schema.const !== undefined) return String(schema.const);
  if (schema.enum !== undefined) return schema.enum.join(" | ");
  if (schema.anyOf !== undefined) return schema.anyOf.map(describeType).join(" | ");
  switch (schema.type) {
    case "object":
      return `{ ${Object.keys(schema.properties ?? {}).join(", ")} }`;
    case "array":
      return `list of ${describeType(schema.items ?? {})}`;
    case "string":
      return "text";
    case "integer":
      return "whole number";
    default:
      return typeof schema.type === "string" ? schema.type : "value";
  }
}

function firstSentence(description: string | undefined): string | undefined {
  return description === undefined ? undefined : (/^.*?\.(?=\s|$)/.exec(description)?.[0] ?? description);
}
