/**
 * The hosts of the emulated world. Their addresses are those kept for documentation (RFC 5737, RFC 3849); every one of them is really a port
 * on loopback, so whoever follows a name found in the sandbox's DNS needs to know which (GET /api/dns gives the map).
 */
export interface WorldHost {
  readonly name: string;
  readonly addresses: readonly string[];
  /** The room that stands for it; null: nothing listens there. */
  readonly service: string | null;
}

/** The addresses that services send from. `gateway` is how Postern's own machine looks from outside. */
export const outboundAddresses = {
  "smtp-auth": "203.0.113.11",
  hve: "203.0.113.12",
  "tenant-mx": "203.0.113.13",
  "acs-smtp": "203.0.113.21",
  "sendgrid-smtp": "203.0.113.41",
  "on-premises": "198.51.100.25",
  gateway: "198.51.100.10",
} as const;

export type SendingHost = keyof typeof outboundAddresses;

/** Names of those addresses: what the services say in EHLO, and what PTR answers. */
export const outboundNames: Readonly<Record<SendingHost, string>> = {
  "smtp-auth": "mail-smtpauth.outbound.protection.outlook.example",
  hve: "mail-hve.outbound.protection.outlook.example",
  "tenant-mx": "mail-relay.outbound.protection.outlook.example",
  "acs-smtp": "mail-acs.azurecomm.example",
  "sendgrid-smtp": "o1.ptr4217.sendgrid.example",
  "on-premises": "mail.contoso.example",
  gateway: "gateway.contoso.example",
};

/** What senders of Microsoft's include in their SPF: Exchange Online and ACS have the same one. */
export const microsoftSpfName = "spf.protection.outlook.example";

/** MS "MX endpoint name": dots of the domain become dashes. */
export function mxHostOf(domain: string): string {
  return `${domain.replaceAll(".", "-")}.mail.protection.outlook.example`;
}

/** Where SendGrid's domain authentication points. The template of the names is unverified. */
export const sendgridHost = "u4217.wl042.sendgrid.example";
/** Host part of the return path under a customer's domain. */
export const sendgridReturnPathLabel = "em4217";
export const acsDkimZone = "azurecomm.example";

/** Loopback, seen from the outside world, is the gateway's machine, unless the address map says otherwise. */
export function outsideAddress(address: string): string {
  return address === "::1" || address.startsWith("127.") ? outboundAddresses.gateway : address;
}
