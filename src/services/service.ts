import type { Reply } from "../mail/reply.ts";
import type { FailureCode } from "../mail/failure-codes.ts";
import type { FailureScope } from "../mail/failure.ts";
import type { CountedLimit } from "./counted.ts";
import type { Fact } from "./fact.ts";

/**
 * One sending service, as published: what a route needs to use it, what the sandbox needs to be it, and what advice quotes. Each lies in a
 * file of its own, named like its kind; catalogue.ts lists them. A new profile is such a file, and nothing else.
 */
export interface Service {
  readonly kind: ServiceKind;
  /** As people call it: `High Volume Email`. */
  readonly title: string;
  /** What a route of this kind is by default; each value dated. */
  readonly profile: ServiceProfile;
  /** Everything else that is published: limits, prices, deadlines, by the last part of their id. */
  readonly facts: Readonly<Record<string, Fact<unknown>>>;
  /** Which of its limits are counted, and how. */
  readonly limits: readonly CountedLimit[];
  /** What the sender's domain publishes for it; absent: what its own administrator says. */
  readonly domainRecords?: DomainRecords;
  /** What its refusals mean, its own before the general ones; the first that fits wins. */
  readonly replies: readonly KnownReply[];
}

/** How a From domain shows in the DNS that the service may send in its name. */
export interface DomainRecords {
  /** What the SPF record names, as `include:NAME`; absent: SPF is not of the From domain there. */
  readonly spfInclude?: Fact<string>;
  /** Selectors of DKIM records, of which one signs. */
  readonly dkimSelectors: Fact<readonly string[]>;
}

export type ServiceKind = "smtp-auth" | "hve" | "acs-smtp" | "connector" | "direct-send" | "smart-host" | "sendgrid-smtp" | "mx";

/** All values are facts, so that `postern routes show NAME --as-of` can ask each of them for a day. */
export interface ServiceProfile {
  /** Host names that lead there, the recommended first; empty: the operator names it, or DNS does. */
  readonly hosts: Fact<readonly string[]>;
  /** The recommended port first. */
  readonly ports: Fact<readonly number[]>;
  readonly tls: Fact<"none" | "opportunistic" | "required" | "implicit">;
  readonly minTlsVersion: Fact<"TLSv1" | "TLSv1.2" | "TLSv1.3">;
  /** What it takes, in the order to prefer; empty: no log-in. */
  readonly sasl: Fact<readonly ("LOGIN" | "PLAIN" | "XOAUTH2")[]>;
  /** OAuth scope to ask a token for; null: it takes none. */
  readonly tokenScope: Fact<string | null>;
  readonly maxRecipients: Fact<number | null>;
  /** Bytes. */
  readonly maxSize: Fact<number | null>;
  readonly maxConnections: Fact<number | null>;
  readonly maxMessagesPerConnection: Fact<number | null>;
  /** Recipients beyond the tenant's accepted domains. */
  readonly external: Fact<boolean>;
  /** Recipients within the tenant's accepted domains. */
  readonly internal: Fact<boolean>;
  /** Whom it lets stand in MAIL FROM and From. */
  readonly senderRule: Fact<SenderRule>;
  readonly keepsReversePath: Fact<boolean>;
  readonly takesNullReversePath: Fact<boolean>;
  readonly savesToSentItems: Fact<boolean>;
  /** External recipients count for the tenant's limit (TERRL), and the onmicrosoft ones among its senders for theirs. */
  readonly countsForTenant: Fact<boolean>;
  /** Cost money or count against a quota, so that a message in doubt is not repeated. */
  readonly metered: Fact<boolean>;
  /** US dollars for one message to one recipient of that size in bytes; null: in the licence. */
  readonly price: Fact<Price | null>;
}

/**
 * account: MAIL FROM and From must be the account that logs in. send-as: the account, or whom it may send as. accepted-domain: any address
 * of a domain that the tenant has. verified: configured senders of verified domains. any: whoever.
 */
export type SenderRule = "account" | "send-as" | "accepted-domain" | "verified" | "any";

export interface Price {
  readonly perRecipientUsd: number;
  /** For each megabyte (1,000,000 bytes) to each recipient. */
  readonly perMegabyteUsd: number;
}

/** Where in the dialogue a reply comes. */
export type Stage = "greeting" | "hello" | "starttls" | "auth" | "mail" | "rcpt" | "data" | "content";

/** A refusing reply that a service is known to give, and what it means. */
export interface KnownReply {
  /** An example, as published; `[host]`, `[date]`, `[id]` stand for what varies. */
  readonly example: Reply;
  readonly stages?: readonly Stage[];
  /** Reply codes: `421`, or by first digit `4` or `5`. */
  readonly codes?: readonly number[];
  /** Enhanced status without class: exact `7.1`, a whole subject `7.*`, or a range `7.500-7.699`. */
  readonly details?: readonly string[];
  readonly text?: RegExp;
  readonly code: FailureCode;
  readonly scope?: FailureScope;
  /** When the reply's own class is not to be believed: a permanent code that only means *later*. */
  readonly permanent?: boolean;
  /** What to do about it, one sentence; absent: the failure code's remedy. */
  readonly advice?: string;
  readonly source: string;
  readonly status: "documented" | "field" | "unverified";
}
