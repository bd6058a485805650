import { invalid, readLine } from "./read.ts";

/** What the reserved fields ask for; they do not go into the message. */
export interface HeaderWishes {
  readonly suppressInvalidAttachment: boolean;
  readonly ignoreDuplicateContentId: boolean;
}

export interface CustomHeaders {
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly messageId?: string;
  readonly wishes: HeaderWishes;
}

// RFC 5322 §3.6.8: the characters of a field's name.
const fieldName = /^[!-9;-~]{1,76}$/;
const messageIdForm = /^<[^\s<>@]{1,200}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+>$/;

/** What other properties say, what the way of the message says, and what vouches for it: nobody's to write here. */
const ours =
  /^(?:from|sender|to|cc|bcc|reply-to|subject|date|mime-version|content-.*|received|return-path|resent-.*|dkim-signature|domainkey-signature|arc-.*|authentication-results|received-spf|x-smtpapi)$/;

/**
 * `headers`: a map of names to texts. Three reserved names are wishes (MS azure-docs "email-headers", read 2026-11-27); Message-ID is the customer's own when its
 * form is valid, else it is left out or, with `x-ms-acsemail-validate-message-id`, refused.
 */
export function readHeaders(value: unknown): CustomHeaders {
  const fields: [string, string][] = [];
  const wishes = new Map<string, boolean>();
  const seen = new Set<string>();
  let messageId: string | undefined;
  if (value !== undefined && (typeof value !== "object" || value === null || Array.isArray(value)))
    throw invalid("headers", "must be an object");
  if (value !== undefined)
    for (const [name, given] of Object.entries(value) as [string, unknown][]) {
      const target = `headers.${name.slice(0, 76)}`;
      if (!fieldName.test(name)) throw invalid(target, "is not a header name");
      const text = readLine(given, target);
      const lower = name.toLowerCase();
      if (seen.has(lower)) throw invalid(target, "is given twice");
      seen.add(lower);
      if (lower.startsWith(reserved)) wishes.set(readWish(lower, target), readFlag(text, target));
      else if (lower === "message-id") messageId = text;
      else if (ours.test(lower)) throw invalid(target, "may not be set");
      else fields.push([name, text]);
    }
  if (messageId !== undefined && !messageIdForm.test(messageId)) {
    if (wishes.get("validate-message-id") === true) throw invalid("headers.Message-ID", "is not a message id");
    messageId = undefined;
  }
  return {
    fields,
    ...(messageId === undefined ? {} : { messageId }),
    wishes: {
      suppressInvalidAttachment: wishes.get("suppress-invalid-attachment") === true,
      ignoreDuplicateContentId: wishes.get("ignore-duplicate-content-id") === true,
    },
  };
}

const reserved = "x-ms-acsemail-";
const known: readonly string[] = ["suppress-invalid-attachment", "ignore-duplicate-content-id", "validate-message-id"];

function readWish(name: string, target: string): string {
  const wish = name.slice(reserved.length);
  if (!known.includes(wish)) throw invalid(target, "is reserved");
  return wish;
}

function readFlag(text: string, target: string): boolean {
  const lower = text.trim().toLowerCase();
  if (lower !== "true" && lower !== "false") throw invalid(target, "must be true or false");
  return lower === "true";
}
