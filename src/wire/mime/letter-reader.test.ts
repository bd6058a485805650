import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { LetterFault } from "./letter-head.ts";
import { LetterReader } from "./letter-reader.ts";

function read(text: string, cut = text.length): { head: string | null; body: string } {
  const reader = new LetterReader();
  const bytes = Buffer.from(text, "latin1");
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += Math.max(1, cut)) pieces.push(...reader.push(bytes.subarray(at, at + Math.max(1, cut))));
  pieces.push(...reader.end());
  return { head: reader.head, body: Buffer.concat(pieces).toString("latin1") };
}

suite("a letter from a file or a pipe", () => {
  const letters: readonly (readonly [string, string, string, string])[] = [
    [
      "LF becomes CRLF, and the last line gets its end",
      "To: a\nSubject: b\n\nHi\n.\nthere",
      "To: a\r\nSubject: b\r\n",
      "Hi\r\n.\r\nthere\r\n",
    ],
    ["CRLF stays", "To: a\r\n\r\nHi\r\n", "To: a\r\n", "Hi\r\n"],
    ["a byte order mark is dropped", "\xef\xbb\xbfTo: a\n\nHi\n", "To: a\r\n", "Hi\r\n"],
    ["the line of a mailbox file is dropped", "From app Fri Nov 27\nTo: a\n\nHi\n", "To: a\r\n", "Hi\r\n"],
    ["no header section: all is body", "Hello, world\n\nbye\n", "", "Hello, world\r\n\r\nbye\r\n"],
    ["an empty header section", "\nHi\n", "", "Hi\r\n"],
    ["a header section alone", "To: a\nSubject: b", "To: a\r\nSubject: b\r\n", ""],
    ["nothing at all", "", "", ""],
  ];
  for (const [name, text, head, body] of letters) test(name, () => assert.deepEqual(read(text), { head, body }));

  test("how it is cut makes no difference", () => {
    // A mark is never cut: whoever reads a file gets its first bytes together.
    const parts = fc.array(fc.constantFrom("From ", "To: a", "\n", "\r\n", "\r", ".", "x", " "), { maxLength: 20 });
    fc.assert(
      fc.property(parts, fc.integer({ min: 1, max: 5 }), (words, cut) => assert.deepEqual(read(words.join(""), cut), read(words.join("")))),
    );
  });

  test("a header section without end is refused before it fills the memory", () => {
    const reader = new LetterReader();
    assert.throws(() => {
      for (let n = 0; n < 100; n++) reader.push(Buffer.from(`X-${n}: ${"x".repeat(16_000)}\n`));
    }, LetterFault);
  });
});
