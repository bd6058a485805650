import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { maxHeaderBytes, scanHeader, type HeaderScan } from "./header-scan.ts";

function scan(header: string, whole = true): HeaderScan {
  return scanHeader(Buffer.from(header, "latin1"), whole);
}

function from(value: string): HeaderScan {
  return scan(`From: ${value}\r\nTo: bob@b.example\r\n\r\n`);
}

test("a usual header section is read", () => {
  const text =
    "Received: from a (b [192.0.2.1])\r\n\tby c with ESMTP; Sat, 21 Nov 2026 11:38:00 +0000\r\nReceived: from d by e\r\n" +
    "From: Floor 2 <printer@contoso.example>\r\nSender: <app@contoso.example>\r\nsubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n aus Berlin\r\n" +
    "DATE: Sat, 21 Nov 2026 11:38:00 +0000\r\nMessage-Id: <17@contoso.example>\r\nAuto-Submitted: Auto-Generated; x=y\r\n" +
    "List-Unsubscribe: <https://contoso.example/u>\r\nPRECEDENCE: Bulk\r\n\r\n";
  assert.deepEqual(scan(`${text}From: nobody@body.example\r\n\r\n`), {
    end: text.length,
    received: 2,
    hasFrom: true,
    hasSender: true,
    hasDate: true,
    hasMessageId: true,
    authors: ["printer@contoso.example"],
    sender: "app@contoso.example",
    messageId: "<17@contoso.example>",
    subject: "Grüße aus Berlin",
    autoSubmitted: "auto-generated",
    listUnsubscribe: true,
    precedence: "bulk",
    faults: [],
  });
});

test("the end of the section: empty line, none in a whole message, none yet", () => {
  assert.equal(scan("\r\nbody").end, 2);
  assert.equal(scan("A: b\r\n\r\n").end, 8);
  assert.equal(scan("A: b\r\n").end, 6);
  assert.equal(scan("From: a@x.example").authors[0], "a@x.example");
  assert.equal(scan("A: b\r\nFrom: a@x.exa", false).end, -1);
  assert.deepEqual(scan("A: b\r\nFrom: a@x.exa", false).authors, [], "a line that may go on is not read");
  assert.equal(scan("").end, 0);
});

test("a message without header section is all body", () => {
  for (const text of [
    "hello world\r\n\r\nmore",
    "hello world",
    ": value\r\n\r\n",
    "From root Mon Jan 1 00:00:00 2026\r\nFrom: a@x.example\r\n\r\n",
  ]) {
    const { end, faults } = scan(text);
    assert.deepEqual([end, faults], [0, ["no-header"]], text);
  }
});

test("faults of structure are named", () => {
  assert.deepEqual(scan("A: b\r\nno colon here\r\nC: d\r\n\r\n").faults, ["no-field-name"]);
  assert.deepEqual(scan("A: b\r\nbad name: x\r\n\r\n").faults, ["no-field-name"]);
  assert.deepEqual(scan("A: b\r\n \r\nFrom: a@x.example\r\n\r\n").faults, ["blank-fold"]);
  for (const text of ["A: b\nFrom: a@x.example\r\n\r\n", "A: b\rFrom: a@x.example\r\n\r\n", "A: b\0\r\n\r\n", "A: b\r\r\n\r\n"]) {
    assert.deepEqual(scan(text).faults, ["bare-control"], JSON.stringify(text));
  }
  const long = Buffer.from(`A: ${"x\r\n ".repeat(maxHeaderBytes / 4)}\r\n\r\n`);
  assert.deepEqual(scanHeader(long, true).faults, ["too-long"]);
  assert.equal(scanHeader(long, true).end, -1);
  assert.deepEqual(scan("A: b\r\n", false).faults, []);
});

test("names are found in any case, with obsolete white space, and not by resemblance", () => {
  assert.deepEqual(scan("fRoM \t: a@x.example\r\n\r\n").authors, ["a@x.example"]);
  for (const name of ["-rom", "Fro", "From-", "X-From", "Fr\u00f6m"])
    assert.equal(scan(`A: b\r\n${name}: a@x.example\r\n\r\n`).hasFrom, false, name);
});

