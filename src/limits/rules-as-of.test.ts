import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { CountedTraffic, RouteToCount } from "./counted-traffic.ts";
import type { LimitsOptions, TenantOptions } from "./options.ts";
import type { LimitRule } from "./rule.ts";
import { rulesAsOf } from "./rules-as-of.ts";

const noLimits: LimitsOptions = { rules: [], others: {}, transactionalShare: "1%", bulkShare: "10%" };
const today = "2026-11-21";
const mailbox: RouteToCount = { name: "mailbox", service: "smtp-auth", mailbox: "app@contoso.example" };
const relay: RouteToCount = { name: "relay", service: "connector" };

function traffic(routes: readonly RouteToCount[], tenant: TenantOptions = {}, limits: Partial<LimitsOptions> = {}): CountedTraffic {
  return { routes, tenant, limits: { ...noLimits, ...limits }, acceptedDomains: ["contoso.example", "*.contoso.example"] };
}

function ruleOf(id: string, subject: CountedTraffic, day = today, overrides = new Map<string, unknown>()): LimitRule | undefined {
  const found = rulesAsOf(subject, day, overrides).filter((rule) => rule.id === id);
  assert.ok(found.length <= 1, `${id} is there once`);
  return found[0];
}

suite("the tenant's external recipients (TERRL)", () => {
  const amount = (tenant: TenantOptions, day = today) => ruleOf("tenant.external-recipients", traffic([mailbox], tenant), day)?.amount;

  /** Copied by hand from the facts sheet, 11.2. */
  const table: readonly (readonly [licences: number, recipients: number])[] = [
    [1, 10_000],
    [2, 10_312],
    [10, 12_006],
    [25, 14_259],
    [100, 22_059],
    [1000, 72_446],
    [10_000, 324_979],
    [100_000, 1_590_639],
  ];
  for (const [licences, recipients] of table)
    test(`${licences} licences: ${recipients}`, () => assert.equal(amount({ licences }), recipients));

  test("without licences it is that of the smallest tenant", () => assert.equal(amount({}), 10_000));

  test("a trial tenant has 5,000, and 500 from 2026-09-14 on", () => {
    assert.equal(amount({ trial: true }, "2026-09-13"), 5000);
    assert.equal(amount({ trial: true }, "2026-09-14"), 500);
    assert.equal(amount({ trial: true }, "2025-02-23"), undefined);
  });

  test("a new tenant has a tenth below 31 days, a quarter below 61, from 2026-09-14 on", () => {
    const ofAge = (createdOn: string, day = today) => amount({ licences: 1000, createdOn }, day);
    assert.equal(ofAge("2026-11-21"), 7244);
    assert.equal(ofAge("2026-10-22"), 7244, "30 days");
    assert.equal(ofAge("2026-10-21"), 18_111, "31 days");
    assert.equal(ofAge("2026-09-22"), 18_111, "60 days");
    assert.equal(ofAge("2026-09-21"), 72_446, "61 days");
    assert.equal(ofAge("2026-09-01", "2026-09-13"), 72_446, "before the rule");
  });

  test("free education licences count with the power of 0.3, from 2026-09-14 on", () => {
    const school = { licences: 1000, freeEducationLicences: 10_000 };
    assert.equal(amount(school, "2026-09-13"), 72_446);
    // 500 × (1000^0.7 + 10000^0.3) + 9500 = 500 × (125.8925 + 15.8489) + 9500
    assert.equal(amount(school), 80_371);
  });

  test("it reached the tenants by size in 2025, and none in government clouds", () => {
    const on = (day: string, licences: number) => amount({ licences }, day) !== undefined;
    assert.deepEqual([on("2025-02-24", 1), on("2025-02-24", 2)], [true, false]);
    assert.deepEqual([on("2025-04-03", 25), on("2025-04-03", 26)], [true, false]);
    assert.deepEqual([on("2025-04-10", 200), on("2025-04-10", 201)], [true, false]);
    assert.deepEqual([on("2025-04-17", 500), on("2025-04-17", 501)], [true, false]);
    assert.deepEqual([on("2025-04-30", 501), on("2025-05-01", 100_000)], [false, true]);
    assert.equal(amount({ licences: 10, cloud: "gcc-high" }), undefined);
  });

  test("SMTP AUTH and relay share it; HVE, ACS, SendGrid and MX do not count, a smart host where it is said", () => {
    const others = (["hve", "acs-smtp", "sendgrid-smtp", "mx", "smart-host"] as const).map((service) => ({ name: service, service }));
    const routes = [mailbox, relay, ...others, { name: "own", service: "smart-host" as const, throughTenant: true }];
    const rule = ruleOf("tenant.external-recipients", traffic(routes));
    assert.deepEqual(
      rule?.routes,
      ["mailbox", "relay", "own"].map((name) => ({ name, counted: "tenant" })),
    );
    assert.deepEqual([rule.unit, rule.windowMs, rule.fullCodes], ["external-recipients", 86_400_000, ["quota.tenant"]]);
    assert.deepEqual(rule.reversePaths, ["*@*"], "notifications are not counted");
    assert.equal(ruleOf("tenant.external-recipients", traffic(others)), undefined);
  });

  test("an override replaces it, `unlimited` lifts it", () => {
    const by = (value: unknown) =>
      ruleOf("tenant.external-recipients", traffic([mailbox]), today, new Map([["tenant.external-recipients", value]]));
    assert.deepEqual([by(50_000)?.amount, by(50_000)?.status], [50_000, "configured"]);
    assert.equal(by(null), undefined);
  });
});

