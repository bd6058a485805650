import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AcsError } from "../../wire/acs/acs-error.ts";
import { parseEmailMessage } from "../../wire/acs/email-message.ts";
import { composeMessage } from "../../wire/mime/compose-message.ts";
import { partsOf } from "./parts-of.ts";

/** Texts that try to be more than one line, one name or one address. */
const nasty = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.constantFrom(
    "a\r\nBcc: x@y.example",
    "a\nX: y",
    "a\rb",
    "a\u2028b",
    "\u0085X: y",
    '"',
    "\\",
    "<a@b.example>,",
    "=?utf-8?q?a=0D=0ABcc:_x?=",
    "ü".repeat(300),
    "x".repeat(3000),
  ),
);
const letter = fc.record(
  {
    senderAddress: fc.oneof(fc.constant("app@contoso.example"), nasty),
    content: fc.record({ subject: nasty, plainText: nasty, html: nasty }, { requiredKeys: ["subject", "plainText"] }),
    recipients: fc.record({
      to: fc.array(
        fc.record(
          {
            address: fc.oneof({ weight: 9, arbitrary: fc.constant("ann@fabrikam.example") }, { weight: 1, arbitrary: nasty }),
            displayName: nasty,
          },
          { requiredKeys: ["address"] },
        ),
        { minLength: 1, maxLength: 3 },
      ),
    }),
    headers: fc.dictionary(fc.oneof(fc.constantFrom("X-A", "Bcc", "content-type", "Comments"), nasty), nasty, { maxKeys: 3 }),
    attachments: fc.array(
      fc.record(
        {
          name: nasty,
          contentType: fc.oneof(fc.constantFrom("text/plain", "message/rfc822", 'a/b; c="d"'), nasty),
          contentInBase64: fc.constantFrom("", "AAEC"),
          contentId: nasty,
        },
        { requiredKeys: ["name", "contentType", "contentInBase64"] },
      ),
      { maxLength: 2 },
    ),
  },
  { requiredKeys: ["senderAddress", "content", "recipients"] },
);
const ours = new Set(["from", "to", "subject", "message-id", "date", "mime-version", "content-type", "content-transfer-encoding"]);

test("whatever a request holds is refused, or becomes a message with no field that was not asked for", async () => {
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(letter, async (body) => {
      let message;
      try {
        message = parseEmailMessage(JSON.parse(JSON.stringify(body)), "2025-09-01");
      } catch (error) {
        assert(error instanceof AcsError, String(error));
        return;
      }
      taken++;
      const text = (await composeMessage(partsOf(message, "<a@gateway.example>", 0))).toString("latin1");
      assert.doesNotMatch(text, /\r(?!\n)|(?<!\r)\n|\0/);
      const names = text
        .slice(0, text.indexOf("\r\n\r\n"))
        .split(/\r\n(?![ \t])/)
        .map((line) => line.slice(0, line.indexOf(":")).toLowerCase());
      const asked = new Set(message.headers.map(([name]) => name.toLowerCase()));
      for (const name of names) assert(ours.has(name) || asked.has(name), `${name} was not asked for`);
      assert.equal(new Set(names).size, names.length, "a field twice");
    }),
    { numRuns: 1500 },
  );
  assert(taken > 50, `only ${taken} were taken`);
});

test("whatever JSON there is, it is refused in words", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      assert.throws(() => parseEmailMessage(value, "2025-09-01"), AcsError);
    }),
    { numRuns: 2000 },
  );
});
