import { parseId } from "../../src/lib/ids.ts";
import { failure } from "../../src/mail/failure-codes.ts";
import type { DsnSubject } from "../../src/queue/dsn-composer.ts";
import type { StoredMessage, StoredRecipient } from "../../src/queue/store.ts";
import { composeDsn } from "../../src/reports/dsn.ts";

/** A message, a recipient that was refused, and the notification about it: what the documents show and the tests begin with. */
export const exampleMessage: StoredMessage = {
  id: parseId("006YRMHE40D") ?? 0,
  receivedAt: Date.parse("2026-11-21T11:38:00Z"),
  principal: "net:office",
  origin: { door: "smtp" },
  reversePath: "ann@contoso.example",
  messageIdField: "<17@contoso.example>",
  subject: "Offer for the new roof",
  author: "ann@contoso.example",
  envid: "QQ314159",
  content: { size: 100, leadingDots: false, eightBit: false },
  prefix: new Uint8Array(0),
  expiresAt: Date.parse("2026-11-23T11:38:00Z"),
};

export const exampleOriginal: Buffer = Buffer.from(
  "From: Ann <ann@contoso.example>\r\nSubject: Offer for the new roof\r\n\r\nDear Bob\r\n.\r\n",
);

export function exampleRecipient(n: number, address: string, more: Partial<StoredRecipient> = {}): StoredRecipient {
  return { n, address, lane: 0, decision: "k", attempts: 1, notBefore: 0, ...more };
}

export const exampleRefusal: DsnSubject = {
  recipient: exampleRecipient(0, "bob@fabrikam.example", { orcpt: "rfc822;Bob+Roof@fabrikam.example" }),
  failure: failure("remote.no-such-recipient", {
    reply: { code: 550, lines: ["5.1.1 No such user here.", "5.1.1 See https://fabrikam.example/550"] },
  }),
  remote: "mx.fabrikam.example:25",
};

export const exampleNow: number = Date.parse("2026-11-21T12:00:00Z");
export const exampleNames = { hostname: "gateway.contoso.example", postmaster: "postmaster@contoso.example" };

export function composeExample(): string {
  const original = { bytes: exampleOriginal, whole: false };
  return composeDsn("failure", exampleMessage, [exampleRefusal], original, exampleNow, exampleNames).content.toString();
}
