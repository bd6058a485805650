import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { exampleMessage, exampleNames, exampleNow, exampleOriginal, exampleRecipient } from "../../../test/support/notification-example.ts";
import { composeDsn } from "../../reports/dsn.ts";
import { failure } from "../../mail/failure-codes.ts";
import { readReport } from "./read-report.ts";

const crlf = (text: string) => Buffer.from(text.replaceAll("\n", "\r\n"), "latin1");

/** As Postfix writes it. */
const postfix = `From: MAILER-DAEMON@mx.fabrikam.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status;
	boundary="4X1/mx.fabrikam.example"
MIME-Version: 1.0

This is a MIME-encapsulated message.

--4X1/mx.fabrikam.example
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

I'm sorry

--4X1/mx.fabrikam.example
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.fabrikam.example
X-Postfix-Queue-ID: 4X1
Arrival-Date: Fri, 27 Nov 2026 11:38:00 +0000 (UTC)

Final-Recipient: rfc822; bob@inside.fabrikam.example
Original-Recipient: rfc822;bob@fabrikam.example
Action: failed
Status: 5.1.1
Remote-MTA: dns; store.fabrikam.example
Diagnostic-Code: smtp; 550-5.1.1 There is nobody
    of that name 550 5.1.1 here

Final-Recipient: rfc822; eve@fabrikam.example
Action: delayed
Status: 4.4.1
Diagnostic-Code: X-Postfix; connect to store.fabrikam.example: timed out

--4X1/mx.fabrikam.example
Content-Type: message/rfc822

Content-Type: multipart/report; boundary=inner

--inner
Content-Type: message/delivery-status

Final-Recipient: rfc822; mallory@fabrikam.example
Action: failed
Status: 5.0.0
--4X1/mx.fabrikam.example--
`;

test("a report as Postfix writes it, with CRLF or LF", () => {
  for (const bytes of [crlf(postfix), Buffer.from(postfix)])
    assert.deepEqual(readReport(bytes), {
      reportingMta: "mx.fabrikam.example",
      recipients: [
        {
          addresses: ["bob@fabrikam.example", "bob@inside.fabrikam.example"],
          action: "failed",
          detail: "1.1",
          remoteMta: "store.fabrikam.example",
          reply: { code: 550, lines: ["5.1.1 There is nobody of that name", "5.1.1 here"] },
          diagnostic: "550-5.1.1 There is nobody of that name 550 5.1.1 here",
        },
        {
          addresses: ["eve@fabrikam.example"],
          action: "delayed",
          detail: "4.1",
          remoteMta: null,
          reply: null,
          diagnostic: "connect to store.fabrikam.example: timed out",
        },
      ],
    });
});

const status = (fields: string, type = "message/delivery-status", more = "") =>
  crlf(`Content-Type: multipart/report; BOUNDARY=b\n\n--b\nContent-Type: ${type}\n${more}\n${fields}\n--b--\n`);

test("what others leave out or write in another way", () => {
  const one = (message: Buffer) => {
    const report = readReport(message);
    const [fate] = report?.recipients ?? [];
    return fate === undefined ? null : `${fate.action} ${fate.detail ?? "-"} ${fate.addresses.join(" ")} ${report?.reportingMta ?? "-"}`;
  };
  // Exchange: no space behind the semicolon; no empty line behind the message's fields; letters in any case.
  assert.equal(
    one(status("REPORTING-MTA: dns;mx.example\nFINAL-RECIPIENT: Rfc822;<bob@x.example>\nACTION: Failed\nSTATUS: 5.1.10")),
    "failed 1.10 bob@x.example mx.example",
  );
  // No Action: the status tells. A status that says nothing is none.
  assert.equal(one(status("\n\nFinal-Recipient: rfc822; bob@x.example\nStatus: 5.0.0 (permanent failure)")), "failed - bob@x.example -");
  assert.equal(
    one(status("A: b\n\nFinal-Recipient: bob@x.example\nAction: delivered (relayed to mailbox)")),
    "delivered - bob@x.example -",
  );
  // RFC 6533: escaped, or as it is.
  assert.equal(
    one(status("A: b\n\nFinal-Recipient: utf-8; j\\x{F6}rg@x.example\nAction: failed", "message/global-delivery-status")),
    "failed - jörg@x.example -",
  );
  const encoded = Buffer.from("A: b\n\nFinal-Recipient: rfc822; bob@x.example\nAction: failed\n").toString("base64");
  assert.equal(one(status(encoded, "message/delivery-status", "Content-Transfer-Encoding: base64\n")), "failed - bob@x.example -");
  const quoted = "A: b\n\nFinal-Recipient: rfc822; bob=40x.exam=\nple\nAction: failed";
  assert.equal(one(status(quoted, "message/delivery-status", "Content-Transfer-Encoding: quoted-printable\n")), "failed - bob@x.example -");
  // Wrapped by a gateway that adds a footer; the outer boundary is the beginning of the inner one.
  const wrapped = `Content-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: multipart/report; boundary="bb"\n\n--bb\nContent-Type: message/delivery-status\n\nA: b\n\nFinal-Recipient: rfc822; bob@x.example\nAction: failed\n--bb--\n--b\n\nfooter\n--b--\n`;
  assert.equal(one(crlf(wrapped)), "failed - bob@x.example -");
  // Exim and Gmail beside or instead of a report.
  assert.equal(one(crlf("X-Failed-Recipients: bob@x.example, eve@x.example\nSubject: failed\n\nsorry\n")), "failed - bob@x.example -");
});

