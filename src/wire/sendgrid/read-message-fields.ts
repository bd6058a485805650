import type { ApiErrors } from "./api-errors.ts";
import { arrayAt, hasControl, join, printable, textsAt } from "./fields.ts";

/** RFC 5322 §2.1.1, which the page on the subject's length refers to. */
const maxSubjectLength = 998;
/** Ours: names and values together. */
const maxHeaderLength = 64 * 1024;
const maxHeaders = 1000;
const maxCustomArgsBytes = 10_000;
const maxCategories = 10;
const maxCategoryLength = 255;
const longestWaitMs = 72 * 3_600_000;

/** SG oai: fields that a request may not set. */
const reservedHeaders: ReadonlySet<string> = new Set([
  "x-sg-id",
  "x-sg-eid",
  "received",
  "dkim-signature",
  "content-type",
  "content-transfer-encoding",
  "to",
  "from",
  "subject",
  "reply-to",
  "cc",
  "bcc",
]);
/** Not on that list, but what they say is decided by the message's form, its envelope or its next hop. */
const ownHeaders = /^(?:content-.*|mime-version|return-path|resent-.*|arc-.*|authentication-results)$/;

/** null: there is none, or a fault was added. */
export function readSubject(value: unknown, field: string, errors: ApiErrors): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== "string" || value === "") {
    errors.add(field, "The subject of your email must be a string at least one character in length.");
    return null;
  }
  const fault = subjectFault(value);
  if (fault === null) return value;
  errors.add(field, fault);
  return null;
}

/** What speaks against a subject, also when tags in it have been replaced; null: nothing. */
export function subjectFault(subject: string): string | null {
  if (subject.length > maxSubjectLength) return `The subject of your email should not be longer than ${maxSubjectLength} characters.`;
  return hasControl(subject) ? "The subject of your email cannot contain control characters." : null;
}

export function readHeaders(value: unknown, field: string, errors: ApiErrors): ReadonlyMap<string, string> {
  if (value === undefined || value === null) return new Map();
  const headers = textsAt(value, field, "The header values must be strings.", errors);
  const seen = new Set<string>();
  let length = 0;
  for (const [name, text] of headers) {
    const at = join(field, printable(name));
    const key = name.toLowerCase();
    // RFC 5322 §2.2: printable ASCII without the colon.
    if (!/^[!-9;-~]{1,100}$/.test(name)) errors.add(at, "Header keys cannot contain non-ASCII characters and empty spaces.");
    else if (reservedHeaders.has(key) || ownHeaders.test(key)) errors.add(at, "Header can not be one of the reserved keys.");
    else if (seen.has(key)) errors.add(at, "The headers cannot contain duplicate keys.");
    else if (key === "message-id" && !/^<[^<>\s@]{1,200}@[^<>\s@]{1,200}>$/.test(text))
      errors.add(at, "A Message-ID has the form <left@right>.");
    else if (key === "date" && Number.isNaN(Date.parse(text))) errors.add(at, "This is no date.");
    else if (hasControl(text)) errors.add(at, "The header values cannot contain control characters.");
    seen.add(key);
    length += name.length + text.length;
  }
  if (length > maxHeaderLength || headers.size > maxHeaders)
    errors.add(field, `The headers may be ${maxHeaders}, with ${maxHeaderLength} characters together.`);
  return headers;
}

/** Empty when they are too large, so that nothing is made of them again and again. */
export function readCustomArgs(value: unknown, field: string, errors: ApiErrors): ReadonlyMap<string, string> {
  if (value === undefined || value === null) return none;
  const args = textsAt(value, field, "All values of custom arguments object must be strings", errors);
  if (bytesOf(args) <= maxCustomArgsBytes) return args;
  errors.add(field, argsTooLarge);
  return none;
}

/** SG Errors page: those of the request and of the personalization together. */
export function checkCustomArgs(
  all: ReadonlyMap<string, string>,
  own: ReadonlyMap<string, string>,
  field: string,
  errors: ApiErrors,
): void {
  if (own.size > 0 && bytesOf(new Map([...all, ...own])) > maxCustomArgsBytes) errors.add(field, argsTooLarge);
}

const none: ReadonlyMap<string, string> = new Map();
const argsTooLarge =
  "The combined size of both global and personalization custom arguments may not exceed 10,000 bytes per personalization.";

function bytesOf(args: ReadonlyMap<string, string>): number {
  return Buffer.byteLength(JSON.stringify(Object.fromEntries(args)));
}

/** Policy-clock ms; null: at once, which a time that is past means as well. */
export function readSendAt(value: unknown, field: string, now: number, errors: ApiErrors): number | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    errors.add(
      field,
      "The send_at parameter is expecting a Unix timestamp as an integer. We will send immediately if you include a send_at timestamp that is in the past.",
    );
    return null;
  }
  const at = value * 1000;
  if (at > now + longestWaitMs) errors.add(field, "Scheduling more than 72 hours in advance is forbidden.");
  return at > now ? at : null;
}

export function readCategories(value: unknown, errors: ApiErrors): readonly string[] {
  if (value === undefined || value === null) return [];
  const entries = arrayAt(value, "categories", errors);
  if (entries.length > maxCategories) {
    errors.add("categories", `There is a limit of 10 categories for each email that is sent. You provided ${entries.length} categories.`);
    return [];
  }
  const categories = new Set<string>();
  entries.forEach((entry, n) => {
    const field = `categories.${n}`;
    if (typeof entry !== "string") return errors.add(field, "Categories must be an array of strings.");
    const shown = printable(entry);
    if (entry.length > maxCategoryLength)
      errors.add(field, `Each category must not be longer than 255 characters. ${shown} exceeds this limit`);
    else if (/[^\x20-\x7e]/.test(entry)) errors.add(field, "Categories can not contain non-ASCII characters.");
    else if (categories.has(entry))
      errors.add(field, `The categories must be a unique list, and you have included ${shown} more than once.`);
    categories.add(entry);
  });
  return [...categories];
}
