import { readFileSync } from "node:fs";
import type { Readable } from "node:stream";
import { CommandError } from "./exit-codes.ts";

/** The whole of a stream, at most `maxBytes`. */
export async function readAll(stream: Readable, maxBytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of stream as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > maxBytes) throw new CommandError("data", `the input is larger than ${maxBytes} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** A file, or standard input for `-`. */
export async function readInput(path: string, maxBytes: number): Promise<Buffer> {
  if (path === "-") return await readAll(process.stdin, maxBytes);
  let content: Buffer;
  try {
    content = readFileSync(path);
  } catch (error) {
    throw new CommandError("noInput", `cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
  if (content.length > maxBytes) throw new CommandError("data", `${path} is larger than ${maxBytes} bytes`);
  return content;
}
