import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { allFacts, catalogue } from "./catalogue.ts";
import { isWithdrawn, ruleAsOf, type Fact, type Rule } from "./fact.ts";
import { profileAsOf } from "./profile-as-of.ts";
import { educationRecipientLimit, externalRecipientLimit, tenantFacts } from "./tenant.ts";
import { timeline } from "./timeline.ts";

const day = /^\d{4}-\d{2}-\d{2}$/;
const byId = new Map(allFacts().map((fact) => [fact.id, fact]));

/**
 * Pairs of rules that contradict each other: both in force by all that is known and overlapping in time, or overlapping parts of one
 * announcement. An announcement that was withdrawn later stood, in its time, above what held until then: that is no contradiction.
 */
function overlaps({ id, rules }: Fact<unknown>): string[] {
  return rules.flatMap((one, n) =>
    rules
      .slice(n + 1)
      .filter((other) => meet(one, other))
      .filter((other) => (!isWithdrawn(one, "9999-12-31") && !isWithdrawn(other, "9999-12-31")) || announced(one) === announced(other))
      .map((other) => `${id}: ${one.validFrom} and ${other.validFrom}`),
  );
}

function announced({ announcedOn, validFrom }: Rule<unknown>): string {
  return announcedOn ?? validFrom;
}

function meet(one: Rule<unknown>, other: Rule<unknown>): boolean {
  return one.validFrom < (other.validTo ?? "9999-12-31") && other.validFrom < (one.validTo ?? "9999-12-31");
}

test("ids are unique and name their service", () => {
  assert.equal(byId.size, allFacts().length);
  for (const { kind, profile, facts } of Object.values(catalogue)) {
    for (const fact of [...Object.values(profile), ...Object.values(facts)]) assert.ok(fact.id.startsWith(`${kind}.`), fact.id);
    for (const [name, fact] of Object.entries(facts)) assert.equal(fact.id, `${kind}.${name}`);
  }
});

test("every value has its source, and its dates are days in order", () => {
  for (const { id, rules, title } of allFacts()) {
    assert.ok(title.length > 0 && rules.length > 0, id);
    for (const { source, sourceDate, validFrom, validTo, announcedOn, supersededOn, cancelledOn, status } of rules) {
      assert.ok(source.length > 3 && /^\d{4}(-\d{2}){0,2}$/.test(sourceDate), `${id}: ${source} ${sourceDate}`);
      assert.ok(["documented", "field", "unverified"].includes(status), id);
      for (const date of [validFrom, validTo, announcedOn, supersededOn, cancelledOn])
        assert.ok(date === undefined || day.test(date), `${id}: ${date}`);
      if (validTo !== undefined) assert.ok(validFrom < validTo, `${id}: ends before it begins`);
      for (const end of [supersededOn, cancelledOn])
        if (end !== undefined) assert.ok((announcedOn ?? validFrom) < end, `${id}: withdrawn before it was announced`);
    }
  }
});

test("the checker of overlaps finds one", () => {
  const source = { source: "test", sourceDate: "2026", status: "documented" as const };
  const fact = {
    id: "x.y",
    title: "x",
    rules: [
      { value: 1, validFrom: "2025-01-01", ...source },
      { value: 2, validFrom: "2026-01-01", ...source },
    ],
  };
  assert.notDeepEqual(overlaps(fact), []);
  assert.deepEqual(
    overlaps({ ...fact, rules: [{ ...(fact.rules[0] as Rule<number>), validTo: "2026-01-01" }, fact.rules[1] as Rule<number>] }),
    [],
  );
});

test("no two rules of one fact that are in force overlap in time", () => {
  assert.deepEqual(allFacts().flatMap(overlaps), []);
});

test("rules stand in the order of their announcement, so that the last one that fits is the one that counted", () => {
  for (const { id, rules } of allFacts()) {
    const days = rules.map((rule) => `${announced(rule)} ${rule.validFrom}`);
    assert.deepEqual(days, days.toSorted(), id);
  }
});

