/**
 * Look-ups in the DNS beyond addresses, for direct MX, DANE, MTA-STS, SPF and DKIM. `authentic` is the AD bit and only ever true when the
 * resolver that said it was declared trusted (RFC 4035 §4.9.3: the bit is worth as much as the resolver and the way to it).
 */
export interface Dns {
  /** MX of the domain in no particular order; empty when it has none (look for addresses then). @throws DnsFailed */
  mx(domain: string, signal: AbortSignal): Promise<DnsAnswer<MxRecord>>;
  /** IPv4 and IPv6 addresses; empty when it has none. @throws DnsFailed */
  addresses(host: string, signal: AbortSignal): Promise<DnsAnswer<string>>;
  /** Each record's strings joined. @throws DnsFailed */
  txt(name: string, signal: AbortSignal): Promise<DnsAnswer<string>>;
  /** @throws DnsFailed */
  tlsa(name: string, signal: AbortSignal): Promise<DnsAnswer<TlsaRecord>>;
  /** Names of an address. @throws DnsFailed */
  ptr(address: string, signal: AbortSignal): Promise<DnsAnswer<string>>;
  /** The canonical name, when the name is an alias. @throws DnsFailed */
  cname(name: string, signal: AbortSignal): Promise<DnsAnswer<string>>;
}

export interface DnsAnswer<T> {
  readonly records: readonly T[];
  readonly authentic: boolean;
  /** The name does not exist at all (NXDOMAIN), as opposed to having no such records. */
  readonly noSuchName: boolean;
  /** Seconds; the smallest of the records, or of the negative answer. */
  readonly ttl: number;
}

export interface MxRecord {
  readonly preference: number;
  /** Lower case, without the final dot; empty for the null MX (RFC 7505). */
  readonly exchange: string;
}

export interface TlsaRecord {
  readonly usage: number;
  readonly selector: number;
  readonly matching: number;
  readonly data: Buffer;
}

/** No answer, or one that says nothing (SERVFAIL, time-out, REFUSED): trying again later can help. */
export class DnsFailed extends Error {
  override readonly name = "DnsFailed";
  /** `SERVFAIL`, `REFUSED`, `ETIMEOUT`, … */
  readonly code: string;

  constructor(code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
