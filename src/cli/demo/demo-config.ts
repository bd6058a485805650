import type { DemoPorts } from "../../lib/ports.ts";
import { credentials } from "../../sandbox/credentials.ts";
import type { DemoCertificates } from "./certificates.ts";

/** Fixed and public: a demo is reachable from this machine alone. */
export const demoPrincipal = { user: "app", password: "app-secret", from: "app@contoso.example" } as const;

/** With which an application logs in at the gateway's SendGrid API, or as `apikey` by SMTP. */
export const demoSendGridKey = "SG.demo-application.key-of-the-demo-for-this-machine-alone";

/** With which an application signs its requests to the gateway's ACS Email API. */
export const demoAcsKey = Buffer.from("demo-application.access-key-of-the-demo-for-this-machine-alone").toString("base64");

/** Files beside the configuration that it refers to, and what is in them. */
export const demoSecrets: Readonly<Record<string, string>> = {
  "app-password": demoPrincipal.password,
  "app-acs-key": demoAcsKey,
  "app-sendgrid-key": demoSendGridKey,
  "entra-secret": credentials.clientSecret,
  "hve-password": credentials.hvePassword,
  "sendgrid-key": credentials.sendgridKey,
};

/** The key that signs what the gateway sends directly. */
export const demoDkim = { selector: "postern1", file: "dkim-contoso.pem" } as const;

/** Where what the gateway sends directly is returned to. */
const demoBounceDomain = "bounce.contoso.example";

/** The loopback address that the gateway sends direct mail from, and the public one that it stands for in the sandbox (SPF, connector). */
const egress = { loopback: "127.0.0.10", public: "198.51.100.10" } as const;