/** Copied by hand from the fact sheet: what is asked, on which day, and what was known then. */
const copied: readonly (readonly [id: string, asOf: string, knownOn: string | undefined, value: unknown])[] = [
  ["smtp-auth.connections", "2026-11-21", undefined, 3],
  ["smtp-auth.messages-per-minute", "2026-11-21", undefined, 30],
  ["smtp-auth.recipients-per-day", "2026-11-21", undefined, 10_000],
  ["smtp-auth.recipients-per-message", "2026-11-21", undefined, 500],
  ["smtp-auth.message-size", "2026-11-21", undefined, 36_700_160],
  ["smtp-auth.external-recipients-per-day", "2026-11-21", undefined, null],
  ["smtp-auth.external-recipients-per-day", "2026-11-21", "2025-12-31", 2000],
  // What people believed, announcement by announcement.
  ["smtp-auth.basic", "2025-10-01", "2024-05-01", "removed"],
  ["smtp-auth.basic", "2025-10-01", "2025-07-01", "by-switch"],
  ["smtp-auth.basic", "2026-03-15", "2025-07-01", "partly-refused"],
  ["smtp-auth.basic", "2026-05-01", "2025-07-01", "removed"],
  ["smtp-auth.basic", "2026-05-01", undefined, "by-switch"],
  ["smtp-auth.basic", "2026-12-30", undefined, "by-switch"],
  ["smtp-auth.basic", "2027-01-15", undefined, "off-by-default"],
  ["smtp-auth.basic-new-tenants", "2027-01-15", undefined, "removed"],
  ["hve.external-recipients-per-day", "2024-06-01", undefined, 2000],
  ["hve.external-recipients-per-day", "2025-06-01", undefined, 0],
  ["hve.external", "2026-11-21", undefined, false],
  ["hve.recipients-per-message", "2026-11-21", undefined, 50],
  ["hve.message-size", "2026-11-21", undefined, 10_485_760],
  ["hve.accounts", "2024-06-01", undefined, 20],
  ["hve.accounts", "2026-11-21", undefined, 100],
  ["hve.recipients-per-day", "2024-06-01", undefined, 100_000],
  ["hve.recipients-per-day", "2026-11-21", undefined, null],
  ["hve.price", "2026-05-31", undefined, null],
  ["hve.price", "2026-06-01", undefined, { perRecipientUsd: 0.000042, perMegabyteUsd: 0 }],
  ["hve.sasl", "2028-10-01", undefined, ["XOAUTH2"]],
  ["hve.token-scope", "2026-11-21", undefined, "https://outlook.office.com/.default"],
  ["acs-smtp.messages-per-minute", "2026-11-21", undefined, 30],
  ["acs-smtp.messages-per-hour", "2026-11-21", undefined, 100],
  ["acs-smtp.managed-messages-per-minute", "2026-11-21", undefined, 5],
  ["acs-smtp.managed-messages-per-hour", "2026-11-21", undefined, 10],
  ["acs-smtp.connections", "2026-11-21", undefined, 250],
  ["acs-smtp.recipients-per-message", "2026-11-21", undefined, 50],
  ["acs-smtp.price", "2026-11-21", undefined, { perRecipientUsd: 0.00025, perMegabyteUsd: 0.00012 }],
  ["sendgrid-smtp.recipients-per-message", "2026-11-21", undefined, 1000],
  ["sendgrid-smtp.messages-per-connection", "2026-11-21", undefined, 5000],
  ["sendgrid-smtp.message-size", "2026-11-21", undefined, 31_457_280],
  ["tenant.external-recipients-trial", "2026-09-13", undefined, 5000],
  ["tenant.external-recipients-trial", "2026-09-14", undefined, 500],
  ["tenant.onmicrosoft-external-recipients", "2026-11-21", undefined, 100],
  ["tenant.onmicrosoft-reach", "2025-10-14", undefined, null],
  ["tenant.onmicrosoft-reach", "2025-11-30", undefined, { upToSeats: 0 }],
  ["tenant.onmicrosoft-reach", "2026-06-01", undefined, { upToSeats: null }],
  ["tenant.external-recipients-reach", "2025-04-09", undefined, { upToSeats: 25 }],
  ["tenant.external-recipients-reach", "2025-05-01", undefined, { upToSeats: null }],
  ["tenant.mx-name", "2026-08-01", "2026-03-01", "*.mx.microsoft"],
  ["tenant.mx-name", "2026-08-01", undefined, "*.mail.protection.outlook.com"],
  ["neighbours.ews", "2026-09-30", undefined, "available"],
  ["neighbours.ews", "2026-11-21", undefined, "switched off tenant by tenant"],
  ["neighbours.ews", "2027-04-01", undefined, "off for good"],
  ["neighbours.graph-sensitive-properties", "2026-12-30", undefined, null],
  ["neighbours.graph-sensitive-properties", "2026-12-31", undefined, "needs Mail-Advanced.ReadWrite"],
  ["acs-smtp.messages-per-day", "2026-11-21", undefined, null],
  ["acs-smtp.messages-per-day", "2025-06-01", "2025-06-01", 2400],
  ["smtp-auth.recipients-per-message-highest", "2026-11-21", undefined, 1000],
  ["smtp-auth.external-recipients-per-day", "2025-06-01", "2024-05-01", 2000],
  ["smtp-auth.external-recipients-per-day", "2025-06-01", undefined, null],
  ["hve.sasl", "2024-06-01", undefined, ["LOGIN"]],
  ["hve.hosts", "2026-11-21", undefined, ["smtp.hve.mx.microsoft", "smtp-hve.office365.com"]],
  ["acs-smtp.closed-to-new-customers", "2026-10-22", undefined, null],
  ["acs-smtp.closed-to-new-customers", "2026-10-23", undefined, true],
  ["smart-host.support-2016-2019", "2025-10-13", undefined, "supported"],
  ["direct-send.reject-switch", "2025-05-01", undefined, "opt-in, preview"],
  ["direct-send.reject-switch", "2026-11-21", undefined, "opt-in"],
  ["tenant.received-per-hour", "2026-11-21", undefined, 3600],
  ["tenant.received-per-hour-from-one", "2026-11-21", undefined, 1200],
  ["tenant.queue-lifetime-hours", "2026-11-21", undefined, 24],
];

