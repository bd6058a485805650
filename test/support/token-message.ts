import { createHash } from "node:crypto";

/**
 * Messages that can be recognised wherever a piece of them turns up: every line carries the message's token, and the whole content follows
 * from token and size, so that nobody has to keep it to compare.
 */
export const tokenPattern = /tok-[a-z0-9]{6}-\d{6}-\d{7}/g;

/** `run` has six letters or digits; the size is part of the token. */
export function formatToken(run: string, number: number, sizeBytes: number): string {
  return `tok-${run}-${String(number).padStart(6, "0")}-${String(sizeBytes).padStart(7, "0")}`;
}

/** At least `sizeBytes` of the token, with CRLF; some lines begin with dots, so that stuffing is part of what is proven. */
export function contentOf(token: string): Buffer {
  const sizeBytes = Number(token.slice(-7));
  const head =
    `From: <app@contoso.example>\r\nTo: <bob@fabrikam.example>\r\nDate: Sat, 21 Nov 2026 12:00:00 +0000\r\n` +
    `Message-ID: <${token}@contoso.example>\r\nSubject: ${token}\r\n\r\n`;
  const lines = [head];
  for (let length = head.length, n = 0; length < sizeBytes; n++) {
    const line = `${n % 7 === 3 ? "." : ""}${n % 11 === 5 ? ".." : ""}${n} ${token} the quick brown fox jumps over it\r\n`;
    lines.push(line);
    length += line.length;
  }
  return Buffer.from(lines.join(""), "latin1");
}

/** As it goes over the wire after DATA, with the end. */
export function stuffed(content: Buffer): Buffer {
  // RFC 5321 §4.5.2: a leading dot is doubled.
  return Buffer.from(`${content.toString("latin1").replace(/^\./gm, "..")}.\r\n`, "latin1");
}

export function hashOf(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("base64url");
}

/** The token of a Message-ID field, a content, a meta text; null when there is none. */
export function findToken(text: string): string | null {
  return text.match(tokenPattern)?.[0] ?? null;
}
