/** The verbs a server knows; `other` is none of them. */
export type Verb =
  | "EHLO"
  | "HELO"
  | "MAIL"
  | "RCPT"
  | "DATA"
  | "BDAT"
  | "RSET"
  | "NOOP"
  | "QUIT"
  | "VRFY"
  | "EXPN"
  | "HELP"
  | "STARTTLS"
  | "AUTH"
  | "TURN"
  | "other";

/**
 * The verb that the line begins with (RFC 5321 §2.4: in any case), from its bytes, without making a string of them.
 * It must end there or at a space, so that `DATAX` and `MAILFROM:` are no verbs.
 */
export function readVerb(line: Buffer, start: number, end: number): Verb {
  if (end - start < 4) return "other";
  // Clearing bit 0x20 makes letters upper case, and only letters become letters by it.
  const word = line.readInt32BE(start) & 0xdfdfdfdf;
  const next = end - start === 4 ? space : (line[start + 4] as number);
  if (word === STAR) return isLongVerb(line, start, end) ? "STARTTLS" : "other";
  if (next !== space) return "other";
  return verbs.get(word) ?? "other";
}

/** The text behind the verb, without the spaces around it; null when it is not valid UTF-8. `ascii`: the line has no other bytes. */
export function readArgument(line: Buffer, start: number, end: number, ascii: boolean): string | null {
  let from = start;
  let to = end;
  while (from < to && line[from] === space) from++;
  while (to > from && line[to - 1] === space) to--;
  if (from === to) return "";
  if (ascii) return line.toString("latin1", from, to);
  const text = line.toString("utf8", from, to);
  return text.includes("\ufffd") ? null : text;
}

/** What kind of bytes a command line has: only printable ASCII and spaces, others above 127 too, or controls, which it must not have. */
export function classifyLine(line: Buffer, start: number, end: number): "ascii" | "eightBit" | "control" {
  let all = 0;
  for (let i = start; i < end; i++) {
    const byte = line[i] as number;
    // A tab is let through: it is no danger, and where it matters the grammar refuses it.
    if ((byte < space && byte !== 0x09) || byte === 0x7f) return "control";
    all |= byte;
  }
  return all > 127 ? "eightBit" : "ascii";
}

function isLongVerb(line: Buffer, start: number, end: number): boolean {
  if (end - start < 8 || (end - start > 8 && line[start + 8] !== space)) return false;
  return line.toString("latin1", start, start + 8).toUpperCase() === "STARTTLS";
}

const space = 0x20;

function wordOf(verb: string): number {
  return Buffer.from(verb, "latin1").readInt32BE(0) & 0xdfdfdfdf;
}

const STAR = wordOf("STAR");
const verbs: ReadonlyMap<number, Verb> = new Map(
  (["EHLO", "HELO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "NOOP", "QUIT", "VRFY", "EXPN", "HELP", "AUTH", "TURN"] as const).map(
    (verb) => [wordOf(verb), verb],
  ),
);