// Whoever reads the message later may take any of these for the author: all must be named, or the field must be at fault.
const certain: readonly (readonly [string, ...string[]])[] = [
  ["a@x.example", "a@x.example"],
  ["<a@x.example>", "a@x.example"],
  ["Ann <a@x.example>", "a@x.example"],
  ['"Doe, Ann (IT)" <a@x.example>', "a@x.example"],
  ['"b@y.example" <a@x.example>', "a@x.example"],
  ['"\\"b@y.example\\" <b@y.example>" <a@x.example>', "a@x.example"],
  ["=?utf-8?Q?b=40y.example?= <a@x.example>", "a@x.example"],
  ["=?utf-8?Q?=3Cb=40y.example=3E=2C?= <a@x.example>", "a@x.example"],
  ["M\u00fcller <a@x.example>", "a@x.example"],
  ["a@x.example, b@y.example", "a@x.example", "b@y.example"],
  ["Ann <a@x.example>, Bob <b@y.example>", "a@x.example", "b@y.example"],
  ["Us: a@x.example, Bob <b@y.example>;", "a@x.example", "b@y.example"],
  ["a@x.example;b@y.example", "a@x.example", "b@y.example"],
  ["b@y.example <a@x.example>", "a@x.example", "b@y.example"],
  ["<a@x.example> b@y.example", "a@x.example", "b@y.example"],
  ["<a@x.example><b@y.example>", "a@x.example", "b@y.example"],
  ["Ann\r\n\t<a@x.example>,\r\n b@y.example", "a@x.example", "b@y.example"],
  ["a@x.example (b@y.example)", "a@x.example"],
  ["a @ x . example", "a@x.example"],
  ['"a"@x.example', "a@x.example"],
  ["A@X.example, a@x.EXAMPLE", "a@x.EXAMPLE"],
];

for (const [value, ...authors] of certain) {
  test(`authors of ${JSON.stringify(value)}`, () => {
    const { authors: found, faults } = from(value);
    assert.deepEqual([...found].sort(), [...authors].sort());
    assert.deepEqual(faults, []);
  });
}

const uncertain: readonly string[] = [
  "",
  "root",
  "undisclosed:;",
  "=?utf-8?Q?b=40y.example?=",
  "a (comment \\) ) @ (b@y.example) x . example",
  '"a@x.example" (unclosed',
  'a@x.example "unclosed',
  "a@x.example)",
  "a@x@y.example",
  "@x.example",
  "a@",
  "<@r.example:a@x.example>",
  "a\\@b@x.example",
  '"a@b.example"@x.example',
  '"a b"@x.example',
  "a@x.example\0",
  "a@x\u0000.example, b@y.example",
  "\u202ea@x.example\u202c".replace(/./gu, (char) => Buffer.from(char).toString("latin1")),
  "\u00fc@x.example",
  `${"x".repeat(40_000)}@x.example`,
];

for (const value of uncertain) {
  test(`From is at fault: ${JSON.stringify(value.slice(0, 60))}`, () => assert.ok(from(value).faults.includes("from-syntax")));
}

test("two From fields are a fault, and both count", () => {
  const { authors, faults } = scan("From: a@x.example\r\nTo: c@z.example\r\nFROM : b@y.example\r\n\r\n");
  assert.deepEqual(authors, ["a@x.example", "b@y.example"]);
  assert.deepEqual(faults, ["from-twice"]);
});

test("Sender is one mailbox, once", () => {
  assert.equal(scan("Sender: a@x.example\r\n\r\n").sender, "a@x.example");
  for (const text of [
    "Sender: a@x.example, b@y.example\r\n\r\n",
    "Sender: a@x.example\r\nSender: b@y.example\r\n\r\n",
    "Sender: root\r\n\r\n",
  ]) {
    assert.deepEqual(scan(text).faults, ["sender-syntax"], text);
  }
});

