import assert from "node:assert/strict";
import { test } from "node:test";
import PostalMime from "postal-mime";
import { composeMessage, type MessageParts } from "./compose-message.ts";

const plain: MessageParts = {
  from: { address: "shop@contoso.example", name: 'Jörg "der Laden", GmbH' },
  to: [{ address: "ann@fabrikam.example", name: "Ann" }, { address: "bob@fabrikam.example" }],
  cc: [],
  replyTo: [{ address: "help@contoso.example" }],
  subject: "Grüße an alle",
  messageId: "<1@gateway.contoso.example>",
  date: Date.UTC(2026, 10, 27, 12),
  headers: new Map([["X-Order", "7"]]),
  alternatives: [{ type: "text/plain", value: ".dot\nGrüße\n" }],
  attachments: [],
  boundary: "0123456789abcdef",
};

test("another reader finds what was given, and every line is short, 7-bit and ended by CR LF", async () => {
  const image = Buffer.from([0, 1, 2, 255, 10, 13]);
  const bytes = await composeMessage({
    ...plain,
    alternatives: [
      ...plain.alternatives,
      { type: "text/html", value: `<img src="cid:logo">${"<b>ü</b>".repeat(500)}` },
      { type: "text/calendar", value: "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n" },
    ],
    attachments: [
      { content: image, filename: "logo.png", type: "image/png", inline: true, contentId: "logo" },
      { content: image, filename: "Übersicht.pdf", type: "application/pdf", inline: false },
      { content: Buffer.from("a\n.\nb"), filename: "note.eml", type: "message/rfc822", inline: false },
    ],
  });
  const text = bytes.toString("latin1");
  assert.match(text, /^[\x01-\x7f]*$/);
  assert.equal(text.replaceAll("\r\n", "").search(/[\r\n]/), -1);
  assert.ok(Math.max(...text.split("\r\n").map((line) => line.length)) <= 998);
  const mail = await PostalMime.parse(bytes);
  assert.deepEqual(mail.from, { address: "shop@contoso.example", name: 'Jörg "der Laden", GmbH' });
  assert.deepEqual(mail.to, [
    { address: "ann@fabrikam.example", name: "Ann" },
    { address: "bob@fabrikam.example", name: "" },
  ]);
  assert.deepEqual(mail.replyTo, [{ address: "help@contoso.example", name: "" }]);
  assert.deepEqual([mail.subject, mail.messageId, mail.date], ["Grüße an alle", plain.messageId, "2026-11-27T12:00:00.000Z"]);
  assert.equal(mail.headers.find(({ key }) => key === "x-order")?.value, "7");
  assert.equal(mail.text?.trimEnd(), ".dot\nGrüße");
  assert.match(mail.html ?? "", /^<img src="cid:logo">(<b>ü<\/b>){500}/);
  const files = mail.attachments.map(({ filename, mimeType, disposition, contentId, content }) => [
    filename,
    mimeType,
    disposition,
    contentId,
    Buffer.from(content as ArrayBuffer).equals(image),
  ]);
  assert.deepEqual(
    files.filter(([name]) => name === "logo.png" || name === "Übersicht.pdf"),
    [
      ["logo.png", "image/png", "inline", "<logo>", true],
      ["Übersicht.pdf", "application/pdf", "attachment", undefined, true],
    ],
  );
});

test("neither a path nor an address on the net is read, whatever the parts say", async () => {
  const bytes = await composeMessage({
    ...plain,
    attachments: [{ content: Buffer.from("x"), filename: "/etc/hostname", inline: false }],
    alternatives: [{ type: "text/html", value: "file:///etc/hostname" }],
  });
  const [file] = (await PostalMime.parse(bytes)).attachments;
  assert.equal(Buffer.from(file?.content as ArrayBuffer).toString(), "x");
});

test("control characters in a text are encoded", async () => {
  const bytes = await composeMessage({ ...plain, alternatives: [{ type: "text/plain", value: "a\0b\r\nc" }] });
  assert.doesNotMatch(bytes.toString("latin1"), /\0/);
});

test("a message is attached as it is if it may; what could not be is a file", async () => {
  const note = Buffer.from("Subject: a\n\n.\nb\n");
  const latin = Buffer.from("Subject: \xfc\r\n\r\nb\r\n", "latin1");
  const file = { inline: false, type: "message/rfc822" } as const;
  const bytes = await composeMessage({
    ...plain,
    attachments: [
      { ...file, content: note, filename: "a.eml" },
      { ...file, content: latin, filename: "b.eml" },
    ],
  });
  const text = bytes.toString("latin1");
  assert.match(text, /Content-Type: message\/rfc822; name=a\.eml\r\n(?:[A-Z].*\r\n)*\r\nSubject: a\r\n\r\n\.\r\nb\r\n/);
  assert.match(text, /Content-Type: application\/octet-stream; name=b\.eml\r\n/);
  assert.match(text, /^[\x01-\x7f]*$/);
});
