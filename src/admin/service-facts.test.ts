import assert from "node:assert/strict";
import { test } from "node:test";
import { factGroups } from "../services/catalogue.ts";
import { readOverrides } from "../services/overrides.ts";
import { serviceFacts, type FactsQuestion } from "./service-facts.ts";

function ask(id: string, question: Omit<FactsQuestion, "service">) {
  const [service = ""] = id.split(".");
  const found = serviceFacts({ ...question, service: service as FactsQuestion["service"] }).facts.find((fact) => fact.id === id);
  assert.ok(found !== undefined, id);
  return found;
}

test("what people believed in July 2025 of March 2026, and what came of it", () => {
  const then = ask("smtp-auth.basic", { asOf: "2026-03-15", knownOn: "2025-07-01" });
  assert.equal(then.text, "partly-refused");
  assert.deepEqual(
    then.withdrawn.map(({ validFrom, supersededOn }) => [validFrom, supersededOn]),
    [["2025-09-01", "2025-06-12"]],
  );
  const now = ask("smtp-auth.basic", { asOf: "2026-03-15" });
  assert.equal(now.text, "by-switch");
  assert.deepEqual(
    now.withdrawn.map(({ validFrom, supersededOn }) => [validFrom, supersededOn]),
    [
      ["2025-09-01", "2025-06-12"],
      ["2026-03-01", "2026-01-27"],
      ["2026-04-30", "2026-01-27"],
    ],
  );
  assert.deepEqual(
    now.upcoming.map(({ validFrom, value }) => [validFrom, value]),
    [["2026-12-31", "off-by-default"]],
  );
  assert.equal(ask("smtp-auth.basic", { asOf: "2027-01-15" }).text, "off-by-default");
});

test("an override is shown beside the published value", () => {
  const overrides = readOverrides({ hve: { "recipients-per-message": { value: 40, reason: "ticket 4711" } } });
  const fact = ask("hve.recipients-per-message", { asOf: "2026-11-21", overrides });
  assert.equal(fact.value, 40);
  assert.equal(fact.published?.value, 50);
  assert.deepEqual(fact.overridden, { reason: "ticket 4711" });
});

test("every service and the tenant answer for any day, and every published value tells its source", () => {
  for (const service of factGroups) {
    for (const asOf of ["2020-01-01", "2026-11-21", "2030-01-01"]) {
      const { facts } = serviceFacts({ service, asOf });
      assert.ok(facts.length > 3);
      for (const { published, id } of facts) assert.ok(published === null || published.source !== "", id);
    }
  }
});
