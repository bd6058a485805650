import type { TLSSocket } from "node:tls";
import { type DaneDemand, judgePeer, lookUpDane } from "../../domains/dane/dane.ts";
import { allowsHost, type StsPolicy } from "../../domains/mta-sts/policy.ts";
import { type Dns, DnsFailed } from "../../lib/dns/dns.ts";
import { failure } from "../../mail/failure-codes.ts";
import type { Failure } from "../../mail/failure.ts";
import type { Settings, TlsPolicy } from "../smtp-client/settings.ts";

/** What a destination demands of the way to one of its servers, as settings of the client; `key` tells demands apart. */
export interface Demand {
  readonly key: string;
  readonly settings: Pick<Settings, "tls" | "serverName" | "policy" | "securityNote">;
}

/**
 * Chooses how one server is to be secured. DANE wins over MTA-STS where both are there (RFC 8461 §2: a failing DANE validation is never
 * overridden), but the server must be in an enforced MTA-STS policy all the same; then the route's own `tls`.
 *
 * @param policy of the domain; null: none
 * @param dane null: not to be used
 */
export async function demandOf(
  { domain, host, port }: { readonly domain: string; readonly host: string; readonly port: number },
  tls: Settings["tls"],
  policy: StsPolicy | null,
  dane: Pick<Dns, "addresses" | "cname" | "tlsa"> | null,
  signal: AbortSignal,
): Promise<Demand | Failure> {
  const enforced = policy?.mode === "enforce";
  if (enforced && !allowsHost(policy, host))
    return failure("mta-sts.server-not-listed", { text: `The mail server ${host} is not in the MTA-STS policy of ${domain}` });
  if (dane !== null) {
    let demand: DaneDemand | null;
    try {
      demand = await lookUpDane(dane, host, port, signal);
    } catch (error) {
      if (!(error instanceof DnsFailed)) throw error;
      return failure("tls.dnssec-invalid", { text: `The TLSA records of ${host} could not be had: ${error.message}` });
    }
    if (demand !== null) return byDane(demand, domain, host);
  }
  if (enforced) return { key: `mta-sts ${policy.id}`, settings: { tls: "required", serverName: host, policy: byPolicy(host) } };
  const note = policy === null ? {} : { securityNote: `the destination's MTA-STS policy says only "${policy.mode}"` };
  return { key: `${tls} ${policy?.mode ?? ""}`, settings: { tls, serverName: host, ...note } };
}

function byDane(demand: DaneDemand, domain: string, host: string): Demand {
  const { baseDomain, records } = demand;
  const key = records.map(({ usage, selector, matching, data }) => `${usage} ${selector} ${matching} ${data.toString("hex")}`);
  if (records.length === 0) {
    // RFC 7672 §2.2: none can be used, so encryption is demanded and nothing is known of the certificate.
    const policy = { ...daneFailures(host), security: "opportunistic" as const, judge: () => null };
    const securityNote = "the destination's TLSA records cannot be used";
    return { key: `dane ${baseDomain}`, settings: { tls: "required", serverName: baseDomain, policy, securityNote } };
  }
  // RFC 7672 §3.2.2: the names that count are the base domain and the next-hop domain.
  const names = [baseDomain, host, domain];
  const judge = (socket: TLSSocket): Failure | null => {
    const verdict = judgePeer(demand, socket, names, Date.now());
    switch (verdict) {
      case "match":
        return null;
      case "expired":
        return failure("tls.certificate-expired", { text: `The certificate of ${host} has expired` });
      case "wrong-name":
        return failure("tls.certificate-mismatch", { text: `The certificate of ${host} carries another name` });
      case "no-match":
        return failure("tls.tlsa-mismatch", { text: `The certificate of ${host} is not the one that its TLSA records name` });
    }
  };
  const policy = { ...daneFailures(host), security: "dane" as const, judge };
  return { key: `dane ${baseDomain} ${key.sort().join(" ")}`, settings: { tls: "required", serverName: baseDomain, policy } };
}

function daneFailures(host: string): Pick<TlsPolicy, "mistrusted" | "notOffered"> {
  return {
    mistrusted: (_, text) => failure("route.tls-failed", { scope: "destination", text }),
    notOffered: () => failure("tls.not-offered", { text: `${host} has TLSA records, so it must encrypt, and it offers no STARTTLS` }),
  };
}

function byPolicy(host: string): TlsPolicy {
  return {
    security: "mta-sts",
    mistrusted(code, text) {
      if (code === "ERR_TLS_CERT_ALTNAME_INVALID")
        return failure("tls.certificate-mismatch", { text: `The certificate of ${host} carries another name` });
      if (code === "CERT_HAS_EXPIRED") return failure("tls.certificate-expired", { text: `The certificate of ${host} has expired` });
      // A handshake that broke says nothing of the certificate.
      return untrusted.test(code)
        ? failure("tls.certificate-untrusted", { text: `The certificate of ${host} is not to be trusted: ${text}` })
        : failure("route.tls-failed", { scope: "destination", text });
    },
    notOffered: () => failure("tls.not-offered", { text: `${host} must encrypt by its MTA-STS policy, and offers no STARTTLS` }),
  };
}

/** OpenSSL's words for chains that do not hold. */
const untrusted = /SELF_SIGNED|UNABLE_TO|CERT_|CRL_|INVALID_CA|PATH_LENGTH|HOSTNAME_MISMATCH|INVALID_PURPOSE/;
