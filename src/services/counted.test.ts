import assert from "node:assert/strict";
import { test } from "node:test";
import { failureCodes } from "../mail/failure-codes.ts";
import { allFacts, catalogue } from "./catalogue.ts";
import { ruleAsOf, type Fact } from "./fact.ts";
import { graphLimits } from "./graph.ts";
import { valueFault } from "./overrides.ts";
import { consumerProviders } from "./receivers.ts";

const facts = new Map(allFacts().map((fact) => [fact.id, fact]));
const limits = [...Object.values(catalogue).flatMap((service) => service.limits), ...graphLimits];
const today = "2026-11-21";

type Row = readonly [
  section: string,
  fact: string,
  amount: number | null,
  unit: string,
  windowSeconds: number,
  per: string,
  refusedCount: boolean,
  says: string,
];

/** Copied by hand from the facts sheet, section by section; "says" is the failure that its replies of 2.2, 4.2 and 11.1 are read as. */
const copied: readonly Row[] = [
  ["2.2", "smtp-auth.connections", 3, "messages", 0, "mailbox", false, "quota.connections"],
  ["2.2", "smtp-auth.messages-per-minute", 30, "messages", 60, "mailbox", false, ""],
  ["2.2", "smtp-auth.recipients-per-day", 10_000, "recipients", 86_400, "mailbox", false, "quota.mailbox"],
  ["2.2", "smtp-auth.external-recipients-per-day", null, "external-recipients", 86_400, "mailbox", false, ""],
  ["3", "hve.recipients-per-day", null, "recipients", 86_400, "tenant", false, ""],
  ["3", "hve.external-recipients-per-day", 0, "external-recipients", 86_400, "tenant", false, ""],
  ["4.2", "acs-smtp.messages-per-minute", 30, "messages", 60, "subscription", true, "quota.subscription"],
  ["4.2", "acs-smtp.messages-per-hour", 100, "messages", 3600, "subscription", true, "quota.subscription"],
  ["4.2", "acs-smtp.managed-messages-per-minute", 5, "messages", 60, "subscription", true, "quota.subscription"],
  ["4.2", "acs-smtp.managed-messages-per-hour", 10, "messages", 3600, "subscription", true, "quota.subscription"],
  ["4.2", "acs-smtp.connections", 250, "messages", 0, "subscription", false, "quota.connections"],
  ["5.3", "graph.requests-per-ten-minutes", 10_000, "requests", 600, "application", false, ""],
  ["5.3", "graph.concurrent-requests", 4, "requests", 0, "application", false, ""],
  ["5.3", "graph.upload-per-five-minutes", 157_286_400, "bytes", 300, "application", false, ""],
];

for (const [section, id, amount, unit, windowSeconds, per, refusedCount, says] of copied)
  test(`facts ${section}: ${id}`, () => {
    const fact = facts.get(id);
    assert.ok(fact !== undefined, "there is such a fact");
    assert.equal(ruleAsOf(fact, today)?.value, amount);
    const found = limits.filter((limit) => limit.fact === id);
    assert.ok(found.length > 0, "it is counted");
    for (const limit of found)
      assert.deepEqual(
        [limit.unit, limit.windowMs / 1000, limit.per, limit.countsRefused === true, limit.fullCodes.join()],
        [unit, windowSeconds, per, refusedCount, says],
      );
  });

test("every counted limit is in the table above", () => {
  const known = new Set(copied.map(([, id]) => id));
  assert.deepEqual(
    limits.map(({ fact }) => fact).filter((id) => !known.has(id)),
    [],
  );
});

test("an amount is a whole number or none on every day, and the burst is a share of it", () => {
  for (const { fact, atOnce, fullCodes } of limits) {
    for (const { value } of facts.get(fact)?.rules ?? [])
      assert.ok(value === null || (Number.isInteger(value) && (value as number) >= 0), fact);
    assert.ok(atOnce > 0 && atOnce <= 1, fact);
    for (const code of fullCodes) assert.ok(Object.hasOwn(failureCodes, code), code);
  }
});

test("every amount can be replaced by a number, and lifted", () => {
  const ids = [...limits.map(({ fact }) => fact), "tenant.external-recipients", "tenant.received-per-hour", "receivers.gmail-bulk"];
  for (const id of ids)
    for (const value of [77, "unlimited"]) assert.equal(valueFault(facts.get(id) as Fact<unknown>, value), null, `${id}: ${value}`);
});

test("facts 1: whose external recipients count for the tenant", () => {
  const counts = Object.values(catalogue)
    .filter(({ profile }) => ruleAsOf(profile.countsForTenant, today)?.value === true)
    .map(({ kind }) => kind);
  assert.deepEqual(counts.toSorted(), ["connector", "smtp-auth"]);
});

test("facts 14: 5,000 a day make a bulk sender, and no domain is two providers'", () => {
  assert.deepEqual(
    consumerProviders.map(({ name, bulk }) => [name, ruleAsOf(bulk, today)?.value]),
    [
      ["Outlook.com", 5000],
      ["Gmail", 5000],
      ["Yahoo and AOL", 5000],
    ],
  );
  const domains = consumerProviders.flatMap(({ domains: { rules } }) => rules.at(-1)?.value ?? []);
  assert.equal(new Set(domains).size, domains.length);
  for (const domain of ["outlook.com", "hotmail.com", "live.com", "gmail.com", "googlemail.com", "yahoo.com", "aol.com", "hotmail.co.uk"])
    assert.ok(domains.includes(domain), domain);
  for (const domain of domains) assert.match(domain, /^[a-z]+(\.[a-z]+){1,2}$/);
});
