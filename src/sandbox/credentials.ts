/**
 * The sandbox's credentials: fixed and public, in the manner of Azurite. They open nothing but a sandbox on loopback; they are printed,
 * documented and committed on purpose. The demo tenant (sandbox/contoso.yaml) holds the same values; a test keeps both in step.
 */
const tenantId = "5a9db0c5-0000-4000-8000-c0070c0e0000";
const clientId = "5a9db0c5-0000-4000-8000-00000000a001";

export const credentials = {
  /** The tenant of the demo; a made-up GUID. */
  tenantId,
  /** The application "postern": its client id, the object id of its enterprise application, its secret. */
  clientId,
  objectId: "5a9db0c5-0000-4000-8000-00000000b001",
  clientSecret: "Sbx8Q~public-sandbox-secret-0123456789abc",
  managedIdentityClientId: "5a9db0c5-0000-4000-8000-00000000a002",
  managedIdentityObjectId: "5a9db0c5-0000-4000-8000-00000000b002",
  mailbox: "app@contoso.example",
  mailboxPassword: "Sandbox-Mailbox-1",
  hveAccount: "hve-scanner@contoso.example",
  hvePassword: "Sandbox-Hve-1",
  acsResource: "contoso-acs",
  acsSubscription: "5a9db0c5-0000-4000-8000-00000000c001",
  acsSender: "noreply@notify.contoso.example",
  acsSmtpUser: `contoso-acs.${clientId}.${tenantId}`,
  /** Base64 of `postern-sandbox-acs-access-key-0`. */
  acsKey: Buffer.from("postern-sandbox-acs-access-key-0").toString("base64"),
  sendgridKey: "SG.sandbox-public-key.0123456789abcdefghijklmnopqrstuvwxyz-ABCDEF",
} as const;
