/** Delivery status notification wishes of one recipient (RFC 3461 §4.1). */
export interface Notify {
  readonly never: boolean;
  readonly success: boolean;
  readonly failure: boolean;
  readonly delay: boolean;
}

export interface Recipient {
  /** The mailbox as given, `local@domain`, without angle brackets, source route or parameters. */
  readonly address: string;
  /** Absent: the sender did not say, so failures are told and delays may be (RFC 3461 §4.1). */
  readonly notify?: Notify;
  /** ORCPT as given, decoded from xtext: `rfc822;bob@example.net` (RFC 3461 §4.2). */
  readonly orcpt?: string;
}

/** What the transport says, as opposed to what the header fields say. */
export interface Envelope {
  /** null is the null reverse-path `<>` (RFC 5321 §4.5.5). */
  readonly reversePath: string | null;
  readonly recipients: readonly Recipient[];
  /** ENVID, decoded from xtext (RFC 3461 §4.4). */
  readonly envid?: string;
  /** RET (RFC 3461 §4.3): what a failure notification returns. */
  readonly ret?: "FULL" | "HDRS";
  /** The sender declared SMTPUTF8 (RFC 6531 §3.4). */
  readonly smtputf8?: true;
}
