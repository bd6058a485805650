import { describeType, discriminatorOf } from "./check.ts";
import { mustGive, absentValue, type Schema } from "./kinds.ts";

/**
 * The reference of the configuration, from the same schema that checks it: docs/reference/configuration.md for people and a JSON Schema for
 * editors. describe.test.ts keeps both files in step.
 */
export function describeConfiguration(schema: Schema, title: string, introduction: string): string {
  const lines = [`# ${title}`, "", introduction.trim(), ""];
  describeObject(schema, "", lines);
  return `${lines.join("\n").trimEnd()}\n`;
}

function describeObject(schema: Schema, prefix: string, lines: string[]): void {
  const required = new Set(mustGive(schema));
  const properties = Object.entries(schema.properties ?? {});
  if (prefix === "") {
    for (const [name, property] of properties) describeSection(name, property, required.has(name), lines);
    return;
  }
  lines.push("| key | value | default | |", "|---|---|---|---|");
  for (const row of rows(schema, "")) lines.push(row);
  lines.push("");
}

function describeSection(name: string, schema: Schema, required: boolean, lines: string[]): void {
  lines.push(`## ${name}`, "", `${schema.description ?? ""}${required ? " Must be given." : ""}`.trim(), "");
  const items = schema.type === "array" ? schema.items : undefined;
  const inner = items ?? schema;
  const variants = inner.anyOf?.filter((branch) => branch.type === "object");
  const discriminator = variants === undefined ? null : discriminatorOf(variants);
  if (items !== undefined && !isObject(items)) lines.push(`A list; each ${describeType(items)}.`, "");
  else if (items !== undefined) lines.push("A list; each has:", "");
  if (variants !== undefined && discriminator !== null) {
    for (const variant of variants) {
      lines.push(`### ${discriminator}: ${String(variant.properties?.[discriminator]?.const)}`, "", variant.description ?? "", "");
      describeObject(variant, name, lines);
    }
  } else if (inner.type === "object") describeObject(inner, name, lines);
  else lines.push(`Value: ${code(describeType(schema))}${defaultOf(schema) === "" ? "" : `, default ${defaultOf(schema)}`}.`, "");
}

/** One line for each key; keys of objects inside follow with their path. */
function rows(schema: Schema, prefix: string): string[] {
  const required = new Set(mustGive(schema));
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const path = `${prefix}${name}`;
    const value = isPlainObject(property) ? "mapping" : isListOfObjects(property) ? "list of mappings" : code(typeWord(property));
    const row = `| \`${path}\` | ${value} | ${required.has(name) ? "must be given" : defaultOf(property)} | ${cell(property.description ?? "")} |`;
    if (isPlainObject(property)) return [row, ...rows(property, `${path}.`)];
    if (isListOfObjects(property)) return [row, ...rows(property.items ?? {}, `${path}[].`)];
    return [row];
  });
}

function isObject(schema: Schema): boolean {
  return schema.type === "object" || schema.anyOf?.some((branch) => branch.type === "object") === true;
}

function isPlainObject(schema: Schema): boolean {
  return schema.type === "object" && schema["x-kind"] === undefined;
}

function isListOfObjects(schema: Schema): boolean {
  return schema.type === "array" && schema.items !== undefined && isPlainObject(schema.items);
}

function defaultOf(schema: Schema): string {
  const value = schema.default;
  return value === undefined || (typeof value === "object" && value !== null && Object.keys(value).length === 0)
    ? ""
    : code(typeof value === "string" ? value : JSON.stringify(value));
}

function code(text: string): string {
  return `\`${text.replaceAll("|", "\\|")}\``;
}

/** In a table the key's line says the rest. */
function typeWord(schema: Schema): string {
  const kind = schema["x-kind"];
  return kind === "duration" || kind === "size" || kind === "path" ? kind : describeType(schema);
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}

/** A JSON Schema 2020-12 that editors take: what may be left out is not required, and our kinds are spelt out. */
export function editorSchema(schema: Schema, title: string): object {
  return { $schema: "https://json-schema.org/draft/2020-12/schema", title, ...editorNode(schema) };
}

function editorNode(schema: Schema): object {
  const { "x-kind": kind, properties, required, items, anyOf, ...rest } = schema;
  const hint =
    kind === "duration"
      ? " A duration: 90s, 5m, 4h, 2d."
      : kind === "size"
        ? " A size: 64KB, 10MB."
        : kind === "secret" || kind === "secret-reader"
          ? " A secret, by reference."
          : "";
  const must = required === undefined ? [] : required.filter((name) => absentValue(properties?.[name] ?? {}) === undefined);
  return {
    ...rest,
    ...(rest.description === undefined && hint === "" ? {} : { description: `${rest.description ?? ""}${hint}`.trim() }),
    ...(properties === undefined
      ? {}
      : { properties: Object.fromEntries(Object.entries(properties).map(([name, property]) => [name, editorNode(property)])) }),
    ...(must.length === 0 ? {} : { required: must }),
    ...(items === undefined ? {} : { items: editorNode(items) }),
    ...(anyOf === undefined ? {} : { anyOf: anyOf.map(editorNode) }),
  };
}
