import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { contentEnd, DotStuffer } from "./dot-stuffing.ts";

function stuff(pieces: readonly Buffer[]): string {
  const stuffer = new DotStuffer();
  const out: Uint8Array[] = [];
  for (const piece of pieces) stuffer.stuff(piece, out);
  return Buffer.concat(out).toString("latin1") + stuffer.end();
}

/** What a server does, written independently: by lines. */
function unstuff(wire: string): string {
  assert.ok(wire.endsWith("\r\n.\r\n") || wire === ".\r\n");
  const lines = wire.slice(0, -3).split("\r\n");
  assert.ok(!lines.includes("."), "the end came early");
  return lines.map((line) => (line.startsWith(".") ? line.slice(1) : line)).join("\r\n");
}

const content = fc
  .array(fc.constantFrom("\r\n", "\r", "\n", ".", "..", "a", "\r\n.\r\n", "text"), { maxLength: 40 })
  .map((parts) => parts.join(""));

test("what a server unstuffs is what went in, wherever the pieces are cut; a missing last line end is added", () => {
  fc.assert(
    fc.property(content, fc.array(fc.nat(), { maxLength: 10 }), (text, places) => {
      const bytes = Buffer.from(text);
      const pieces: Buffer[] = [];
      let from = 0;
      for (const place of places.map((each) => each % (bytes.length + 1)).sort((a, b) => a - b)) {
        pieces.push(bytes.subarray(from, place));
        from = place;
      }
      pieces.push(bytes.subarray(from));
      assert.equal(unstuff(stuff(pieces)), text === "" || text.endsWith("\r\n") ? text : `${text}\r\n`);
    }),
  );
});

test("contentEnd agrees with the stuffer where nothing needs stuffing", () => {
  for (const text of ["", "a", "a\r\n", "a\r", "a\n", "\r\n"])
    assert.equal(text + contentEnd(Buffer.from(text)), stuff([Buffer.from(text)]));
});
