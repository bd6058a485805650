/**
 * Where the path begins behind `FROM:` or `TO:`; -1 when the prefix is not there.
 *
 * RFC 5321 §3.3: no spaces are allowed behind the colon; so many clients send one that we take any number of them.
 */
export function skipPrefix(text: string, prefix: "FROM:" | "TO:"): number {
  let at = prefix.length;
  if (text.slice(0, at).toUpperCase() !== prefix) return -1;
  while (text.charCodeAt(at) === 0x20) at++;
  return at;
}
