import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { generateDocs } from "../scripts/generate-docs.ts";

const root = join(import.meta.dirname, "..");

function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

/** First cell of each row of the tables in a document, without its header rows. */
function firstCells(text: string): readonly string[] {
  return [...text.matchAll(/^\| `?([^|`]+?)`? \|/gm)].map((match) => match[1] ?? "").filter((cell) => !/^(-+|RFC|package)$/.test(cell));
}

test("generated documents are in step with the code", () => {
  for (const [path, text] of generateDocs()) assert.equal(read(path), text, `${path}: run node scripts/generate-docs.ts`);
});

test("docs/standards.md lists the RFCs that the sources cite, and no others", () => {
  const cited = new Set<string>();
  for (const file of globSync("src/**/*.ts", { cwd: root })) {
    for (const match of read(file).matchAll(/\bRFC (\d{3,5})\b/g)) cited.add(match[1] ?? "");
  }
  const listed = firstCells(read("docs/standards.md"));
  assert.deepEqual(
    [...listed].sort((a, b) => Number(a) - Number(b)),
    [...cited].sort((a, b) => Number(a) - Number(b)),
  );
});

test("a standard is cited in one form", () => {
  const odd = globSync("src/**/*.ts", { cwd: root }).flatMap((file) =>
    [...read(file).matchAll(/\b(?:RFC-?\d{3,5}|RFC\s+\d{3,5}[ ,]+(?:section|sec\.|s\.)\s?\d)\b/g)].map((match) => `${file}: ${match[0]}`),
  );
  assert.deepEqual(odd, []);
});

test("every dependency has its line, and every line its dependency", () => {
  const manifest = JSON.parse(read("package.json")) as { dependencies: object; devDependencies: object };
  const [runTime = "", checks = ""] = read("docs/decisions/dependencies.md").split("## For tests and checks");
  assert.deepEqual([...firstCells(runTime)].sort(), Object.keys(manifest.dependencies).sort());
  assert.deepEqual([...firstCells(checks)].sort(), Object.keys(manifest.devDependencies).sort());
});

test("links between documents lead somewhere", () => {
  const documents = globSync("{*.md,docs/**/*.md}", { cwd: root });
  assert.ok(documents.length > 10);
  const broken = documents.flatMap((document) =>
    [...read(document).matchAll(/\]\((?!https?:)([^)#\s]+)(#[^)\s]*)?\)/g)]
      .map((match) => match[1] ?? "")
      .filter((target) => !existsSync(join(root, dirname(document), target)))
      .map((target) => `${document}: ${target}`),
  );
  assert.deepEqual(broken, []);
});

test("decisions are numbered without gaps", () => {
  const numbers = globSync("docs/decisions/[0-9]*.md", { cwd: root })
    .map((file) => Number(/(\d{4})-/.exec(file)?.[1]))
    .sort((a, b) => a - b);
  assert.deepEqual(
    numbers,
    numbers.map((_, index) => index + 1),
  );
});

test("files that the documents name in code exist", () => {
  const missing: string[] = [];
  for (const document of ["docs/flow.md", "ARCHITECTURE.md", "CONTRIBUTING.md"]) {
    for (const match of read(document).matchAll(/`((?:src|test|scripts|docs|[a-z]+)\/[a-z0-9/.-]+)`/g)) {
      const path = match[1] ?? "";
      if (!existsSync(join(root, path)) && !existsSync(join(root, "src", path))) missing.push(`${document}: ${path}`);
    }
  }
  assert.deepEqual(missing, []);
});
