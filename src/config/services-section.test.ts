import assert from "node:assert/strict";
import { test } from "node:test";
import { profileAsOf } from "../services/profile-as-of.ts";
import { catalogue } from "../services/catalogue.ts";
import { overrideValues, readOverrides } from "../services/overrides.ts";
import { ConfigError, parseGatewayConfig, type ConfigFault } from "./config.ts";

const rest = `hostname: gateway.contoso.example
postmaster: postmaster@contoso.example
listeners: [{ name: smtp, kind: relay, port: 2525 }]
networks: [{ name: office, addresses: [10.0.0.0/8], reversePaths: ["@contoso.example"] }]
routes: [{ name: next, kind: smtp, host: mx.contoso.example }]
routing: { acceptedDomains: [contoso.example], rules: [{ name: all, routes: [next] }] }
`;

function faultsOf(services: string): readonly ConfigFault[] {
  try {
    return parseGatewayConfig(`${rest}services: ${services}\n`, "/").warnings;
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
}

test("a published value can be overridden, with a reason", () => {
  const { config } = parseGatewayConfig(
    `${rest}services: { hve: { recipients-per-message: { value: 40, reason: raised by ticket } } }\n`,
    "/",
  );
  const overrides = overrideValues(readOverrides(config.services));
  assert.equal(profileAsOf(catalogue.hve, "2026-11-21", overrides).maxRecipients, 40);
  assert.equal(profileAsOf(catalogue.hve, "2026-11-21").maxRecipients, 50);
  assert.deepEqual(readOverrides(parseGatewayConfig(rest, "/").config.services), new Map());
});

test("what is no fact, has no reason or is of another kind is told with its line", () => {
  const table: readonly (readonly [services: string, told: RegExp])[] = [
    [
      "{ hve: { recipients-per-mesage: { value: 40, reason: x } } }",
      /hve has no fact recipients-per-mesage.*Did you mean recipients-per-message/,
    ],
    ["{ hvee: {} }", /unknown key.*Did you mean hve/],
    ["{ hve: { recipients-per-message: { value: forty, reason: x } } }", /must be a whole number above 0, or unlimited/],
    ["{ hve: { recipients-per-message: { value: 40 } } }", /needs reason/],
    ["{ hve: { recipients-per-message: { value: 40, reason: '' } } }", /must not be empty/],
    ["{ hve: { recipients-per-message: { reason: x } } }", /needs value/],
    ["{ hve: { recipients-per-message: 40 } }", /must be a mapping/],
    ["{ smtp-auth: { sasl: { value: [PLAIN, MD5], reason: x } } }", /must be a list of LOGIN, PLAIN, XOAUTH2/],
    ["{ hve: { __proto__: { value: 1, reason: x } } }", /hve has no fact __proto__/],
    ["{ hve: { constructor: { value: 1, reason: x } } }", /hve has no fact constructor/],
  ];
  for (const [services, told] of table) {
    const faults = faultsOf(services);
    assert.ok(faults.length > 0, services);
    assert.match(faults.map(({ text, remedy }) => `${text} ${remedy}`).join("\n"), told);
    for (const { line } of faults) assert.equal(line, 7, services);
  }
});
