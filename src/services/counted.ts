import type { FailureCode } from "../mail/failure-codes.ts";

/**
 * How a published limit is counted: what no number says. The number itself stays in its fact, once, with its dates and sources; an override
 * of the fact changes the limit.
 */
export interface CountedLimit {
  /** Of the fact that has the amount, a number or null (no limit): `smtp-auth.recipients-per-day`. Services that share a counter name the same. */
  readonly fact: string;
  readonly unit: LimitUnit;
  /** Trailing window; 0: so many at a time. */
  readonly windowMs: number;
  /** For whom the service counts. */
  readonly per: CountedParty;
  /**
   * Share of the amount that may go at once, the rest spread evenly over the window; 1: not spread. Chosen, not published: a service that
   * delays gains nothing from a burst, one that only counts loses nothing by it.
   */
  readonly atOnce: number;
  /** Refused units count as well; absent: they do not. */
  readonly countsRefused?: true;
  /** Failures by which it says that the limit is reached. */
  readonly fullCodes: readonly FailureCode[];
  /** Only for routes that send from such a domain (ACS); absent: whatever the domain. */
  readonly domain?: SenderDomainKind;
}

export type LimitUnit = "messages" | "recipients" | "external-recipients" | "bytes" | "requests";

/** What is counted apart, beyond the traits of a route. */
export type ScopeKey =
  | "principal"
  /** Domain of From. */
  | "sender-domain"
  /** One recipient, whoever sends. */
  | "recipient"
  /** One recipient from one sender address (From). */
  | "sender-recipient";

/** application: an OAuth application at one mailbox. */
export type CountedParty = "mailbox" | "application" | "tenant" | "subscription";

/** Whose the domain is that ACS sends from: verified by the customer, or made by Azure (`GUID.azurecomm.net`). */
export type SenderDomainKind = "custom" | "azure-managed";

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;
