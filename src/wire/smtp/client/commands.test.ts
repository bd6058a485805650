import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { noCapabilities, parseCapabilities } from "./capabilities.ts";
import { formatMail, formatRcpt, isSafePath } from "./commands.ts";

const everything = { ...noCapabilities, size: true, eightBitMime: true, smtputf8: true, dsn: true };
const facts = { size: 10, eightBit: true, smtputf8: true };
const envelope = { reversePath: "a@b.example", recipients: [], envid: "x=y z", ret: "FULL" } as const;

test("MAIL carries what was offered and nothing else", () => {
  assert.equal(formatMail(envelope, facts, everything), "MAIL FROM:<a@b.example> SIZE=10 BODY=8BITMIME SMTPUTF8 RET=FULL ENVID=x+3Dy+20z");
  assert.equal(formatMail(envelope, facts, noCapabilities), "MAIL FROM:<a@b.example>");
  assert.equal(
    formatMail({ reversePath: null, recipients: [] }, { size: 10, eightBit: false, smtputf8: false }, everything),
    "MAIL FROM:<> SIZE=10",
  );
});

test("RCPT carries wishes for notifications where DSN was offered", () => {
  const recipient = {
    address: "c@d.example",
    notify: { never: false, success: true, failure: true, delay: false },
    orcpt: "rfc822;a+b@c.example",
  };
  assert.equal(formatRcpt(recipient, everything), "RCPT TO:<c@d.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a+2Bb@c.example");
  assert.equal(formatRcpt(recipient, noCapabilities), "RCPT TO:<c@d.example>");
});

test("an address that would change the command is not safe", () => {
  for (const safe of ["a@b.example", "ü@b.example", '"a b"@c.example', '"a\\"b<>"@c.example'.replace("<>", ""), "a@[127.0.0.1]", "a=b+c@d"])
    assert.ok(isSafePath(safe), safe);
  for (const unsafe of ["a>@b", "a<b@c", "a b@c", "a\r\nb@c", "a\0@b", '"a\r\n"@b', '"a"b"@c', '"a@b', 'a"@b', "a\\@b", "a\u007f@b"])
    assert.ok(!isSafePath(unsafe), JSON.stringify(unsafe));
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'ab"\\<>@ \r\n\0ü'), maxLength: 20 }), (address) => {
      if (!isSafePath(address)) return;
      assert.doesNotMatch(address, /[\r\n\0]/);
      // Outside quotes there is no bracket or blank.
      assert.doesNotMatch(address.replace(/^"(?:[^"\\]|\\.)*"/, ""), /[<> "\\]/);
    }),
  );
});

test("EHLO: keywords in any case, SIZE 0 is no limit, both spellings of AUTH", () => {
  const parse = (...lines: string[]) => parseCapabilities({ code: 250, lines });
  const found = parse(
    "mx.example at your service",
    "size 1000",
    "Pipelining",
    "8BITMIME",
    "SMTPUTF8",
    "DSN",
    "CHUNKING",
    "STARTTLS",
    "AUTH LOGIN plain",
    "AUTH=LOGIN XOAUTH2",
    "X-WHAT 1",
  );
  assert.deepEqual(found, {
    name: "mx.example",
    pipelining: true,
    maxSize: 1000,
    size: true,
    eightBitMime: true,
    smtputf8: true,
    dsn: true,
    chunking: true,
    startTls: true,
    auth: ["LOGIN", "PLAIN", "XOAUTH2"],
  });
  assert.deepEqual(
    [parse("x", "SIZE 0").maxSize, parse("x", "SIZE").maxSize, parse("x", "SIZE abc").maxSize, parse("x", "SIZE").size],
    [null, null, null, true],
  );
  assert.deepEqual(parse("x"), { ...noCapabilities, name: "x" });
  // The first line is a greeting, not a keyword.
  assert.equal(parse("PIPELINING").pipelining, false);
});