suite("onmicrosoft senders (MOERA)", () => {
  test("100 external recipients a day, by the reverse-path", () => {
    const rule = ruleOf("tenant.onmicrosoft-external-recipients", traffic([mailbox, relay]));
    assert.deepEqual([rule?.amount, rule?.windowMs, rule?.unit], [100, 86_400_000, "external-recipients"]);
    assert.deepEqual([rule?.reversePaths, rule?.fullCodes], [["@*.onmicrosoft.com"], ["quota.onmicrosoft"]]);
  });

  test("the initial domain of another cloud is told by the accepted domains", () => {
    const subject = { ...traffic([mailbox]), acceptedDomains: ["contoso.example", "contoso.onmicrosoft.us", "contoso.onmicrosoft.com"] };
    const rule = ruleOf("tenant.onmicrosoft-external-recipients", subject);
    assert.deepEqual(rule?.reversePaths, ["@*.onmicrosoft.com", "@contoso.onmicrosoft.us", "@contoso.onmicrosoft.com"]);
  });

  test("it reached the tenants by size, as in facts 11.3", () => {
    const on = (day: string, tenant: TenantOptions) =>
      ruleOf("tenant.onmicrosoft-external-recipients", traffic([mailbox], tenant), day) !== undefined;
    const steps = [
      ["2025-12-01", 2],
      ["2026-01-07", 10],
      ["2026-02-02", 50],
      ["2026-03-02", 200],
      ["2026-04-01", 2000],
      ["2026-05-04", 10_000],
    ] as const;
    assert.deepEqual(
      [on("2025-10-14", { trial: true }), on("2025-10-15", { trial: true }), on("2025-10-15", { licences: 1 })],
      [false, true, false],
    );
    for (const [day, licences] of steps) {
      assert.ok(on(day, { licences }) && !on(day, { licences: licences + 1 }), day);
      assert.ok(!on(new Date(Date.parse(day) - 86_400_000).toISOString().slice(0, 10), { licences }), `the day before ${day}`);
    }
    assert.ok(on("2026-06-01", { licences: 1_000_000 }));
  });
});

suite("what a mailbox takes in", () => {
  test("3,600 an hour, 1,200 of them from one sender, by every route into the tenant together (facts 11.1)", () => {
    const routes = [mailbox, relay, { name: "acs", service: "acs-smtp" as const }, { name: "mx", service: "mx" as const }];
    const all = ruleOf("tenant.received-per-hour", traffic(routes));
    const pair = ruleOf("tenant.received-per-hour-from-one", traffic(routes));
    assert.deepEqual([all?.amount, all?.scope, all?.fullCodes, all?.windowMs], [3600, ["recipient"], ["quota.receiver"], 3_600_000]);
    assert.deepEqual(
      [pair?.amount, pair?.scope, pair?.fullCodes, pair?.windowMs],
      [1200, ["sender-recipient"], ["quota.receiver-from-sender"], 3_600_000],
    );
    assert.deepEqual(all?.recipientDomains, ["contoso.example", "*.contoso.example"]);
    assert.deepEqual(
      pair?.routes,
      ["mailbox", "relay", "acs", "mx"].map((name) => ({ name, counted: "tenant" })),
    );
  });

  test("not where no tenant is: a relay alone, or no accepted domains", () => {
    assert.equal(ruleOf("tenant.received-per-hour", traffic([{ name: "mx", service: "mx" }])), undefined);
    assert.equal(ruleOf("tenant.received-per-hour", { ...traffic([relay]), acceptedDomains: [] }), undefined);
  });
});

