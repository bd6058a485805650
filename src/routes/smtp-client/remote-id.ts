import type { Reply } from "../../mail/reply.ts";

/**
 * The next hop's own name for what it took, from the reply to the end of the content. Nothing standardises it; these are the wordings of
 * Exchange, Postfix, Sendmail, Exim, OpenSMTPD, SendGrid and ourselves. Found by hand, not by one large pattern: it runs for every message.
 */
export function remoteId(reply: Reply): string | undefined {
  const text = reply.lines[0] ?? "";
  // Exchange: `2.6.0 <id> [InternalId=123, Hostname=…] 1234 bytes in 0.1, 9 KB/sec Queued mail for delivery`
  const internal = text.indexOf("[InternalId=");
  if (internal >= 0) return word(text, internal + 12);
  for (const phrase of phrases) {
    const at = text.indexOf(phrase);
    if (at >= 0) return word(text, at + phrase.length);
  }
  // Sendmail: `2.0.0 4ABC1234 Message accepted for delivery`
  const accepted = text.indexOf(" Message accepted");
  if (accepted > 0) return word(text, text.lastIndexOf(" ", accepted - 1) + 1);
  return undefined;
}

const phrases = ["queued as ", "Queued as ", "id=", "id ", "Ok: "];
const idCharacter = /^[\w.+@<>$/=:-]{3,100}/;

function word(text: string, from: number): string | undefined {
  return idCharacter
    .exec(text.slice(from, from + 100))?.[0]
    .replace(/[.,>]+$/, "")
    .replace(/^</, "");
}
