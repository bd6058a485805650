import type { ConnectorFacts } from "../../mailflow/attribution.ts";

/**
 * The emulated tenant, as its YAML file says it and as rooms read it: immutable; TenantStore (tenant-store.ts) exchanges it as a whole when
 * something is switched or an account is made. Names are Microsoft's own. Addresses are compared by canonicalAddress, domains in lower case.
 */
export interface Tenant {
  /** GUID. */
  readonly id: string;
  readonly name: string;
  /** ISO day: rules for new tenants ask it. */
  readonly createdOn: string;
  readonly trial: boolean;
  /** Purchased, non-trial e-mail licences. */
  readonly licences: number;
  /** Free education licences beside them. */
  readonly freeEducationLicences: number;
  /** The first is the default domain. */
  readonly domains: readonly AcceptedDomain[];
  /** Every address of an accepted domain receives mail, though it is not listed: convenient for demos. Else only what is listed (5.4.1). */
  readonly catchAll: boolean;
  readonly mailboxes: readonly Mailbox[];
  readonly hveAccounts: readonly HveAccount[];
  readonly applications: readonly Application[];
  readonly connectors: readonly InboundConnector[];
  readonly policies: TenantPolicies;
  readonly acs: readonly AcsResource[];
  readonly sendgrid: readonly SendgridAccount[];
}

export interface AcceptedDomain {
  readonly name: string;
  readonly type: "Authoritative" | "InternalRelay";
  readonly matchSubDomains: boolean;
}

export interface Mailbox {
  /** UPN and primary address. */
  readonly address: string;
  readonly displayName: string;
  readonly aliases: readonly string[];
  /** null: nobody logs in with a password (a shared mailbox). */
  readonly password: string | null;
  readonly kind: "user" | "shared";
  readonly licensed: boolean;
  /** Its quota is used up. */
  readonly full: boolean;
  /** What is wrong with the federation server that checks its password; null: nothing, or it is not federated. */
  readonly federation: "unreachable" | "not-https" | null;
  /** null: as the tenant has it. */
  readonly smtpClientAuthenticationDisabled: boolean | null;
  /** Its authentication policy allows Basic for SMTP; null: no policy. */
  readonly allowBasicAuthSmtp: boolean | null;
  /** Others it may send as. */
  readonly sendAs: readonly string[];
  /** Service principals (object ids) with FullAccess. */
  readonly fullAccess: readonly string[];
  readonly mfa: boolean;
  readonly recipientLimit: number | null;
  /** Bytes. */
  readonly maxSendSize: number | null;
  /** The service has blocked it as a sender of spam. */
  readonly senderBlocked: boolean;
}

export interface HveAccount {
  readonly displayName: string;
  /** Primary address, and the name that logs in. */
  readonly address: string;
  readonly alias: string;
  readonly password: string;
  /** Reply-To that is forced on its mail; null: none. */
  readonly replyTo: string | null;
  readonly billingPolicyStatus: BillingPolicyStatus;
  /** Object ids of enterprise applications; at most ten. */
  readonly allowedApps: readonly string[];
  readonly allowBasicAuthSmtp: boolean | null;
}

export type BillingPolicyStatus =
  | "BillingPolicyValid"
  | "NoProperBillingPolicyStored"
  | "BillingPolicyNotFound"
  | "BillingPolicyMismatched"
  | "NoConnectedBillingPolicyFound"
  | "SubscriptionIsNotActive"
  | "NoSPOLicenseFound";

export interface Application {
  readonly name: string;
  /** Application (client) id, GUID. */
  readonly clientId: string;
  /** Object id of the enterprise application (service principal), GUID: another one. */
  readonly objectId: string;
  readonly secrets: readonly AppSecret[];
  /** PEM certificates whose keys may sign client assertions. */
  readonly certificates: readonly string[];
  readonly permissions: readonly AppPermission[];
  /** The service principal is registered in Exchange Online (`New-ServicePrincipal`), by its right object id. */
  readonly registeredInExchange: boolean;
  /** It is a managed identity: its tokens come from the metadata endpoint. */
  readonly managedIdentity: boolean;
  /** Public client: device code and ROPC without a secret. */
  readonly publicClient: boolean;
  readonly redirectUris: readonly string[];
}

export interface AppSecret {
  readonly value: string;
  /** ISO instant or day. */
  readonly expiresOn: string;
}

export interface AppPermission {
  /** `exchange` is Office 365 Exchange Online, `graph` Microsoft Graph, `acs` Azure Communication Services. */
  readonly resource: "exchange" | "graph" | "acs";
  /** `SMTP.SendAsApp`, `Mail.Send`, `SMTP.Send`, … */
  readonly name: string;
  readonly type: "application" | "delegated";
  readonly adminConsent: boolean;
}

/** What attribution asks of it, and the rest. */
export interface InboundConnector extends ConnectorFacts {
  readonly treatMessagesAsInternal: boolean;
  readonly cloudServicesMailEnabled: boolean;
  readonly efSkipLastIP: boolean;
  readonly efSkipIPs: readonly string[];
}

export interface TenantPolicies {
  /** TransportConfig. */
  readonly smtpClientAuthenticationDisabled: boolean;
  readonly allowLegacyTlsClients: boolean;
  readonly securityDefaults: boolean;
  readonly rejectDirectSend: boolean;
  /** An administrator has switched Basic for SMTP AUTH on again after its default went off. */
  readonly basicAuthReEnabled: boolean;
  /** Conditional Access refuses every token (AADSTS53003). */
  readonly conditionalAccessBlocks: boolean;
  readonly accessTokenLifetimeSeconds: number;
  readonly outbound: OutboundPolicy;
}

/** Set-HostedOutboundSpamFilterPolicy, for each mailbox; 0: the service's own limit. */
export interface OutboundPolicy {
  readonly recipientLimitExternalPerHour: number;
  readonly recipientLimitInternalPerHour: number;
  readonly recipientLimitPerDay: number;
  readonly actionWhenThresholdReached: "Alert" | "BlockUser" | "BlockUserForToday";
}

export interface AcsResource {
  readonly name: string;
  readonly subscription: string;
  /** Base64. */
  readonly accessKeys: readonly string[];
  readonly domains: readonly AcsDomain[];
  /** Free-form SMTP user names beside the classic resource.app.tenant. */
  readonly smtpUsernames: readonly { readonly username: string; readonly clientId: string }[];
  /** Client ids of applications with a role that may send. */
  readonly roleAssignments: readonly string[];
}

export interface AcsDomain {
  readonly name: string;
  readonly managed: boolean;
  readonly verified: boolean;
  readonly linked: boolean;
  /** Local parts of MAIL FROM addresses. */
  readonly senders: readonly string[];
}

export interface SendgridAccount {
  /** `SG.…`. */
  readonly apiKeys: readonly string[];
  /** Verified single senders, and domains with a leading `@`. */
  readonly verifiedSenders: readonly string[];
  /** Mails that are left; null: no end. */
  readonly credits: number | null;
  /** ISO day on which it began without a plan: 60 days of trial with 100 mails a day, then none; null: it has a plan. */
  readonly trialSince: string | null;
}
