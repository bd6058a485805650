/** An enhanced status code without its class digit (RFC 3463 §2): `"7.1"`, `"1.1"`. */
export type StatusDetail = `${number}.${number}`;

/**
 * The full enhanced status, `4.x.y` or `5.x.y`.
 *
 * The only place that writes the class digit: a hard refusal becomes soft, and an expired delay becomes hard, without touching its cause.
 */
export function enhancedStatus(permanent: boolean, detail: StatusDetail): string {
  return `${permanent ? "5" : "4"}.${detail}`;
}

const enhanced = /^([245])\.(\d{1,3})\.(\d{1,3})(?=\s|$)/;

/** Splits `5.7.1 text` as SMTP peers write it (RFC 2034 §4); null when the text does not begin with an enhanced status. */
export function parseEnhancedStatus(text: string): { class: 2 | 4 | 5; detail: StatusDetail; rest: string } | null {
  const match = enhanced.exec(text);
  if (match === null) return null;
  return {
    class: Number(match[1]) as 2 | 4 | 5,
    detail: `${Number(match[2])}.${Number(match[3])}`,
    rest: text.slice(match[0].length).trimStart(),
  };
}
