import { isIPv4, isIPv6 } from "node:net";
import type { Answer } from "dns-packet";
import { Fifo } from "../fifo.ts";
import type { HostPort } from "../host-port.ts";
import { LruMap } from "../lru.ts";
import { unlessAborted } from "../unless-aborted.ts";
import { type Dns, type DnsAnswer, DnsFailed, type MxRecord, type TlsaRecord } from "./dns.ts";
import { exchange } from "./exchange.ts";
import { canonicalName, isName, type Question, type QuestionType, type Reply } from "./message.ts";
import { reverseName } from "./reverse-name.ts";

/**
 * The DNS client: asks recursive resolvers, by UDP and TCP, and remembers what they said as long as they allow.
 *
 * Promises: an answer is believed only when id, question and server agree (RFC 5452); `authentic` is true only when the resolvers are declared
 * trusted; aliases are followed a bounded way; every look-up ends within `tries × timeout` for each server; questions under way, those that
 * wait and what is remembered are bounded, whatever names strangers make us ask. Equal questions at one time are asked once.
 * Does not: validate DNSSEC itself, read /etc/hosts.
 *
 * message.ts octets ↔ values (dns-packet) · exchange.ts one question to one server · dns-resolver.ts host names for the dialer.
 * RFC 1034, RFC 1035, RFC 2308 (negative answers), RFC 6891 (EDNS), RFC 7766 (TCP), RFC 9520 (remembering failures).
 */
export class DnsClient implements Dns {
  readonly #options: Required<DnsClientOptions>;
  readonly #now: () => number;
  readonly #cache = new LruMap<string, Remembered>(cacheEntries);
  readonly #asking = new Map<string, Promise<DnsAnswer<Answer>>>();
  readonly #waiting = new Fifo<() => void>();
  #active = 0;
  /** Index of the server that answered last: it is asked first. */
  #preferred = 0;

  /** @param now policy-clock ms, for what is remembered. Time-outs are wall time. */
  constructor(options: DnsClientOptions, now: () => number) {
    if (options.servers.length === 0) throw new Error("no name server to ask");
    this.#options = { timeoutMs: 3000, maxParallel: 100, ...options };
    this.#now = now;
  }

