/**
 * Routing: for a message and one of its recipients, the routes that may take it, in order, with the reasons.
 *
 * Pure: facts in, decision out; no clock, no health (that is circuit.ts, asked at dispatch). The first rule whose conditions all hold
 * decides; of its routes those that cannot carry this message are set aside. Decisions are interned: all recipients for whom every rule
 * answered alike share one object and one key, so that storing "why" costs a few bytes a recipient. `postern why` turns it into prose.
 */
import { createHash } from "node:crypto";
import { matchesAddress, matchesDomain } from "../mail/address.ts";
import { rejectionOf, type CarryTraits, type RejectionReason } from "./carry.ts";
import { changesBy, visibleSender } from "./fidelity.ts";
import { costOf } from "./cost.ts";
import { pinFor, type Pin } from "./pins.ts";
import type { RoutingCondition, RoutingOptions, RoutingRule } from "./options.ts";

export type { CarryTraits, RejectionReason } from "./carry.ts";

export type RecipientClass = "internal" | "external";

/** What routing may know. */
export interface RoutingFacts {
  /** Our id; absent: it is only just coming in. */
  readonly message?: number;
  readonly principal: string;
  readonly reversePath: string | null;
  /** Addresses in From; absent or empty: not known, so that no sender rule is held against them. */
  readonly authors?: readonly string[];
  /** Lower case. */
  readonly recipientDomain: string;
  /** Address; absent: pins of recipients do not hold. */
  readonly recipient?: string;
  /** Bytes, with what we add. */
  readonly size: number;
  /** The message is a DSN of ours. */
  readonly dsn: boolean;
  /** The envelope needs SMTPUTF8. */
  readonly smtputf8: boolean;
}

/** Why a rule did not match: the condition that failed first. */
export type ConditionName = keyof RoutingCondition;

export interface Decision {
  /** Names this decision in the store; stable over restarts with the same configuration. */
  readonly key: string;
  /** Hash of the routing configuration that decided. */
  readonly generation: string;
  /** An operator's pin that holds for it; `carried`: its route can carry the message, and is the first candidate. */
  readonly pin?: Pin & { readonly carried: boolean };
  /** null: no rule matched. */
  readonly rule: string | null;
  /** The conditions of that rule, which all held. */
  readonly conditions: RoutingCondition;
  readonly recipientClass: RecipientClass;
  readonly dsn: boolean;
  /** How the rule orders its routes; absent: as it lists them. */
  readonly order?: "cheapest" | "truest";
  /** In order of preference; empty: there is no way. */
  readonly candidates: readonly string[];
  /** Of them, those for failures only, not for when another is at a limit; absent: none. */
  readonly fallbacks?: readonly string[];
  readonly rejected: readonly Rejection[];
  /** Rules above that did not match. */
  readonly passedOver: readonly { readonly rule: string; readonly condition: ConditionName }[];
}

/** A route set aside. Says what the route allows, never what this message had, so that a decision stays one for many messages. */
export interface Rejection {
  readonly route: string;
  readonly reason: RejectionReason;
  /** `sender-not-allowed`: the addresses it may send as, as far as they are known. */
  readonly senders?: readonly string[];
}

/** Decisions remembered; each is a few hundred bytes. Beyond it they are made anew: equal ones have equal keys all the same. */
const maxDecisions = 4096;

export class Router {
  readonly generation: string;
  /** In force, oldest first. They are a part of the configuration: with others, what waits is routed anew. */
  readonly pins: readonly Pin[];
  readonly #options: RoutingOptions;
  readonly #routes: ReadonlyMap<string, CarryTraits>;
  readonly #exactDomains: ReadonlySet<string>;
  readonly #wildDomains: readonly string[];
  readonly #decisions = new Map<string, Decision>();

  constructor(options: RoutingOptions, routes: ReadonlyMap<string, CarryTraits>, pins: readonly Pin[] = []) {
    this.#options = options;
    this.pins = pins;
    this.#routes = routes;
    const { exact, below } = acceptedDomains(options.acceptedDomains);
    this.#exactDomains = exact;
    this.#wildDomains = below;
    this.generation = createHash("sha256")
      .update(JSON.stringify([options, [...routes.keys()], ...pins]))
      .digest("hex")
      .slice(0, 8);
  }

