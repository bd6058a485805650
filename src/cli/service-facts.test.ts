import assert from "node:assert/strict";
import { test } from "node:test";
import { serviceFacts } from "../admin/service-facts.ts";
import { readOverrides } from "../services/overrides.ts";
import { describeFacts } from "./service-facts.ts";

test("a fact is told with its period, source, what was replaced and what comes", () => {
  const text = describeFacts(serviceFacts({ service: "hve", asOf: "2026-05-15" })).join("\n");
  assert.match(text, /^High Volume Email \(hve\), as of 2026-05-15\n/);
  assert.match(text, /Price \(price\): none\n/);
  assert.match(text, /from 2026-06-01: USD 0\.000042 a recipient \(documented: MC1243552, 2026-05-20\)/);
  assert.match(text, /superseded on 2026-05-20: USD 0\.000042 a recipient, from 2026-05-01 \(announced 2026-03-04\)/);
});

test("an override is told with its reason and the published value", () => {
  const overrides = readOverrides({ hve: { "recipients-per-message": { value: 40, reason: "ticket 4711" } } });
  const text = describeFacts(serviceFacts({ service: "hve", asOf: "2026-11-21", overrides, route: "bulk" })).join("\n");
  assert.match(text, /^bulk: High Volume Email/);
  assert.match(text, /\(recipients-per-message\): 40\n {2}overridden in the configuration: ticket 4711\n {2}published: 50; /);
});
