import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { ContentScanner } from "./content-scanner.ts";

interface Seen {
  content: string;
  rest: string | null;
  size: number;
  leadingDots: boolean;
  eightBit: boolean;
  bare: boolean;
  nul: boolean;
}

function scan(input: Buffer, mode: "strict" | "normalise", cuts: readonly number[], stuffed = true, offset = 0): Seen {
  const scanner = new ContentScanner(stuffed, mode);
  const pieces: Buffer[] = [];
  let rest: string | null = null;
  let at = 0;
  for (let cut = 0; at < input.length && rest === null; cut++) {
    const end = Math.min(input.length, at + Math.max(1, cuts.length === 0 ? input.length : (cuts[cut % cuts.length] as number)));
    // Chunks at every alignment, and with foreign bytes around them in the same memory.
    const memory = Buffer.alloc(end - at + offset + 8, 0xff);
    input.copy(memory, offset, at, end);
    const chunk = memory.subarray(offset, offset + end - at);
    let position = 0;
    while (position < chunk.length && !scanner.ended) {
      position = scanner.scan(chunk, position, chunk.length);
      if (scanner.piece !== null) pieces.push(scanner.piece);
    }
    if (scanner.ended) rest = input.toString("latin1", at + position);
    at = end;
  }
  if (!stuffed) {
    const missing = scanner.finish();
    if (missing !== null) pieces.push(missing);
  }
  const content = Buffer.concat(pieces).toString("latin1");
  const { size, leadingDots, eightBit, bareLineEnding: bare, nul } = scanner;
  return { content, rest, size, leadingDots, eightBit, bare, nul };
}

/** The same by string operations on the whole: slow and plain. Only for input that the end of data ends. */
function model(input: string, mode: "strict" | "normalise"): Seen {
  const end = `\r\n${input}`.indexOf("\r\n.\r\n");
  assert.ok(end >= 0);
  const raw = input.slice(0, end);
  let content = "";
  let bare = false;
  for (const line of raw.split("\r\n")) {
    // A line that would be a lone dot once its bare line ending is one keeps its dot.
    content += `${/^\.[\n\r]/.test(line) ? line : line.replace(/^\./, "")}\r\n`;
  }
  content = content.slice(0, -2);
  const strictLines = content.split("\r\n");
  bare = strictLines.some((line) => /[\r\n]/.test(line));
  if (mode === "normalise") content = strictLines.map((line) => line.replace(/[\r\n]/g, "\r\n")).join("\r\n");
  return {
    content,
    rest: input.slice(end + 3),
    size: content.length,
    leadingDots: /(?:^|\r\n)\./.test(content),
    eightBit: /[\u0080-\u00ff]/.test(content),
    bare,
    nul: content.includes("\0"),
  };
}

// Pieces that matter, and long runs so that the word-wise path is taken.
const content = fc
  .array(
    fc.oneof(
      {
        weight: 6,
        arbitrary: fc.constantFrom("\r\n", ".", "\r", "\n", "\r\n.", "\r\n.\r\n", "\n.\n", "\r.\r", "a", "\0", "\t", "\u00e4", ".."),
      },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 200 }).map((n) => "x".repeat(n)) },
      { weight: 1, arbitrary: fc.constant("long ".repeat(600)) },
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.join(""));
const cuts = fc.array(fc.integer({ min: 1, max: 90 }), { maxLength: 6 });

