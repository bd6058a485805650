import { Type, type TSchema } from "typebox";
import { optionsObject } from "../../lib/option-schema.ts";

/**
 * The tenant file's schema: every key with its default and its meaning. What a person must write has no default. It is the schema of
 * `GET /api/tenant` too, and its parts are those of the switches in the control API.
 */
const text = (description: string, more: object = {}) => Type.String({ maxLength: 256, description, ...more });
const flag = (fallback: boolean, description: string) => Type.Boolean({ default: fallback, description });
const list = <S extends TSchema>(items: S, description: string, maxItems = 1000) =>
  Type.Array(items, { default: [], maxItems, description });
const nullable = <S extends TSchema>(schema: S, description: string) => Type.Union([schema, Type.Null()], { default: null, description });
const oneOf = <const T extends string>(values: readonly T[], fallback: T, description: string) =>
  Type.Unsafe<T>({ type: "string", enum: values, default: fallback, description });

const guidPattern = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$";
export const addressPattern = '^[^\\s@<>"(),:;\\[\\]\\\\]{1,64}@[A-Za-z0-9-]{1,63}(\\.[A-Za-z0-9-]{1,63})+$';
const guid = (description: string) => Type.String({ pattern: guidPattern, description });
const address = (description: string) => Type.String({ pattern: addressPattern, maxLength: 320, description });
const instant = (description: string, more: object = {}) =>
  Type.String({ pattern: "^\\d{4}-\\d{2}-\\d{2}(T\\d{2}:\\d{2}(:\\d{2}(\\.\\d{1,3})?)?Z)?$", description, ...more });
const objectIds = (description: string, maxItems = 1000) =>
  list(guid("Object id of an enterprise application, not its client id."), description, maxItems);

const DomainSchema = optionsObject({
  name: Type.String({ pattern: "^[A-Za-z0-9-]{1,63}(\\.[A-Za-z0-9-]{1,63})+$", description: "The domain." }),
  type: oneOf(["Authoritative", "InternalRelay"], "Authoritative", "As Get-AcceptedDomain shows it."),
  matchSubDomains: flag(false, "Sub-domains are accepted too."),
});

export const MailboxSchema = optionsObject({
  address: address("User principal name and primary address."),
  displayName: text("Shown name; absent: the local part.", { default: "" }),
  aliases: list(address("A further address."), "Further addresses."),
  password: nullable(Type.String({ minLength: 1, maxLength: 256 }), "null: nobody logs in with a password."),
  kind: oneOf(["user", "shared"], "user", "A shared mailbox is used by others, with their rights."),
  licensed: flag(true, "Has a licence; a user's mailbox without one cannot log in."),
  full: flag(
    false,
    "Its quota is used up: what it sends is refused (554 5.2.2, for the copy in Sent Items), what comes for it is returned (5.2.2).",
  ),
  federation: nullable(
    Type.Unsafe<"unreachable" | "not-https">({ type: "string", enum: ["unreachable", "not-https"] }),
    "Its domain is federated, and what is wrong with the federation server: log-ins by password are refused (535 5.7.139). null: it is not, or the server works.",
  ),
  smtpClientAuthenticationDisabled: nullable(Type.Boolean(), "Set-CASMailbox: wins over the tenant's switch; null: as the tenant has it."),
  allowBasicAuthSmtp: nullable(Type.Boolean(), "What its authentication policy says of Basic for SMTP; null: it has no policy."),
  sendAs: list(address("An address."), "Others it may send as (Add-RecipientPermission)."),
  fullAccess: objectIds("Service principals with FullAccess (Add-MailboxPermission)."),
  mfa: flag(false, "Its user has to do multi-factor authentication; log-in by password alone is refused (AADSTS50076)."),
  recipientLimit: nullable(Type.Integer({ minimum: 1, maximum: 1000 }), "Set-Mailbox -RecipientLimits; null: the default, 500."),
  maxSendSize: nullable(Type.Integer({ minimum: 0, maximum: 157_286_400 }), "Octets; null: the default, 35 MB."),
  senderBlocked: flag(false, "The service has blocked it as a sender of spam (5.1.8)."),
});

const billingStatuses = [
  "BillingPolicyValid",
  "NoProperBillingPolicyStored",
  "BillingPolicyNotFound",
  "BillingPolicyMismatched",
  "NoConnectedBillingPolicyFound",
  "SubscriptionIsNotActive",
  "NoSPOLicenseFound",
] as const;

