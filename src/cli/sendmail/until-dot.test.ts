import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { untilDot } from "./until-dot.ts";

async function read(pieces: readonly string[]): Promise<string> {
  const out: Buffer[] = [];
  async function* input() {
    for (const piece of pieces) yield Buffer.from(piece);
  }
  for await (const piece of untilDot(input())) out.push(Buffer.from(piece));
  return Buffer.concat(out).toString();
}

/** The rule, said once more: whole lines until one is a dot. */
function expected(text: string): string {
  const kept: string[] = [];
  for (const line of text.split(/(?<=\n)/)) {
    if (/^\.\r?\n?$/.test(line)) break;
    kept.push(line);
  }
  return kept.join("");
}

test("what is typed ends at a lone dot, however it is cut", async () => {
  assert.equal(await read(["Hello\n", ".", "\nnot this"]), "Hello\n");
  assert.equal(await read(["..\n.x\n\n.", "\r"]), "..\n.x\n\n");
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom("\n", ".", "\r\n", "x", "\n.", ".\r")), async (pieces) =>
      assert.equal(await read(pieces), expected(pieces.join(""))),
    ),
    { numRuns: 300 },
  );
});
