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

/** What is checked of a hostile message is bounded: signatures, and the header section that they stand in. */
const mostSignatures = 20;

/** @param head the beginning of a message. false: a receiver would not look any closer. */
export function isCheckable(head: Buffer): boolean {
  const end = head.indexOf("\r\n\r\n");
  return end >= 0 && [...head.toString("latin1", 0, end).matchAll(/^dkim-signature[ \t]*:/gim)].length <= mostSignatures;
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
    result: word(status.result),
    domain: String(signingDomain),
  }));
  const signedBy = [...new Set(signatures.filter(({ result }) => result === "pass").map(({ domain }) => domain))];
  return {
    spf: found.spf === false ? "none" : word(found.spf.status.result),
    dkim: signedBy.length > 0 ? "pass" : (signatures[0]?.result ?? "none"),
    // RFC 9989 §5.3.1: an author that cannot be told has no policy.
    dmarc: found.dmarc === false ? "permerror" : word(found.dmarc.status.result),
    signedBy,
  };
}

/** RFC 8601 §2.7.2 has `temperror`. */
function word(result: string): string {
  return result === "temperr" ? "temperror" : result;
}

/** Of a message that is not looked at. */
export const uncheckable: Authentication = { spf: "none", dkim: "permerror", dmarc: "permerror", signedBy: [] };
