import type { Reply } from "../../mail/reply.ts";

// oxlint-disable-next-line no-control-regex -- these are what must not get out
const unsafe = /[\u0000-\u001f\u007f]/;

/**
 * A reply as it goes over the wire: `250-first`, `250 last`, each with CRLF (RFC 5321 §4.2.1).
 *
 * Control characters become spaces, so that no text, wherever it came from, can begin a line of its own. Texts that are not ours may hold
 * characters beyond ASCII; the wire writes them as UTF-8 (RFC 6531 §3.7.4.2).
 */
export function formatReply(reply: Reply): string {
  const { code, lines } = reply;
  if (lines.length <= 1) return `${code} ${clean(lines[0] ?? "")}\r\n`;
  let text = "";
  for (let i = 0; i < lines.length; i++) text += `${code}${i === lines.length - 1 ? " " : "-"}${clean(lines[i] as string)}\r\n`;
  return text;
}

/**
 * A reply whose lines all begin with the enhanced status.
 *
 * RFC 2034 §4: every 2xx, 4xx and 5xx reply has one, on each of its lines, but not the greeting nor the answer to HELO and EHLO.
 */
export function statusReply(code: number, status: string, ...texts: readonly string[]): Reply {
  return { code, lines: texts.map((text) => `${status} ${text}`) };
}

function clean(text: string): string {
  return unsafe.test(text) ? Array.from(text, (char) => (unsafe.test(char) ? " " : char)).join("") : text;
}
