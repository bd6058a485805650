import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../../test/support/until.ts";
import { parseGatewayConfig, type GatewayConfig } from "../config/config.ts";
import { PolicyClock } from "../lib/clock.ts";
import type { LimitRule } from "../limits/rule.ts";
import { RulesInForce } from "./rules-in-force.ts";

const text = (tenant: string) => `hostname: gateway.contoso.example
postmaster: postmaster@contoso.example
listeners: [{ name: smtp, kind: relay, port: 2525 }]
networks: [{ name: office, addresses: [10.0.0.0/8], reversePaths: ["@contoso.example"] }]
routes: [{ name: mailbox, kind: smtp-auth, auth: { user: app@contoso.example, secret: { env: S } } }]
routing: { acceptedDomains: [contoso.example], rules: [{ name: all, routes: [mailbox] }] }
tenant: ${tenant}
`;

function configOf(tenant: string): GatewayConfig {
  return parseGatewayConfig(text(tenant), "/", { env: { S: "x" } }).config;
}

function external(rules: readonly LimitRule[]): number | undefined {
  return rules.find(({ id }) => id === "tenant.external-recipients")?.amount;
}

test("a dated rule takes effect when its day begins, while we run, and not with every midnight", async () => {
  using clock = new PolicyClock();
  clock.set(Date.parse("2026-09-13T23:59:00Z"));
  const told: (number | undefined)[] = [];
  using rules = new RulesInForce(configOf("{ trial: true }"), clock, (list) => told.push(external(list)));
  assert.equal(external(rules.list), 5000);
  clock.set(Date.parse("2026-09-14T00:00:00Z"));
  await until("the trial limit of the day", () => told.length > 0);
  assert.deepEqual([external(rules.list), told], [500, [500]]);
  // Nothing changes on the days between; a share of new tenants ends 61 days after.
  clock.set(Date.parse("2026-09-20T12:00:00Z"));
  assert.equal(rules.reconfigure(configOf("{ licences: 1000, createdOn: 2026-09-14 }")), true);
  assert.equal(external(rules.list), 7244);
  clock.set(Date.parse("2026-10-14T23:59:59Z"));
  clock.set(Date.parse("2026-10-15T00:00:00Z"));
  await until("a quarter", () => told.at(-1) === 18_111);
  clock.set(Date.parse("2026-11-14T00:00:00Z"));
  await until("all of it", () => told.at(-1) === 72_446);
  assert.deepEqual(told, [500, 7244, 18_111, 72_446]);
});

test("the same configuration changes nothing", () => {
  using clock = new PolicyClock();
  using rules = new RulesInForce(configOf("{ licences: 25 }"), clock, () => assert.fail("told"));
  assert.equal(rules.reconfigure(configOf("{ licences: 25 }")), false);
});
