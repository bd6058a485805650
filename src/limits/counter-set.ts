import { domainOf, matchesAddress, matchesDomain } from "../mail/address.ts";
import { Counter } from "./counter.ts";
import type { AdmissionRequest } from "./limits.ts";
import type { RuleInForce } from "./rule-in-force.ts";

/** Verdicts that are kept, for one rule. */
const maxKnown = 4096;
const atSign = 0x40;
/** Above so many, counters that hardly matter are forgotten: those that have used no more than this share of the amount. */
const maxCounters = 250_000;
const forgettableShare = 1 / 100;
/** Still under way when a rule's window changes: counted as settled so much later. */
const underWayMs = 30_000;

/** The counters of one rule for one party: one, or one for each combination of what the rule counts apart. */
export class CounterSet {
  readonly rule: RuleInForce;
  readonly counted: string;
  /** The counter where nothing is counted apart. */
  readonly only: Counter | null;
  readonly isPerRecipient: boolean;
  /** Counts every mail of its routes. */
  readonly isPlain: boolean;
  /** The same, but for mail without a sender (notifications). */
  readonly countsAllSenders: boolean;
  readonly #byKey: Map<string, Counter>;
  readonly #byPair: Map<string, Map<string, Counter>>;
  #size: number;
  readonly #keys: readonly ((request: AdmissionRequest) => string)[];
  /** Mail comes in runs of one sender. */
  #lastSender = "";
  #lastDomain = "";
  readonly #reversePaths: AddressTest | null;
  readonly #authors: AddressTest | null;
  readonly #domains: DomainTest | null;
  #walk: Generator<readonly [Map<string, Counter>, string, Counter], undefined> | null = null;

