import type { Notify } from "../../mail/envelope.ts";
import type { RcptCommand } from "./server/handler.ts";
import { parseParameters, type ParameterFault } from "./parameters.ts";
import { decodeXtext } from "./xtext.ts";

/** Reads what stands behind the path of RCPT: NOTIFY and ORCPT, when DSN was offered (RFC 3461 §4.1, §4.2). */
export function parseRcptParameters(
  text: string,
  from: number,
  address: string,
  offered: { readonly dsn: boolean },
): RcptCommand | ParameterFault {
  if (from === text.length) return { address };
  const parameters = parseParameters(text, from);
  if (typeof parameters === "string") return parameters;
  const command: { -readonly [Key in keyof RcptCommand]: RcptCommand[Key] } = { address };
  for (const { keyword, value } of parameters) {
    if (!offered.dsn) return "unknownParameter";
    if (keyword === "NOTIFY") {
      const notify = parseNotify(value ?? "");
      if (notify === null) return "badParameter";
      command.notify = notify;
    } else if (keyword === "ORCPT") {
      const orcpt = parseOrcpt(value ?? "");
      if (orcpt === null) return "badParameter";
      command.orcpt = orcpt;
    } else return "unknownParameter";
  }
  return command;
}

/** RFC 3461 §4.1: NEVER alone, or a list of SUCCESS, FAILURE and DELAY; null when malformed. */
export function parseNotify(value: string): Notify | null {
  const notify = { never: false, success: false, failure: false, delay: false };
  for (const word of value.toUpperCase().split(",", 5)) {
    if (word === "SUCCESS") notify.success = true;
    else if (word === "FAILURE") notify.failure = true;
    else if (word === "DELAY") notify.delay = true;
    else if (word === "NEVER") notify.never = true;
    else return null;
  }
  return notify.never && (notify.success || notify.failure || notify.delay) ? null : notify;
}

/** RFC 3461 §4.2: `addr-type;xtext`, 500 characters at most; gives `addr-type;text`, null when malformed. */
export function parseOrcpt(value: string): string | null {
  const semicolon = value.indexOf(";");
  if (value.length > 500 || semicolon <= 0) return null;
  const type = value.slice(0, semicolon);
  const encoded = value.slice(semicolon + 1);
  // RFC 6533 §3: behind `utf-8;` UTF-8 may stand as it is. What it may hide as \x{…} stays as it came.
  const utf8 = /^utf-8$/i.test(type);
  const address = utf8 && beyondAscii.test(encoded) ? encoded : decodeXtext(encoded);
  if (!/^[A-Za-z0-9-]+$/.test(type) || address === null || address === "") return null;
  // It is printed into a DSN's fields, so no line end may hide in it.
  return (utf8 ? printableUtf8 : printable).test(address) ? `${type};${address}` : null;
}

const beyondAscii = /[\u{a0}-\u{10ffff}]/u;
const printable = /^[ -~]+$/;
const printableUtf8 = /^[ -~\u{a0}-\u{10ffff}]+$/u;
