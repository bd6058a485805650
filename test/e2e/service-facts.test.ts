import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { ServiceFactsView } from "../../src/admin/service-facts.ts";
import { postern } from "../support/cli.ts";
import { GatewayProcess, prepareGateway } from "../support/gateway-process.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

test("routes show tells what holds on a day, with what the operator overrides", { timeout: 60_000 }, async () => {
  using folder = temporaryFolder();
  const place = await prepareGateway(folder.path, { sink: 9 });
  writeFileSync(join(folder.path, "secret"), "not a real one");
  const text = readFileSync(place.config, "utf8").replace(
    "routing:\n",
    `  - { name: bulk, kind: hve, auth: { user: bulk@contoso.example, secret: { file: secret } } }
services:
  hve: { recipients-per-message: { value: 40, reason: lowered for the old printers } }
routing:
`,
  );
  writeFileSync(place.config, text);
  await using gateway = await GatewayProcess.ready(place);
  const run = async (...args: readonly string[]) => await postern([...args, "--data", place.data]);

  const shown = await run("routes", "show", "bulk", "--as-of", "2028-10-01");
  assert.equal(shown.code, 0, shown.stderr);
  assert.match(shown.stdout, /^bulk: High Volume Email \(hve\), as of 2028-10-01\n/);
  assert.match(shown.stdout, /\(recipients-per-message\): 40\n {2}overridden in the configuration: lowered for the old printers\n/);
  assert.match(shown.stdout, /\(sasl\): XOAUTH2\n/);

  const json = JSON.parse((await run("routes", "show", "bulk", "--as-of", "2024-06-01", "--json")).stdout) as ServiceFactsView;
  const facts = new Map(json.facts.map((fact) => [fact.id, fact]));
  assert.equal(facts.get("hve.external-recipients-per-day")?.value, 2000);
  assert.equal(facts.get("hve.recipients-per-message")?.published?.value, 50);

  // The API is the same one; a day that does not exist, a route without a service and a wrong name are told.
  assert.match((await run("routes", "show", "bulk", "--as-of", "2027-02-30")).stderr, /Write a day/);
  assert.match((await run("routes", "show", "sink", "--as-of", "2027-01-15")).stderr, /nothing is published about a route of kind smtp/);
  assert.equal((await run("routes", "show", "nosuch", "--as-of", "2027-01-15")).code, 1);
  assert.equal((await run("routes", "show")).code, 64);
  await assert.rejects(gateway.control.get("/api/routes/bulk/facts", { asOf: "2027-13-01" }), /is not a day/);

  const { entries } = await gateway.control.get<{ entries: readonly { date: string; factId: string; state: string }[] }>("/api/timeline", {
    asOf: "2026-11-21",
  });
  assert.ok(entries.some(({ date, factId, state }) => date === "2028-09-30" && factId === "acs-smtp.retirement" && state === "pending"));
  const bulk = gateway.control.get<{ concurrency: number }>("/api/routes/bulk");
  assert.ok((await bulk).concurrency > 0);
});

test("a service can be asked about without a gateway", async () => {
  using folder = temporaryFolder();
  const run = async (...args: readonly string[]) => await postern(["routes", "show", "--service", ...args, "--data", folder.path]);
  const { stdout, code } = await run("smtp-auth", "--as-of", "2026-03-15", "--known-on", "2025-07-01");
  assert.equal(code, 0);
  assert.match(stdout, /\(basic\): partly-refused\n/);
  assert.match((await run("tenant", "--as-of", "2026-11-21")).stdout, /\(external-recipients-trial\): 500\n/);
  assert.match((await run("nosuch")).stderr, /there is no service nosuch; there are: smtp-auth/);
});
