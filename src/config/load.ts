/**
 * Configuration: one YAML file, read at start and on reload, parsed once into what the parts take.
 *
 * Promises: every fault is reported, with line, column and remedy, not only the first; unknown keys are refused; a secret never stands in
 * the file and never in a message; what comes out needs no further checking. Does not promise that hosts exist or that passwords fit: that
 * is what `postern routes probe` finds out. Sections come from the adapters' own options.ts (schema.ts); what concerns several of them is
 * in cross-check.ts.
 */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { isNode, LineCounter, parseDocument, visit, type Document } from "yaml";
import { check, type CheckContext } from "./check.ts";
import { ConfigError, formatPath, type ConfigFault, type Path } from "./fault.ts";
import type { Schema } from "./kinds.ts";

export interface LoadOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Policy-clock ms, for what is dated; absent: by the wall clock. */
  readonly now?: () => number;
}

/** What concerns several sections. `day`: `2027-01-15`, for what is dated. */
export type CrossCheck<T> = (config: T, report: Report, day: string) => void;

export interface Loaded<T> {
  readonly file: string;
  readonly config: T;
  readonly warnings: readonly ConfigFault[];
}

/** Reports on a value of the file: where it stands is looked up. */
export type Report = (severity: ConfigFault["severity"], path: Path, text: string, remedy: string, key?: true) => void;

const maxFileBytes = 4 * 1024 ** 2;

/** Reads a file; throws ConfigError. */
export function loadFile<T>(file: string, schema: Schema, crossCheck: CrossCheck<T>, options: LoadOptions = {}): Loaded<T> {
  const absolute = resolve(file);
  let text: string;
  try {
    text = readFileSync(absolute, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "error";
    const reason =
      code === "ENOENT"
        ? "does not exist"
        : code === "EACCES"
          ? "may not be read by this user"
          : code === "EISDIR"
            ? "is a folder"
            : `cannot be read (${code})`;
    throw new ConfigError([
      {
        severity: "error",
        file,
        line: 0,
        column: 0,
        path: "",
        text: reason,
        remedy: "Name an existing file: -c postern.yaml.",
      },
    ]);
  }
  return parseConfig(text, file, dirname(absolute), schema, crossCheck, options);
}

export function parseConfig<T>(
  text: string,
  file: string,
  folder: string,
  schema: Schema,
  crossCheck: CrossCheck<T>,
  options: LoadOptions = {},
): Loaded<T> {
  const faults: ConfigFault[] = [];
  const lines = new LineCounter();
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  if (text.length > maxFileBytes) {
    throw new ConfigError([
      {
        severity: "error",
        file,
        line: 0,
        column: 0,
        path: "",
        text: "is too large",
        remedy: `A configuration is at most ${maxFileBytes} bytes.`,
      },
    ]);
  }
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    strict: true,
    uniqueKeys: true,
    version: "1.2",
  });
  for (const problem of [...document.errors, ...document.warnings]) {
    faults.push({
      severity: "error",
      file,
      ...place(problem.pos[0]),
      path: "",
      text: `not valid YAML: ${problem.message}`,
      remedy: "Mend the YAML: look at indentation, quotes and brackets there.",
    });
  }
  if (document.errors.length > 0) throw new ConfigError(faults);

  const report: Report = (severity, path, faultText, remedy, key) => {
    faults.push({
      severity,
      file,
      ...place(offsetOf(document, path, key === true)),
      path: formatPath(path),
      text: faultText,
      remedy,
    });
  };
  const context: CheckContext = {
    fault: (path, faultText, remedy, key) => report("error", path, faultText, remedy, key),
    readFile: (path) => readFileSync(path, "utf8"),
    env: (name) => (options.env ?? process.env)[name],
    absolute: (path) => resolve(folder, path),
  };
  const value = toValue(document, report);
  const config = check(schema, value ?? {}, [], context) as T;
  // What concerns several sections can only be told when each is right in itself.
  if (!faults.some((fault) => fault.severity === "error"))
    crossCheck(config, report, new Date((options.now ?? Date.now)()).toISOString().slice(0, 10));
  faults.sort((a, b) => a.line - b.line || a.column - b.column);
  if (faults.some((fault) => fault.severity === "error")) throw new ConfigError(faults);
  return { file, config, warnings: faults };
}

/** What the YAML says; aliases that would make a small file a huge value are refused. */
function toValue(document: Document, report: Report): unknown {
  let aliases = 0;
  visit(document, { Alias: () => void aliases++ });
  try {
    if (aliases <= 100) return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
  }
  report("error", [], "has too many aliases", "Write the values out.");
  return {};
}

/** Where the value at `path` begins, or its key; the nearest enclosing one that exists when it is absent. */
function offsetOf(document: Document, path: Path, key: boolean): number {
  for (let depth = path.length; depth >= 0; depth--) {
    const part = path.slice(0, depth);
    if (key && depth === path.length && depth > 0) {
      const parent: unknown = depth === 1 ? document.contents : document.getIn(part.slice(0, -1), true);
      const items = (parent as { items?: readonly { key?: unknown }[] } | null)?.items ?? [];
      for (const item of items) {
        if (isNode(item.key) && String((item.key as { value?: unknown }).value) === String(part[depth - 1]) && item.key.range)
          return item.key.range[0];
      }
    }
    const node: unknown = depth === 0 ? document.contents : document.getIn(part, true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
}
