/** A message that a room of the sandbox took, without its content. */
export interface SandboxMessage {
  /** As formatId writes it. Rises with the time of arrival. */
  readonly id: string;
  /** The room that took it: `tenant-mx`, `internet-mx`. */
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
  readonly client: { readonly address: string; readonly hello: string; readonly tls: string | null };
}

/** What to look for; an absent part fits everything. */
export interface MessageQuery {
  /** Pattern as matchesAddress takes it, that one recipient fits. */
  readonly to?: string | undefined;
  readonly from?: string | undefined;
  readonly service?: string | undefined;
  readonly limit?: number | undefined;
}
