/** A message that a room of the sandbox took, without its content. */
export interface SandboxMessage {
  /** As formatId writes it. Rises with the time of arrival. */
  readonly id: string;
  /** The room that took it from the client: `tenant-mx`, `smtp-auth`. */
  readonly service: string;
  /** Empty for the null reverse-path. */
  readonly mailFrom: string;
  readonly rcptTo: readonly string[];
  readonly subject: string;
  /** ISO 8601, by the policy clock. */
  readonly receivedAt: string;
  /** What the room made of it. */
  readonly verdict: "accepted";
  /** Octets of content. */
  readonly size: number;
  /** The Message-ID field, with angle brackets; empty when there is none. */
  readonly messageId: string;
  /** The client: address, the name it said, and the TLS version or null. */
  readonly client: MessageClient;
  /** Who had logged in (mailbox, HVE account, ACS user name); absent where nobody logs in. */
  readonly account?: string;
  /** The service took it and let it wait until then (more than 30 messages a minute); absent: it went on at once. ISO 8601, policy clock. */
  readonly delayedUntil?: string;
  /** SendGrid: the categories of X-SMTPAPI. */
  readonly categories?: readonly string[];
  /** The checks of an MX room, some time after the reply; absent until then, and where too many came at once. */
  readonly authentication?: Authentication;
  /** The tenant's MX: whose mail it was taken for. */
  readonly attribution?: MessageAttribution;
  /** What became of each recipient, where a service carries the mail on. */
  readonly deliveries?: readonly Delivery[];
}

export interface MessageClient {
  readonly address: string;
  readonly hello: string;
  readonly tls: string | null;
}

/** One recipient of a message that a service took. */
export interface Delivery {
  readonly recipient: string;
  /** Where it went: a mailbox of the tenant, a host of the outside world, or nowhere (a quota stopped it). */
  readonly to: "mailbox" | "internet" | "nowhere";
  /** `queued`: not looked at yet. */
  readonly status: "queued" | "delivered" | "bounced";
  /** The address from which the service sent it; null inside the tenant. */
  readonly address: string | null;
  /** The reverse-path it left with; empty for the null reverse-path. */
  readonly mailFrom: string;
  /** What the outside receiver found, as in Authentication; null where nothing was checked. */
  readonly authentication: Authentication | null;
  /** `550 5.1.10 …`; null where nothing went wrong. */
  readonly reason: string | null;
}

/** Results of RFC 8601: `pass`, `fail`, `softfail`, `neutral`, `none`, `temperror`, `permerror`. */
export interface Authentication {
  readonly spf: string;
  readonly dkim: string;
  readonly dmarc: string;
  /** Domains whose DKIM signatures hold. */
  readonly signedBy: readonly string[];
}

/** How the tenant's MX found out whose mail it is. */
export interface MessageAttribution {
  readonly direction: "Originating" | "Incoming";
  /** Null: the invisible default connector. */
  readonly connector: string | null;
  readonly connectorType: "OnPremises" | "Partner" | null;
  /** What the connector was matched by. */
  readonly by: "certificate" | "ip" | "sender-domain" | "default";
  readonly treatAsInternal: boolean;
}

/** What to look for; an absent part fits everything. */
export interface MessageQuery {
  /** Pattern as matchesAddress takes it, that one recipient fits. */
  readonly to?: string | undefined;
  readonly from?: string | undefined;
  readonly service?: string | undefined;
  readonly limit?: number | undefined;
}
