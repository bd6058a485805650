import type { ApiErrors } from "./api-errors.ts";
import { arrayAt, hasControl, maxNameLength, objectAt, printable } from "./fields.ts";

export interface Content {
  /** `text/plain`; lower case. */
  readonly type: string;
  readonly value: string;
}

export interface Attachment {
  readonly content: Buffer;
  readonly filename: string;
  readonly type?: string;
  readonly disposition: "inline" | "attachment";
  readonly contentId?: string;
}

/** RFC 2045 §5.1: tokens. Parameters are not taken: the published limits know no `;` here. */
const mediaType = /^[A-Za-z0-9!#$&^_.+-]{1,100}\/[A-Za-z0-9!#$&^_.+-]{1,100}$/;
/** Of both, by far more than a message has. */
const maxParts = 1000;

/** @param template one was asked for, so that content may be missing */
export function readContent(value: unknown, template: boolean, errors: ApiErrors): readonly Content[] {
  if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) {
    if (!template)
      errors.add(
        "content",
        "Unless a valid template_id is provided, the content parameter is required. There must be at least one defined content block. We typically suggest both text/plain and text/html blocks are included, but only one block is required.",
      );
    return [];
  }
  const blocks = partsAt(value, "content", errors).flatMap((entry, n) => readBlock(entry, `content.${n}`, errors));
  const ranks = blocks.map(({ type }) => rankOf(type));
  if (ranks.filter((rank) => rank === 0).length > 1 || ranks.filter((rank) => rank === 1).length > 1)
    errors.add("content", "If present, text/plain and text/html may only be provided once.");
  else if (ranks.some((rank, n) => n > 0 && rank < (ranks[n - 1] as number)))
    // Escaped: it is SendGrid that cites it.
    errors.add(
      "content",
      "Following RFC\u00201341, section 7.2, if either text/html or text/plain are to be sent in your email: text/plain needs to be first, followed by text/html, followed by any other content.",
    );
  return blocks;
}

function readBlock(value: unknown, field: string, errors: ApiErrors): readonly Content[] {
  const block = objectAt(value, field, ["type", "value"], errors);
  if (block === null) return [];
  const { type, value: text } = block;
  if (typeof type !== "string" || type === "")
    errors.add(`${field}.type`, "The content type must be a string at least one character in length.");
  else if (!mediaType.test(type)) errors.add(`${field}.type`, "The content type cannot contain ';', or CRLF characters.");
  else if (/^(?:multipart|message)\//i.test(type)) errors.add(`${field}.type`, "The content type must be that of one part.");
  if (typeof text !== "string" || text === "")
    errors.add(`${field}.value`, "The content value must be a string at least one character in length.");
  return typeof type === "string" && typeof text === "string" ? [{ type: type.toLowerCase(), value: text }] : [];
}

function rankOf(type: string): number {
  return type === "text/plain" ? 0 : type === "text/html" ? 1 : 2;
}

export function readAttachments(value: unknown, errors: ApiErrors): readonly Attachment[] {
  if (value === undefined || value === null) return [];
  return partsAt(value, "attachments", errors).flatMap((entry, n) => readAttachment(entry, `attachments.${n}`, errors));
}

function partsAt(value: unknown, field: string, errors: ApiErrors): readonly unknown[] {
  const parts = arrayAt(value, field, errors);
  if (parts.length <= maxParts) return parts;
  errors.add(field, `There is a limit of ${maxParts} parts here.`);
  return [];
}

function readAttachment(value: unknown, field: string, errors: ApiErrors): readonly Attachment[] {
  const part = objectAt(value, field, ["content", "type", "filename", "disposition", "content_id"], errors);
  if (part === null) return [];
  const { content, type, filename, disposition = "attachment", content_id: contentId } = part;
  const fault = (key: string, message: string): void => errors.add(`${field}.${key}`, message);
  const bytes = typeof content === "string" && content !== "" ? decodeBase64(content) : null;
  if (content === undefined) fault("content", "The attachment content is required.");
  else if (typeof content !== "string" || content === "")
    fault("content", "The attachment content must be a string at least one character in length.");
  else if (bytes === null) fault("content", "The attachment content must be base64 encoded.");
  if (filename === undefined || filename === "") fault("filename", "filename is required.");
  else if (typeof filename !== "string") fault("filename", "The filename of your attachment must be a string.");
  else if (filename.length > maxNameLength) fault("filename", `The filename of your attachment may have ${maxNameLength} characters.`);
  else if (hasControl(filename)) fault("filename", "The filename of your attachment cannot contain CRLF characters.");
  if (type !== undefined) {
    if (typeof type !== "string" || type === "")
      fault("type", "The attachment type must be a string and at least one character in length.");
    else if (!mediaType.test(type)) fault("type", "The type cannot contain ';', or CRLF characters.");
  }
  if (disposition !== "inline" && disposition !== "attachment")
    fault(
      "disposition",
      `The disposition of your attachment can be either "inline" or "attachment". You provided ${printable(JSON.stringify(disposition))}.`,
    );
  if (disposition === "inline" && (contentId === undefined || contentId === ""))
    fault("content_id", "The content_id parameter is required if disposition = 'inline'.");
  else if (contentId !== undefined) {
    if (typeof contentId !== "string")
      fault("content_id", `The content ID of your attachment must be a string. You provided ${printable(JSON.stringify(contentId))}.`);
    else if (hasControl(contentId)) fault("content_id", "The content ID of your attachment cannot contain CRLF characters.");
    // RFC 2392 §2: it is looked for between angle brackets.
    else if (!/^<?[^<>\s]{1,256}>?$/.test(contentId))
      fault("content_id", "The content ID of your attachment cannot contain spaces or angle brackets.");
  }
  if (bytes === null || typeof filename !== "string" || (disposition !== "inline" && disposition !== "attachment")) return [];
  return [
    {
      content: bytes,
      filename,
      disposition,
      ...(typeof type === "string" ? { type: type.toLowerCase() } : {}),
      ...(typeof contentId === "string" ? { contentId: contentId.replace(/^<|>$/g, "") } : {}),
    },
  ];
}

/** null: it is none. RFC 4648 §4; lines as MIME breaks them are taken as well. */
function decodeBase64(text: string): Buffer | null {
  const compact = /[\r\n]/.test(text) ? text.replace(/\r?\n/g, "") : text;
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(compact)) return null;
  const padded = compact.endsWith("=");
  if (padded ? compact.length % 4 !== 0 : compact.length % 4 === 1) return null;
  return Buffer.from(compact, "base64");
}