  /** Whether a domain (lower case) is one of the organisation's. */
  classOf(domain: string): RecipientClass {
    return this.isAccepted(domain) ? "internal" : "external";
  }

  readonly isAccepted = (domain: string): boolean => {
    if (this.#exactDomains.has(domain)) return true;
    for (const pattern of this.#wildDomains) if (matchesDomain(pattern, domain)) return true;
    return false;
  };

  /** The same rules with other pins. */
  withPins(pins: readonly Pin[]): Router {
    return new Router(this.#options, this.#routes, pins);
  }

  traitsOf(route: string): CarryTraits | undefined {
    return this.#routes.get(route);
  }

  decide(facts: RoutingFacts): Decision {
    const recipientClass = this.classOf(facts.recipientDomain);
    // The answers of the rules so far, one mark each: equal marks, equal decision.
    let marks = facts.dsn ? "d" : recipientClass === "internal" ? "i" : "e";
    if (facts.dsn) marks += recipientClass === "internal" ? "i" : "e";
    let matched: RoutingRule | null = null;
    for (const rule of this.#options.rules) {
      const failed = rule.when === undefined ? null : failedCondition(rule.when, facts, recipientClass);
      if (failed === null) {
        matched = rule;
        break;
      }
      marks += `,${failed}`;
    }
    marks += ";";
    const pin = this.pins.length === 0 ? -1 : pinFor(this.pins, facts);
    if (pin >= 0) marks += `p${pin}${this.#rejection((this.pins[pin] as Pin).route, facts, recipientClass) ?? "+"};`;
    if (matched !== null) {
      let candidates = 0;
      let rewrites = false;
      for (const route of matched.routes) {
        const mark = this.#rejection(route, facts, recipientClass) ?? "+";
        if (mark === "+") {
          candidates++;
          rewrites ||= this.#routes.get(route)?.rewritesSender === true;
        }
        marks += mark;
      }
      // The order may depend on size and sender, and so may what readers see of the sender; both are one of few.
      if (candidates > 1 && (rewrites || isOrdered(matched))) {
        const order = this.#order(matched, facts, recipientClass);
        marks += `;${order.join("\0")}`;
        if (rewrites) marks += `;${this.#fallbacks(matched, order, facts).join("\0")}`;
      }
    }
    const known = this.#decisions.get(marks);
    if (known !== undefined) return known;
    const decision = this.#compose(matched, facts, recipientClass, this.pins[pin]);
    if (this.#decisions.size >= maxDecisions) this.#decisions.clear();
    this.#decisions.set(marks, decision);
    return decision;
  }

  #rejection(route: string, facts: RoutingFacts, recipientClass: RecipientClass): RejectionReason | null {
    return rejectionOf(this.#routes.get(route), facts, recipientClass === "internal", this.isAccepted);
  }

  /** The rule's routes that can carry the message, in order of preference. */
  #order(rule: RoutingRule, facts: RoutingFacts, recipientClass: RecipientClass): readonly string[] {
    const routes = rule.routes.filter((route) => this.#rejection(route, facts, recipientClass) === null);
    if (!isOrdered(rule)) return routes;
    const worth = (route: string): number => {
      const traits = this.#routes.get(route) as CarryTraits;
      // A price that nobody knows comes after every known one.
      return rule.order === "cheapest" ? (costOf(traits, facts.size) ?? Infinity) : changesBy(traits, facts, this.isAccepted).length;
    };
    const worths = new Map(routes.map((route) => [route, worth(route)]));
    return routes.sort((a, b) => {
      const [left, right] = [worths.get(a) as number, worths.get(b) as number];
      // Ties, and two unknown prices, keep the operator's order: sort is stable.
      return left === right ? 0 : left - right;
    });
  }

  /** Those that would show another sender than the first; or all others, when the rule does not want overflow. */
  #fallbacks(rule: RoutingRule | null, candidates: readonly string[], facts: RoutingFacts): readonly string[] {
    const [first, ...others] = candidates;
    if (first === undefined || rule?.overflow === false) return others;
    const shown = (route: string) => visibleSender(this.#routes.get(route) as CarryTraits, facts, this.isAccepted);
    const sender = shown(first);
    return others.filter((route) => shown(route) !== sender);
  }

  #compose(rule: RoutingRule | null, facts: RoutingFacts, recipientClass: RecipientClass, pin: Pin | undefined): Decision {
    const pinned = pin !== undefined && this.#rejection(pin.route, facts, recipientClass) === null;
    const ordered = rule === null ? [] : this.#order(rule, facts, recipientClass);
    const candidates = pinned ? [pin.route, ...ordered.filter((route) => route !== pin.route)] : ordered;
    // An operator who pins wants that route: only a failure leads away from it.
    const fallbacks = pinned ? candidates.slice(1) : this.#fallbacks(rule, candidates, facts);
    const rejected: Rejection[] = [];
    const asked = rule?.routes ?? [];
    for (const route of pin === undefined || pinned || asked.includes(pin.route) ? asked : [pin.route, ...asked]) {
      const reason = this.#rejection(route, facts, recipientClass);
      if (reason !== null) rejected.push({ route, reason, ...(reason === "sender-not-allowed" ? allowedBy(this.#routes.get(route)) : {}) });
    }
    const passedOver: { rule: string; condition: ConditionName }[] = [];
    for (const above of this.#options.rules) {
      if (above === rule) break;
      const condition = above.when === undefined ? null : failedCondition(above.when, facts, recipientClass);
      if (condition !== null) passedOver.push({ rule: above.name, condition });
    }
    const content = {
      generation: this.generation,
      ...(pin === undefined ? {} : { pin: { ...pin, carried: pinned } }),
      rule: rule?.name ?? null,
      conditions: rule?.when ?? {},
      recipientClass,
      dsn: facts.dsn,
      ...(rule !== null && isOrdered(rule) ? { order: rule.order } : {}),
      candidates,
      ...(fallbacks.length === 0 ? {} : { fallbacks }),
      rejected,
      passedOver,
    };
    return { key: createHash("sha256").update(JSON.stringify(content)).digest("base64url").slice(0, 12), ...content };
  }
}

function failedCondition(when: RoutingCondition, facts: RoutingFacts, recipientClass: RecipientClass): ConditionName | null {
  if (when.class !== undefined && (when.class === "dsn" ? !facts.dsn : when.class !== recipientClass)) return "class";
  if (when.principals !== undefined && !when.principals.includes(facts.principal)) return "principals";
  if (when.reversePaths !== undefined && !when.reversePaths.some((pattern) => matchesAddress(pattern, facts.reversePath)))
    return "reversePaths";
  if (when.recipientDomains !== undefined && !when.recipientDomains.some((pattern) => matchesDomain(pattern, facts.recipientDomain)))
    return "recipientDomains";
  if (when.sizeOver !== undefined && facts.size <= when.sizeOver) return "sizeOver";
  if (when.sizeUnder !== undefined && facts.size > when.sizeUnder) return "sizeUnder";
  return null;
}

function isOrdered(rule: RoutingRule): rule is RoutingRule & { readonly order: "cheapest" | "truest" } {
  return rule.order === "cheapest" || rule.order === "truest";
}

function allowedBy(traits: CarryTraits | undefined): { readonly senders?: readonly string[] } {
  if (traits === undefined) return {};
  const { account, senders = [], senderRule } = traits;
  const all = [...(account === undefined ? [] : [account]), ...(senderRule === "account" ? [] : senders)];
  return senderRule === "accepted-domain" ? { senders: ["addresses in accepted domains", ...senders] } : { senders: all };
}

/** Names as they are, and patterns for what lies below them. */
export function acceptedDomains(given: RoutingOptions["acceptedDomains"]): {
  readonly exact: ReadonlySet<string>;
  readonly below: readonly string[];
} {
  const exact = new Set<string>();
  const below: string[] = [];
  for (const domain of given) {
    const name = (typeof domain === "string" ? domain : domain.name).toLowerCase();
    if (name.startsWith("*.")) below.push(name);
    else exact.add(name);
    if (typeof domain !== "string" && domain.matchSubDomains === true) below.push(`*.${name}`);
  }
  return { exact, below };
}
