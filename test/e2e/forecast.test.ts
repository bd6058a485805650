import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import type { ForecastView } from "../../src/admin/forecast-contract.ts";
import { DemoWorld, type Received } from "../support/demo-world.ts";
import { until } from "../support/until.ts";

const sender = "hve-scanner@contoso.example";
const count = 240;

test("what the command foresees is what the sandbox then sees", { timeout: 120_000 }, async () => {
  await using world = await DemoWorld.open();
  const ask = ["forecast", "--from", sender, "--priority", "transactional", "--size", "1k", "--external"];
  const view = await world.json<ForecastView>(...ask, String(count));
  assert.deepEqual(
    view.routes.map(({ route, external }) => [route, external]),
    [["smtp-auth", count]],
  );
  assert.ok(view.limits.some(({ id, amount }) => id === "smtp-auth.messages-per-minute" && amount === 30));
  // A second account would take half of it.
  const account = view.faster.find(({ kind }) => kind === "account");
  const takesMs = Date.parse(view.lastOutAt ?? "") - Date.parse(view.firstOutAt ?? "");
  assert.ok(account !== undefined && Math.abs(account.savedMs / takesMs - 0.5) < 0.05, JSON.stringify(view.faster));

  const sent = await world.run(
    ...[
      "send",
      "--from",
      sender,
      "--to",
      "bob@fabrikam.example",
      "--subject",
      "many",
      "--text",
      "Hi",
      "--count",
      String(count),
      "--sessions",
      "4",
    ],
  );
  assert.equal(sent.code, 0, sent.stderr);
  await world.advance("20m");
  await until("an empty queue", async () => (await world.waiting()) === 0);
  const received = (await world.sandbox<readonly Received[]>("GET", `/api/messages?to=bob@fabrikam.example&limit=1000`)).filter(
    ({ subject }) => subject === "many",
  );
  assert.equal(received.length, count);
  const times = received.map(({ receivedAt }) => Date.parse(receivedAt));
  const tookMs = Math.max(...times) - Math.min(...times);
  assert.ok(Math.abs(takesMs / tookMs - 1) < 0.02, `foreseen ${takesMs} ms, really ${tookMs} ms`);

  // Now that something was sent, an attempt's time is measured; and what was sent counts.
  const again = await world.json<ForecastView>(...ask, "10", "--no-faster");
  assert.equal(again.routes[0]?.measured, true);
  const list = world.file("list.csv");
  writeFileSync(list, "name,mail\nBob,bob@fabrikam.example\nAnn,Ann@Contoso.example\n\nnobody\n");
  const listed = await world.run("forecast", "--list", list, "--from", sender, "--as-of", "2027-01-15", "--no-faster");
  assert.equal(listed.code, 0, listed.stderr);
  assert.match(listed.stderr, /2 lines of the list have no address/);
  assert.match(
    listed.stdout,
    /^2 recipients, a message each, 64\.0 KB, from hve-scanner@contoso\.example by app as bulk mail, handed over at 2027-01-15 00:00:00Z\./,
  );
  assert.match(listed.stdout, /smtp-auth: 1 external, the last at 2027-01-15 00:00:0/);
  assert.match(listed.stdout, /hve: 1 internal/);

  // The same by the API, in one answer.
  const answer = await fetch(`${world.env("GATEWAY_CONSOLE")}/api/forecast`, {
    method: "POST",
    headers: { authorization: `Bearer ${world.env("GATEWAY_ADMIN_TOKEN")}`, "content-type": "application/json" },
    body: JSON.stringify({ internal: 3, from: sender, faster: false }),
  });
  assert.equal(answer.status, 200);
  const told = (await answer.json()) as ForecastView;
  assert.deepEqual([told.recipients, told.left, told.priority], [{ internal: 3, external: 0 }, 0, "bulk"]);

  for (const [args, reason] of [
    [["--external", "1", "--principal", "stranger"], /there is no principal stranger/],
    [["--external", "1", "--as-of", "2001-01-01"], /cannot be handed over in the past/],
    [["--internal", "0"], /say for how many/],
  ] as const) {
    const refused = await world.run("forecast", ...args);
    assert.equal(refused.code, 64, refused.stdout);
    assert.match(refused.stderr, reason);
  }
});
