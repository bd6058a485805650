/** `Sat, 21 Nov 2026 12:00:00 +0000`: a date as mail writes it (RFC 5322 §3.3). */
export function formatMailDate(ms: number): string {
  return new Date(ms).toUTCString().replace("GMT", "+0000");
}
