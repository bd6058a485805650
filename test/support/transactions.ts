import type { Envelope, Recipient } from "../../src/mail/envelope.ts";
import type { OutgoingContent, Transaction } from "../../src/routes/route.ts";

/** A transaction for tests of routes. */
export function makeTransaction(
  given: {
    from?: string | null;
    to?: readonly (string | Recipient)[];
    text?: string;
    streamed?: boolean;
    id?: number;
    envelope?: Partial<Envelope>;
  } = {},
): Transaction {
  const recipients = (given.to ?? ["bob@fabrikam.example"]).map((to) => (typeof to === "string" ? { address: to } : to));
  return {
    messageId: given.id ?? 7,
    envelope: { reversePath: given.from === undefined ? "app@contoso.example" : given.from, recipients, ...given.envelope },
    recipients,
    content: makeContent(given.text ?? "Subject: hello\r\n\r\nbody\r\n", given.streamed ?? false),
  };
}

export function makeContent(text: string, streamed = false): OutgoingContent {
  const prefix = Buffer.from("Received: by gateway.contoso.example\r\n");
  const body = Buffer.from(text, "utf8");
  return {
    size: prefix.length + body.length,
    leadingDots: /^\./m.test(text),
    // eslint-disable-next-line no-control-regex
    eightBit: /[^\x00-\x7f]/.test(text),
    inMemory: streamed ? null : [prefix, body],
    async *stream() {
      yield prefix;
      for (let at = 0; at < body.length; at += 65_536) yield body.subarray(at, at + 65_536);
    },
  };
}