suite("content scanner", () => {
  test("agrees with the plain model, however the bytes are cut and wherever they lie", () => {
    for (const mode of ["strict", "normalise"] as const) {
      fc.assert(
        fc.property(content, cuts, fc.integer({ min: 0, max: 3 }), (text, pieces, offset) => {
          const input = `${text}\r\n.\r\nQUIT\r\n`;
          const expected = model(input, mode);
          assert.deepEqual(scan(Buffer.from(input, "latin1"), mode, pieces, true, offset), expected);
          assert.deepEqual(scan(Buffer.from(input, "latin1"), mode, [1], true, offset), expected);
        }),
        { numRuns: 300 },
      );
    }
  });

  test("only CR LF . CR LF ends the content", () => {
    for (const lookalike of ["\n.\n", "\r.\r", "\n.\r\n", "\r\n.\n", "\r\n.\r", "\r.\r\n", "\n.\r", "\r.\n", "\r\n\0.\r\n", "\r\n. \r\n"]) {
      for (const mode of ["strict", "normalise"] as const) {
        const seen = scan(Buffer.from(`one${lookalike}two\r\n.\r\n`, "latin1"), mode, []);
        assert.equal(seen.rest, "", JSON.stringify(lookalike));
        assert.match(seen.content, /^one[^]*two\r\n$/, JSON.stringify(lookalike));
        assert.equal(seen.bare || seen.nul || lookalike === "\r\n. \r\n", true);
        // What normalise makes of it can be stuffed, so that it ends nothing at the next hop either.
        if (mode === "normalise") assert.doesNotMatch(seen.content.replace(/(^|\r\n)\./g, "$1.."), /\r\n\.\r\n|[^\r]\n|\r[^\n]/);
      }
    }
  });

  test("an empty message, and one of a dot", () => {
    assert.deepEqual(scan(Buffer.from(".\r\n"), "strict", []), {
      content: "",
      rest: "",
      size: 0,
      leadingDots: false,
      eightBit: false,
      bare: false,
      nul: false,
    });
    assert.equal(scan(Buffer.from("..\r\n.\r\n"), "strict", [1]).content, ".\r\n");
    assert.equal(scan(Buffer.from("..\r\n.\r\n"), "strict", []).leadingDots, true);
  });

  test("bytes behind the end of data are not judged", () => {
    const seen = scan(Buffer.from("a\r\n.\r\n\u00e4\0\n\r..", "latin1"), "strict", []);
    assert.deepEqual([seen.eightBit, seen.nul, seen.bare, seen.leadingDots, seen.rest], [false, false, false, false, "\u00e4\0\n\r.."]);
  });

  test("chunks of BDAT: nothing is unstuffed, the last line gets an end", () => {
    fc.assert(
      fc.property(content, cuts, (text, pieces) => {
        const seen = scan(Buffer.from(text, "latin1"), "strict", pieces, false);
        // The CR that waits for its LF gets only that.
        const ended = text === "" || text.endsWith("\r\n") ? text : text + (text.endsWith("\r") ? "\n" : "\r\n");
        assert.equal(seen.content, ended);
        assert.equal(seen.size, ended.length);
        assert.equal(seen.leadingDots, /(?:^|\r\n)\./.test(ended));
        assert.equal(seen.bare, /(?<!\r)\n|\r(?!\n)/.test(text));
        const normalised = scan(Buffer.from(text, "latin1"), "normalise", pieces, false);
        assert.equal(normalised.content, text.replace(/\r\n|[\r\n]/g, "\r\n").replace(/([^\n])$/, "$1\r\n"));
      }),
      { numRuns: 500 },
    );
  });

  test("a flood of stuffed dots comes as one piece for each chunk", () => {
    const chunk = Buffer.from("..\r\n".repeat(4096));
    const scanner = new ContentScanner(true, "strict");
    assert.equal(scanner.scan(chunk, 0, chunk.length), chunk.length);
    assert.equal(scanner.piece?.length, 3 * 4096);
  });

  test("long runs are handed on without a copy", () => {
    const chunk = Buffer.from(`${"x".repeat(5000)}\r\n..y\r\n`);
    const scanner = new ContentScanner(true, "strict");
    const position = scanner.scan(chunk, 0, chunk.length);
    assert.equal(scanner.piece?.buffer, chunk.buffer);
    assert.equal(scanner.piece?.length, 5002);
    scanner.scan(chunk, position, chunk.length);
    assert.equal(scanner.piece?.toString(), ".y\r\n");
  });
});
