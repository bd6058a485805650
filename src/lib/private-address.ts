import { BlockList, isIPv6 } from "node:net";

/**
 * Whether an address belongs to no host on the public internet: loopback, private, link-local (cloud metadata too), shared, reserved,
 * multicast. A connection there by a name that somebody else controls would let him reach inside (server-side request forgery).
 *
 * From the IANA special-purpose address registries (RFC 6890).
 */
export function isPrivateAddress(address: string): boolean {
  const plain = address.split("%", 1)[0] ?? address;
  if (!isIPv6(plain)) return private4.check(plain, "ipv4");
  const embedded = embeddedIpv4(plain);
  if (embedded !== null) return private4.check(embedded, "ipv4");
  return private6.check(plain, "ipv6");
}

export function isLoopbackAddress(address: string): boolean {
  if (!isIPv6(address)) return address.startsWith("127.");
  const embedded = embeddedIpv4(address);
  return embedded === null ? loopback6.check(address, "ipv6") : embedded.startsWith("127.");
}

const private4 = new BlockList();
for (const [net, prefix] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
  // Azure's host: metadata, DNS and agents of every virtual machine, though the address looks public.
  ["168.63.129.16", 32],
] as const) {
  private4.addSubnet(net, prefix, "ipv4");
}

const private6 = new BlockList();
for (const [net, prefix] of [
  ["::", 96],
  ["64:ff9b:1::", 48],
  ["100::", 64],
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
  ["5f00::", 16],
  ["fc00::", 7],
  ["fe80::", 10],
  ["fec0::", 10],
  ["ff00::", 8],
] as const) {
  private6.addSubnet(net, prefix, "ipv6");
}

const loopback6 = new BlockList();
loopback6.addAddress("::1", "ipv6");

/** The IPv4 address in an IPv4-mapped (RFC 4291 §2.5.5.2) or NAT64 (RFC 6052 §2.1) address, else null. */
function embeddedIpv4(address: string): string | null {
  const words = ipv6Words(address);
  if (words === null) return null;
  const zeros = (from: number, to: number) => words.slice(from, to).every((word) => word === 0);
  const mapped = zeros(0, 5) && words[5] === 0xffff;
  const nat64 = words[0] === 0x64 && words[1] === 0xff9b && zeros(2, 6);
  if (!mapped && !nat64) return null;
  const [high = 0, low = 0] = words.slice(6);
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

function ipv6Words(address: string): number[] | null {
  // The URL parser writes every spelling of an IPv6 address in one form: hexadecimal, shortest.
  const host = URL.parse(`http://[${address}]/`)?.hostname.slice(1, -1);
  if (host === undefined) return null;
  const [head = "", tail] = host.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const gap = tail === undefined ? 0 : 8 - left.length - right.length;
  return [...left, ...Array<string>(gap).fill("0"), ...right].map((word) => parseInt(word, 16));
}
