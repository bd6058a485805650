import { maxHeaderBytes } from "../../wire/mime/header-scan.ts";
import type { MessageStore } from "../messages/message-store.ts";
import type { MessageWriter } from "../messages/message-writer.ts";

/** What is to be changed in a header section. */
export interface HeaderEdit {
  /** Names of fields that go, in lower case. */
  readonly remove: readonly string[];
  /** Fields that come on top, each with its CR LF. */
  readonly add: string;
}

/**
 * The same content with another header section, in a writer of its own; the old one is still the caller's. A header section beyond 256 KB is
 * left as it is, except for what comes on top.
 */
export async function editHeader(messages: MessageStore, content: MessageWriter, { remove, add }: HeaderEdit): Promise<MessageWriter> {
  const edited = messages.writer();
  try {
    await edited.write(Buffer.from(add, "latin1"));
    let head: Buffer | null = Buffer.alloc(0);
    for await (const piece of content.content()) {
      if (head === null) {
        await edited.write(piece);
        continue;
      }
      head = Buffer.concat([head, piece]);
      const end = headerEnd(head);
      if (end < 0 && head.length <= maxHeaderBytes) continue;
      if (end > 0) await edited.write(withoutFields(head.subarray(0, end), remove));
      await edited.write(head.subarray(Math.max(end, 0)));
      head = null;
    }
    if (head !== null) await edited.write(withoutFields(head, remove));
    return edited;
  } catch (error) {
    await edited.abort();
    throw error;
  }
}

/** Where the body's empty line begins; -1: not in these bytes. */
function headerEnd(head: Buffer): number {
  if (head.subarray(0, 2).equals(crlf)) return 0;
  const end = head.indexOf("\r\n\r\n");
  return end < 0 ? -1 : end + 2;
}

/** The first value of a field, unfolded; null when it is not there. */
export function fieldValue(head: Buffer, name: string): string | null {
  const end = headerEnd(head);
  const fields = splitFields(head.subarray(0, end < 0 ? head.length : end).toString("latin1"));
  const found = fields.find((field) => nameOf(field) === name);
  return found === undefined
    ? null
    : found
        .slice(found.indexOf(":") + 1)
        .replace(/\r\n(?=[ \t])/g, "")
        .trim();
}

function withoutFields(header: Buffer, remove: readonly string[]): Buffer {
  const fields = splitFields(header.toString("latin1"));
  return Buffer.from(fields.filter((field) => !remove.includes(nameOf(field))).join(""), "latin1");
}

/** Each with its folds and its CR LF. */
function splitFields(header: string): readonly string[] {
  return header.split(/(?<=\r\n)(?![ \t])/);
}

function nameOf(field: string): string {
  const colon = field.indexOf(":");
  return colon < 0 ? "" : field.slice(0, colon).trimEnd().toLowerCase();
}

const crlf = Buffer.from("\r\n");