  mx(domain: string, signal: AbortSignal): Promise<DnsAnswer<MxRecord>> {
    return this.#ask("MX", domain, signal, (answer) =>
      answer.type === "MX" ? { preference: answer.data.preference ?? 0, exchange: canonicalName(answer.data.exchange) } : null,
    );
  }

  async addresses(host: string, signal: AbortSignal): Promise<DnsAnswer<string>> {
    const asked = [
      this.#ask("AAAA", host, signal, (answer) => (answer.type === "AAAA" && isIPv6(answer.data) ? answer.data : null)),
      this.#ask("A", host, signal, (answer) => (answer.type === "A" && isIPv4(answer.data) ? answer.data : null)),
    ] as const;
    // Some servers fail at AAAA and have A. Where answers are validated a failure may be an attack, and counts (RFC 7672 §2.2.2).
    const [six, four] = this.#options.trusted ? await Promise.all(asked) : await atLeastOne(asked);
    return {
      records: interleave(six.records, four.records),
      authentic: six.authentic && four.authentic,
      noSuchName: six.noSuchName && four.noSuchName,
      ttl: Math.min(six.ttl, four.ttl),
    };
  }

  txt(name: string, signal: AbortSignal): Promise<DnsAnswer<string>> {
    return this.#ask("TXT", name, signal, (answer) => (answer.type === "TXT" ? joinStrings(answer.data) : null));
  }

  tlsa(name: string, signal: AbortSignal): Promise<DnsAnswer<TlsaRecord>> {
    return this.#ask("TLSA", name, signal, (answer) =>
      answer.type === "TLSA"
        ? {
            usage: answer.data.usage,
            selector: answer.data.selector,
            matching: answer.data.matchingType,
            data: Buffer.from(answer.data.certificate),
          }
        : null,
    );
  }

  ptr(address: string, signal: AbortSignal): Promise<DnsAnswer<string>> {
    return this.#ask("PTR", reverseName(address), signal, (answer) => (answer.type === "PTR" ? canonicalName(answer.data) : null));
  }

  cname(name: string, signal: AbortSignal): Promise<DnsAnswer<string>> {
    return this.#ask("CNAME", name, signal, (answer) => (answer.type === "CNAME" ? canonicalName(answer.data) : null));
  }

  async #ask<T>(type: QuestionType, name: string, signal: AbortSignal, read: (answer: Answer) => T | null): Promise<DnsAnswer<T>> {
    signal.throwIfAborted();
    const question = { type, name: canonicalName(name) };
    // RFC 1034 §3.1: a name that cannot be written cannot exist.
    if (!isName(question.name)) return { records: [], authentic: false, noSuchName: true, ttl: maxTtl };
    // What is remembered waits for nothing and listens to nothing: every message to a known destination asks here.
    const { records, ...rest } = this.#remembered(question) ?? (await unlessAborted(this.#lookUp(question), signal));
    return { records: records.map(read).filter((record) => record !== null), ...rest };
  }

  /** @throws DnsFailed when a failure is remembered */
  #remembered({ type, name }: Question): DnsAnswer<Answer> | null {
    const found = this.#cache.get(`${type} ${name}`);
    if (found === undefined) return null;
    const now = this.#now();
    // A clock that was set back must not make an answer live for ever.
    if (now >= found.until || now < found.since) return null;
    if (found.answer instanceof DnsFailed) throw found.answer;
    return { ...found.answer, ttl: Math.ceil((found.until - now) / 1000) };
  }

  /** Equal questions at one time are one. */
  #lookUp(question: Question): Promise<DnsAnswer<Answer>> {
    const key = `${question.type} ${question.name}`;
    const asking = this.#asking.get(key);
    if (asking !== undefined) return asking;
    const work = this.#follow(question).then(
      (answer) => {
        if (answer.size <= largestRemembered) this.#remember(key, answer, answer.ttl);
        return answer;
      },
      (error: unknown) => {
        // RFC 9520 §3.2: a failure is remembered too, briefly, so that a broken zone is not asked without end.
        if (error instanceof DnsFailed && error.code !== "EBUSY") this.#remember(key, error, failureTtl);
        throw error;
      },
    );
    this.#asking.set(key, work);
    const forget = () => this.#asking.delete(key);
    work.then(forget, forget);
    return work;
  }

  #remember(key: string, answer: DnsAnswer<Answer> | DnsFailed, ttl: number): void {
    if (ttl <= 0) return;
    const since = this.#now();
    this.#cache.set(key, { answer, since, until: since + ttl * 1000 });
  }

  /** Through aliases to the records. A recursive resolver does that itself; one that left off is asked for the rest. */
  async #follow({ type, name }: Question): Promise<DnsAnswer<Answer> & { readonly size: number }> {
    let current = name;
    let authentic = true;
    let ttl = maxTtl;
    let hops = 0;
    for (let questions = 0; questions < maxQuestions; questions++) {
      const reply = await this.#askServers({ type, name: current });
      authentic &&= reply.authentic;
      const before = current;
      for (;;) {
        const own = reply.answers.filter((answer) => canonicalName(answer.name) === current);
        const records = own.filter((answer) => answer.type === type);
        if (records.length > 0) {
          for (const record of records) ttl = Math.min(ttl, ttlOf(record));
          return { records, authentic, noSuchName: false, ttl, size: sizeOf(records) };
        }
        const alias = own.find((answer) => answer.type === "CNAME");
        if (alias?.type !== "CNAME") break;
        if (++hops > maxAliases) throw new DnsFailed("ELOOP", `${name} is an alias of an alias of an alias …: too many`);
        ttl = Math.min(ttl, ttlOf(alias));
        current = canonicalName(alias.data);
      }
      const ended = reply.rcode === "NXDOMAIN" || current === before || reply.authorities.some((record) => record.type === "SOA");
      // Where the chain ends without an alias, or the server says that the target has nothing, that is the answer.
      if (ended) {
        return { records: [], authentic, noSuchName: reply.rcode === "NXDOMAIN", ttl: Math.min(ttl, negativeTtl(reply)), size: 0 };
      }
      if (!isName(current)) return { records: [], authentic: false, noSuchName: true, ttl, size: 0 };
    }
    throw new DnsFailed("ELOOP", `${name} leads from alias to alias without end`);
  }

  async #askServers(question: Question): Promise<Reply> {
    await this.#enter();
    try {
      const { servers, timeoutMs, trusted } = this.#options;
      let failed: DnsFailed | null = null;
      for (let round = 0; round < rounds; round++) {
        for (let i = 0; i < servers.length; i++) {
          const index = (this.#preferred + i) % servers.length;
          // A lost datagram should not cost the whole of it; the second round has more patience.
          const patienceMs = round === 0 ? Math.min(timeoutMs, firstPatienceMs) : timeoutMs;
          try {
            const reply = await exchange(servers[index] as HostPort, question, patienceMs);
            if (reply.rcode === "NOERROR" || reply.rcode === "NXDOMAIN") {
              if (index !== this.#preferred) this.#preferred = index;
              return { ...reply, authentic: trusted && reply.authentic };
            }
            failed = new DnsFailed(reply.rcode, `${question.name} ${question.type}: the name server answered ${reply.rcode}`);
          } catch (error) {
            if (!(error instanceof DnsFailed)) throw error;
            failed ??= error;
          }
        }
        // Said, not silent: asking the same servers again at once changes nothing.
        if (failed !== null && /^[A-Z]+$/.test(failed.code) && rcodes.has(failed.code)) break;
      }
      throw failed ?? new DnsFailed("ETIMEOUT", `${question.name} ${question.type}: no answer`);
    } finally {
      this.#leave();
    }
  }

  async #enter(): Promise<void> {
    if (this.#active < this.#options.maxParallel) {
      this.#active++;
      return;
    }
    if (this.#waiting.size >= maxWaiting) throw new DnsFailed("EBUSY", "too many names are being looked up");
    // Its place is handed over by the one that leaves.
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#active--;
    else next();
  }
}