for (const [id, asOf, knownOn, value] of copied) {
  test(`${id} as of ${asOf}${knownOn === undefined ? "" : `, as known on ${knownOn}`}`, () => {
    assert.deepEqual(ruleAsOf(byId.get(id) as Fact<unknown>, asOf, knownOn)?.value ?? null, value);
  });
}

test("the retirement of ACS is known from September 2026 on, and not before", () => {
  const fact = byId.get("acs-smtp.retirement") as Fact<boolean>;
  assert.equal(ruleAsOf(fact, "2028-10-01", "2026-08-31"), null);
  assert.equal(ruleAsOf(fact, "2028-09-29"), null);
  assert.equal(ruleAsOf(fact, "2028-09-30")?.value, true);
});

test("the tenant external recipient rate limit has the published table", () => {
  const formula = ruleAsOf(tenantFacts["external-recipients"], "2026-11-21")?.value;
  assert.ok(formula !== undefined);
  const published = [
    [1, 10_000],
    [2, 10_312],
    [10, 12_006],
    [25, 14_259],
    [100, 22_059],
    [1000, 72_446],
    [10_000, 324_979],
    [100_000, 1_590_639],
  ] as const;
  for (const [licences, limit] of published) assert.equal(externalRecipientLimit(formula, licences), limit, `${licences} licences`);
});

test("free education licences raise the limit by their 0.3th power", () => {
  const formula = ruleAsOf(tenantFacts["external-recipients-education"], "2026-11-21")?.value;
  assert.ok(formula !== undefined);
  // By hand: 1,024 ^ 0.7 = 2^7 = 128 and 1,024 ^ 0.3 = 2^3 = 8; 500 × 136 + 9,500 = 77,500.
  assert.equal(educationRecipientLimit(formula, 1024, 1024), 77_500);
  assert.equal(ruleAsOf(tenantFacts["external-recipients-education"], "2026-09-13"), null);
});

