import type { Counter } from "./counter.ts";
import { CounterSet } from "./counter-set.ts";
import type { Admission } from "./limits.ts";
import { RuleInForce } from "./rule-in-force.ts";
import type { LimitRule } from "./rule.ts";
import { PrincipalTally } from "./top-principals.ts";

export type Breadth = (Admission & { ok: false })["breadth"];

const order: readonly Breadth[] = ["route", "external", "message", "recipients"];

/** What counts the mail of one route. */
export class RoutePlan {
  /** Counters of all its mail, those that bind most of it first. */
  readonly fixed: readonly Counter[];
  /** Of the fixed ones. */
  readonly breadths: ReadonlyMap<Counter, Breadth>;
  readonly byMessage: readonly CounterSet[];
  readonly byRecipient: readonly CounterSet[];
  readonly largestTransaction: number;
  /** A limit that holds counts external recipients only. */
  readonly countsExternal: boolean;
  readonly principals = new PrincipalTally();

  constructor(sets: readonly CounterSet[]) {
    const sorted = sets.toSorted((a, b) => order.indexOf(breadthOf(a)) - order.indexOf(breadthOf(b)));
    const plain = sorted.filter(({ isPlain }) => isPlain);
    this.fixed = plain.map(({ only }) => only as Counter);
    this.breadths = new Map(plain.map((set) => [set.only as Counter, breadthOf(set)]));
    this.byMessage = sorted.filter(({ isPlain, isPerRecipient }) => !isPlain && !isPerRecipient);
    this.byRecipient = sorted.filter(({ isPerRecipient }) => isPerRecipient);
    const amounts = sets
      .filter(({ rule, isPerRecipient }) => rule.holds && !isPerRecipient && rule.rule.unit.endsWith("recipients"))
      .map(({ rule }) => rule.capBulk);
    this.largestTransaction = Math.min(Infinity, ...amounts);
    this.countsExternal = sets.some(({ rule }) => rule.holds && rule.rule.unit === "external-recipients");
  }

  /** Tells the counters of all mail who used them of late. */
  tellPrincipals(now: number): void {
    for (const [principal, { kept, keptOrRefused }] of this.principals.drain()) {
      for (const counter of this.fixed) {
        const units = (counter.rule.rule.countsRefused ? keptOrRefused : kept)[counter.rule.kind] as number;
        if (units > 0) counter.usedBy(principal, units, now);
      }
    }
  }
}

/** What else waits when a counter of the set binds. Notifications wait with the rest, though a limit may not count them: they are few. */
export function breadthOf({ rule, only, countsAllSenders, isPerRecipient, countsAllRecipients }: CounterSet): Breadth {
  if (isPerRecipient || !countsAllRecipients) return "recipients";
  if (only === null || !countsAllSenders || rule.rule.unit === "bytes") return "message";
  return rule.rule.unit === "external-recipients" ? "external" : "route";
}

/** The rules in force and their counters. */
export class RuleBook {
  #rules: readonly RuleInForce[] = [];
  #sets: readonly CounterSet[] = [];
  #plans: ReadonlyMap<string, RoutePlan> = new Map();
  /** Those in force, and those that were: a rule that comes back finds what was used meanwhile. */
  readonly #knownRules = new Map<string, RuleInForce>();
  readonly #knownSets = new Map<string, CounterSet>();

  get rules(): readonly RuleInForce[] {
    return this.#rules;
  }

  get sets(): readonly CounterSet[] {
    return this.#sets;
  }

  /** Of a rule that is in force, or was. */
  set(id: string, counted: string): CounterSet | undefined {
    return this.#knownSets.get(`${id}\n${counted}`);
  }

  /** Of rules that are in force, or were. */
  knownSets(): Iterable<CounterSet> {
    return this.#knownSets.values();
  }

  plans(): Iterable<RoutePlan> {
    return this.#plans.values();
  }

  plan(route: string): RoutePlan | undefined {
    return this.#plans.get(route);
  }

  /** Other rules from now on; counters of those that count the same stay. */
  replace(rules: readonly LimitRule[], now: number): void {
    const inForce: RuleInForce[] = [];
    const sets: CounterSet[] = [];
    const setsOf = new Map<string, CounterSet[]>();
    for (const rule of rules) {
      const old = this.#knownRules.get(rule.id);
      const counts = old?.countsAs(rule) === true;
      const stays = counts && old.windowMs === rule.windowMs;
      const current = stays ? old : new RuleInForce(rule);
      const sameMail = stays && isSameMail(current.rule, rule);
      current.adopt(rule);
      this.#knownRules.set(rule.id, current);
      inForce.push(current);
      const byParty = new Map<string, CounterSet>();
      for (const { name, counted } of rule.routes) {
        let set = byParty.get(counted);
        if (set === undefined) {
          const name = `${rule.id}\n${counted}`;
          const known = counts ? this.#knownSets.get(name) : undefined;
          set = known !== undefined && sameMail ? known : new CounterSet(current, counted, stays ? known : undefined);
          if (known !== undefined && !stays && rule.windowMs > 0) set.inherit(known, now);
          this.#knownSets.set(name, set);
          byParty.set(counted, set);
          sets.push(set);
        }
        const ofRoute = setsOf.get(name);
        if (ofRoute === undefined) setsOf.set(name, [set]);
        else ofRoute.push(set);
      }
    }
    this.#rules = inForce;
    this.#sets = sets;
    this.#plans = new Map([...setsOf].map(([route, ofRoute]) => [route, new RoutePlan(ofRoute)]));
  }
}

function isSameMail(a: LimitRule, b: LimitRule): boolean {
  const filters = ({ reversePaths, authors, recipientDomains }: LimitRule): string =>
    JSON.stringify([reversePaths, authors, recipientDomains]);
  return filters(a) === filters(b);
}