export const HveAccountSchema = optionsObject({
  displayName: text("Shown name; absent: the local part.", { default: "" }),
  address: address("Primary address, and the name that logs in. Of an accepted domain."),
  alias: text("Alias (mail nickname); absent: the local part.", {
    default: "",
    maxLength: 64,
    pattern: "^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{0,64}$",
  }),
  password: Type.String({ minLength: 8, maxLength: 256, description: "At least eight characters." }),
  replyTo: nullable(
    Type.String({ pattern: addressPattern, maxLength: 320 }),
    "A Reply-To that is forced on its mail (Set-HVEAccountSettings).",
  ),
  // MS Get-HVEAccountBillingPolicy: without a valid one nothing is sent since 2026-06-01.
  billingPolicyStatus: oneOf(billingStatuses, "NoProperBillingPolicyStored", "As Get-HVEAccountBillingPolicy shows it."),
  allowedApps: objectIds("Applications that may use it with a token (Add-HVEAppAccess); at most ten.", 10),
  allowBasicAuthSmtp: nullable(Type.Boolean(), "What its authentication policy says of Basic for SMTP; null: it has no policy."),
});

export const ApplicationSchema = optionsObject({
  name: text("Shown name."),
  clientId: guid("Application (client) id."),
  objectId: guid("Object id of the enterprise application (service principal): not the client id, and not the app registration's."),
  secrets: list(
    optionsObject({ value: text("The secret."), expiresOn: instant("Day or instant it ends, by the sandbox's clock.") }),
    "Client secrets; old and new stand side by side.",
    20,
  ),
  certificates: list(Type.String({ maxLength: 20_000, description: "PEM." }), "Certificates whose keys may sign client assertions.", 20),
  permissions: list(
    optionsObject({
      resource: oneOf(
        ["exchange", "graph", "acs"],
        "exchange",
        "Office 365 Exchange Online, Microsoft Graph, Azure Communication Services.",
      ),
      name: text("`SMTP.SendAsApp`, `Mail.Send`, `SMTP.Send`, …"),
      type: oneOf(["application", "delegated"], "application", "Of the application itself, or on behalf of a user."),
      adminConsent: flag(true, "An administrator has consented."),
    }),
    "Permissions that it asks for.",
  ),
  registeredInExchange: flag(false, "New-ServicePrincipal was run with the right object id."),
  managedIdentity: flag(false, "A managed identity: its tokens come from the metadata endpoint."),
  publicClient: flag(false, "Allows public client flows: device code and passwords without a secret."),
  redirectUris: list(Type.String({ maxLength: 2000 }), "For the authorisation code; of http://localhost any port is taken.", 50),
});

export const ConnectorSchema = optionsObject({
  name: text("Its name.", { minLength: 1 }),
  enabled: flag(true, "Switched on."),
  connectorType: oneOf(["OnPremises", "Partner"], "OnPremises", "As Get-InboundConnector shows it."),
  senderDomains: Type.Array(Type.String({ maxLength: 256 }), {
    default: ["smtp:*;1"],
    maxItems: 1000,
    description: "`smtp:*;1` as stored.",
  }),
  senderIPAddresses: list(Type.String({ pattern: "^\\d{1,3}(\\.\\d{1,3}){3}(/(2[4-9]|3[0-2]))?$" }), "IPv4: one address, or /24 to /32."),
  tlsSenderCertificateName: nullable(Type.String({ maxLength: 256 }), "Name in the client's certificate."),
  requireTls: flag(false, "Mail without TLS is refused."),
  restrictDomainsToIPAddresses: flag(false, "Partner: the sender's domains are taken from the addresses only."),
  restrictDomainsToCertificate: flag(false, "Partner: the sender's domains are taken with the certificate only."),
  associatedAcceptedDomains: list(Type.String({ maxLength: 256 }), "Only for these accepted domains; empty: all."),
  treatMessagesAsInternal: flag(false, "TreatMessagesAsInternal."),
  cloudServicesMailEnabled: flag(false, "CloudServicesMailEnabled: hybrid headers are kept."),
  efSkipLastIP: flag(false, "Enhanced Filtering: skip the last address."),
  efSkipIPs: list(Type.String({ maxLength: 64 }), "Enhanced Filtering: addresses to skip."),
});

const recipientLimit = (of: string) =>
  Type.Integer({ minimum: 0, maximum: 10_000, default: 0, description: `${of} for one mailbox; 0: the service's own limit.` });

export const OutboundSchema = optionsObject({
  recipientLimitExternalPerHour: recipientLimit("External recipients an hour"),
  recipientLimitInternalPerHour: recipientLimit("Internal recipients an hour"),
  recipientLimitPerDay: recipientLimit("Recipients a day"),
  actionWhenThresholdReached: oneOf(["Alert", "BlockUser", "BlockUserForToday"], "BlockUserForToday", "What happens beyond them."),
});