test("Message-ID gets its brackets, Subject loses what could harm a terminal", () => {
  assert.equal(scan("Message-ID: 17@x.example\r\n\r\n").messageId, "<17@x.example>");
  assert.equal(scan("Message-ID:\r\n <17@x.example> (comment)\r\n\r\n").messageId, "<17@x.example>");
  const empty = scan("Message-ID: \r\n\r\n");
  assert.deepEqual([empty.hasMessageId, empty.messageId], [true, null]);
  assert.equal(scan("Subject: a\u001b[31mb =?utf-8?Q?=1B=0D=0A?=\r\n\r\n").subject, "a [31mb");
  assert.equal(scan(`Subject: ${"x".repeat(5000)}\r\n\r\n`).subject.length, 200);
});

/** Header-like text: pieces that mean something to a parser, between arbitrary ones. */
const pieces = fc.array(
  fc.oneof(
    fc.constantFrom(
      "From:",
      "Sender:",
      "Subject:",
      "Message-ID:",
      "\r\n",
      "\r\n ",
      "\r",
      "\n",
      "\0",
      "\r\n\r\n",
      ":",
      "<",
      ">",
      "@",
      ",",
      ";",
      '"',
      "(",
      ")",
      "\\",
    ),
    fc.constantFrom("a@x.example", "b@y.example", "=?utf-8?Q?=40?=", "=?", " ", "\t", "[", "]", "."),
    fc.string({ maxLength: 8 }),
  ),
  { maxLength: 40 },
);

test("nothing makes it throw, and what it says is consistent", () => {
  fc.assert(
    fc.property(pieces, fc.boolean(), (parts, whole) => {
      const bytes = Buffer.from(parts.join(""), "latin1");
      const result = scanHeader(bytes, whole);
      assert.ok(result.end >= -1 && result.end <= bytes.length);
      if (whole) assert.notEqual(result.end, -1);
      assert.ok(result.subject.length <= 200 && !/[\p{Cc}]/u.test(result.subject));
      assert.equal(new Set(result.faults).size, result.faults.length);
      if (result.faults.includes("from-twice")) assert.ok(result.hasFrom);
      // A From without a fault names somebody.
      if (result.hasFrom && !result.faults.includes("from-syntax")) assert.ok(result.authors.length > 0);
    }),
    { numRuns: 2000 },
  );
});

test("a mailbox that stands bare in From is never overlooked", () => {
  const quiet = fc.constantFrom("", " ", "Ann ", '"Ann" ', "(note) ", "Us: ", "\r\n ");
  const loud = fc.constantFrom("a@x.example", "<b@y.example>", "c@z.example (d@w.example)", '"e@v.example" <f@u.example>');
  fc.assert(
    fc.property(fc.array(fc.tuple(quiet, loud, fc.constantFrom(",", ";", " ", ", ")), { minLength: 1, maxLength: 6 }), (entries) => {
      const { authors, faults } = from(entries.map((entry) => entry.join("")).join(""));
      if (faults.length > 0) return;
      const wanted = new Set(entries.map(([, mailbox]) => /([a-z]@[a-z]\.example)>?(?: \(.*)?$/.exec(mailbox)?.[1]));
      for (const mailbox of wanted) assert.ok(authors.includes(mailbox ?? ""), `${mailbox} in ${JSON.stringify(entries)}`);
    }),
    { numRuns: 2000 },
  );
});

test("time grows with the length, not with its square", () => {
  // The worst of several shapes at 256 KB: a quadratic one takes seconds at least.
  for (const unit of [
    "a",
    "@",
    "a@",
    '"',
    "(",
    "\\",
    "a,",
    "a:",
    "=?x?Q?",
    "\n",
    "\r",
    "a\n",
    "\r\n ",
    "From: a@b\r\n",
    "x:\r\n \r\n",
    "<",
    "a@b ",
  ]) {
    const bytes = Buffer.from(
      `From: ${unit.repeat(Math.floor(31_000 / unit.length))}\r\nSubject: ${unit.repeat(Math.floor(maxHeaderBytes / unit.length))}\r\n\r\n`,
    );
    const start = performance.now();
    scanHeader(bytes, true);
    assert.ok(performance.now() - start < 1000, JSON.stringify(unit));
  }
});
