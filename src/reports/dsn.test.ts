import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import PostalMime from "postal-mime";
import {
  exampleMessage,
  exampleNames,
  exampleNow,
  exampleOriginal,
  exampleRecipient,
  exampleRefusal,
} from "../../test/support/notification-example.ts";
import { skipUnless } from "../../test/support/programs.ts";
import { failure, failureCodes, type FailureCode } from "../mail/failure-codes.ts";
import type { DsnKind, DsnSubject } from "../queue/dsn-composer.ts";
import { composeDsn, createDsnComposer } from "./dsn.ts";
import { english } from "./words/english.ts";

const root = join(import.meta.dirname, "../..");
const message = exampleMessage;
const original = exampleOriginal;
const recipient = exampleRecipient;
const refused = exampleRefusal;
const options = exampleNames;
const now = exampleNow;
const unknown = failure("remote.no-such-recipient");

interface PythonReport {
  readonly defects: readonly string[];
  readonly type: string;
  readonly reportType: string;
  readonly header: Readonly<Record<string, string>>;
  readonly date: number;
  readonly types: readonly string[];
  readonly text: string;
  readonly blocks: readonly (readonly (readonly [string, string])[])[];
  readonly returnedSubject: string;
  readonly returnedBody: string | null;
}

function readWithPython(content: Buffer): PythonReport {
  return JSON.parse(
    execFileSync("python3", [join(root, "test/support/read-report.py")], { input: content, encoding: "utf8" }),
  ) as PythonReport;
}

function compose(kind: DsnKind, subjects: readonly DsnSubject[], whole = false, about = message, bytes = original): Buffer {
  return composeDsn(kind, about, subjects, { bytes, whole }, now, options).content;
}

/** What must hold for every notification, whatever went into it. */
function assertSound(content: Buffer): void {
  const text = content.toString("latin1");
  assert.doesNotMatch(text, /\r(?!\n)|(?<!\r)\n|\0/, "lines end with CRLF");
  for (const line of text.split("\r\n")) assert.ok(line.length <= 998, `a line of ${line.length}`);
}

function attachedText(mail: Awaited<ReturnType<typeof PostalMime.parse>>, index: number): string {
  const content = mail.attachments[index]?.content;
  return typeof content === "string" ? content : assert.fail(`attachment ${index} is no text`);
}

const python = skipUnless("python3");

test("a failure, read by Python: every field", { skip: python }, () => {
  const content = compose(
    "failure",
    [
      refused,
      {
        recipient: recipient(1, "eve@fabrikam.example"),
        failure: failure("network.connect", { permanent: true }),
        remote: "mx.fabrikam.example:25",
      },
    ],
    true,
  );
  assertSound(content);
  const report = readWithPython(content);
  assert.deepEqual(report.defects, []);
  assert.equal(report.type, "multipart/report");
  assert.equal(report.reportType, "delivery-status");
  assert.deepEqual(report.types, ["text/plain", "message/delivery-status", "message/rfc822"]);
  assert.deepEqual(report.blocks, [
    [
      ["Reporting-MTA", "dns; gateway.contoso.example"],
      ["Original-Envelope-Id", "QQ314159"],
      ["Arrival-Date", "Sat, 21 Nov 2026 11:38:00 +0000"],
      ["X-Postern-Queue-ID", "006YRMHE40D"],
    ],
    [
      ["Original-Recipient", "rfc822; Bob+Roof@fabrikam.example"],
      ["Final-Recipient", "rfc822; bob@fabrikam.example"],
      ["Action", "failed"],
      ["Status", "5.1.1"],
      ["Remote-MTA", "dns; mx.fabrikam.example"],
      ["Diagnostic-Code", "smtp; 550-5.1.1 No such user here. 550 5.1.1 See https://fabrikam.example/550"],
      ["Last-Attempt-Date", "Sat, 21 Nov 2026 12:00:00 +0000"],
    ],
    [
      ["Final-Recipient", "rfc822; eve@fabrikam.example"],
      ["Action", "failed"],
      ["Status", "5.4.1"],
      ["Diagnostic-Code", "X-Postern; network.connect (No connection to the next hop)"],
      ["Last-Attempt-Date", "Sat, 21 Nov 2026 12:00:00 +0000"],
    ],
  ]);
  assert.equal(report.header["from"], "Mail Delivery <postmaster@contoso.example>");
  assert.equal(report.header["to"], "ann@contoso.example");
  assert.equal(report.header["subject"], "Undeliverable: Offer for the new roof");
  assert.equal(report.header["auto-submitted"], "auto-replied");
  assert.equal(report.header["in-reply-to"], "<17@contoso.example>");
  assert.equal(report.date, now);
  assert.equal(report.returnedSubject, "Offer for the new roof");
  assert.match(report.returnedBody ?? "", /^Dear Bob\r?\n\.\r?\n/);
});

