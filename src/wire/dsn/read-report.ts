import type { Reply } from "../../mail/reply.ts";
import { parseEnhancedStatus, type StatusDetail } from "../../mail/status.ts";
import { decodeEightBit } from "../mime/eight-bit.ts";
import { readFields } from "../mime/fields.ts";
import { findPart, readPart } from "../mime/find-part.ts";
import { cleanText } from "./fields.ts";

/**
 * Reads what other servers report (RFC 3464, with the internationalised forms of RFC 6533), as they really write it: line ends, order and
 * letter case do not matter, a report may be wrapped in other multiparts, and one that has no such part but names failed recipients in its
 * header (Exim, Gmail: X-Failed-Recipients) is read as far as it goes. Never throws; text of others comes out cleaned and cut.
 */
export interface ReceivedReport {
  /** Host name; null: it does not say. */
  readonly reportingMta: string | null;
  readonly recipients: readonly ReportedFate[];
}

export interface ReportedFate {
  /** Addresses that it may be about, as reported: original first, then final. */
  readonly addresses: readonly string[];
  readonly action: "failed" | "delayed" | "delivered" | "relayed" | "expanded";
  /** Of its Status field; null: it does not say, or says nothing (`5.0.0`). */
  readonly detail: StatusDetail | null;
  readonly remoteMta: string | null;
  /** What an SMTP server said; null: none did, or not so that it can be read. */
  readonly reply: Reply | null;
  /** The diagnostic as it is; empty: none. */
  readonly diagnostic: string;
}

/** Recipients of one report that are read. */
const maxRecipients = 1000;
const maxText = 1000;

/** null: it reports nothing. */
export function readReport(message: Buffer): ReceivedReport | null {
  const text = message.toString("latin1");
  const part = findPart(text, (type) => type === "message/delivery-status" || type === "message/global-delivery-status");
  const report = part === null ? readHeaderOnly(text) : readStatus(part.body);
  return report === null || report.recipients.length === 0 ? null : report;
}

/** RFC 3464 §2.1: groups of fields, the first about the message. */
function readStatus(body: string): ReceivedReport {
  const groups = body.replaceAll("\r", "").split(/\n(?:[ \t]*\n)+/, maxRecipients + 1);
  const [about, ...rest] = groups.map((group) => readFields(group.replace(/^\n+/, "")));
  // Some leave out the empty line behind the message's fields.
  const each = about?.has("final-recipient") === true ? [about, ...rest] : rest;
  return { reportingMta: hostOf(about?.get("reporting-mta")), recipients: each.flatMap((fields) => readFate(fields) ?? []) };
}

function readFate(fields: ReadonlyMap<string, string>): ReportedFate | null {
  const addresses = ["original-recipient", "final-recipient", "x-actual-recipient"].flatMap((name) => addressOf(fields.get(name)) ?? []);
  const status = parseEnhancedStatus((fields.get("status") ?? "").trim());
  const action = actionOf(fields.get("action"), status?.class);
  if (addresses.length === 0 || action === null) return null;
  const diagnostic = typed(fields.get("diagnostic-code"));
  return {
    addresses,
    action,
    detail: status === null || status.detail === "0.0" ? null : status.detail,
    remoteMta: hostOf(fields.get("remote-mta")),
    reply: diagnostic?.type === "smtp" ? replyOf(diagnostic.value) : null,
    diagnostic: diagnostic?.value ?? "",
  };
}

/** RFC 3464 §2.3.3; where the word is missing or unknown the status tells. */
function actionOf(value: string | undefined, statusClass: 2 | 4 | 5 | undefined): ReportedFate["action"] | null {
  const word = /^[a-z]+/.exec((value ?? "").trim().toLowerCase())?.[0];
  switch (word) {
    case "failed":
    case "delayed":
    case "delivered":
    case "relayed":
    case "expanded":
      return word;
    default:
      return statusClass === undefined ? null : ({ 2: "delivered", 4: "delayed", 5: "failed" } as const)[statusClass];
  }
}

/** `type; value`, as RFC 3464 §2.1.2 has it; without a type the value is all. */
function typed(field: string | undefined): { readonly type: string; readonly value: string } | null {
  if (field === undefined) return null;
  const text = cleanText(decodeEightBit(field)).trim();
  const semicolon = text.indexOf(";");
  if (semicolon < 0) return { type: "", value: text.slice(0, maxText) };
  return {
    type: text.slice(0, semicolon).trim().toLowerCase(),
    value: text
      .slice(semicolon + 1)
      .trim()
      .slice(0, maxText),
  };
}

function addressOf(field: string | undefined): string | null {
  const given = typed(field);
  if (given === null) return null;
  const value = given.value.replace(/^<(.*)>$/, "$1");
  // RFC 6533 §3: characters beyond ASCII are written as \x{…}.
  const address = given.type === "utf-8" ? value.replace(/\\x\{([0-9a-f]{1,6})\}/gi, (_, hex: string) => character(hex)) : value;
  return address === "" || address.length > 320 ? null : address;
}

function character(hex: string): string {
  const code = Number.parseInt(hex, 16);
  return code > 0x10ffff ? "?" : String.fromCodePoint(code);
}

function hostOf(field: string | undefined): string | null {
  const host = /^[^\s()]{1,255}/.exec(typed(field)?.value ?? "")?.[0];
  return host ?? null;
}

/**
 * `550-5.1.1 line 550 5.1.1 line`: the codes of further lines stand between the words (RFC 3461 §9.2 has them so); they are taken out again
 * where they are the same as the first.
 */
function replyOf(text: string): Reply | null {
  const match = /^([245]\d\d)[ -]\s*(.*)$/.exec(text);
  if (match === null) return null;
  const code = match[1] as string;
  const lines = (match[2] as string).split(new RegExp(`\\s+${code}[ -]`), 50).map((line) => line.trim());
  return { code: Number(code), lines };
}

/** What no standard has, and many servers write. */
function readHeaderOnly(message: string): ReceivedReport | null {
  const failed = readPart(message).fields.get("x-failed-recipients");
  if (failed === undefined) return null;
  const recipients = failed.split(",", maxRecipients).flatMap((text): ReportedFate[] => {
    const address = addressOf(text);
    return address === null ? [] : [{ addresses: [address], action: "failed", detail: null, remoteMta: null, reply: null, diagnostic: "" }];
  });
  return { reportingMta: null, recipients };
}
