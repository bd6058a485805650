import { isIPv4 } from "node:net";

/** The name under which an address is looked up: RFC 1035 §3.5, RFC 3596 §2.5. @param address IPv4 or IPv6, as isIP() takes it. */
export function reverseName(address: string): string {
  if (isIPv4(address)) return `${address.split(".").toReversed().join(".")}.in-addr.arpa`;
  // The URL parser writes every spelling in one form: hexadecimal, shortest.
  const host = URL.parse(`http://[${address.split("%", 1)[0] ?? ""}]/`)?.hostname.slice(1, -1) ?? "::";
  const [head = "", tail] = host.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const words = [...left, ...Array<string>(tail === undefined ? 0 : 8 - left.length - right.length).fill("0"), ...right];
  const digits = words.map((word) => word.padStart(4, "0")).join("");
  return `${[...digits].toReversed().join(".")}.ip6.arpa`;
}
