import { matchesAddress } from "../mail/address.ts";
import { refuse } from "../mail/refusal.ts";
import type { QueueOptions } from "../queue/options.ts";
import type { HeaderFault, HeaderScan } from "../wire/mime/header-scan.ts";
import type { Draft } from "./submission.ts";

/** What each fault says to a sender; null: not a reason to refuse. */
const faultTexts: Readonly<Record<HeaderFault, string | null>> = {
  // A device that sends a body alone gets a header section from us, or is refused for what is missing.
  "no-header": null,
  "no-field-name": "a line has no field name",
  "from-twice": "there is more than one From field",
  "from-syntax": "the From field cannot be read with certainty",
  "sender-syntax": "the Sender field cannot be read with certainty",
  "blank-fold": "a line has nothing but white space",
  "bare-control": "it has a bare CR, a bare LF or a NUL",
  "too-long": "it is longer than 256 KB",
};

/**
 * What the header section must be like: no loop, and authored by addresses that the principal may use.
 *
 * The author check looks at every address of From and Sender, whatever form they take; a header that leaves room for two readings is
 * refused, because the next hop or the reader's program may choose the other one.
 */
export function checkHeader(header: HeaderScan, draft: Draft, options: QueueOptions): void {
  for (const fault of header.faults) {
    const text = faultTexts[fault];
    if (text !== null) throw refuse("submission.header-syntax", { text: `The header section is not valid: ${text}` });
  }
  // RFC 5321 §6.3: counting Received fields is the simple way to find a loop.
  if (header.received > options.maxHops) throw refuse("message.loop");
  if (options.missingHeaders === "refuse") refuseIncomplete(header);
  const { principal } = draft;
  const patterns = principal.authors ?? principal.reversePaths;
  if (patterns.includes("*")) return;
  for (const author of header.authors) requireAllowed(author, patterns);
  // Without a From field we write one ourselves, with the reverse-path (prefix.ts): the fence holds for that as well.
  const { reversePath } = draft.envelope;
  if (!header.hasFrom && reversePath !== null) requireAllowed(reversePath, patterns);
  if (header.sender !== null) requireAllowed(header.sender, patterns);
}

function requireAllowed(author: string, patterns: readonly string[]): void {
  if (!patterns.some((pattern) => matchesAddress(pattern, author)))
    throw refuse("submission.author-not-allowed", { text: `The address ${author.slice(0, 254)} is not allowed in From or Sender here` });
}

function refuseIncomplete(header: HeaderScan): void {
  const missing: string[] = [];
  if (!header.hasFrom) missing.push("From");
  if (!header.hasDate) missing.push("Date");
  if (header.messageId === null) missing.push("Message-ID");
  if (missing.length > 0) throw refuse("submission.missing-header", { text: `The message has no ${missing.join(", no ")}` });
}
