import { open } from "node:fs/promises";
import { maxHeaderBytes, scanHeader } from "../../wire/mime/header-scan.ts";

/** What routing wants to know of a message in a file; only its beginning is read. */
export interface MessageFile {
  /** Bytes, as it would be sent: each line end counts two. */
  readonly size: number;
  readonly authors: readonly string[];
  /** Address or addresses as they stand; null: there is no Reply-To. */
  readonly replyTo: string | null;
}

export async function readMessage(path: string): Promise<MessageFile> {
  await using handle = await open(path, "r");
  const head = Buffer.alloc(maxHeaderBytes);
  const { bytesRead } = await handle.read(head, 0, head.length, 0);
  const text = head.toString("latin1", 0, bytesRead).replace(/\r?\n/g, "\r\n");
  const end = text.indexOf("\r\n\r\n");
  const section = (end < 0 ? text : text.slice(0, end + 2)).replace(/\r\n(?=[ \t])/g, " ");
  const field = /^reply-to[ \t]*:[ \t]*(.*?)[ \t]*$/im.exec(section);
  let size = 0;
  let lastByte = 0;
  for await (const piece of handle.createReadStream({ start: 0, autoClose: false }) as AsyncIterable<Buffer>) {
    size += piece.length;
    for (let at = piece.indexOf(10); at >= 0; at = piece.indexOf(10, at + 1)) if ((at === 0 ? lastByte : piece[at - 1]) !== 13) size++;
    lastByte = piece[piece.length - 1] ?? lastByte;
  }
  return { size, authors: scanHeader(Buffer.from(text, "latin1"), true).authors, replyTo: field?.[1] ?? null };
}