export interface DnsClientOptions {
  /** Recursive resolvers; the first is preferred. At least one. */
  readonly servers: readonly HostPort[];
  /** The resolvers validate DNSSEC, and nobody sits between them and us: their AD bit is believed (RFC 4035 §4.9.3). */
  readonly trusted: boolean;
  /** For one question to one server; wall time. */
  readonly timeoutMs?: number;
  /** Questions under way at a time. */
  readonly maxParallel?: number;
}

interface Remembered {
  readonly answer: DnsAnswer<Answer> | DnsFailed;
  readonly since: number;
  readonly until: number;
}

const cacheEntries = 10_000;
/** Larger answers are asked for again: 10,000 of any size would be too much. */
const largestRemembered = 4096;
const maxWaiting = 2000;
const maxAliases = 12;
const maxQuestions = 6;
const rounds = 2;
const firstPatienceMs = 1000;
/** Seconds: a week is as good as for ever; RFC 2308 §5: of "there is none" three hours at most. */
const maxTtl = 86_400;
const maxNegativeTtl = 10_800;
const failureTtl = 5;
const rcodes: ReadonlySet<string> = new Set(["FORMERR", "SERVFAIL", "NOTIMP", "REFUSED", "YXDOMAIN", "NOTAUTH", "NOTZONE"]);

function ttlOf(answer: Answer): number {
  return "ttl" in answer && typeof answer.ttl === "number" ? answer.ttl : 0;
}

/** RFC 2308 §5: the smaller of the SOA's own life and its `minimum`; without one nothing is remembered. */
function negativeTtl(reply: Reply): number {
  const soa = reply.authorities.find((record) => record.type === "SOA");
  if (soa?.type !== "SOA") return 0;
  return Math.min(ttlOf(soa), soa.data.minimum ?? 0, maxNegativeTtl);
}

function sizeOf(records: readonly Answer[]): number {
  let size = 0;
  for (const record of records) {
    size += 64;
    if (record.type === "TXT") size += joinStrings(record.data).length;
    else if (record.type === "TLSA") size += record.data.certificate.length;
  }
  return size;
}

/** RFC 7208 §3.3: strings of one record are joined without anything between. */
function joinStrings(data: string | Buffer | readonly (string | Buffer)[]): string {
  const strings = Array.isArray(data) ? (data as readonly (string | Buffer)[]) : [data as string | Buffer];
  return Buffer.concat(strings.map((string) => (typeof string === "string" ? Buffer.from(string) : string))).toString("utf8");
}

async function atLeastOne(
  asked: readonly [Promise<DnsAnswer<string>>, Promise<DnsAnswer<string>>],
): Promise<[DnsAnswer<string>, DnsAnswer<string>]> {
  const [six, four] = await Promise.allSettled(asked);
  if (six.status === "rejected" && four.status === "fulfilled" && four.value.records.length > 0) return [four.value, four.value];
  if (four.status === "rejected" && six.status === "fulfilled" && six.value.records.length > 0) return [six.value, six.value];
  return Promise.all(asked);
}

/** RFC 8305 §4: the families take turns, so that one that does not work here costs little. */
function interleave(six: readonly string[], four: readonly string[]): readonly string[] {
  const mixed: string[] = [];
  for (let i = 0; i < Math.max(six.length, four.length); i++) mixed.push(...six.slice(i, i + 1), ...four.slice(i, i + 1));
  return [...new Set(mixed)];
}