test("a failure, read by postal-mime", async () => {
  const { content, subject, messageIdField, author } = composeDsn(
    "failure",
    message,
    [refused],
    { bytes: original, whole: false },
    now,
    options,
  );
  const mail = await PostalMime.parse(content, { attachmentEncoding: "utf8", forceRfc822Attachments: true });
  assert.equal(mail.subject, subject);
  assert.equal(mail.messageId, messageIdField);
  assert.equal(mail.from?.address, author);
  assert.match(mail.text ?? "", /does not know this address/);
  assert.deepEqual(
    mail.attachments.map(({ mimeType }) => mimeType),
    ["message/delivery-status", "text/rfc822-headers"],
  );
  assert.match(attachedText(mail, 0), /Final-Recipient: rfc822; bob@fabrikam\.example/);
  assert.match(attachedText(mail, 1), /^From: Ann <ann@contoso\.example>\r?\nSubject: Offer for the new roof\s*$/);
});

test("a delay says until when, a relayed success what the next hop said", { skip: python }, () => {
  const soft = failure("remote.mailbox-full", { reply: { code: 452, lines: ["4.2.2 full"] } });
  const delay = readWithPython(compose("delay", [{ ...refused, failure: soft }], true));
  assert.deepEqual(delay.types, ["text/plain", "message/delivery-status", "text/rfc822-headers"], "RET=FULL is about failures");
  assert.deepEqual(
    delay.blocks[1]?.filter(([name]) => ["Action", "Status", "Will-Retry-Until"].includes(name)),
    [
      ["Action", "delayed"],
      ["Status", "4.2.2"],
      ["Will-Retry-Until", "Mon, 23 Nov 2026 11:38:00 +0000"],
    ],
  );
  assert.match(delay.text, /keep trying until 23 November 2026, 11:38 UTC/);
  const relayed = readWithPython(compose("relayed", [{ recipient: refused.recipient, text: "250 2.1.5 taken", remote: "192.0.2.7:25" }]));
  assert.deepEqual(relayed.blocks[1]?.slice(1), [
    ["Final-Recipient", "rfc822; bob@fabrikam.example"],
    ["Action", "relayed"],
    ["Status", "2.1.5"],
    ["Remote-MTA", "dns; [192.0.2.7]"],
    ["Last-Attempt-Date", "Sat, 21 Nov 2026 12:00:00 +0000"],
  ]);
});

test("an expired message is explained by what kept it, with the peer's words", { skip: python }, () => {
  const soft = failure("remote.mailbox-full", { reply: { code: 452, lines: ["4.2.2 full"] } });
  const expired = { recipient: recipient(0, "bob@fabrikam.example", { lastFailure: soft }), failure: failure("message.expired") };
  const report = readWithPython(compose("failure", [expired]));
  assert.match(report.text.replace(/\s+/g, " "), /tried for as long as we may, without success\. The recipient's mailbox is full/);
  const fields = new Map(report.blocks[1]);
  assert.equal(fields.get("Status"), "5.4.7");
  assert.equal(fields.get("Diagnostic-Code"), "smtp; 452 4.2.2 full");
  assert.equal(fields.has("Last-Attempt-Date"), false, "no attempt was just made");
});

test("addresses beyond ASCII: escaped for an ASCII sender, as they are for one like them (RFC 6533)", { skip: python }, () => {
  const subjects = [{ recipient: recipient(0, "j\u00fcrgen+x@m\u00fcller.example"), failure: unknown }];
  const ascii = compose("failure", subjects);
  assert.ok(ascii.every((byte) => byte < 128));
  assert.equal(new Map(readWithPython(ascii).blocks[1]).get("Final-Recipient"), "utf-8; j\\x{FC}rgen\\x{2B}x@m\\x{FC}ller.example");
  assert.match(readWithPython(ascii).text, /jürgen\+x@müller\.example/);
  const utf8 = readWithPython(compose("failure", subjects, false, { ...message, reversePath: "\u00e4nn@contoso.example", smtputf8: true }));
  assert.equal(utf8.reportType, "global-delivery-status");
  assert.deepEqual(utf8.types, ["text/plain", "message/global-delivery-status", "message/global-headers"]);
  assert.equal(new Map(utf8.blocks[1]).get("Final-Recipient"), "utf-8; jürgen\\x{2B}x@müller.example");
});

test("a long or 8-bit original: headers only are encoded, the whole goes as it is", async () => {
  const bytes = Buffer.from("Subject: Gr\u00fc\u00dfe\r\nX: y\r\n\r\nstra\u00dfe\r\n");
  const headers = compose("failure", [refused], false, message, bytes);
  assert.ok(headers.every((byte) => byte < 128));
  const mail = await PostalMime.parse(headers, { attachmentEncoding: "utf8", forceRfc822Attachments: true });
  assert.match(attachedText(mail, 1), /Subject: Grüße/);
  const whole = compose("failure", [refused], true, message, bytes);
  assert.ok(whole.includes(bytes));
  assert.match(whole.toString("latin1"), /Content-Transfer-Encoding: 8bit/);
  // The beginning of a header section that did not fit ends with a whole line.
  assert.match(compose("failure", [refused], false, message, Buffer.from("Subject: a\r\nX: bro")).toString(), /Subject: a\r\n\r\n--/);
});

test("nobody can start a field, a part or a line of his own", async () => {
  const hostile = "x\r\nStatus: 2.0.0\r\n\r\n--b\r\n\u202e\u0000y";
  const boundary = /boundary="([^"]+)"/.exec(compose("failure", [refused]).toString())?.[1] ?? "";
  const content = compose(
    "failure",
    [
      {
        recipient: recipient(0, `bob${hostile}@fabrikam.example`, { orcpt: `rfc822;${hostile}` }),
        failure: failure("remote.refused-message", { text: hostile, reply: { code: 554, lines: [hostile, "z".repeat(5000)] } }),
        remote: hostile,
      },
    ],
    true,
    { ...message, subject: hostile, messageIdField: `<${"i".repeat(1000)}>`, envid: hostile },
    Buffer.from(`Subject: a\r\n\r\n--${boundary}--\r\nContent-Type: text/plain\r\n\r\n`),
  );
  assertSound(content);
  const mail = await PostalMime.parse(content, { attachmentEncoding: "utf8", forceRfc822Attachments: true });
  assert.equal(mail.attachments.length, 2);
  const status = attachedText(mail, 0);
  assert.deepEqual(status.match(/^Status:.*$/gm), ["Status: 5.6.0"]);
  assert.equal(status.trim().split(/\r?\n\r?\n/).length, 2);
});