suite("the services' own limits", () => {
  test("routes of one mailbox share its counters, others have their own; a mailbox that is not known counts by its route", () => {
    const second = { ...mailbox, name: "second" };
    const other = { name: "other", service: "smtp-auth" as const, mailbox: "other@contoso.example" };
    const unknown = { name: "unknown", service: "smtp-auth" as const };
    assert.deepEqual(ruleOf("smtp-auth.recipients-per-day", traffic([mailbox, second, other, unknown]))?.routes, [
      { name: "mailbox", counted: "mailbox app@contoso.example" },
      { name: "second", counted: "mailbox app@contoso.example" },
      { name: "other", counted: "mailbox other@contoso.example" },
      { name: "unknown", counted: "route unknown" },
    ]);
  });

  test("30 a minute are spread, 10,000 a day are not, three connections are at a time", () => {
    const rule = (name: string) => ruleOf(`smtp-auth.${name}`, traffic([mailbox]));
    assert.deepEqual([rule("messages-per-minute")?.amount, rule("messages-per-minute")?.burst], [30, 6]);
    assert.deepEqual([rule("recipients-per-day")?.amount, rule("recipients-per-day")?.burst], [10_000, 10_000]);
    assert.deepEqual([rule("connections")?.amount, rule("connections")?.windowMs], [3, 0]);
    assert.equal(rule("external-recipients-per-day"), undefined, "cancelled on 2026-01-06");
  });

  test("ACS: by the kind of its domain, for the subscription, refusals counted", () => {
    const custom: RouteToCount = { name: "own", service: "acs-smtp", subscription: "one" };
    const managed: RouteToCount = { name: "managed", service: "acs-smtp", domain: "azure-managed" };
    const subject = traffic([custom, { ...custom, name: "again" }, managed]);
    assert.deepEqual(ruleOf("acs-smtp.messages-per-hour", subject)?.routes, [
      { name: "own", counted: "subscription one" },
      { name: "again", counted: "subscription one" },
    ]);
    assert.deepEqual(ruleOf("acs-smtp.managed-messages-per-hour", subject)?.routes, [{ name: "managed", counted: "subscription" }]);
    assert.deepEqual(
      ["messages-per-minute", "messages-per-hour", "managed-messages-per-minute", "managed-messages-per-hour"].map((name) => {
        const rule = ruleOf(`acs-smtp.${name}`, subject);
        return [rule?.amount, rule?.countsRefused];
      }),
      [
        [30, true],
        [100, true],
        [5, true],
        [10, true],
      ],
    );
  });

  test("HVE had its daily limits in preview, and has none now", () => {
    const hve: RouteToCount = { name: "hve", service: "hve" };
    const amounts = (day: string) =>
      ["hve.recipients-per-day", "hve.external-recipients-per-day"].map((id) => ruleOf(id, traffic([hve]), day)?.amount);
    assert.deepEqual(amounts("2024-06-01"), [100_000, 2000]);
    assert.deepEqual(amounts("2025-05-15"), [undefined, 2000]);
    assert.deepEqual(amounts(today), [undefined, undefined], "external recipients are refused by routing");
  });

  test("a SendGrid plan, where one is given", () => {
    const sendgrid: RouteToCount = { name: "grid", service: "sendgrid-smtp", plan: { mails: 50_000, per: "month" } };
    const rule = ruleOf("sendgrid-smtp.plan.grid", traffic([sendgrid]));
    assert.deepEqual(
      [rule?.amount, rule?.unit, rule?.windowMs, rule?.fullCodes],
      [50_000, "recipients", 31 * 86_400_000, ["quota.credits"]],
    );
    assert.equal(ruleOf("sendgrid-smtp.plan.grid", traffic([{ name: "grid", service: "sendgrid-smtp" }])), undefined);
  });
});

