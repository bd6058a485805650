import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeEncodedWords } from "./encoded-words.ts";

const examples: readonly [given: string, wanted: string][] = [
  // RFC 2047 §8
  ["=?ISO-8859-1?Q?a?=", "a"],
  ["=?ISO-8859-1?Q?a?= b", "a b"],
  ["=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"],
  ["=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=", "ab"],
  ["=?ISO-8859-1?Q?a_b?=", "a b"],
  ["=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"],
  ["=?ISO-8859-1?Q?Andr=E9?= Pirard", "André Pirard"],
  ["=?utf-8*EN?B?w7xiZXI=?=", "über"],
  // One character cut in two.
  ["=?utf-8?B?w7w=?= =?utf-8?Q?=C3?= =?utf-8?Q?=A4?=", "üä"],
  ["=?unknown-9?Q?a=FF?= x", "=?unknown-9?Q?a=FF?= x"],
  ["=?utf-8?Q?no end", "=?utf-8?Q?no end"],
  ["plain", "plain"],
];

for (const [given, wanted] of examples) test(`decodes ${JSON.stringify(given)}`, () => assert.equal(decodeEncodedWords(given), wanted));

test("any text in any cut comes back", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary" }).filter((text) => text.isWellFormed() && !text.startsWith("\ufeff")),
      fc.constantFrom("B", "Q"),
      fc.integer({ min: 1, max: 30 }),
      (text, encoding, length) => {
        const bytes = Buffer.from(text);
        const words: string[] = [];
        for (let start = 0; start < bytes.length; start += length) {
          const part = bytes.subarray(start, start + length);
          const payload =
            encoding === "B"
              ? part.toString("base64")
              : [...part].map((byte) => `=${byte.toString(16).padStart(2, "0").toUpperCase()}`).join("");
          words.push(`=?utf-8?${encoding}?${payload}?=`);
        }
        assert.equal(decodeEncodedWords(words.join("\r\n ")), text);
      },
    ),
  );
});

test("hostile input costs linear time and no throw", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom("=?", "?=", "utf-8", "?Q?", "?B?", "=", "_", " ", "\r\n", "é", "=C3") }),
      (text) => typeof decodeEncodedWords(text) === "string",
    ),
  );
  const started = performance.now();
  for (const piece of ["=?", "=?utf-8?Q?", "=?utf-8?Q?a", "=?utf-8?Q?a?= "]) decodeEncodedWords(piece.repeat(50_000));
  assert.ok(performance.now() - started < 2000);
});
