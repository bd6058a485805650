import type { Readable } from "node:stream";
import { checkResolver } from "../dns/check-resolver.ts";
import type { WorldDns } from "../dns/world-dns.ts";
import type { Authentication } from "../messages/message.ts";

/** How a message came to its receiver. */
export interface Arrival {
  readonly address: string;
  readonly hello: string;
  /** Empty for the null reverse-path. */
  readonly mailFrom: string;
}

/**
 * What a receiver finds: SPF for the client, DKIM over the content, DMARC for the author. mailauth does the reckoning, strictly by the RFCs;
 * the sandbox's own world answers its questions.
 */
export async function checkAuthentication(dns: WorldDns, content: Readable | Buffer, arrival: Arrival): Promise<Authentication> {
  // Costs 150 ms to load; a sandbox that checks nothing never pays it.
  const { authenticate } = await import("mailauth");
  const found = await authenticate(content, {
    ip: arrival.address,
    helo: arrival.hello,
    sender: arrival.mailFrom,
    mta: "receiver.sandbox.example",
    resolver: checkResolver(dns),
    disableArc: true,
    disableBimi: true,
    strict: true,
  });
  const signatures = found.dkim.results.map(({ status, signingDomain }) => ({
    result: String(status.result),
    domain: String(signingDomain),
  }));
  const signedBy = [...new Set(signatures.filter(({ result }) => result === "pass").map(({ domain }) => domain))];
  return {
    spf: found.spf === false ? "none" : String(found.spf.status.result),
    dkim: signedBy.length > 0 ? "pass" : (signatures[0]?.result ?? "none"),
    // RFC 9989 §5.3.1: an author that cannot be told has no policy.
    dmarc: found.dmarc === false ? "permerror" : String(found.dmarc.status.result),
    signedBy,
  };
}
