/** One header field, one character a byte, with its folds and its line end. */
export interface HeaderField {
  /** Lower case. */
  readonly name: string;
  readonly raw: string;
}

/** The fields of a header section (one character a byte), in order; what has no name is left out. */
export function splitFields(header: string): readonly HeaderField[] {
  return header.split(/(?<=\r\n)(?![ \t])/).flatMap((raw) => {
    const colon = raw.indexOf(":");
    return colon <= 0 ? [] : [{ name: raw.slice(0, colon).trim().toLowerCase(), raw }];
  });
}

/** RFC 6376 §3.4.2: relaxed header canonicalisation, without the line end. */
export function relaxField({ name, raw }: HeaderField): string {
  const value = raw
    .slice(raw.indexOf(":") + 1)
    .replaceAll("\r\n", "")
    .replace(/[ \t]+/g, " ")
    .trim();
  return `${name}:${value}`;
}
