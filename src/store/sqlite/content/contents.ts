import type { ContentWriter, Extent, StoredContent } from "../../../queue/store.ts";
import type { Packed } from "../protocol.ts";
import type { Segments } from "./segments.ts";
import { SegmentWriter, StagePool } from "./segment-writer.ts";

const readBytes = 256 * 1024;

/**
 * Contents that do not fit in a row, and reading of those that do.
 *
 * A message may finish while its content is read (for a DSN, for a backup): its space is used again only when the last reader has ended.
 */
export class Contents {
  readonly #segments: Segments;
  readonly #bodyOf: (messageId: number) => Promise<Uint8Array | null>;
  readonly #stages = new StagePool();
  readonly #kept = new WeakSet<readonly Extent[]>();
  readonly #readers = new Map<number, number>();
  readonly #waiting = new Map<number, Extent[]>();

  constructor(segments: Segments, bodyOf: (messageId: number) => Promise<Uint8Array | null>) {
    this.#segments = segments;
    this.#bodyOf = bodyOf;
  }

  open(): ContentWriter {
    return new SegmentWriter(this.#segments, this.#stages, this.#kept);
  }

  /** A committed row names this place. */
  keep(extents: readonly Extent[]): void {
    this.#kept.add(extents);
  }

  async *read(content: StoredContent, messageId: number): AsyncGenerator<Uint8Array> {
    if (content.extents === undefined) {
      const body = await this.#bodyOf(messageId);
      if (body === null) throw new Error(`the content of message ${messageId} is not there any more`);
      if (body.byteLength > 0) yield body;
      return;
    }
    this.#readers.set(messageId, (this.#readers.get(messageId) ?? 0) + 1);
    try {
      for (const { segment, offset, length } of content.extents) {
        for (let at = 0; at < length; at += readBytes) {
          const buffer = Buffer.allocUnsafeSlow(Math.min(readBytes, length - at));
          await this.#segments.read(segment, offset + at, buffer);
          yield buffer;
        }
      }
    } finally {
      this.#endRead(messageId);
    }
  }

  free(freed: Packed): void {
    for (let i = 0; i < freed.length; i += 4) {
      const [messageId, segment, offset, length] = freed.slice(i, i + 4) as [number, number, number, number];
      const extent = { segment, offset, length };
      if (!this.#readers.has(messageId)) {
        this.#segments.free(extent);
        continue;
      }
      const waiting = this.#waiting.get(messageId);
      if (waiting === undefined) this.#waiting.set(messageId, [extent]);
      else waiting.push(extent);
    }
  }

  #endRead(messageId: number): void {
    const left = (this.#readers.get(messageId) ?? 0) - 1;
    if (left > 0) {
      this.#readers.set(messageId, left);
      return;
    }
    this.#readers.delete(messageId);
    for (const extent of this.#waiting.get(messageId) ?? []) this.#segments.free(extent);
    this.#waiting.delete(messageId);
  }
}
