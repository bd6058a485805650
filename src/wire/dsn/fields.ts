/** Whether every byte or character is below 128. */
export function isAscii(value: string | Buffer): boolean {
  // A loop over 256 KB takes a fraction of a millisecond, and notifications are few.
  if (typeof value === "string") return !/[^\x00-\x7f]/.test(value);
  for (let at = 0; at < value.length; at++) if ((value[at] as number) > 127) return false;
  return true;
}

/**
 * Others' words without what could end a line, hide or turn text around: control and formatting characters become spaces.
 *
 * @param lines line ends (LF) are kept
 */
export function cleanText(text: string, lines = false): string {
  return text.replace(lines ? /[^\P{C}\n]|[\u2028\u2029]/gu : /[\p{C}\u2028\u2029]+/gu, " ");
}

/** Room for a field's value; what is longer is cut, because it is a peer's text and not ours. */
const maxValue = 2000;
const maxLine = 76;
/** RFC 5322 §2.1.1: no line has more than 998 characters, so a peer's endless word is broken. */
const maxWord = /\S{900}(?=\S)/g;

/**
 * `Name: value` with its line end, cleaned, and folded at white space where it would exceed 76 characters.
 *
 * @param utf8 whether characters beyond ASCII may stay; else they become `?`
 */
export function field(name: string, value: string, utf8: boolean): string {
  let clean = cleanText(value).trim().slice(0, maxValue).replace(maxWord, "$& ");
  if (!utf8) clean = clean.replace(/[^\x00-\x7f]/gu, "?");
  let out = "";
  let line = `${name}:`;
  for (const word of clean.split(/ +/)) {
    if (line.length + 1 + word.length > maxLine && line !== `${name}:`) {
      out += `${line}\r\n`;
      line = "";
    }
    line += ` ${word}`;
  }
  return `${out}${line}\r\n`;
}

/**
 * `rfc822; bob@example.net`, or RFC 6533 §3 for an address beyond ASCII: type `utf-8`, as it is where that may be sent, else with each
 * such character (and the three that the escaping itself needs) as `\x{…}`.
 */
export function genericAddress(address: string, utf8: boolean, type?: string): string {
  const clean = cleanText(address).trim();
  const given = type
    ?.trim()
    .toLowerCase()
    .replace(/[^a-z0-9-]/g, "");
  // The sender's own utf-8 ORCPT comes escaped already.
  if (isAscii(clean)) return `${given ?? "rfc822"}; ${clean}`;
  return `utf-8; ${clean.replace(utf8 ? /[+=\\]/g : /[^\x00-\x7f]|[+=\\]/gu, (char) => `\\x{${(char.codePointAt(0) ?? 0).toString(16).toUpperCase()}}`)}`;
}