test("what reports nothing", () => {
  for (const text of [
    "",
    "Subject: Out of office\nAuto-Submitted: auto-replied\n\nBack on Monday\n",
    "Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: text/plain\n\nx\n--b--\n",
    "Content-Type: multipart/report\n\n--b\nContent-Type: message/delivery-status\n\nA: b\n\nFinal-Recipient: rfc822; x@y.example\nAction: failed\n",
    "Content-Type: message/rfc822\n\nContent-Type: message/delivery-status\n\nA: b\n\nFinal-Recipient: rfc822; x@y.example\nAction: failed\n",
    "Content-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\nFinal-Recipient: rfc822;\nAction: failed\n",
    "Content-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\nFinal-Recipient: rfc822; x@y.example\nAction: lost\n",
  ])
    assert.equal(readReport(crlf(text)), null, text);
});

test("our own notifications are read as they were meant", () => {
  const refusal = failure("remote.no-such-recipient", { reply: { code: 550, lines: ["5.1.1 No", "5.1.1 such user"] } });
  const subject = { recipient: exampleRecipient(0, "bob@fabrikam.example"), failure: refusal, remote: "mx.fabrikam.example:25" };
  const original = { bytes: exampleOriginal, whole: true };
  const { content } = composeDsn("failure", exampleMessage, [subject], original, exampleNow, exampleNames);
  const [fate] = readReport(content)?.recipients ?? [];
  assert.equal(fate?.action, "failed");
  assert.equal(fate?.detail, "1.1");
  assert.equal(fate?.remoteMta, "mx.fabrikam.example");
  assert.deepEqual(fate?.reply, refusal.reply);
});

test("nothing of a report can begin a line or paint on a terminal", () => {
  const fields =
    "A: b\n\nFinal-Recipient: rfc822; b\x1bob@x.example\nAction: failed\nDiagnostic-Code: smtp; 550 \x07a\x9bb\rc\nRemote-MTA: dns; mx\x00y";
  assert.doesNotMatch(JSON.stringify(readReport(status(fields))), /\\u00|\\r|\\n/);
});

test("hostile input: never a throw, and time by its length", () => {
  const piece = fc.constantFrom(
    "--b",
    "\r\n",
    "\n",
    "\n\n",
    "Content-Type: multipart/mixed; boundary=b\n",
    "Content-Type: message/delivery-status\n",
    "Final-Recipient: rfc822; a@b\n",
    "Action: failed\n",
    '"',
    ";",
    "=",
    " ",
    "\\",
    "boundary=",
    "x",
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string({ unit: "binary", maxLength: 5 })), { maxLength: 60 }), (pieces) => {
      readReport(Buffer.from(pieces.join("")));
    }),
    { numRuns: 2000 },
  );
  const million = (text: string) => text.repeat(Math.ceil(2 ** 20 / text.length));
  const start = "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n";
  for (const text of [
    million("\n"),
    million("\r\n"),
    million(": "),
    million("\n "),
    million("a:\n"),
    start + million("--b\n"),
    start + million("\n--b"),
    start + million(`${start}\n`),
    start + million("Content-Type: message/delivery-status\n"),
    `${start}Content-Type: message/delivery-status\n\n${million("\n\n")}`,
    `${start}Content-Type: message/delivery-status\n\n${million("\n \n")}`,
    `${start}Content-Type: message/delivery-status\n\nA: b\n\nFinal-Recipient: rfc822; ${million("<")}\nAction: failed\nDiagnostic-Code: smtp; 550 ${million(" 550")}\n`,
    `${start}Content-Type: message/delivery-status\nContent-Transfer-Encoding: quoted-printable\n\n${million("= ")}`,
    `Content-Type: multipart/report; ${million('; boundary="\\')}\n\n`,
    `X-Failed-Recipients: ${million("a@b,")}\n\n`,
  ]) {
    // Processor time, for others may use the machine; what grows with the square takes minutes.
    const before = process.cpuUsage();
    readReport(Buffer.from(text));
    const tookMs = process.cpuUsage(before).user / 1000;
    assert.ok(tookMs < 2000, `${Math.round(tookMs)} ms for ${JSON.stringify(text.slice(0, 80))}`);
  }
});
