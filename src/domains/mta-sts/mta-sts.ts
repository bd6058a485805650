import { type Dns, DnsFailed } from "../../lib/dns/dns.ts";
import { HttpFailed, type HttpClient } from "../../lib/http/http-client.ts";
import { unlessAborted } from "../../lib/unless-aborted.ts";
import { PolicyCache } from "./policy-cache.ts";
import { parsePolicy, type StsPolicy, PolicyInvalid } from "./policy.ts";

/**
 * MTA-STS (RFC 8461) for what leaves: what a domain demands of those who send to it.
 *
 * Promises: a policy comes over HTTPS with a verified certificate, without redirects, bounded in time and size, or not at all; once known it
 * holds for its `max_age`, whatever an attacker does to the DNS or the web server meanwhile, and over restarts; a domain whose policy cannot be
 * fetched is asked again after five minutes at the earliest; two deliveries at once ask once. A known policy is fetched again daily, behind
 * the back of the delivery that happens to notice.
 * Does not: connect to the mail server, or decide what happens when the policy does not hold; the mx route does.
 *
 * policy.ts parser (mailauth's) and host names · policy-cache.ts what survives.
 */
export class MtaSts implements AsyncDisposable {
  readonly #deps: MtaStsDeps;
  readonly #cache: PolicyCache;
  readonly #fetching = new Map<string, Promise<StsPolicy | null>>();
  readonly #stop = new AbortController();

  private constructor(deps: MtaStsDeps, cache: PolicyCache) {
    this.#deps = deps;
    this.#cache = cache;
  }

  /** @param file where known policies are kept */
  static async open(file: string, deps: MtaStsDeps): Promise<MtaSts> {
    return new MtaSts(deps, await PolicyCache.open(file, deps.onTrouble));
  }

  /** The policy in force for a domain (lower case, A-labels); null when there is none. */
  async policyFor(domain: string, signal: AbortSignal): Promise<StsPolicy | null> {
    const now = this.#deps.now();
    const known = this.#cache.get(domain, now);
    const id = await this.#publishedId(domain, signal);
    // RFC 8461 §5.1: what is known and has not expired holds, whether or not anything is published now.
    if (id === null) return known;
    if (known?.id === id) {
      if (now - known.fetchedAt > refreshMs && !this.#cache.failedLately(domain, id, now)) void this.#fetch(domain, id);
      return known;
    }
    if (this.#cache.failedLately(domain, id, now)) return known;
    return (await unlessAborted(this.#fetch(domain, id), signal)) ?? known;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("MTA-STS is closed"));
    await Promise.allSettled(this.#fetching.values());
    await this.#cache[Symbol.asyncDispose]();
  }

  /** RFC 8461 §3.1: the id of the one valid TXT record; null when there is none, or none can be had. */
  async #publishedId(domain: string, signal: AbortSignal): Promise<string | null> {
    let texts: readonly string[];
    try {
      texts = (await this.#deps.dns.txt(`_mta-sts.${domain}`, signal)).records;
    } catch (error) {
      if (error instanceof DnsFailed) return null;
      throw error;
    }
    const found = texts.filter((text) => /^v=STSv1[ \t]*;/.test(text));
    const id =
      found.length === 1 ? /^v=STSv1[ \t]*;(?:[^;]*;)*?[ \t]*id=([A-Za-z0-9]{1,32})[ \t]*(?:;|$)/.exec(found[0] ?? "")?.[1] : undefined;
    return id ?? null;
  }

  #fetch(domain: string, id: string): Promise<StsPolicy | null> {
    const running = this.#fetching.get(domain);
    if (running !== undefined) return running;
    const work = this.#fetchOnce(domain, id).finally(() => this.#fetching.delete(domain));
    this.#fetching.set(domain, work);
    return work;
  }

  /** Never rejects. */
  async #fetchOnce(domain: string, id: string): Promise<StsPolicy | null> {
    const { http, now } = this.#deps;
    try {
      const { status, headers, body } = await http.request(
        { url: `https://mta-sts.${domain}/.well-known/mta-sts.txt`, timeoutMs: fetchMs, maxBytes: maxPolicyBytes },
        this.#stop.signal,
      );
      // RFC 8461 §3.3: only 200, so no redirect either; and text/plain, so that no place for user content can be a policy.
      if (status !== 200) throw new PolicyInvalid(`the server answered ${status}`);
      if (!/^text\/plain *(;|$)/i.test(headers["content-type"] ?? "")) throw new PolicyInvalid("it is not text/plain");
      const policy = await parsePolicy(body.toString("utf8"), id, now());
      this.#cache.set(domain, policy);
      return policy;
    } catch (error) {
      if (this.#stop.signal.aborted) return null;
      if (!(error instanceof HttpFailed || error instanceof PolicyInvalid)) this.#deps.onTrouble("MTA-STS", error);
      this.#cache.fail(domain, id, now());
      return null;
    }
  }
}

export interface MtaStsDeps {
  readonly dns: Pick<Dns, "txt">;
  readonly http: Pick<HttpClient, "request">;
  /** Policy-clock ms. */
  readonly now: () => number;
  readonly onTrouble: (where: string, error: unknown) => void;
}

/** RFC 8461 §3.3 suggests a minute and 64 KB. */
const fetchMs = 60_000;
const maxPolicyBytes = 65_536;
/** RFC 8461 §3.3: fetched again before it runs out, at least daily. */
const refreshMs = 86_400_000;