suite("the operator's", () => {
  const mails = { name: "newsletter", unit: "recipients", amount: 2000, perMs: 3_600_000 } as const;

  test("a rule of one's own", () => {
    const limits = {
      rules: [{ ...mails, routes: ["relay"], each: ["principal", "route"], burst: 100, authors: ["@news.contoso.example"] } as const],
    };
    const rule = ruleOf("limits.newsletter", traffic([mailbox, relay], {}, limits));
    assert.deepEqual(rule?.routes, [{ name: "relay", counted: "route relay" }]);
    assert.deepEqual([rule.scope, rule.burst, rule.authors, rule.windowMs], [["principal"], 100, ["@news.contoso.example"], 3_600_000]);
    const all = ruleOf("limits.newsletter", traffic([mailbox, relay], {}, { rules: [mails] }));
    assert.deepEqual(
      all?.routes.map(({ name, counted }) => `${name}:${counted}`),
      ["mailbox:", "relay:"],
    );
    assert.equal(all.burst, 2000);
    const few = ruleOf("limits.few", traffic([relay], {}, { rules: [{ name: "few", unit: "messages", amount: 2, atATime: true }] }));
    assert.deepEqual([few?.windowMs, few?.amount], [0, 2]);
  });

  test("what is left to others, and the priorities' shares", () => {
    const limits = { others: { "tenant.external-recipients": "30%" }, transactionalShare: "2%", bulkShare: "12.5%" };
    const subject = traffic([mailbox], {}, limits);
    assert.equal(ruleOf("tenant.external-recipients", subject)?.others, 0.3);
    assert.equal(ruleOf("smtp-auth.recipients-per-day", subject)?.others, 0);
    assert.deepEqual(ruleOf("smtp-auth.recipients-per-day", subject)?.shares, { transactional: 0.02, bulk: 0.125 });
  });

  test("the outbound spam policy of the tenant holds for each mailbox", () => {
    const tenant = { outboundPolicy: { externalPerHour: 500, internalPerHour: 1000, perDay: 2000 } };
    const rules = rulesAsOf(traffic([mailbox, relay], tenant), today, new Map()).filter(({ id }) =>
      id.startsWith("tenant.outbound-policy"),
    );
    assert.deepEqual(
      rules.map(({ amount, unit, windowMs, routes, recipientDomains }) => [
        amount,
        unit,
        windowMs,
        routes[0]?.counted,
        recipientDomains?.[0],
      ]),
      [
        [500, "external-recipients", 3_600_000, "mailbox app@contoso.example", undefined],
        [1000, "recipients", 3_600_000, "mailbox app@contoso.example", "contoso.example"],
        [2000, "recipients", 86_400_000, "mailbox app@contoso.example", undefined],
      ],
    );
  });
});

test("a bulk sender is made at each consumer provider: a warning, never a hold", () => {
  const subject = traffic([
    { name: "mx", service: "mx" },
    { name: "other", service: null },
    { name: "folder", service: null, ends: true },
  ]);
  for (const id of ["receivers.outlook-bulk", "receivers.gmail-bulk", "receivers.yahoo-bulk"]) {
    const rule = ruleOf(id, subject);
    assert.deepEqual([rule?.amount, rule?.holds, rule?.scope, rule?.windowMs], [5000, false, ["sender-domain"], 86_400_000], id);
    assert.deepEqual(
      rule?.routes.map(({ name }) => name),
      ["mx", "other"],
    );
  }
  assert.ok(ruleOf("receivers.gmail-bulk", subject)?.recipientDomains?.includes("gmail.com"));
  assert.equal(ruleOf("receivers.outlook-bulk", subject, "2025-05-04"), undefined, "in force from 2025-05-05 on");
});

test("every rule can be kept: whole amounts, a burst within it, shares below one, each route once", () => {
  const kinds = ["smtp-auth", "hve", "acs-smtp", "connector", "direct-send", "smart-host", "sendgrid-smtp", "mx"] as const;
  const routes = kinds.map((service): RouteToCount => ({ name: service, service, plan: { mails: 100, per: "day" } }));
  for (const day of ["2024-05-01", "2025-04-05", "2026-01-15", today, "2028-12-01"])
    for (const rule of rulesAsOf(traffic(routes, { licences: 25 }), day, new Map())) {
      assert.ok(Number.isInteger(rule.amount) && rule.amount >= 1, rule.id);
      assert.ok(Number.isInteger(rule.burst) && rule.burst >= 1 && rule.burst <= rule.amount, rule.id);
      assert.ok(rule.others >= 0 && rule.others < 1 && rule.shares.transactional + rule.shares.bulk < 1, rule.id);
      assert.equal(new Set(rule.routes.map(({ name }) => name)).size, rule.routes.length, rule.id);
      assert.ok(rule.routes.length > 0 && rule.title !== "" && rule.source !== "", rule.id);
    }
});
