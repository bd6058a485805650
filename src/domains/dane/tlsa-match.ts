import { createHash, type X509Certificate } from "node:crypto";
import type { TlsaRecord } from "../../lib/dns/dns.ts";

/**
 * Whether a server's certificates are those that TLSA records name: RFC 6698 §2.1 with the rules of RFC 7671 and RFC 7672 for SMTP. Pure.
 *
 * `3` (DANE-EE) names the server's own certificate or key: names and dates do not matter (RFC 7671 §5.1). `2` (DANE-TA) names an authority that
 * the server must send: the chain to it must hold (issuer, signature, dates; constraints that the authority sets itself are not looked at), and the name must fit (RFC 7672 §3.1.2). `0` and `1` cannot be used with SMTP (§3.1.3).
 */
export type TlsaVerdict = "match" | "no-match" | "expired" | "wrong-name";

/**
 * @param chain as the server sent it, its own certificate first
 * @param names any of which the certificate may carry, for usage 2
 * @param now wall-clock ms
 */
export function matchTlsa(
  records: readonly TlsaRecord[],
  chain: readonly X509Certificate[],
  names: readonly string[],
  now: number,
): TlsaVerdict {
  const [leaf] = chain;
  if (leaf === undefined) return "no-match";
  const usable = records.filter(isUsable);
  if (usable.some((record) => record.usage === 3 && isNamedBy(record, leaf))) return "match";
  let verdict: TlsaVerdict = "no-match";
  const anchors = usable.filter((record) => record.usage === 2);
  for (const [depth, certificate] of chain.slice(0, maxChain).entries()) {
    if (!anchors.some((record) => isNamedBy(record, certificate)) || !holdsTo(chain, depth)) continue;
    if (!chain.slice(0, depth + 1).every((each) => isCurrent(each, now))) verdict = "expired";
    else if (!names.some((name) => leaf.checkHost(name, { subject: "never" }) !== undefined)) verdict = "wrong-name";
    else return "match";
  }
  return verdict;
}

/** RFC 7671 §4.2, RFC 7672 §3.1: one that this can judge by. */
export function isUsable({ usage, selector, matching, data }: TlsaRecord): boolean {
  if (usage !== 2 && usage !== 3) return false;
  if (selector !== 0 && selector !== 1) return false;
  const size = matching === 0 ? data.length : matching === 1 ? 32 : matching === 2 ? 64 : -1;
  return data.length > 0 && data.length === size;
}

/** RFC 6698 §2.1.2 and §2.1.3. */
function isNamedBy({ selector, matching, data }: TlsaRecord, certificate: X509Certificate): boolean {
  const selected = selector === 0 ? certificate.raw : certificate.publicKey.export({ type: "spki", format: "der" });
  const presented =
    matching === 0
      ? selected
      : createHash(matching === 1 ? "sha256" : "sha512")
          .update(selected)
          .digest();
  return presented.equals(data);
}

/** Each certificate up to `depth` is issued and signed by the next, and every issuer is an authority. */
function holdsTo(chain: readonly X509Certificate[], depth: number): boolean {
  for (let i = 0; i < depth; i++) {
    const [certificate, issuer] = [chain[i], chain[i + 1]];
    if (certificate === undefined || issuer?.ca !== true) return false;
    if (!certificate.checkIssued(issuer) || !certificate.verify(issuer.publicKey)) return false;
  }
  return true;
}

function isCurrent(certificate: X509Certificate, now: number): boolean {
  return certificate.validFromDate.getTime() <= now && now <= certificate.validToDate.getTime();
}

const maxChain = 10;
