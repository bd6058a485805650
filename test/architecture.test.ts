import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { adapterFolders, mayImport, pureFolders, pureModules, sharedByAdapters } from "./import-table.ts";

const root = join(import.meta.dirname, "..");

interface SourceFile {
  /** From src/, with `/`. */
  readonly path: string;
  readonly lines: number;
  readonly imports: readonly string[];
  /** Those that exist at run time when the file is loaded: neither types nor `import()`. */
  readonly loads: readonly string[];
}

/** Static, dynamic and re-exporting imports; comments and strings with such words do not occur at the beginning of a line. */
const specifier = /^(?:import|export)\s(type\s)?[^;]*?from\s+"([^"]+)"|^import\s+"([^"]+)"|\bimport\(\s*"([^"]+)"\s*\)/gm;

const files: readonly SourceFile[] = globSync("src/**/*.ts", { cwd: root }).map((file): SourceFile => {
  const text = readFileSync(join(root, file), "utf8");
  const matches = [...text.matchAll(specifier)];
  const nameOf = (match: RegExpExecArray): string => match[2] ?? match[3] ?? match[4] ?? "";
  return {
    path: file.replaceAll("\\", "/").slice("src/".length),
    lines: text.split("\n").length - 1,
    imports: matches.map(nameOf),
    loads: matches.filter((match) => match[1] === undefined && match[4] === undefined).map(nameOf),
  };
});
const sources = files.filter(({ path }) => !path.endsWith(".test.ts") && !path.endsWith(".contract.ts"));

/** `queue` of `queue/store.ts`; the file itself at the top of src/. */
function folderOf(path: string): string {
  return path.split("/")[0] ?? path;
}

/** Paths from src/ of what a file imports of ours. */
function ownImports(file: SourceFile, names: readonly string[] = file.imports): readonly string[] {
  return names.filter((name) => name.startsWith(".")).map((name) => normalize(join(dirname(file.path), name)).replaceAll("\\", "/"));
}

function isAllowed(from: string, target: string): boolean {
  const allowed = mayImport[from] ?? [];
  const folder = folderOf(target);
  return folder === from || allowed.includes("*") || allowed.includes(folder) || allowed.includes(target);
}

test("the sources are found", () => {
  assert.ok(sources.length > 50, `${sources.length} files`);
  assert.ok(sources.some(({ path, imports }) => path === "reports/dsn.ts" && imports.includes("../wire/dsn/compose.ts")));
});

test("every folder of src has a row in the table, and no row allows what imports it", () => {
  const folders = new Set(sources.map(({ path }) => folderOf(path)));
  assert.deepEqual(
    [...folders].filter((folder) => !(folder in mayImport)),
    [],
  );
  const seesItself = (from: string, folder: string, depth: number): boolean =>
    depth > 0 &&
    (mayImport[folder] ?? []).some((next) => !next.includes("/") && next !== "*" && (next === from || seesItself(from, next, depth - 1)));
  for (const folder of Object.keys(mayImport)) assert.ok(!seesItself(folder, folder, 6), `${folder} may, in a round, import itself`);
});

test("imports go downward only", () => {
  const upward = sources.flatMap((file) =>
    ownImports(file)
      .filter((target) => !isAllowed(folderOf(file.path), target))
      .map((target) => `${file.path} imports ${target}`),
  );
  assert.deepEqual(upward, []);
  assert.equal(isAllowed("mail", "queue/store.ts"), false);
  assert.equal(isAllowed("reports", "queue/queue.ts"), false);
});

test("adapters are strangers", () => {
  const friends = sources.flatMap((file) => {
    const [folder, adapter, inside] = file.path.split("/");
    if (folder === undefined || !adapterFolders.includes(folder) || inside === undefined) return [];
    return ownImports(file)
      .filter((target) => {
        const [other, neighbour, deeper] = target.split("/");
        return other === folder && deeper !== undefined && neighbour !== adapter && !sharedByAdapters.includes(`${other}/${neighbour}`);
      })
      .map((target) => `${file.path} imports ${target}`);
  });
  assert.deepEqual(friends, []);
});

test("the pure folders do no I/O", () => {
  const impure = sources
    .filter(({ path }) => pureFolders.includes(folderOf(path)))
    .flatMap(({ path, imports }) =>
      imports.filter((name) => name.startsWith("node:") && !pureModules.includes(name)).map((name) => `${path} imports ${name}`),
    );
  assert.deepEqual(impure, []);
});

test("no file loads itself in a round", () => {
  const graph = new Map(sources.map((file) => [file.path, ownImports(file, file.loads)]));
  const done = new Set<string>();
  const rounds: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) rounds.push([...trail.slice(trail.indexOf(path)), path].join(" > "));
    if (done.has(path) || trail.includes(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  assert.deepEqual(rounds, []);
});

test("no file has more than 400 lines", () => {
  assert.deepEqual(
    files.filter(({ lines }) => lines > 400).map(({ path, lines }) => `${path}: ${lines}`),
    [],
  );
});

test("ARCHITECTURE.md quotes the table", () => {
  const text = readFileSync(join(root, "ARCHITECTURE.md"), "utf8");
  for (const [folder, allowed] of Object.entries(mayImport)) {
    const row = `| ${folder} | ${allowed.length === 0 ? "nothing of ours" : allowed[0] === "*" ? "everything: it composes" : allowed.join(", ")} |`;
    assert.ok(text.includes(row), `missing row: ${row}`);
  }
});
