const octet = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
const ipv4 = new RegExp(`^${octet}(?:\\.${octet}){3}$`);
const group = /^[0-9A-Fa-f]{1,4}$/;
const tagged = /^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?:[!-Z^-~]+$/;

/** Whether the text, without its brackets, is an address literal (RFC 5321 §4.1.3): `192.0.2.1`, `IPv6:2001:db8::1`, `tag:content`. */
export function isAddressLiteral(text: string): boolean {
  if (ipv4.test(text)) return true;
  if (/^ipv6:/i.test(text)) return isIpv6(text.slice(5));
  return tagged.test(text);
}

/** RFC 5321 §4.1.3 IPv6-addr, with at most one `::` and perhaps an IPv4 tail. */
function isIpv6(text: string): boolean {
  const halves = text.split("::");
  if (halves.length > 2 || text.length > 45) return false;
  let groups = 0;
  for (let half = 0; half < halves.length; half++) {
    const part = halves[half] as string;
    if (part === "") continue;
    const pieces = part.split(":");
    for (let i = 0; i < pieces.length; i++) {
      const piece = pieces[i] as string;
      const last = half === halves.length - 1 && i === pieces.length - 1;
      if (last && piece.includes(".")) {
        if (!ipv4.test(piece)) return false;
        groups += 2;
      } else if (group.test(piece)) groups++;
      else return false;
    }
  }
  return halves.length === 2 ? groups <= 7 : groups === 8;
}