  /** `heirOf`: takes over the counters of a set that counted other mail of the same rule. */
  constructor(rule: RuleInForce, counted: string, heirOf?: CounterSet) {
    const { scope, reversePaths, authors, recipientDomains } = rule.rule;
    this.rule = rule;
    this.counted = counted;
    this.isPerRecipient = rule.isPerRecipient;
    this.#keys = [
      ...(scope.includes("principal") ? [({ principal }: AdmissionRequest) => principal] : []),
      ...(scope.includes("sender-domain") ? [({ sender }: AdmissionRequest) => this.#domainOf(sender)] : []),
      ...(scope.includes("sender-recipient") ? [({ sender }: AdmissionRequest) => sender] : []),
    ];
    this.#byKey = heirOf === undefined ? new Map() : heirOf.#byKey;
    this.#byPair = heirOf === undefined ? new Map() : heirOf.#byPair;
    this.#size = heirOf === undefined ? 0 : heirOf.#size;
    this.only = heirOf?.only ?? (scope.length === 0 ? this.#make("", "") : null);
    this.#reversePaths = reversePaths === undefined ? null : new AddressTest(reversePaths);
    this.#authors = authors === undefined ? null : new AddressTest(authors);
    this.#domains = recipientDomains === undefined ? null : new DomainTest(recipientDomains);
    this.isPlain = scope.length === 0 && this.#reversePaths === null && this.#authors === null && this.#domains === null;
    this.countsAllSenders = this.#authors === null && (reversePaths === undefined || reversePaths.includes("*@*"));
  }

  /** Whether it counts this mail, as far as its sender decides. */
  counts({ reversePath, sender }: AdmissionRequest): boolean {
    return (this.#reversePaths === null || this.#reversePaths.has(reversePath)) && (this.#authors === null || this.#authors.has(sender));
  }

  /** Who has a domain only (`@fabrikam.example`, in a forecast) is nobody to count for. */
  countsRecipient(address: string): boolean {
    if (this.isPerRecipient && address.charCodeAt(0) === atSign) return false;
    return this.#domains === null || this.#domains.has(domainOf(address));
  }

  get countsAllRecipients(): boolean {
    return this.#domains === null;
  }

  /** What of the message chooses the counter. */
  keyOf(request: AdmissionRequest): string {
    const [first] = this.#keys;
    if (first === undefined) return "";
    return this.#keys.length === 1 ? first(request) : this.#keys.map((key) => key(request)).join(" ");
  }

  /** `recipient`: empty where recipients are not counted apart. */
  counter(key: string, recipient: string, now: number): Counter {
    return this.only ?? this.peek(key, recipient) ?? this.#add(key, recipient, now);
  }

  peek(key: string, recipient: string): Counter | undefined {
    if (this.only !== null) return this.only;
    if (!this.isPerRecipient) return this.#byKey.get(key);
    return this.#keys.length === 0 ? this.#byKey.get(recipient) : this.#byPair.get(key)?.get(recipient);
  }

  *counters(): Generator<Counter> {
    if (this.only !== null) yield this.only;
    yield* this.#byKey.values();
    for (const counters of this.#byPair.values()) yield* counters.values();
  }

  /** Of some recipients, where they are counted apart. */
  *countersOf(recipients: Iterable<string>): Generator<Counter> {
    const sets = this.#keys.length === 0 ? [this.#byKey] : [...this.#byPair.values()];
    for (const recipient of recipients) {
      for (const counters of sets) {
        const counter = counters.get(recipient);
        if (counter !== undefined) yield counter;
      }
    }
  }

  /** Takes over what was used in a window of another length. What is no longer known of a shorter one is not made up for. */
  inherit(old: CounterSet, now: number): void {
    const longer = this.rule.expiryAfter(0) - old.rule.expiryAfter(0);
    for (const from of old.counters()) {
      const to = this.counter(from.key, from.recipient, now);
      for (const [at, units, bulk] of from.expiries(Infinity)) to.add(at + longer, units, bulk);
      to.add(this.rule.expiryAfter(now + underWayMs), from.held, from.heldBulk);
    }
  }

  /** Looks at some counters, two for each that is added, and forgets those in which nothing is left, so that there are never many such. */
  sweep(count: number, now: number): void {
    for (let i = 0; i < count; i++) {
      this.#walk ??= this.#all();
      const { done, value } = this.#walk.next();
      if (done === true) {
        this.#walk = null;
        return;
      }
      const [counters, key, counter] = value;
      const canGo = counter.isEmpty(now) || (this.#size > maxCounters && this.#hardlyMatters(counter));
      if (canGo && (counter.cover === null || counter.cover.tend(now)) && counters.delete(key)) this.#size--;
    }
  }

  *#all(): Generator<readonly [Map<string, Counter>, string, Counter], undefined> {
    for (const [key, counter] of this.#byKey) yield [this.#byKey, key, counter];
    for (const [key, counters] of this.#byPair) {
      for (const [recipient, counter] of counters) yield [counters, recipient, counter];
      if (counters.size === 0) this.#byPair.delete(key);
    }
  }

  #hardlyMatters({ held, settled, strain }: Counter): boolean {
    return held === 0 && strain === null && settled <= this.rule.rule.amount * forgettableShare;
  }

  #domainOf(sender: string): string {
    if (sender !== this.#lastSender) {
      this.#lastDomain = domainOf(sender);
      this.#lastSender = sender;
    }
    return this.#lastDomain;
  }

  #add(key: string, recipient: string, now: number): Counter {
    this.sweep(2, now);
    this.#size++;
    const counter = this.#make(key, recipient);
    if (now < this.rule.assumedUntil) counter.assume();
    if (!this.isPerRecipient || this.#keys.length === 0) this.#byKey.set(this.isPerRecipient ? recipient : key, counter);
    else {
      const counters = this.#byPair.get(key);
      if (counters === undefined) this.#byPair.set(key, new Map([[recipient, counter]]));
      else counters.set(recipient, counter);
    }
    return counter;
  }

  #make(key: string, recipient: string): Counter {
    return new Counter(this.rule, this.counted, key, recipient);
  }
}

/** Address patterns, with the verdicts on the last addresses. */
class AddressTest {
  readonly #patterns: readonly string[];
  readonly #known = new Map<string, boolean>();

  constructor(patterns: readonly string[]) {
    this.#patterns = patterns;
  }

  has(address: string): boolean {
    let known = this.#known.get(address);
    if (known === undefined) {
      known = this.#patterns.some((pattern) => matchesAddress(pattern, address === "" ? null : address));
      if (this.#known.size >= maxKnown) this.#known.clear();
      this.#known.set(address, known);
    }
    return known;
  }
}

class DomainTest {
  readonly #exact: ReadonlySet<string>;
  readonly #patterns: readonly string[];

  constructor(patterns: readonly string[]) {
    this.#exact = new Set(patterns.filter((pattern) => !pattern.includes("*")));
    this.#patterns = patterns.filter((pattern) => pattern.includes("*"));
  }

  has(domain: string): boolean {
    return this.#exact.has(domain) || this.#patterns.some((pattern) => matchesDomain(pattern, domain));
  }
}
