import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { classifyLine, readArgument, readVerb } from "./command.ts";

const verbs = ["EHLO", "HELO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "NOOP", "QUIT", "VRFY", "EXPN", "HELP", "STARTTLS", "AUTH", "TURN"];

function verbOf(line: string): string {
  const bytes = Buffer.from(`xx${line}`, "latin1");
  return readVerb(bytes, 2, bytes.length);
}

suite("commands", () => {
  test("verbs in any case, alone or before a space", () => {
    for (const verb of verbs) {
      for (const form of [verb, verb.toLowerCase(), `${verb} x`, `${verb[0]}${verb.slice(1).toLowerCase()} `])
        assert.equal(verbOf(form), verb);
      for (const form of [`${verb}x`, `${verb}:`, verb.slice(0, -1), ` ${verb}`]) assert.equal(verbOf(form), "other", form);
    }
  });

  test("nothing else is a verb", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 10 }), (bytes) => {
        const line = Buffer.from(bytes).toString("latin1");
        const word = /^([^ ]*)/.exec(line)?.[1] ?? "";
        assert.equal(verbOf(line), verbs.includes(word.replace(/[a-z]/g, (c) => c.toUpperCase())) ? word.toUpperCase() : "other");
      }),
      { numRuns: 2000 },
    );
    for (const verb of verbs) {
      for (let i = 0; i < verb.length; i++) {
        for (const bit of [0x20, 0x80]) {
          const bytes = Buffer.from(verb);
          bytes[i] = (bytes[i] as number) ^ bit;
          assert.equal(readVerb(bytes, 0, bytes.length), bit === 0x20 ? verb : "other");
        }
      }
    }
  });

  test("kinds of lines", () => {
    const kind = (text: string) => classifyLine(Buffer.from(text, "latin1"), 0, text.length);
    assert.deepEqual(["MAIL x", "a\tb", "\u00e4", "\0", "\r", "a\u001b\u00e4", "\u007f", ""].map(kind), [
      "ascii",
      "ascii",
      "eightBit",
      "control",
      "control",
      "control",
      "control",
      "ascii",
    ]);
  });

  test("arguments", () => {
    const argument = (text: string) => readArgument(Buffer.from(text, "latin1"), 4, text.length, false);
    assert.equal(argument("EHLO   a b  "), "a b");
    assert.equal(argument("EHLO"), "");
    assert.equal(argument("EHLO \u00c3\u00a4"), "\u00e4");
    assert.equal(argument("EHLO \u00e4"), null);
  });
});
