import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { makeTransaction } from "../../../test/support/transactions.ts";
import { silentRouteLog } from "../route-log.ts";
import { testRoute, type RouteUnderTest } from "../route.contract.ts";
import { createSinkRoute } from "./sink-route.ts";

const never = new AbortController().signal;

interface SinkUnderTest extends RouteUnderTest {
  readonly folder: string;
}

async function make(): Promise<SinkUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), "postern-sink-"));
  const route = createSinkRoute({ name: "archive", folder }, { log: silentRouteLog, now: () => 0 });
  return {
    folder,
    route,
    async received() {
      const names = (await readdir(folder)).filter((name) => name.endsWith(".eml"));
      return Promise.all(names.map((name) => readFile(join(folder, name))));
    },
    async [Symbol.asyncDispose]() {
      await route[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}

testRoute("sink", make);

test("the envelope lies beside the content, and nothing temporary", async () => {
  await using under = await make();
  const transaction = makeTransaction({ to: ["a@fabrikam.example", "b@fabrikam.example"], envelope: { envid: "q1" } });
  const { outcomes } = await under.route.deliver(transaction, never);
  const [outcome] = outcomes.values();
  assert.ok(outcome?.action === "relayed" && outcome.remoteId !== undefined);
  const base = outcome.remoteId.replace(/\.eml$/, "");
  assert.deepEqual((await readdir(under.folder)).sort(), [`${base}.eml`, `${base}.json`]);
  assert.deepEqual(JSON.parse(await readFile(join(under.folder, `${base}.json`), "utf8")), {
    id: base.slice(0, 11),
    writtenAt: "1970-01-01T00:00:00.000Z",
    reversePath: "app@contoso.example",
    recipients: [{ address: "a@fabrikam.example" }, { address: "b@fabrikam.example" }],
    envid: "q1",
  });
});

test("the same transaction again writes the same files", async () => {
  await using under = await make();
  await under.route.deliver(makeTransaction(), never);
  await under.route.deliver(makeTransaction(), never);
  assert.equal((await under.received()).length, 1);
});

test("a folder that cannot be written delays the mail by fault of the route", async () => {
  await using under = await make();
  const file = join(under.folder, "file");
  await writeFile(file, "");
  await using route = createSinkRoute({ name: "archive", folder: join(file, "below") }, { log: silentRouteLog, now: () => 0 });
  const { outcomes } = await route.deliver(makeTransaction(), never);
  const [outcome] = outcomes.values();
  assert.ok(outcome?.action === "delayed");
  assert.equal(outcome.failure.code, "route.write-failed");
  assert.equal(outcome.failure.scope, "route");
  assert.equal((await route.probe(never)).ok, false);
});
