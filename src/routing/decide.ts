/**
 * Routing: for a message and one of its recipients, the routes that may take it, in order, with the reasons.
 *
 * Pure: facts in, decision out; no clock, no health (that is circuit.ts, asked at dispatch). The first rule whose conditions all hold
 * decides; of its routes those that cannot carry this message are set aside. Decisions are interned: all recipients for whom every rule
 * answered alike share one object and one key, so that storing "why" costs a few bytes a recipient. `postern why` turns it into prose.
 */
import { createHash } from "node:crypto";
import { matchesAddress, matchesDomain } from "../mail/address.ts";
import type { RoutingCondition, RoutingOptions, RoutingRule } from "./options.ts";

export type RecipientClass = "internal" | "external";

/** What routing may know. */
export interface RoutingFacts {
  readonly principal: string;
  readonly reversePath: string | null;
  /** Lower case. */
  readonly recipientDomain: string;
  /** Bytes, with what we add. */
  readonly size: number;
  /** The message is a DSN of ours. */
  readonly dsn: boolean;
  /** The envelope needs SMTPUTF8. */
  readonly smtputf8: boolean;
}

/** What of a route's traits decides whether it can carry a message; a subset of RouteTraits. */
export interface CarryTraits {
  readonly maxSize: number | null;
  readonly takesNullReversePath: boolean;
  readonly external: boolean;
  readonly smtputf8: boolean;
}

/** Why a rule did not match: the condition that failed first. */
export type ConditionName = keyof RoutingCondition;
/** Why a route of the matching rule was set aside. */
export type RejectionReason = "unknown-route" | "too-large" | "null-reverse-path" | "external-recipient" | "smtputf8";

export interface Decision {
  /** Names this decision in the store; stable over restarts with the same configuration. */
  readonly key: string;
  /** Hash of the routing configuration that decided. */
  readonly generation: string;
  /** null: no rule matched. */
  readonly rule: string | null;
  /** The conditions of that rule, which all held. */
  readonly conditions: RoutingCondition;
  readonly recipientClass: RecipientClass;
  readonly dsn: boolean;
  /** In order of preference; empty: there is no way. */
  readonly candidates: readonly string[];
  readonly rejected: readonly { readonly route: string; readonly reason: RejectionReason }[];
  /** Rules above that did not match. */
  readonly passedOver: readonly { readonly rule: string; readonly condition: ConditionName }[];
}

export class Router {
  readonly generation: string;
  readonly #options: RoutingOptions;
  readonly #routes: ReadonlyMap<string, CarryTraits>;
  readonly #exactDomains: ReadonlySet<string>;
  readonly #wildDomains: readonly string[];
  readonly #decisions = new Map<string, Decision>();

  constructor(options: RoutingOptions, routes: ReadonlyMap<string, CarryTraits>) {
    this.#options = options;
    this.#routes = routes;
    this.#exactDomains = new Set(options.acceptedDomains.map((domain) => domain.toLowerCase()));
    this.#wildDomains = options.acceptedDomains.filter((domain) => domain.startsWith("*."));
    this.generation = createHash("sha256")
      .update(JSON.stringify([options, [...routes.keys()]]))
      .digest("hex")
      .slice(0, 8);
  }

  /** Whether a domain (lower case) is one of the organisation's. */
  classOf(domain: string): RecipientClass {
    if (this.#exactDomains.has(domain)) return "internal";
    for (const pattern of this.#wildDomains) if (matchesDomain(pattern, domain)) return "internal";
    return "external";
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
    if (matched !== null) for (const route of matched.routes) marks += this.#rejection(route, facts, recipientClass) ?? "+";
    const known = this.#decisions.get(marks);
    if (known !== undefined) return known;
    const decision = this.#compose(matched, facts, recipientClass);
    this.#decisions.set(marks, decision);
    return decision;
  }

  #rejection(route: string, facts: RoutingFacts, recipientClass: RecipientClass): RejectionReason | null {
    const traits = this.#routes.get(route);
    if (traits === undefined) return "unknown-route";
    if (traits.maxSize !== null && facts.size > traits.maxSize) return "too-large";
    if (facts.reversePath === null && !traits.takesNullReversePath) return "null-reverse-path";
    if (recipientClass === "external" && !traits.external) return "external-recipient";
    if (facts.smtputf8 && !traits.smtputf8) return "smtputf8";
    return null;
  }

  #compose(rule: RoutingRule | null, facts: RoutingFacts, recipientClass: RecipientClass): Decision {
    const candidates: string[] = [];
    const rejected: { route: string; reason: RejectionReason }[] = [];
    for (const route of rule?.routes ?? []) {
      const reason = this.#rejection(route, facts, recipientClass);
      if (reason === null) candidates.push(route);
      else rejected.push({ route, reason });
    }
    const passedOver: { rule: string; condition: ConditionName }[] = [];
    for (const above of this.#options.rules) {
      if (above === rule) break;
      const condition = above.when === undefined ? null : failedCondition(above.when, facts, recipientClass);
      if (condition !== null) passedOver.push({ rule: above.name, condition });
    }
    const content = {
      generation: this.generation,
      rule: rule?.name ?? null,
      conditions: rule?.when ?? {},
      recipientClass,
      dsn: facts.dsn,
      candidates,
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
