import { isDomain } from "./address.ts";
import { formatDate } from "./date.ts";
import { isAddressLiteral } from "./ip-literal.ts";

/** What our trace field tells about one hop. */
export interface ReceivedParts {
  /** What the client called itself in EHLO or HELO: anything at all. */
  readonly name: string;
  /** The client's IP address; empty: there is none (a local submission). */
  readonly address: string;
  readonly hostname: string;
  /** `ESMTP`, `ESMTPSA` and the like (RFC 3848, RFC 6531 §4.3). */
  readonly protocol: string;
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly date: number;
  /** `TLSv1.3 TLS_AES_256_GCM_SHA384`. */
  readonly tls?: string;
  /** Only when it is the only one: RFC 5321 §7.2, a blind copy must not show. */
  readonly recipient?: string;
}

/**
 * The Received field (RFC 5321 §4.4), folded, with its final CR LF.
 *
 * The client's name is its own claim, so whatever is no name or address literal is made harmless: nothing in it can end the field, open a
 * comment or look like a clause of ours. The address is the one we saw.
 */
export function receivedField(parts: ReceivedParts): string {
  const { hostname, protocol, id, tls, recipient } = parts;
  const address = parts.address === "" ? "" : ` (${literal(parts.address)})`;
  const secured = tls === undefined || tls === "" ? "" : `\r\n\t(${tls.replace(" ", " with cipher ").replace(unsafeInComment, "?")})`;
  const wanted = recipient === undefined ? "" : `\r\n\tfor <${recipient}>`;
  return (
    `Received: from ${claimedName(parts)}${address}\r\n\tby ${hostname} (Postern) with ${protocol} id ${id}` +
    `${secured}${wanted};\r\n\t${formatDate(parts.date)}\r\n`
  );
}

function claimedName({ name, address }: ReceivedParts): string {
  if (name === "") return address === "" ? "localhost" : literal(address);
  if (isDomain(name)) return name;
  if (name.startsWith("[") && name.endsWith("]") && isAddressLiteral(name.slice(1, -1)) && !unsafeInLiteral.test(name)) return name;
  // Underscores, spaces and worse are common in what devices call themselves: kept readable as an atom.
  return name.slice(0, 255).replace(unsafeInName, "?");
}

/** RFC 5321 §4.1.3: `[192.0.2.1]`, `[IPv6:2001:db8::1]`. */
function literal(address: string): string {
  const plain = address.replace(/%.*$/, "");
  return plain.includes(":") ? `[IPv6:${plain}]` : `[${plain}]`;
}

const unsafeInName = /[^A-Za-z0-9._-]/g;
const unsafeInComment = /[^A-Za-z0-9 ._-]/g;
const unsafeInLiteral = /[^A-Za-z0-9.:[\]-]/;
