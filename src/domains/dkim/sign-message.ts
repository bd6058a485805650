import { createHash, type KeyObject, sign } from "node:crypto";
import { type HeaderField, relaxField, splitFields } from "../../wire/dkim/relaxed-header.ts";

/** A key that signs for a domain under a selector. */
export interface SigningKey {
  readonly domain: string;
  readonly selector: string;
  readonly key: KeyObject;
}

/**
 * The DKIM-Signature fields of a message (RFC 6376; Ed25519 by RFC 8463), one for each key, with CRLF. Relaxed/relaxed: mail servers on the
 * way fold and trim.
 *
 * Signed is what a reader sees or acts on. From is named once more than it is there (RFC 6376 §8.15), so that nobody can add another.
 *
 * @param header the header section, one character a byte
 * @param bodyHash base64 of the SHA-256 of the canonical body
 * @param at seconds since 1970
 */
export function signMessage(header: string, bodyHash: string, keys: readonly SigningKey[], at: number): string {
  const fields = Map.groupBy(splitFields(header), ({ name }) => name);
  const names: string[] = [];
  let signed = "";
  for (const name of signedNames) {
    const same = fields.get(name) ?? [];
    // RFC 6376 §5.4.2: of several fields of one name the last is taken first; one that is not there counts as empty.
    for (let i = same.length - 1; i >= 0; i--) {
      names.push(name);
      signed += `${relaxField(same[i] as HeaderField)}\r\n`;
    }
  }
  names.push("from");
  const h = fold(names, ":");
  return keys.map((key) => signatureField(key, h, signed, bodyHash, at)).join("");
}

function signatureField({ domain, selector, key }: SigningKey, h: string, signed: string, bodyHash: string, at: number): string {
  const rsa = key.asymmetricKeyType === "rsa";
  const tags = `v=1; a=${rsa ? "rsa" : "ed25519"}-sha256; c=relaxed/relaxed; d=${domain}; s=${selector}; t=${at};`;
  const value = ` ${tags}\r\n\th=${h};\r\n\tbh=${bodyHash};\r\n\tb=`;
  // RFC 6376 §3.7: the signature's own field comes last, with an empty b= and without its line end.
  const input = Buffer.from(`${signed}${relaxField({ name: "dkim-signature", raw: `DKIM-Signature:${value}` })}`, "latin1");
  // RFC 8463 §3: Ed25519 signs the hash.
  const signature = rsa ? sign("sha256", input, key) : sign(null, createHash("sha256").update(input).digest(), key);
  return `DKIM-Signature:${value}${fold(signature.toString("base64").match(/.{1,72}/g) ?? [], "")}\r\n`;
}

/** RFC 5322 §2.1.1: lines of 78 characters. */
function fold(parts: readonly string[], separator: string): string {
  let text = "";
  let line = 0;
  for (const [n, part] of parts.entries()) {
    const piece = n === 0 ? part : `${separator}${part}`;
    if (line > 0 && line + piece.length > 70) {
      text += `${separator}\r\n\t ${part}`;
      line = part.length;
    } else {
      text += piece;
      line += piece.length;
    }
  }
  return text;
}

/** RFC 6376 §5.4.1, and what lists and clients act on. */
const signedNames: readonly string[] = [
  "from",
  "sender",
  "reply-to",
  "to",
  "cc",
  "subject",
  "date",
  "message-id",
  "in-reply-to",
  "references",
  "mime-version",
  "content-type",
  "content-transfer-encoding",
  "content-id",
  "content-description",
  "resent-from",
  "resent-to",
  "resent-date",
  "resent-message-id",
  "list-id",
  "list-unsubscribe",
  "list-unsubscribe-post",
];
