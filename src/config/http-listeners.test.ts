import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError, parseGatewayConfig } from "./config.ts";

function faultsOf(listener: string): readonly string[] {
  const text = `
hostname: gateway.contoso.example
postmaster: postmaster@contoso.example
listeners: [{ name: smtp, kind: relay, port: 2525 }]
networks: [{ name: office, addresses: [10.0.0.0/8], reversePaths: ["@contoso.example"] }]
routes: [{ name: next, kind: smtp, host: mx.contoso.example }]
routing: { acceptedDomains: [contoso.example], rules: [{ name: all, routes: [next] }] }
http: { listeners: [${listener}] }
`;
  try {
    return parseGatewayConfig(text, "/", { env: {} }).warnings.map(({ severity, path, text: what }) => `${severity} ${path}: ${what}`);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults.map(({ severity, path, text: what }) => `${severity} ${path}: ${what}`);
  }
}

test("plain HTTP listens on loopback only, unless that is what the administrator says", () => {
  assert.deepEqual(faultsOf("{ name: api, port: 8080 }"), []);
  assert.deepEqual(faultsOf('{ name: api, address: "::1", port: 8080 }'), []);
  assert.deepEqual(faultsOf("{ name: api, address: 0.0.0.0, port: 8080, plainText: true }"), []);
  assert.deepEqual(faultsOf("{ name: api, address: 0.0.0.0, port: 8080 }"), [
    "error http.listeners[0].address: api would take mail and tokens in plain text beyond loopback",
  ]);
});

test("ports and names are unique over all listeners", () => {
  assert.deepEqual(faultsOf("{ name: api, port: 2525 }"), ["error http.listeners[0].port: port 2525 is used twice"]);
  assert.deepEqual(faultsOf("{ name: api, port: 8080 }, { name: api, port: 8081 }"), [
    "error http.listeners[1].name: the name api is used twice",
  ]);
});
