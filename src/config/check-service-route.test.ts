import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError, parseGatewayConfig, type ConfigFault } from "./config.ts";

/** What is told about one route, as `severity path: text`. */
function faultsOf(route: string, day?: string): readonly string[] {
  const text = `hostname: gateway.contoso.example
postmaster: postmaster@contoso.example
listeners: [{ name: smtp, kind: relay, port: 2525 }]
networks: [{ name: office, addresses: [10.0.0.0/8], reversePaths: ["@contoso.example"] }]
routes: [{ name: out, ${route} }]
routing: { acceptedDomains: [contoso.example], rules: [{ name: all, routes: [out] }] }
tenant: { licences: 25 }
`;
  const told = (faults: readonly ConfigFault[]) => faults.map(({ severity, path, text: what }) => `${severity} ${path}: ${what}`);
  const now = day === undefined ? {} : { now: () => Date.parse(`${day}T12:00:00Z`) };
  try {
    return told(parseGatewayConfig(text, "/", { env: { PW: "secret" }, ...now }).warnings);
  } catch (error) {
    if (error instanceof ConfigError) return told(error.faults);
    throw error;
  }
}

const auth = "auth: { user: app@contoso.example, secret: { env: PW } }";
const cases: readonly (readonly [route: string, told: RegExp | null])[] = [
  [`kind: smtp-auth, ${auth}`, null],
  ["kind: smtp-auth", /error routes\[0\]: needs auth/],
  [`kind: hve, ${auth}, rewriteSender: true`, null],
  ["kind: hve", /error routes\[0\]: needs auth/],
  [`kind: hve, host: smtp-hve.office365.com, ${auth}`, /warning routes\[0\]\.host: .*not the recommended name of High Volume Email/],
  [`kind: smtp-auth, host: smtp-legacy.office365.com, ${auth}`, /warning routes\[0\]\.host: .*not the recommended name/],
  ["kind: smtp-auth, auth: { user: app@contoso.example, identity: nobody }", /there is no identity nobody/],
  ["kind: smtp-auth, auth: { user: app@contoso.example }", /error routes\[0\]\.auth: needs either secret or identity/],
  [
    "kind: acs-smtp, auth: { resource: acs, application: app, secret: { env: PW } }",
    /needs either user, or resource, application and tenant/,
  ],
  ["kind: acs-smtp, auth: { resource: acs, application: app, tenant: t, secret: { env: PW } }", null],
  ["kind: connector, domain: contoso.example", /warning routes\[0\]: without clientCertificate/],
  ["kind: connector", /needs either domain or host/],
  ["kind: direct-send, domain: contoso.example", null],
  [`kind: direct-send, domain: contoso.example, ${auth}`, /error routes\[0\]\.auth: unknown key/],
  ["kind: smart-host", /needs hosts/],
  ["kind: smart-host, hosts: [10.0.0.5]", /error routes\[0\]\.hosts\[0\]: 10\.0\.0\.5 is a private address/],
  ['kind: smart-host, hosts: [a.contoso.example, "b.contoso.example:2525", 10.0.0.5], allowPrivate: true', null],
  [`kind: smtp, host: mx.contoso.example, tls: required, ${auth}`, null],
  ["kind: smtp, host: mx.contoso.example, tls: required, auth: { user: app }", /error routes\[0\]\.auth: needs either secret or identity/],
  [
    "kind: smtp, host: mx.contoso.example, tls: required, auth: { user: app, identity: nobody, scope: s }",
    /error routes\[0\]\.auth\.identity: there is no identity nobody/,
  ],
  [
    "kind: smtp, host: mx.contoso.example, tls: required, auth: { user: app, identity: nobody }",
    /error routes\[0\]\.auth: an identity needs a scope/,
  ],
  [
    "kind: smtp, host: mx.contoso.example, tls: required, auth: { user: app, identity: nobody, scope: s, mechanism: plain }",
    /error routes\[0\]\.auth\.mechanism: an identity logs in with a token/,
  ],
  ["kind: smtp, host: mx.contoso.example, auth: { user: app, identity: nobody, scope: s }", /the token might be sent without encryption/],
  [`kind: smart-host, hosts: [a.contoso.example], ${auth}`, /the password might be sent without encryption/],
];

for (const [route, told] of cases) {
  test(`${route}: ${told === null ? "nothing to say" : told.source}`, () => {
    const faults = faultsOf(route);
    if (told === null) assert.deepEqual(faults, []);
    else
      assert.ok(
        faults.some((fault) => told.test(fault)),
        faults.join("\n"),
      );
  });
}

test("what is dated is checked for the day of the policy clock", () => {
  // MS "High Volume Email": OAuth from 2024-10 on (src/services/hve.ts).
  const route = "kind: hve, auth: { user: app@contoso.example, identity: nobody }";
  const refused = (day: string) => faultsOf(route, day).some((fault) => fault.includes("takes no tokens"));
  assert.equal(refused("2024-09-30"), true);
  assert.equal(refused("2024-10-01"), false);
});