test("any words in, a sound notification out", async () => {
  const anything = fc.string({ unit: "binary", maxLength: 60 });
  const codes = Object.keys(failureCodes) as FailureCode[];
  await fc.assert(
    fc.asyncProperty(
      anything,
      anything,
      fc.constantFrom(...codes),
      fc.constantFrom<DsnKind>("failure", "delay", "relayed", "delivered"),
      async (address, words, code, kind) => {
        const subject: DsnSubject = {
          recipient: recipient(0, `${address}@fabrikam.example`),
          ...(kind === "relayed" || kind === "delivered"
            ? { text: words }
            : { failure: failure(code, { reply: { code: 550, lines: [words] } }) }),
        };
        const content = compose(kind, [subject], false, { ...message, subject: words });
        assertSound(content);
        const mail = await PostalMime.parse(content, { attachmentEncoding: "utf8", forceRfc822Attachments: true });
        assert.equal(mail.attachments.length, 2);
      },
    ),
    { numRuns: 300 },
  );
});

test("recipients with one fate share their reason; many are counted", async () => {
  const subjects = Array.from({ length: 500 }, (_, n): DsnSubject => ({
    recipient: recipient(n, `r${n}@fabrikam.example`),
    failure: unknown,
  }));
  const mail = await PostalMime.parse(compose("failure", subjects), { attachmentEncoding: "utf8", forceRfc822Attachments: true });
  assert.equal(mail.text?.match(/does not know this address/g)?.length, 1);
  assert.match(mail.text ?? "", /and 480 more/);
  assert.equal(attachedText(mail, 0).match(/^Final-Recipient:/gm)?.length, 500);
});

test("who is told: the rules of NOTIFY, and never the null reverse-path", () => {
  const composer = createDsnComposer(options);
  const notify = { never: false, success: false, failure: false, delay: false };
  const wants = (more?: Partial<typeof notify>, about = message): string =>
    (["failure", "delay", "relayed"] as const)
      .filter((kind) =>
        composer.wants(kind, about, recipient(0, "b@x.example", more === undefined ? {} : { notify: { ...notify, ...more } })),
      )
      .join();
  assert.equal(wants(), "failure,delay");
  assert.equal(wants({ never: true }), "");
  assert.equal(wants({ failure: true }), "failure");
  assert.equal(wants({ delay: true }), "delay");
  assert.equal(wants({ success: true }), "relayed");
  assert.equal(wants({ success: true, failure: true, delay: true }), "failure,delay,relayed");
  assert.equal(wants({ success: true, failure: true, delay: true }, { ...message, reversePath: null }), "");
  assert.throws(
    () => composeDsn("failure", { ...message, reversePath: null }, [refused], { bytes: original, whole: false }, now, options),
    TypeError,
  );
});

test("every failure that a message can meet behind the door is told in plain words", () => {
  const atTheDoor = /^(submission\.(?!no-route)|spool\.|bounce\.|pickup\.|system\.(?!fault))/;
  const untold = (Object.keys(failureCodes) as FailureCode[]).filter(
    (code) => !atTheDoor.test(code) && english.reasons[code] === undefined,
  );
  assert.deepEqual(untold, []);
  for (const reason of Object.values(english.reasons)) {
    assert.doesNotMatch(`${reason.what} ${reason.todo}`, /\b(SMTP|MTA|DNS|TLS|hop|queue|route|null|4\.\d|5\.\d)\b/, "no word of the trade");
  }
});
