import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Published } from "../published.ts";
import { completeTenant } from "../tenant/read-tenant.ts";
import type { Tenant } from "../tenant/tenant.ts";
import { isReached } from "./reach.ts";
import { externalLimit } from "./tenant-limits.ts";

const published = new Published(new Map());

function tenant(more: Partial<Tenant> = {}): Tenant {
  return completeTenant({ id: "5a9db0c5-0000-4000-8000-c0070c0e0000", name: "Contoso", domains: ["contoso.example"], ...more });
}

const limit = (day: string, more: Partial<Tenant>): number => externalLimit(tenant(more), published, Date.parse(`${day}T12:00:00Z`));

/** Copied by hand from the announcements, with the numbers that they give. */
suite("external recipients of a tenant in 24 hours", () => {
  test("by licences", () => {
    const byLicences = { 1: 10_000, 2: 10_312, 10: 12_006, 25: 14_259, 100: 22_059, 1000: 72_446, 10_000: 324_979, 100_000: 1_590_639 };
    for (const [licences, expected] of Object.entries(byLicences))
      assert.equal(limit("2026-11-21", { licences: Number(licences) }), expected, `${licences} licences`);
  });

  test("trial tenants: 5,000, since 2026-09-14 500", () => {
    const trial = { trial: true, createdOn: "2026-09-01" };
    assert.equal(limit("2025-02-23", trial), Infinity);
    assert.equal(limit("2025-02-24", trial), 5000);
    assert.equal(limit("2026-09-13", trial), 5000);
    assert.equal(limit("2026-09-14", trial), 500);
  });

  test("new tenants: a tenth until 31 days old, a quarter until 61, since 2026-09-14", () => {
    const young = { licences: 100, createdOn: "2026-10-01" };
    assert.equal(limit("2026-10-31", young), 2205, "30 days");
    assert.equal(limit("2026-11-01", young), 5514, "31 days");
    assert.equal(limit("2026-11-30", young), 5514, "60 days");
    assert.equal(limit("2026-12-01", young), 22_059, "61 days");
    assert.equal(limit("2026-09-13", { licences: 100, createdOn: "2026-09-10" }), 22_059, "before the rule");
  });

  test("free education licences count by a power of their own, since 2026-09-14", () => {
    const school = { licences: 100, freeEducationLicences: 1000 };
    // 500 × (100^0.7 + 1000^0.3) + 9500 = 500 × (25.1189 + 7.9433) + 9500
    assert.equal(limit("2026-11-21", school), 26_031);
    assert.equal(limit("2026-09-13", school), 22_059);
  });

  test("the roll-out of 2025 reached the small ones first", () => {
    const reached = (day: string) => [1, 25, 200, 500, 501].map((licences) => Number.isFinite(limit(day, { licences })));
    assert.deepEqual(reached("2025-02-23"), [false, false, false, false, false]);
    assert.deepEqual(reached("2025-02-24"), [true, false, false, false, false]);
    assert.deepEqual(reached("2025-04-03"), [true, true, false, false, false]);
    assert.deepEqual(reached("2025-04-10"), [true, true, true, false, false]);
    assert.deepEqual(reached("2025-04-17"), [true, true, true, true, false]);
    assert.deepEqual(reached("2025-05-01"), [true, true, true, true, true]);
  });
});

test("onmicrosoft senders: whom the limit had reached when", () => {
  const steps = { "2025-12-01": 2, "2026-01-07": 10, "2026-02-02": 50, "2026-03-02": 200, "2026-04-01": 2000, "2026-05-04": 10_000 };
  assert.ok(!isReached("onmicrosoft", tenant({ trial: true }), "2025-10-14"));
  assert.ok(isReached("onmicrosoft", tenant({ trial: true }), "2025-10-15"));
  assert.ok(!isReached("onmicrosoft", tenant({ licences: 0 }), "2025-10-15"));
  for (const [day, licences] of Object.entries(steps)) {
    const dayBefore = new Date(Date.parse(day) - 86_400_000).toISOString().slice(0, 10);
    assert.ok(isReached("onmicrosoft", tenant({ licences }), day), day);
    assert.ok(!isReached("onmicrosoft", tenant({ licences }), dayBefore), dayBefore);
    assert.ok(!isReached("onmicrosoft", tenant({ licences: licences + 1 }), day), `${day}, one more`);
  }
  assert.ok(isReached("onmicrosoft", tenant({ licences: 1_000_000 }), "2026-06-01"));
});
