/** One ESMTP parameter of MAIL or RCPT (RFC 5321 §4.1.2): keyword in upper case; value null when there is no `=`. */
export interface Parameter {
  readonly keyword: string;
  readonly value: string | null;
}

/** What can be wrong with parameters; each has its reply (server/replies.ts). */
export type ParameterFault = "unknownParameter" | "duplicateParameter" | "badParameter";

/**
 * Splits ` KEYWORD=value KEYWORD …`, as it stands behind a path.
 *
 * A keyword that comes twice is refused, here for all: nobody could tell which one counts. Several spaces are taken for one.
 */
export function parseParameters(text: string, from: number): readonly Parameter[] | ParameterFault {
  if (from === text.length) return none;
  if (text.charCodeAt(from) !== space) return "badParameter";
  const parameters: Parameter[] = [];
  let at = from;
  while (at < text.length) {
    if (text.charCodeAt(at) === space) {
      at++;
      continue;
    }
    let end = text.indexOf(" ", at);
    if (end < 0) end = text.length;
    const equals = text.indexOf("=", at);
    const valued = equals >= 0 && equals < end;
    const keyword = text.slice(at, valued ? equals : end).toUpperCase();
    const value = valued ? text.slice(equals + 1, end) : null;
    if (!keywordForm.test(keyword) || value === "" || (value !== null && !valueForm.test(value))) return "badParameter";
    for (const earlier of parameters) if (earlier.keyword === keyword) return "duplicateParameter";
    // More than any client has reason to send, and looking for duplicates takes the square of it.
    if (parameters.length === 16) return "badParameter";
    parameters.push({ keyword, value });
    at = end;
  }
  return parameters;
}

const none: readonly Parameter[] = [];
const space = 0x20;
const keywordForm = /^[A-Z0-9][A-Z0-9-]*$/;
// RFC 5321 §4.1.2 esmtp-value: no `=`, no space, no control; RFC 6531 §3.3 adds UTF-8. AUTH=<> and ORCPT keep to it.
const valueForm = /^[!-<>-~\u{a0}-\u{10ffff}]+$/u;
