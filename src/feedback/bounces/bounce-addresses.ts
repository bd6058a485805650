import { domainOf, localPartOf } from "../../mail/address.ts";
import type { FailureCode } from "../../mail/failure-codes.ts";
import type { BounceKeys } from "./bounce-keys.ts";
import { type BounceToken, endOfDay, formatToken, readToken, tokenCharacters } from "./bounce-token.ts";

/** Where bounces of one author domain go, and how long. */
export interface BounceDomain {
  /** Of the From field, lower case; its sub-domains go with it unless they have an entry of their own. */
  readonly author: string;
  /** Lower case. */
  readonly domain: string;
  readonly validForMs: number;
}

/** What a bounce address is made from (routes/mx/dress.ts gives it). */
export interface BounceFacts {
  readonly messageId: number;
  /** Of the From field, lower case; null when it is not one domain. */
  readonly author: string | null;
  readonly recipients: readonly { readonly address: string }[];
}

export type ReadAddress = { readonly ok: true; readonly token: BounceToken } | { readonly ok: false; readonly code: FailureCode };

const tag = "b+";

/**
 * Bounce addresses (VERP): the reverse-path that leaves by MX is `b+TOKEN@` the bounce domain of the author's domain, and only such an
 * address, made here and not too old, is taken back.
 */
export class BounceAddresses {
  readonly #domains: readonly BounceDomain[];
  readonly #keys: Pick<BounceKeys, "current" | "byNumber">;
  readonly #now: () => number;

  /** @param now policy-clock ms */
  constructor(domains: readonly BounceDomain[], keys: Pick<BounceKeys, "current" | "byNumber">, now: () => number) {
    this.#domains = domains;
    this.#keys = keys;
    this.#now = now;
  }

  /** null: the author's domain has no bounce domain, the reverse-path stays. */
  readonly make = ({ messageId, author, recipients }: BounceFacts): string | null => {
    const domain = this.#domainFor(author);
    if (domain === null) return null;
    return `${tag}${formatToken({ messageId, now: this.#now(), domain, recipients }, this.#keys.current)}@${domain}`;
  };

  /** Linear in the address, whatever it is. */
  read(address: string): ReadAddress {
    const local = localPartOf(address);
    const domain = domainOf(address);
    const known = this.#domains.filter((each) => each.domain === domain);
    if (known.length === 0 || local.length !== tag.length + tokenCharacters || local.slice(0, tag.length).toLowerCase() !== tag)
      return forged;
    const token = readToken(local.slice(tag.length), domain, (number) => this.#keys.byNumber(number));
    if (token === null) return forged;
    const validForMs = Math.max(...known.map((each) => each.validForMs));
    // A day that has not come is no fault: the signature is ours, so our clock was ahead then.
    return this.#now() < endOfDay(token.day) + validForMs ? { ok: true, token } : expired;
  }

  #domainFor(author: string | null): string | null {
    for (let name = author ?? ""; name.includes("."); name = name.slice(name.indexOf(".") + 1)) {
      const found = this.#domains.find((each) => each.author === name);
      if (found !== undefined) return found.domain;
    }
    return null;
  }
}

const forged: ReadAddress = { ok: false, code: "bounce.address-unknown" };
const expired: ReadAddress = { ok: false, code: "bounce.address-expired" };
