import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError, parseGatewayConfig } from "./config.ts";

const env = {
  GOOD: Buffer.from("a key of many octets").toString("base64"),
  SHORT: Buffer.from("short").toString("base64"),
  TEXT: "not base64 at all!",
};

function faultsOf(first: string, second: string): readonly string[] {
  const text = `
hostname: gateway.contoso.example
postmaster: postmaster@contoso.example
listeners: [{ name: smtp, kind: relay, port: 2525 }]
networks: [{ name: office, addresses: [10.0.0.0/8], reversePaths: ["@contoso.example"] }]
principals:
  - { name: app, reversePaths: ["@contoso.example"], acsKeys: [{ env: ${first} }] }
  - { name: shop, reversePaths: ["@contoso.example"], acsKeys: [{ env: ${second} }] }
routes: [{ name: next, kind: smtp, host: mx.contoso.example }]
routing: { acceptedDomains: [contoso.example], rules: [{ name: all, routes: [next] }] }
`;
  try {
    return parseGatewayConfig(text, "/", { env }).warnings.map(({ path, text: what }) => `${path}: ${what}`);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    assert.doesNotMatch(error.message, /YSBrZXk|c2hvcnQ|not base64 at/, "a key is never shown");
    return error.faults.map(({ path, text: what }) => `${path}: ${what}`);
  }
}

test("an access key is base64, long, and one principal's", () => {
  assert.deepEqual(faultsOf("TEXT", "GOOD"), ["principals[0].acsKeys[0]: is not base64"]);
  assert.deepEqual(faultsOf("SHORT", "GOOD"), ["principals[0].acsKeys[0]: has fewer than 16 bytes"]);
  assert.deepEqual(faultsOf("GOOD", "GOOD"), ["principals[1].acsKeys[0]: the same key is given twice"]);
});