export const PoliciesSchema = optionsObject({
  outbound: Type.Object(OutboundSchema.properties, {
    additionalProperties: false,
    default: {},
    description: "Set-HostedOutboundSpamFilterPolicy: limits of a mailbox at smtp-auth, beyond which it is blocked.",
  }),
  smtpClientAuthenticationDisabled: flag(false, "Set-TransportConfig: SMTP AUTH is off unless a mailbox has it on."),
  allowLegacyTlsClients: flag(false, "Set-TransportConfig -AllowLegacyTLSClients: smtp-legacy takes TLS 1.0 and 1.1."),
  securityDefaults: flag(false, "Security defaults: Basic authentication is refused."),
  rejectDirectSend: flag(false, "Set-OrganizationConfig -RejectDirectSend."),
  basicAuthReEnabled: flag(false, "An administrator has switched Basic for SMTP AUTH on again after its default went off."),
  conditionalAccessBlocks: flag(false, "Conditional Access refuses every token (AADSTS53003)."),
  accessTokenLifetimeSeconds: Type.Integer({
    minimum: 1,
    maximum: 86_400,
    default: 3599,
    description: "Life of an access token, in wall time.",
  }),
});

export const AcsSchema = optionsObject({
  name: text("Name of the resource.", { minLength: 1 }),
  subscription: guid("Id of its subscription: quotas count there."),
  accessKeys: list(text("Base64."), "Access keys.", 10),
  domains: list(
    optionsObject({
      name: text("The domain."),
      managed: flag(false, "Azure-managed."),
      verified: flag(true, "Verified by DNS."),
      linked: flag(true, "Linked to the resource."),
      senders: Type.Array(Type.String({ maxLength: 64 }), {
        default: ["donotreply"],
        maxItems: 1000,
        description: "Local parts of MAIL FROM addresses.",
      }),
    }),
    "E-mail domains.",
  ),
  smtpUsernames: list(
    optionsObject({ username: text("Log-in name."), clientId: guid("Its Entra application.") }),
    "SMTP user names beside the classic resource.application.tenant.",
  ),
  roleAssignments: list(guid("Client id."), "Client ids of applications with a role that may send."),
});

export const SendgridSchema = optionsObject({
  apiKeys: list(text("`SG.…`."), "API keys.", 100),
  verifiedSenders: list(text("An address, or @domain."), "Verified single senders, and authenticated domains with a leading @."),
  credits: nullable(Type.Integer({ minimum: 0 }), "Mails that are left; null: no end."),
  trialSince: nullable(
    Type.String({ pattern: "^\\d{4}-\\d{2}-\\d{2}$" }),
    "Day on which it began without a plan: 60 days with 100 mails a day, then none. null: it has a plan.",
  ),
});

export const TenantSchema = optionsObject({
  id: guid("Tenant id."),
  name: text("Shown name.", { minLength: 1 }),
  createdOn: Type.String({
    pattern: "^\\d{4}-\\d{2}-\\d{2}$",
    default: "2019-03-01",
    description: "Day of its creation: rules for new tenants ask it.",
  }),
  trial: flag(false, "A trial tenant."),
  licences: Type.Integer({
    minimum: 0,
    maximum: 10_000_000,
    default: 250,
    description: "Purchased e-mail licences, trial ones not counted.",
  }),
  freeEducationLicences: Type.Integer({ minimum: 0, maximum: 10_000_000, default: 0, description: "Free education licences beside them." }),
  domains: Type.Array(DomainSchema, {
    minItems: 1,
    maxItems: 1000,
    description: "Accepted domains; the first is the default. A name alone will do.",
  }),
  catchAll: flag(true, "Each address of the domains receives mail, though it is not listed; false: others are refused (5.4.1)."),
  mailboxes: list(MailboxSchema, "Mailboxes. An address alone will do.", 100_000),
  hveAccounts: list(HveAccountSchema, "High Volume Email accounts."),
  applications: list(ApplicationSchema, "Applications of Entra, managed identities too."),
  connectors: list(ConnectorSchema, "Inbound connectors."),
  policies: Type.Object(PoliciesSchema.properties, {
    additionalProperties: false,
    default: {},
    description: "Switches of the whole tenant.",
  }),
  acs: list(AcsSchema, "Resources of Azure Communication Services.", 50),
  sendgrid: list(SendgridSchema, "Accounts of SendGrid.", 50),
});
