import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError, parseGatewayConfig, type ConfigFault } from "./config.ts";

interface Case {
  readonly bounces: string;
  readonly listener?: string;
  readonly route?: string;
  readonly more?: string;
  readonly expected: readonly string[];
}

/** What is told, as `severity path: text`. */
function faultsOf({
  bounces,
  listener = "{ name: back, kind: bounce, port: 2526 }",
  route = "kind: mx",
  more = "",
}: Case): readonly string[] {
  const text = `hostname: gateway.contoso.example
postmaster: postmaster@contoso.example
listeners: [{ name: smtp, kind: relay, port: 2525 }, ${listener}]
networks: [{ name: office, addresses: [10.0.0.0/8], reversePaths: ["@contoso.example"] }]
domains: [{ name: contoso.example${bounces === "" ? "" : `, bounces: ${bounces}`} }]
routes: [{ name: out, ${route} }]
routing: { acceptedDomains: [contoso.example], rules: [{ name: all, routes: [out] }] }
${more}`;
  const told = (faults: readonly ConfigFault[]) => faults.map(({ severity, path, text: what }) => `${severity} ${path}: ${what}`);
  try {
    return told(parseGatewayConfig(text, "/", {}).warnings);
  } catch (error) {
    if (error instanceof ConfigError) return told(error.faults);
    throw error;
  }
}

const good = "{ domain: bounce.contoso.example }";
const cases: Readonly<Record<string, Case>> = {
  "all that is needed": { bounces: good, expected: [] },
  "no bounces, no listener": { bounces: "", listener: "", expected: [] },
  "no listener": {
    bounces: good,
    listener: "",
    expected: ["error domains[0].bounces: nothing takes what comes back to bounce.contoso.example: there is no listener of kind bounce"],
  },
  "a listener and no domain": { bounces: "", expected: ["warning listeners[1]: back refuses everything: no domain has bounces"] },
  "the author's own domain": {
    bounces: "{ domain: contoso.example }",
    expected: ["error domains[0].bounces.domain: contoso.example has mailboxes: its MX cannot lead to the bounce listener"],
  },
  "a domain that is not aligned": {
    bounces: "{ domain: bounce.example }",
    expected: ["warning domains[0].bounces.domain: bounce.example is not below contoso.example: SPF will not count for DMARC"],
  },
  "too short a time": {
    bounces: "{ domain: bounce.contoso.example, validFor: 3d }",
    expected: ["warning domains[0].bounces.validFor: is shorter than other servers try: what they return after five days is refused"],
  },
  "a history that is shorter": {
    bounces: good,
    more: "history: { keep: 7d }",
    expected: [
      "warning domains[0].bounces.validFor: is longer than the history remembers: what is returned later than that cannot be told to anybody",
    ],
  },
  "no route that uses them": {
    bounces: good,
    route: "kind: smtp, host: mx.contoso.example",
    expected: ["warning domains: no route uses bounce addresses: only those of kind mx do"],
  },
  "a domain that is no name": {
    bounces: "{ domain: Bounce.contoso.example }",
    expected: ['error domains[0].bounces.domain: "Bounce.contoso.example" has the wrong form'],
  },
};

for (const [name, given] of Object.entries(cases)) test(name, () => assert.deepEqual(faultsOf(given), given.expected));
