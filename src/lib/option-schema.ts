import { Type, type TSchema } from "typebox";
import type { SecretReader } from "./secret-reader.ts";
import { durationPattern, sizePattern } from "./units.ts";

/**
 * The kinds of values in configuration that JSON Schema has no word for. Each is an ordinary JSON Schema (so editors complete it) with an
 * `x-kind` that config/ obeys when it parses: what the file says and what an adapter gets differ as `Decoded` tells.
 */
declare const kind: unique symbol;
interface Kind<Name extends string> {
  readonly [kind]: Name;
}
/** In the file `5m`; parsed: milliseconds, under the key with `Ms` added (`lifetime` becomes `lifetimeMs`). */
export type DurationText = Kind<"duration">;
/** In the file `10MB`; parsed: bytes. */
export type SizeText = Kind<"size">;
/** In the file `{ env: NAME }` or `{ file: path }`; parsed: the secret itself, trailing line end removed. */
export type SecretReference = Kind<"secret">;
/** In the file `{ env: NAME }` or `{ file: path }`, with or without `expires: 2027-01-15`; parsed: a reader, for what may change while we run. */
export type SecretReaderReference = Kind<"secret-reader">;
/** In the file `{ file: path }`; parsed: the file's text (PEM, for instance). */
export type FileReference = Kind<"file">;
/** In the file a path, relative to the file; parsed: absolute. */
export type PathText = Kind<"path">;

/** What the adapter gets: the schema's static type with every kind parsed. */
export type Decoded<T> = T extends SizeText
  ? number
  : T extends SecretReaderReference
    ? SecretReader
    : T extends SecretReference | FileReference | PathText
      ? string
      : T extends readonly (infer Item)[]
        ? readonly Decoded<Item>[]
        : T extends object
          ? {
              readonly [K in keyof T as NonNullable<T[K]> extends DurationText ? `${K & string}Ms` : K]: NonNullable<
                T[K]
              > extends DurationText
                ? number
                : Decoded<T[K]>;
            }
          : T;

export interface Described {
  readonly description: string;
  readonly default?: unknown;
}

export function durationOption(about: Described) {
  return Type.Unsafe<DurationText>({
    type: "string",
    pattern: durationPattern,
    "x-kind": "duration",
    ...about,
  });
}

export function sizeOption(about: Described) {
  return Type.Unsafe<SizeText>({
    type: ["string", "integer"],
    pattern: sizePattern,
    minimum: 0,
    "x-kind": "size",
    ...about,
  });
}

export function pathOption(about: Described) {
  return Type.Unsafe<PathText>({
    type: "string",
    minLength: 1,
    "x-kind": "path",
    ...about,
  });
}

const envName = { type: "string", pattern: "^[A-Za-z_][A-Za-z0-9_]*$", description: "Name of an environment variable." };
const filePath = { type: "string", minLength: 1, description: "Path, relative to this file." };
const expires = { type: "string", pattern: "^\\d{4}-\\d{2}-\\d{2}$", description: "Day on which it ends, so that its end is foretold." };
const env = { type: "object", properties: { env: envName }, required: ["env"], additionalProperties: false };
const file = { type: "object", properties: { file: filePath }, required: ["file"], additionalProperties: false };

export function secretOption(about: Described) {
  return Type.Unsafe<SecretReference>({
    anyOf: [env, file],
    "x-kind": "secret",
    ...about,
  });
}

/** As secretOption, but read again at each use. */
export function secretReaderOption(about: Described) {
  return Type.Unsafe<SecretReaderReference>({
    anyOf: [
      { ...env, properties: { env: envName, expires } },
      { ...file, properties: { file: filePath, expires } },
    ],
    "x-kind": "secret-reader",
    ...about,
  });
}

export function fileOption(about: Described) {
  return Type.Unsafe<FileReference>({ ...file, "x-kind": "file", ...about });
}

/** An object that refuses unknown keys, as every object in configuration does. */
export function optionsObject<P extends Record<string, TSchema>>(properties: P, description?: string) {
  return Type.Object(
    properties,
    description === undefined ? { additionalProperties: false } : { additionalProperties: false, description },
  );
}
