import { maxHeaderBytes } from "../../wire/mime/header-scan.ts";
import type { OutgoingContent } from "../route.ts";

/**
 * The message with another author: From names the account, with the display name it had; the author that was there goes into Reply-To, unless
 * there is one. Sender fields go, for they would name somebody else. All other bytes stay as they were; only the header section is read into
 * memory.
 */
export async function rewriteSender(content: OutgoingContent, account: string): Promise<OutgoingContent> {
  const old = await readHeader(content);
  const fresh = Buffer.from(rewriteHeader(old.toString("latin1"), account), "latin1");
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
  const valuesOf = (name: string) => fields.filter((field) => nameOf(field) === name).map((field) => field.slice(field.indexOf(":") + 1));
  const [author] = valuesOf("from");
  const keepsReplyTo = valuesOf("reply-to").length > 0;
  const from = `From:${displayName(author ?? "")} <${account}>\r\n`;
  const replyTo = author === undefined || keepsReplyTo ? "" : `Reply-To:${author}`;
  let placed = false;
  const kept = fields.flatMap((field) => {
    const name = nameOf(field);
    if (name === "sender") return [];
    if (name !== "from") return [field];
    if (placed) return [];
    placed = true;
    return [from, replyTo];
  });
  return placed ? kept.join("") : from + kept.join("");
}

function nameOf(field: string): string {
  return field
    .slice(0, Math.max(0, field.indexOf(":")))
    .trim()
    .toLowerCase();
}

/** What stands before `<address>`, folds and encoded words and all; with several authors there is none to choose. */
function displayName(author: string): string {
  const match = /^(\s*[^<>,]*?)\s*<[^<>,]*>\s*$/.exec(author);
  const quoted = /^(\s*"(?:[^"\\\r\n]|\\[^\r\n])*")\s*<[^<>]*>\s*$/.exec(author);
  const name = quoted?.[1] ?? match?.[1] ?? "";
  return name.trim() === "" || name.includes("@") ? "" : name;
}
