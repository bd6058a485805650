import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError, parseGatewayConfig, type ConfigFault } from "./config.ts";
import { countedTraffic } from "./counted-traffic.ts";

const base = `hostname: gateway.contoso.example
postmaster: postmaster@contoso.example
listeners: [{ name: smtp, kind: relay, port: 2525 }]
networks: [{ name: office, addresses: [10.0.0.0/8], reversePaths: ["@contoso.example"] }]
`;
const mailbox = "{ name: mailbox, kind: smtp-auth, auth: { user: App@contoso.example, secret: { env: S } } }";
const routed = (routes: readonly string[], names: readonly string[]) =>
  `${base}routes:\n${routes.map((route) => `  - ${route}\n`).join("")}routing: { acceptedDomains: [contoso.example, { name: fabrikam.example, matchSubDomains: true }], rules: [{ name: all, routes: [${names.join(", ")}] }] }\n`;
const whole = `${routed([mailbox], ["mailbox"])}tenant: { licences: 25 }\n`;

function faultsOf(text: string): readonly ConfigFault[] {
  try {
    return parseGatewayConfig(text, "/", { env: { S: "x" } }).warnings;
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
}

const brief = (text: string) => faultsOf(text).map((fault) => `${fault.severity} ${fault.path}: ${fault.text}`);

test("nothing has to be said, but how many licences there are", () => {
  assert.deepEqual(brief(whole), []);
  assert.deepEqual(brief(whole.replace("licences: 25", "cloud: gcc")), []);
  const [warning] = faultsOf(whole.replace("{ licences: 25 }", "{}"));
  assert.match(warning?.text ?? "", /limit for external recipients is taken as that of one licence/);
  assert.match(warning?.remedy ?? "", /licences/);
  assert.deepEqual(brief(routed(["{ name: inside, kind: hve, auth: { user: h@contoso.example, secret: { env: S } } }"], ["inside"])), []);
});

test("a day that does not exist, a rule without a time, a route that is not there", () => {
  assert.deepEqual(brief(whole.replace("licences: 25", "createdOn: 2026-02-30")), ['error tenant.createdOn: "2026-02-30" is not a day']);
  const rule = (text: string) => brief(`${whole}limits: { rules: [{ name: news, unit: recipients, amount: 100${text} }] }\n`);
  assert.deepEqual(rule(", per: 1h, routes: [mailbox], each: [principal], burst: 10"), []);
  assert.deepEqual(rule(", atATime: true"), []);
  assert.deepEqual(rule(""), ["error limits.rules[0]: needs either per or atATime"]);
  assert.deepEqual(rule(", per: 1h, atATime: true"), ["error limits.rules[0]: needs either per or atATime"]);
  assert.deepEqual(rule(", per: 1h, routes: [mailbocks]"), ["error limits.rules[0].routes[0]: there is no route mailbocks"]);
  assert.deepEqual(rule(", per: 1h, burst: 101"), ["error limits.rules[0].burst: is more than the amount"]);
  assert.deepEqual(rule(", per: 1h, authors: ['a b']"), ['error limits.rules[0].authors[0]: "a b" is not an address pattern']);
  assert.deepEqual(rule(", per: 1h, recipientDomains: ['@x']"), ['error limits.rules[0].recipientDomains[0]: "@x" is not a domain']);
});

test("shares: of a limit that there is, and not all of it", () => {
  const others = (id: string) => brief(`${whole}limits: { others: { ${id}: 30% } }\n`);
  assert.deepEqual(others("tenant.external-recipients"), []);
  assert.deepEqual(others("tenant.external-recipient"), [
    "error limits.others.tenant.external-recipient: there is no limit tenant.external-recipient",
  ]);
  assert.deepEqual(others("acs-smtp.messages-per-hour"), [
    "warning limits.others.acs-smtp.messages-per-hour: no limit acs-smtp.messages-per-hour is in force",
  ]);
  assert.match(brief(`${whole}limits: { others: { tenant.external-recipients: lots } }\n`)[0] ?? "", /lots/);
  assert.deepEqual(brief(`${whole}limits: { transactionalShare: 60%, bulkShare: 40% }\n`), [
    "error limits.bulkShare: leaves nothing: the two shares are 100 % together",
  ]);
});

test("routes of one mailbox must not keep more connections together than it may have", () => {
  const second = mailbox.replace("name: mailbox", "name: second");
  const both = `${routed([mailbox, second], ["mailbox", "second"])}tenant: { licences: 25 }\n`;
  assert.deepEqual(brief(both), ["warning routes[1]: mailbox and second may open 6 connections as app@contoso.example, which may have 3"]);
  const few = both
    .replace("name: mailbox,", "name: mailbox, maxConnections: 2,")
    .replace("name: second,", "name: second, maxConnections: 1,");
  assert.deepEqual(brief(few), []);
});

test("an override of the tenant's limit is a number, or unlimited", () => {
  const override = (value: string) => brief(`${whole}services: { tenant: { external-recipients: { value: ${value}, reason: x } } }\n`);
  assert.deepEqual([override("50000"), override("unlimited")], [[], []]);
  assert.match(override("-1")[0] ?? "", /whole number above 0/);
});

test("what of routes their limits are counted for", () => {
  const acs = (rest: string) =>
    `{ name: acs${rest}, kind: acs-smtp, auth: { user: u, secret: { env: S } }${rest === "" ? "" : `, ${rest}`} }`;
  const routes = [
    mailbox,
    "{ name: shared, kind: smtp-auth, mailbox: Shared@contoso.example, auth: { user: app@contoso.example, secret: { env: S } } }",
    acs(""),
    "{ name: managed, kind: acs-smtp, domain: azure-managed, subscription: two, auth: { user: u, secret: { env: S } } }",
    "{ name: grid, kind: sendgrid-smtp, plan: { mails: 50000, per: month }, auth: { user: apikey, secret: { env: S } } }",
    "{ name: own, kind: smart-host, hosts: [exchange.contoso.example], throughTenant: true }",

    "{ name: next, kind: smtp, host: mx.contoso.example, throughTenant: true }",
    "{ name: direct, kind: mx }",
  ];
  const { config } = parseGatewayConfig(`${routed(routes, ["mailbox"])}tenant: { licences: 25 }\n`, "/", { env: { S: "x" } });
  const { routes: counted, acceptedDomains } = countedTraffic(config);
  assert.deepEqual(counted, [
    { name: "mailbox", service: "smtp-auth", mailbox: "app@contoso.example" },
    { name: "shared", service: "smtp-auth", mailbox: "shared@contoso.example" },
    { name: "acs", service: "acs-smtp" },
    { name: "managed", service: "acs-smtp", subscription: "two", domain: "azure-managed" },
    { name: "grid", service: "sendgrid-smtp", plan: { mails: 50_000, per: "month" } },
    { name: "own", service: "smart-host", throughTenant: true },
    { name: "next", service: null, throughTenant: true },
    { name: "direct", service: "mx" },
  ]);
  assert.deepEqual(acceptedDomains, ["contoso.example", "fabrikam.example", "*.fabrikam.example"]);
});

test("options that say for whom a service counts belong to the kinds that count so", () => {
  const wrong = mailbox.replace("kind: smtp-auth,", "kind: smtp-auth, subscription: one,");
  assert.deepEqual(brief(routed([wrong], ["mailbox"])), ["error routes[0].subscription: unknown key"]);
});
