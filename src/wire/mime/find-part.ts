import { readFields } from "./fields.ts";
import { maxHeaderBytes } from "./header-scan.ts";

/** A part of a message: its fields, and its body as one-byte characters, decoded. */
export interface MimePart {
  readonly fields: ReadonlyMap<string, string>;
  /** `message/delivery-status`, lower case. */
  readonly type: string;
  readonly body: string;
}

/** Multiparts within multiparts: a report that a gateway has wrapped once or twice is still found. */
const maxDepth = 4;
/** Of the whole message. */
const maxParts = 100;

/**
 * The first part that `wanted` says yes to, of a message that others wrote: multiparts are opened, other messages inside are not, because
 * what they say is not said by this one. Lines may end with LF. Linear in the message times `maxDepth`; null: there is none.
 */
export function findPart(message: string, wanted: (type: string) => boolean): MimePart | null {
  let parts = 0;
  const look = (entity: string, depth: number): MimePart | null => {
    if (++parts > maxParts) return null;
    const part = readPart(entity);
    if (wanted(part.type)) return { ...part, body: decode(part) };
    const boundary =
      part.type.startsWith("multipart/") && depth < maxDepth ? parameter(part.fields.get("content-type") ?? "", "boundary") : "";
    if (boundary === "") return null;
    for (const inner of split(part.body, boundary)) {
      const found = look(inner, depth + 1);
      if (found !== null) return found;
    }
    return null;
  };
  return look(message, 1);
}

/** The header section and what is behind it, not decoded. */
export function readPart(entity: string): MimePart {
  // An entity without a header section begins with its empty line (RFC 2046 §5.1).
  const end = /^\r?\n/.test(entity) ? 0 : emptyLine(entity);
  const fields = readFields(entity.slice(0, Math.min(end, maxHeaderBytes)).replaceAll("\r", ""));
  const body = entity.slice(end).replace(/^\r?\n\r?\n|^\r?\n/, "");
  // RFC 2045 §5.2: without the field it is plain text.
  const type = /^[a-z0-9.+-]+\/[a-z0-9.+-]+/i.exec(fields.get("content-type") ?? "text/plain")?.[0].toLowerCase() ?? "text/plain";
  return { fields, type, body };
}

/** Offset of the line end before the first empty line; the end when there is none. */
function emptyLine(text: string): number {
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) {
    const next = text.charCodeAt(at + 1);
    if (next === 10 || (next === 13 && text.charCodeAt(at + 2) === 10)) return text.charCodeAt(at - 1) === 13 ? at - 1 : at;
  }
  return text.length;
}

/** RFC 2046 §5.1.1: what lies between lines that begin with the delimiter; without a closing one the rest is the last part. */
function* split(body: string, boundary: string): Iterable<string> {
  const delimiter = `--${boundary}`;
  let start = -1;
  for (let at = body.indexOf(delimiter); at >= 0; at = body.indexOf(delimiter, at + delimiter.length)) {
    if ((at > 0 && body.charCodeAt(at - 1) !== 10) || !isEnd(body, at + delimiter.length)) continue;
    if (start >= 0) yield body.slice(start, at);
    if (body.startsWith("--", at + delimiter.length)) return;
    const lineEnd = body.indexOf("\n", at);
    if (lineEnd < 0) return;
    start = lineEnd + 1;
  }
  if (start >= 0) yield body.slice(start);
}

/** The delimiter ends here: a boundary may be the beginning of another one. */
function isEnd(body: string, at: number): boolean {
  const code = body.charCodeAt(at);
  return at >= body.length || code === 10 || code === 13 || code === 32 || code === 9 || body.startsWith("--", at);
}

/** Empty: it is not there. */
function parameter(value: string, name: string): string {
  const match = new RegExp(`;\\s*${name}\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s;"]+))`, "i").exec(value);
  return (match?.[1]?.replace(/\\(.)/g, "$1") ?? match?.[2] ?? "").slice(0, 200);
}

function decode({ fields, body }: MimePart): string {
  switch ((fields.get("content-transfer-encoding") ?? "").toLowerCase()) {
    case "base64":
      return Buffer.from(body, "base64").toString("latin1");
    case "quoted-printable":
      return body
        .replace(/=[ \t]*\r?\n/g, "")
        .replace(/=([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    default:
      return body;
  }
}
