import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError, parseGatewayConfig } from "./config.ts";

const head = `hostname: gateway.contoso.example
postmaster: postmaster@contoso.example
listeners: [{ name: smtp, kind: relay, port: 2525 }]
networks: [{ name: office, addresses: [10.0.0.0/8], reversePaths: ["@contoso.example"] }]
principals: [{ name: local, reversePaths: ["@contoso.example"] }, { name: app, password: { env: PW }, xsmtpapi: true, reversePaths: ["@contoso.example"] }]
routes: [{ name: next, kind: smtp, host: mx.contoso.example }]
routing: { acceptedDomains: [contoso.example], rules: [{ name: all, routes: [next] }] }
`;

function faultsOf(more: string): readonly string[] {
  try {
    return parseGatewayConfig(head + more, "/etc/postern", { env: { PW: "a secret of the app" } }).warnings.map(
      ({ path, text }) => `${path}: ${text}`,
    );
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map(({ path, text }) => `${path}: ${text}`);
    throw error;
  }
}

test("a principal of a local door needs no password, any other does", () => {
  assert.deepEqual(faultsOf("sendmail: [{ name: local, principal: local }]\n"), []);
  assert.deepEqual(faultsOf(""), ["principals[0]: cannot log in"]);
});

test("names and sockets once, and a principal that is there", () => {
  assert.deepEqual(
    faultsOf(`sendmail:
  - { name: SMTP, socket: a.sock, principal: local }
  - { name: one, socket: b.sock, principal: locl, group: mail, everybody: true }
  - { name: two, socket: b.sock, principal: local }
`),
    [
      "sendmail[0].name: the name SMTP is used twice",
      "sendmail[1].principal: there is no principal locl",
      "sendmail[1].group: says who may send, and everybody may",
      "sendmail[2].socket: another entry has this socket",
    ],
  );
});

test("pickup folders: each its own, and one message of a file", () => {
  assert.deepEqual(faultsOf("pickup: [{ name: drop, folder: drop, principal: local }]\n"), []);
  assert.deepEqual(
    faultsOf(`sendmail: [{ name: drop, principal: local }]
pickup:
  - { name: drop, folder: /srv/drop, principal: local, poll: 10ms }
  - { name: two, folder: /srv/drop, principal: app }
`),
    [
      "pickup[0].name: the name drop is used twice",
      "pickup[0].poll: is shorter than 100ms",
      "pickup[1].folder: another entry has this folder",
      "pickup[1].principal: app has xsmtpapi, which a pickup folder does not do",
    ],
  );
});
