import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import PostalMime from "postal-mime";
import { makeContent } from "../../../test/support/transactions.ts";
import { rewriteSender } from "./rewrite-sender.ts";

async function rewritten(text: string, streamed = false): Promise<string> {
  const content = await rewriteSender(makeContent(text, streamed), "account@contoso.example");
  const pieces: Uint8Array[] = [];
  for await (const piece of content.inMemory ?? content.stream()) pieces.push(piece);
  const bytes = Buffer.concat(pieces);
  assert.equal(bytes.length, content.size, "the size is told right");
  return bytes.toString("utf8");
}

const cases: readonly (readonly [what: string, header: string, from: string, replyTo: string])[] = [
  ["a bare address", "From: boss@contoso.example", " <account@contoso.example>", "boss@contoso.example"],
  ["a name", "From: The Boss <boss@contoso.example>", "The Boss <account@contoso.example>", "boss@contoso.example"],
  ["a quoted name with a comma", 'From: "Boss, The" <boss@contoso.example>', "Boss, The <account@contoso.example>", "boss@contoso.example"],
  [
    "an encoded name",
    "From: =?utf-8?q?Gr=C3=BC=C3=9Fe?= <boss@contoso.example>",
    "Grüße <account@contoso.example>",
    "boss@contoso.example",
  ],
  ["a folded field", "From: The\r\n Boss\r\n <boss@contoso.example>", "The Boss <account@contoso.example>", "boss@contoso.example"],
  ["a name that poses as an address", "From: ceo@bank.example <boss@contoso.example>", " <account@contoso.example>", "ceo@bank.example"],
  ["UTF-8 as it is", "From: Grüße <boss@contoso.example>", "Grüße <account@contoso.example>", "boss@contoso.example"],
  [
    "a Reply-To of its own",
    "From: Boss <boss@contoso.example>\r\nReply-To: help@contoso.example",
    "Boss <account@contoso.example>",
    "help@contoso.example",
  ],
];

for (const [what, header, from, replyTo] of cases) {
  test(`${what}: read by a foreign parser`, async () => {
    for (const streamed of [false, true]) {
      const text = await rewritten(`${header}\r\nSender: other@contoso.example\r\nSubject: x\r\n\r\nbody\r\n`, streamed);
      const mail = await PostalMime.parse(text);
      assert.equal(`${mail.from?.name ?? ""} <${mail.from?.address ?? ""}>`.trimStart(), from.trimStart());
      assert.equal(mail.sender, undefined);
      assert.ok(JSON.stringify(mail.replyTo).includes(replyTo), JSON.stringify(mail.replyTo));
      assert.equal((text.match(/^From:/gm) ?? []).length, 1);
    }
  });
}

test("the body is not touched, whatever it is, and no field is lost", async () => {
  const line = fc.string({ maxLength: 60 }).map((text) => text.replace(/[\r\n\0]/g, ""));
  await fc.assert(
    fc.asyncProperty(fc.array(line), fc.boolean(), async (lines, streamed) => {
      const body = lines.map((each) => `${each}\r\n`).join("");
      const text = await rewritten(`Subject: x\r\nFrom: a@b.example\r\nX-Test: 1\r\n y\r\n\r\n${body}`, streamed);
      assert.ok(text.endsWith(`\r\nX-Test: 1\r\n y\r\n\r\n${body}`));
      assert.ok(text.includes("Subject: x\r\nFrom: <account@contoso.example>\r\nReply-To: a@b.example\r\n"));
    }),
  );
});

test("no From field, and no empty line: the account is the author all the same", async () => {
  assert.ok((await rewritten("Subject: x\r\n\r\nbody\r\n")).startsWith("From: <account@contoso.example>\r\nReceived:"));
  assert.ok((await rewritten("Subject: x\r\n")).startsWith("From: <account@contoso.example>\r\n"));
});

test("a name whose last byte looks like a space keeps it; one that cannot be told for sure goes", async () => {
  const field = async (value: string) => /From:[^]*?(?=\r\nReply-To:)/.exec(await rewritten(`From: ${value}\r\n\r\nbody\r\n`))?.[0];
  assert.equal(await field("Voilà <a@b.example>"), "From: Voilà <account@contoso.example>");
  for (const unsure of [
    "<x> <a@b.example>",
    'one "two" <a@b.example>',
    "team: a <a@b.example>",
    '"open <a@b.example>',
    "a@b.example, c@d.example",
  ])
    assert.equal(await field(unsure), "From: <account@contoso.example>", unsure);
});

test("several From fields: all of their mailboxes go into the one Reply-To", async () => {
  const mail = await PostalMime.parse(
    await rewritten("From: A <a@b.example>\r\nSubject: x\r\nFrom: c@d.example,\r\n e@f.example\r\nReply-To: \r\n\r\nbody\r\n"),
  );
  assert.equal(mail.from?.address, "account@contoso.example");
  assert.deepEqual(
    mail.replyTo?.map(({ address }) => address),
    ["a@b.example", "c@d.example", "e@f.example"],
  );
});

test("white space without end, brackets without end: no more work than bytes", async () => {
  for (const value of [
    " \r\n".repeat(1) + `${" ".repeat(900)}\r\n `.repeat(200),
    "<".repeat(200_000),
    '"\\'.repeat(100_000),
    " <".repeat(100_000),
  ]) {
    const started = process.cpuUsage();
    await rewritten(`From: x${value}y\r\n\r\nbody\r\n`);
    assert.ok(process.cpuUsage(started).user < 5_000_000, "seconds for one header section");
  }
});
