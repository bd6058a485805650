import { maxHeaderBytes } from "../../wire/mime/header-scan.ts";
import type { OutgoingContent } from "../route.ts";

/**
 * The message with another author: From names the account, with the display name it had; the authors that were there go into Reply-To,
 * unless there is one. Sender fields go, for they would name somebody else. All other bytes stay as they were; only the header section is
 * read into memory. Linear in the header section: a stranger wrote it.
 */
export async function rewriteSender(content: OutgoingContent, account: string): Promise<OutgoingContent> {
  const old = await readHeader(content);
  const fresh = Buffer.from(rewriteHeader(old.toString("latin1"), Buffer.from(account, "utf8").toString("latin1")), "latin1");
  const rest = (piece: Uint8Array, skip: number) => piece.subarray(Math.min(skip, piece.length));
  return {
    size: content.size - old.length + fresh.length,
    leadingDots: content.leadingDots,
    eightBit: content.eightBit,
    inMemory: content.inMemory === null ? null : [fresh, rest(Buffer.concat(content.inMemory), old.length)],
    async *stream() {
      yield fresh;
      let skip = old.length;
      for await (const piece of content.stream()) {
        const left = rest(piece, skip);
        skip -= piece.length - left.length;
        if (left.length > 0) yield left;
      }
    },
  };
}

/** Up to and with the empty line; the whole message when it has none. */
async function readHeader(content: OutgoingContent): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of content.inMemory ?? content.stream()) {
    pieces.push(piece);
    size += piece.length;
    if (size > maxHeaderBytes) break;
  }
  const head = Buffer.concat(pieces);
  const end = head.indexOf("\r\n\r\n");
  return end < 0 ? head : head.subarray(0, end + 4);
}

/** One character a byte. Fields in the order they had; what replaces From stands where the first one stood. */
function rewriteHeader(header: string, account: string): string {
  const fields = header.split(/(?<=\r\n)(?![ \t])/);
  const valuesOf = (name: string) =>
    fields.filter((field) => nameOf(field) === name).map((field) => trimmed(field.slice(field.indexOf(":") + 1)));
  const authors = valuesOf("from").filter((value) => value !== "");
  const replies = valuesOf("reply-to").some((value) => value !== "");
  const from = fromField(authors.length === 1 ? displayName(authors[0] ?? "") : "", account);
  // RFC 5322 §3.6.2: answers go to the author where there is no Reply-To, so the author becomes it. Several From fields are not allowed, but
  // occur: all of their mailboxes wrote it.
  const replyTo = replies || authors.length === 0 ? "" : `Reply-To: ${authors.join(",\r\n ")}\r\n`;
  let placed = false;
  const kept = fields.flatMap((field) => {
    const name = nameOf(field);
    if (name === "sender" || (name === "reply-to" && !replies)) return [];
    if (name !== "from") return [field];
    if (placed) return [];
    placed = true;
    return [from, replyTo];
  });
  return placed ? kept.join("") : from + kept.join("");
}

/** RFC 5322 §2.1.1: lines of at most 78 characters, where a fold can help. */
function fromField(name: string, account: string): string {
  if (name === "") return `From: <${account}>\r\n`;
  const lastLine = name.slice(name.lastIndexOf("\n") + 1);
  return `From: ${name}${lastLine.length + account.length > 69 ? "\r\n" : ""} <${account}>\r\n`;
}

/** What stands before `<address>`, folds and encoded words and all; empty when it is not surely one name, or poses as an address. */
function displayName(author: string): string {
  const open = author.lastIndexOf("<");
  if (open < 0 || !author.endsWith(">")) return "";
  const name = trimmed(author.slice(0, open));
  const sure = name.startsWith('"') ? /^"(?:[^"\\]|\\[^\r\n])*"$/.test(name) : !/["<>,;:()\\]/.test(name);
  return sure && !name.includes("@") ? name : "";
}

function nameOf(field: string): string {
  return trimmed(field.slice(0, Math.max(0, field.indexOf(":")))).toLowerCase();
}

/** Without white space of RFC 5322 at both ends. Not `trim()`: to it the byte A0, which may end a UTF-8 character, is a space. */
function trimmed(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text.charCodeAt(start))) start++;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isSpace(code: number): boolean {
  return code === 32 || code === 9 || code === 13 || code === 10;
}
