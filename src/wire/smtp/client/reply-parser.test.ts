import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Reply } from "../../../mail/reply.ts";
import { ReplyParser, ReplySyntaxError } from "./reply-parser.ts";

function parseAll(chunks: readonly Buffer[]): Reply[] {
  const parser = new ReplyParser();
  const replies: Reply[] = [];
  for (const chunk of chunks) {
    parser.push(chunk);
    for (let reply = parser.next(); reply !== null; reply = parser.next()) replies.push(reply);
  }
  assert.equal(parser.pending, false);
  return replies;
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let from = 0;
  for (const place of [...places].map((each) => each % (bytes.length + 1)).sort((a, b) => a - b)) {
    chunks.push(bytes.subarray(from, place));
    from = place;
  }
  return [...chunks, bytes.subarray(from)];
}

function format(reply: Reply): string {
  const last = reply.lines.length - 1;
  return reply.lines.map((line, i) => `${reply.code}${i === last ? " " : "-"}${line}\r\n`).join("");
}

const text = fc.string({ unit: fc.constantFrom(..."abcXYZ019 .-<>@üß漢"), maxLength: 40 });
const reply = fc.record(
  { code: fc.integer({ min: 200, max: 599 }), lines: fc.array(text, { minLength: 1, maxLength: 5 }) },
  { noNullPrototype: true },
);

test("replies come out as they went in, wherever the bytes are cut", () => {
  fc.assert(
    fc.property(fc.array(reply, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 20 }), (replies, places) => {
      assert.deepEqual(parseAll(cut(Buffer.from(replies.map(format).join("")), places)), replies);
    }),
  );
});

test("any bytes give replies or ReplySyntaxError, the same whatever the cuts", () => {
  const bytes = fc.uint8Array({ maxLength: 300 }).map((each) => Buffer.from(each));
  const nearly = fc
    .array(fc.constantFrom("250", "550", " ", "-", "ok", "\r\n", "\n", "\r", "\0", "9"), { maxLength: 60 })
    .map((each) => Buffer.from(each.join("")));
  const run = (chunks: readonly Buffer[]) => {
    const replies: Reply[] = [];
    const parser = new ReplyParser();
    try {
      for (const chunk of chunks) {
        parser.push(chunk);
        for (let each = parser.next(); each !== null; each = parser.next()) replies.push(each);
      }
    } catch (error) {
      assert.ok(error instanceof ReplySyntaxError, String(error));
      return { replies, failed: true };
    }
    return { replies, failed: false };
  };
  fc.assert(
    fc.property(fc.oneof(bytes, nearly), fc.array(fc.nat(), { maxLength: 10 }), (input, places) => {
      assert.deepEqual(run(cut(input, places)), run([input]));
    }),
  );
});

test("liberal in bare LF and bare codes, strict in the rest", () => {
  assert.deepEqual(parseAll([Buffer.from("250 ok\n250\r\n250-\r\n250 \r\n")]), [
    { code: 250, lines: ["ok"] },
    { code: 250, lines: [""] },
    { code: 250, lines: ["", ""] },
  ]);
  for (const wrong of [
    "hello\r\n",
    "25\r\n",
    "2500 ok\r\n",
    "150 ok\r\n",
    "650 ok\r\n",
    "\r\n",
    "250-a\r\n251 b\r\n",
    "2x0 a\r\n",
    "250_ok\r\n",
    "29:0 x\r\n",
  ]) {
    assert.throws(() => parseAll([Buffer.from(wrong)]), ReplySyntaxError, wrong);
  }
});

test("bounded: endless lines, endless replies", () => {
  const feed = (chunk: string) => {
    const parser = new ReplyParser();
    const bytes = Buffer.from(chunk);
    for (let i = 0; i < 10_000; i++) {
      parser.push(bytes);
      while (parser.next() !== null);
    }
  };
  assert.throws(() => feed("2"), ReplySyntaxError);
  assert.throws(() => feed("250-more\r\n"), ReplySyntaxError);
  assert.throws(() => feed(`250-${"x".repeat(1000)}\r\n`), ReplySyntaxError);
});

test("UTF-8 is decoded, control characters are not let through", () => {
  assert.deepEqual(parseAll([Buffer.from("550 5.1.1 jürgen \u001b[31m\u0000\u009b\r\n")]), [
    { code: 550, lines: ["5.1.1 jürgen ?[31m??"] },
  ]);
});
