import type { TSchema } from "typebox";

/** A plain JSON Schema node, as config/ walks it; `x-kind` is told in lib/option-schema.ts. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  /** A schema: the keys are free, their values are not. */
  readonly additionalProperties?: boolean | Schema;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly (string | number | boolean | null)[];
  readonly const?: string | number | boolean | null;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly "x-kind"?: "duration" | "size" | "secret" | "secret-reader" | "file" | "path";
}

/** A typebox schema as what it is: JSON. */
export function plain(schema: TSchema | Schema): Schema {
  return JSON.parse(JSON.stringify(schema)) as Schema;
}

/** What an absent value becomes: its default, or for an object all of whose options can be left out, `{}`; `undefined`: nothing. */
export function absentValue(schema: Schema): unknown {
  if (schema.default !== undefined) return schema.default;
  return schema.type === "object" && mustGive(schema).length === 0 ? {} : undefined;
}

/** The properties of an object that a person has to write. */
export function mustGive(schema: Schema): readonly string[] {
  return (schema.required ?? []).filter((name) => absentValue(schema.properties?.[name] ?? {}) === undefined);
}