/** The deadlines of the fact sheet's timeline (its section 15), copied by hand: each is a dated rule of some fact. */
const deadlines: readonly (readonly [day: string, id: string])[] = [
  ["2023-11-01", "connector.relay-right"],
  ["2024-02-01", "receivers.gmail-demands"],
  ["2024-02-01", "receivers.yahoo-demands"],
  ["2024-10-01", "neighbours.inbound-dane"],
  ["2024-10-01", "hve.sasl"],
  ["2025-03-25", "sendgrid-smtp.plan"],
  ["2025-04-28", "direct-send.reject-switch"],
  ["2025-05-01", "tenant.external-recipients"],
  ["2025-05-01", "hve.accounts"],
  ["2025-05-01", "tenant.dkim-target"],
  ["2025-05-05", "receivers.outlook-demands"],
  ["2025-06-01", "hve.external"],
  ["2025-10-14", "smart-host.support-2016-2019"],
  ["2025-10-15", "tenant.onmicrosoft-external-recipients"],
  ["2026-02-04", "connector.attribution"],
  ["2026-02-28", "neighbours.connector-modes"],
  ["2026-03-31", "hve.general-availability"],
  ["2026-06-01", "hve.price"],
  ["2026-07-01", "neighbours.pop-imap-tls"],
  ["2026-09-14", "tenant.external-recipients-trial"],
  ["2026-09-14", "tenant.external-recipients-new"],
  ["2026-09-14", "tenant.external-recipients-education"],
  ["2026-10-01", "neighbours.ews"],
  ["2026-10-23", "acs-smtp.closed-to-new-customers"],
  ["2026-11-01", "smart-host.support-2016-2019"],
  ["2026-12-31", "smtp-auth.basic"],
  ["2026-12-31", "neighbours.graph-sensitive-properties"],
  ["2027-01-01", "smtp-auth.basic-new-tenants"],
  ["2027-04-01", "neighbours.ews"],
  ["2027-07-01", "smtp-auth.basic-removal-announcement"],
  ["2028-09-30", "hve.basic-end"],
  ["2028-09-30", "acs-smtp.retirement"],
];

test("every deadline is in the timeline", () => {
  const entries = timeline(allFacts(), "2026-11-21");
  for (const [date, id] of deadlines) {
    const found = entries.find((entry) => entry.date === date && entry.factId === id && !["superseded", "cancelled"].includes(entry.state));
    assert.ok(found !== undefined, `${date} ${id}`);
    assert.equal(found.state === "pending", date > "2026-11-21", `${date} ${id} is ${found.state}`);
  }
});

test("a profile has a value for everything, on any day; an override wins", () => {
  const anyDay = fc
    .date({ min: new Date("2020-01-01"), max: new Date("2030-01-01"), noInvalidDate: true })
    .map((date) => date.toISOString().slice(0, 10));
  fc.assert(
    fc.property(anyDay, fc.constantFrom(...Object.values(catalogue)), (asOf, service) => {
      for (const [name, value] of Object.entries(profileAsOf(service, asOf))) assert.notEqual(value, undefined, name);
    }),
  );
  assert.equal(profileAsOf(catalogue.hve, "2026-11-21", new Map([["hve.recipients-per-message", 40]])).maxRecipients, 40);
});

test("a rule that holds was announced, has begun, has not ended and was not withdrawn", () => {
  const anyDay = fc
    .date({ min: new Date("2023-01-01"), max: new Date("2029-01-01"), noInvalidDate: true })
    .map((date) => date.toISOString().slice(0, 10));
  fc.assert(
    fc.property(fc.constantFrom(...allFacts()), anyDay, anyDay, (fact, asOf, knownOn) => {
      const rule = ruleAsOf(fact, asOf, knownOn);
      if (rule === null) return;
      assert.ok(
        (rule.announcedOn ?? rule.validFrom) <= knownOn && rule.validFrom <= asOf && (rule.validTo === undefined || asOf < rule.validTo),
      );
      assert.ok(!isWithdrawn(rule, knownOn));
    }),
  );
});
