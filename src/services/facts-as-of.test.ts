import assert from "node:assert/strict";
import { test } from "node:test";
import type { Fact } from "./fact.ts";
import { factsAsOf } from "./facts-as-of.ts";
import { formatValue } from "./format-value.ts";
import { overrideValues, readOverrides, valueFault } from "./overrides.ts";
import { rule, sinceEver } from "./rules.ts";
import { timeline } from "./timeline.ts";

const source = { source: "a test", sourceDate: "2026" };
/** 10 since ever, 20 from 2026 announced in 2025, and a plan of 5 from 2024 that was called off in 2025. */
const fact: Fact<number> = {
  id: "hve.things",
  title: "Things",
  rules: [
    rule(10, sinceEver, source, { validTo: "2026-01-01" }),
    rule(5, "2024-06-01", source, { announcedOn: "2024-01-01", cancelledOn: "2025-02-01" }),
    rule(20, "2026-01-01", source, { announcedOn: "2025-03-01" }),
  ],
};

function ask(day: string, knownOn?: string) {
  const [found] = factsAsOf([fact], day, knownOn);
  assert.ok(found !== undefined);
  const values = (rules: readonly { readonly value: unknown }[]) => rules.map(({ value }) => value);
  return { holds: found.holds?.value ?? null, upcoming: values(found.upcoming), withdrawn: values(found.withdrawn) };
}

test("what holds, what comes and what was withdrawn, by day and by what was known", () => {
  assert.deepEqual(ask("2023-01-01", "2023-01-01"), { holds: 10, upcoming: [], withdrawn: [] });
  assert.deepEqual(ask("2023-01-01", "2024-02-01"), { holds: 10, upcoming: [5], withdrawn: [] });
  assert.deepEqual(ask("2024-07-01", "2024-07-01"), { holds: 5, upcoming: [], withdrawn: [] });
  assert.deepEqual(ask("2024-07-01"), { holds: 10, upcoming: [20], withdrawn: [5] });
  assert.deepEqual(ask("2026-01-01"), { holds: 20, upcoming: [], withdrawn: [5] });
});

test("an override stands beside what is published", () => {
  const overrides = readOverrides({ hve: { things: { value: 40, reason: "ticket" } } });
  const [found] = factsAsOf([fact], "2026-02-01", undefined, overrides);
  assert.deepEqual(found?.override, { value: 40, reason: "ticket" });
  assert.equal(found?.holds?.value, 20);
  assert.deepEqual([...overrideValues(overrides)], [["hve.things", 40]]);
});

test("`unlimited` lifts a limit", () => {
  const overrides = readOverrides({ hve: { connections: { value: "unlimited", reason: "ticket" } } });
  assert.equal(overrides.get("hve.connections")?.value, null);
});

test("values of the wrong kind are told, those of the right kind are not", () => {
  const of = (name: string, ...values: unknown[]): Fact<unknown> => ({
    id: `hve.${name}`,
    title: name,
    rules: values.map((value) => rule(value, sinceEver, source)),
  });
  const right: readonly (readonly [Fact<unknown>, unknown])[] = [
    [of("recipients-per-message", 50), 40],
    [of("connections", null), 7],
    [of("connections", 3), "unlimited"],
    [of("tls", "required"), "implicit"],
    [of("sasl", ["LOGIN"]), ["XOAUTH2", "LOGIN"]],
    [of("sender-rule", "account"), "any"],
    [of("hosts", []), ["mail.contoso.example"]],
    [of("hosts", ["a"]), ["b", "c"]],
    [of("ports", [25]), [587]],
    [of("external", true), false],
    [of("price", null), { perRecipientUsd: 0.1, perMegabyteUsd: 0 }],
  ];
  const wrong: readonly (readonly [Fact<unknown>, unknown])[] = [
    [of("recipients-per-message", 50), 0],
    [of("recipients-per-message", 50), -1],
    [of("recipients-per-message", 50), 1.5],
    [of("recipients-per-message", 50), "40"],
    [of("recipients-per-message", 50), true],
    [of("tls", "required"), "sometimes"],
    [of("tls", "required"), ["required"]],
    [of("sasl", ["LOGIN"]), "LOGIN"],
    [of("sasl", ["LOGIN"]), ["CRAM-MD5"]],
    [of("hosts", []), [1]],
    [of("ports", [25]), ["587"]],
    [of("external", true), "yes"],
    [of("price", null), { perRecipientUsd: -1, perMegabyteUsd: 0 }],
    [of("price", null), { perRecipientUsd: 1 }],
    [of("price", null), 1],
  ];
  for (const [about, value] of right) assert.equal(valueFault(about, value), null, `${about.id} ${JSON.stringify(value)}`);
  for (const [about, value] of wrong) assert.notEqual(valueFault(about, value), null, `${about.id} ${JSON.stringify(value)}`);
});

test("the timeline has every dated rule once, in order, with its state on that day", () => {
  const entries = timeline([fact], "2025-06-01", "9999-12-31").map(({ date, value, state }) => `${date} ${String(value)} ${state}`);
  assert.deepEqual(entries, ["2024-06-01 5 cancelled", "2026-01-01 20 pending"]);
  assert.deepEqual(
    timeline([fact], "2024-07-01").map(({ state }) => state),
    ["in force"],
  );
});

test("values as people read them", () => {
  const table: readonly (readonly [unknown, string | undefined, string])[] = [
    [10_000, undefined, "10,000"],
    [1_590_639, "recipients", "1,590,639 recipients"],
    [36_700_160, "bytes", "35 MB"],
    [1000, "bytes", "1,000 bytes"],
    [0.000042, undefined, "0.000042"],
    [0, undefined, "0"],
    [0.7, undefined, "0.7"],
    [null, undefined, "none"],
    [true, undefined, "yes"],
    [["LOGIN", "XOAUTH2"], undefined, "LOGIN, XOAUTH2"],
    [[], undefined, "none"],
    [{ perRecipientUsd: 0.00025, perMegabyteUsd: 0.00012 }, undefined, "USD 0.00025 a recipient and 0.00012 a megabyte"],
    [{ perRecipientUsd: 0.000042, perMegabyteUsd: 0 }, undefined, "USD 0.000042 a recipient"],
  ];
  for (const [value, unit, text] of table) assert.equal(formatValue(value, unit), text);
});