/** gateway.yaml of the demo: every way out, led to the sandbox. */
export function gatewayYaml({ gateway, sandbox }: DemoPorts, { caFile, gateway: tls }: DemoCertificates): string {
  const quoted = (text: string) => JSON.stringify(text);
  const pair = `{ cert: { file: ${quoted(tls.certFile)} }, key: { file: ${quoted(tls.keyFile)} } }`;
  // Its certificate is for localhost: the demo's authority may sign no real name.
  const trust = `serverName: localhost, ca: { file: ${quoted(caFile)} }`;
  return `# Written by \`postern demo\` at each start: changes here are lost. Copy it to begin a configuration of your own.
hostname: gateway.contoso.example
postmaster: postmaster@contoso.example

listeners:
  - { name: smtp, kind: relay, address: 127.0.0.1, port: ${gateway.smtp}, tls: ${pair} }
  - { name: submission, kind: submission, address: 127.0.0.1, port: ${gateway.submission}, tls: ${pair} }
  - { name: submissions, kind: submissions, address: 127.0.0.1, port: ${gateway.submissions}, tls: ${pair} }
  - { name: bounces, kind: bounce, address: 127.0.0.1, port: ${gateway.bounce}, tls: ${pair} }

networks:
  - { name: loopback, addresses: [127.0.0.0/8, "::1"], reversePaths: ["@contoso.example", "@notify.contoso.example"], listeners: [smtp] }

principals:
  - { name: ${demoPrincipal.user}, password: { file: app-password }, logins: [{ user: apikey, key: { file: app-sendgrid-key } }], acsKeys: [{ file: app-acs-key }], tokens: [{ application: ${credentials.clientId} }], reversePaths: ["@contoso.example", "@notify.contoso.example"] }

# Tokens of the sandbox's Entra for ACS are taken as the real ones would be.
tokens:
  authorities: [{ authority: "https://localhost:${sandbox.api}", tenant: ${credentials.tenantId}, audiences: ["https://communication.azure.com"] }]

# The sandbox's name server knows the tenant and the outside world; all its hosts are ports of this machine.
network:
  dns: { servers: ["127.0.0.1:${sandbox.dns}"], trusted: true }
  ca: { file: ${quoted(caFile)} }
  allowPrivate: true
  hosts:
    "contoso-example.mail.protection.outlook.example:25": "127.0.0.1:${sandbox.mx}"
    "mx.fabrikam.example:25": "127.0.0.1:${sandbox.internetMx}"
    "mx.outlook.example:25": "127.0.0.1:${sandbox.internetMx}"
    "mx.gmail.example:25": "127.0.0.1:${sandbox.internetMx}"
    "mta-sts.outlook.example:443": "127.0.0.1:${sandbox.api}"
    "smtp.office365.com:587": "127.0.0.1:${sandbox.smtpAuth}"
    "smtp.hve.mx.microsoft:587": "127.0.0.1:${sandbox.hve}"
    "smtp.azurecomm.net:587": "127.0.0.1:${sandbox.acsSmtp}"
    "smtp.sendgrid.net:587": "127.0.0.1:${sandbox.sendgridSmtp}"

# One application of the sandbox's Entra, whose tokens log in at Exchange Online.
identities:
  - name: entra
    kind: client-secret
    authority: https://localhost:${sandbox.api}
    tenant: ${credentials.tenantId}
    clientId: ${credentials.clientId}
    secrets: [{ file: entra-secret }]

# What leaves directly is signed, and returned to the bounce listener; the sandbox's name server publishes the records.
domains:
  - { name: contoso.example, dkim: [{ selector: ${demoDkim.selector}, key: { file: ${demoDkim.file} } }], bounces: { domain: ${demoBounceDomain} } }

# Every way out; those with the name of their service are reached by the rules below, or by a rule of yours.
routes:
  - { name: tenant, kind: connector, domain: contoso.example, ${trust}, clientCertificate: ${pair} }
  - { name: internet, kind: mx, localAddress: ${egress.loopback}, ca: { file: ${quoted(caFile)} } }
  - { name: smtp-auth, kind: smtp-auth, ${trust}, auth: { user: ${credentials.mailbox}, identity: entra }, senders: [${credentials.hveAccount}, scanner@contoso.example] }
  - { name: hve, kind: hve, ${trust}, auth: { user: ${credentials.hveAccount}, secret: { file: hve-password } } }
  - { name: acs-smtp, kind: acs-smtp, ${trust}, auth: { resource: ${credentials.acsResource}, application: ${credentials.clientId}, tenant: ${credentials.tenantId}, secret: { file: entra-secret } }, senders: [${credentials.acsSender}] }
  - { name: sendgrid-smtp, kind: sendgrid-smtp, ${trust}, auth: { user: apikey, secret: { file: sendgrid-key } }, senders: ["@contoso.example"] }
  - { name: direct-send, kind: direct-send, domain: contoso.example }
  - { name: on-premises, kind: smart-host, hosts: ["127.0.0.1:${sandbox.onPremises}"], allowPrivate: true }

routing:
  acceptedDomains: [contoso.example, contoso.onmicrosoft.example]
  rules:
    - { name: scanners inside by HVE, when: { class: internal, reversePaths: [${credentials.hveAccount}] }, routes: [hve] }
    - { name: scanners outside by SMTP AUTH, when: { class: external, reversePaths: [${credentials.hveAccount}] }, routes: [smtp-auth] }
    - { name: notifications by ACS, when: { reversePaths: ["@notify.contoso.example"] }, routes: [acs-smtp] }
    - { name: try SendGrid, when: { reversePaths: [scanner+sendgrid@contoso.example] }, routes: [sendgrid-smtp] }
    - { name: try Direct Send, when: { class: internal, reversePaths: [scanner+direct-send@contoso.example] }, routes: [direct-send] }
    - { name: try on-premises, when: { reversePaths: [scanner+on-premises@contoso.example] }, routes: [on-premises] }
    - { name: internal, when: { class: internal }, routes: [tenant] }
    - { name: external, routes: [internet] }

tenant: { licences: 250, createdOn: 2019-03-01 }
# The demo's sandbox lets a mailbox take in any amount, so that a load can be tried on one.
services:
  tenant:
    received-per-hour: { value: unlimited, reason: receivingLimits of the sandbox is off }
    received-per-hour-from-one: { value: unlimited, reason: receivingLimits of the sandbox is off }

http:
  console: { address: 127.0.0.1, port: ${gateway.console} }
  listeners:
    - { name: api, address: 127.0.0.1, port: ${gateway.api} }
    - { name: api-tls, address: 127.0.0.1, port: ${gateway.apiTls}, tls: ${pair} }

# The demo follows the sandbox's clock, so that hours of retries can be seen in seconds.
clock: { follow: "http://127.0.0.1:${sandbox.ui}" }
`;
}

/** sandbox.yaml of the demo. @param record of the gateway's key */
export function sandboxYaml({ gateway }: DemoPorts, { caFile }: DemoCertificates, record: string): string {
  return `# Written by \`postern demo\` at each start: changes here are lost. The tenant is sandbox/contoso.yaml of the program.
# The address that the gateway's direct mail comes from is named in the tenant's SPF record.
addresses: { "${egress.loopback}": "${egress.public}" }
# A demo is also where somebody tries a load on one mailbox: without this line 1,200 messages an hour from one sender are the end of it.
receivingLimits: false
# The authority whose client certificates a connector believes.
trust: { file: ${JSON.stringify(caFile)} }
dns:
  records:
    - { name: ${demoDkim.selector}._domainkey.contoso.example, type: TXT, value: ${JSON.stringify(record)} }
    - { name: ${demoBounceDomain}, type: MX, value: "10 gateway.contoso.example" }
    - { name: ${demoBounceDomain}, type: TXT, value: "v=spf1 a:gateway.contoso.example -all" }
# What the outside world returns later really goes to the gateway's bounce listener.
internet:
  relays: { ${demoBounceDomain}: "127.0.0.1:${gateway.bounce}" }
`;
}
