import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { test } from "node:test";
import type { Outcome } from "../mail/outcome.ts";
import { openStore } from "../store/sqlite/open-store.ts";
import { openQueueWorld } from "../../test/support/queue-world.ts";
import { relayed, ScriptedRoute } from "../../test/support/scripted-route.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { until } from "../../test/support/until.ts";

test("after a crash, of what was leased only what a route that may not repeat had begun is in doubt", async () => {
  const gate = Promise.withResolvers<void>();
  const wait = async (): Promise<Outcome> => {
    await gate.promise;
    return relayed;
  };
  const metered = new ScriptedRoute("metered", wait, { inDoubt: "wait", concurrency: 1 });
  await using world = await openQueueWorld({ routes: [metered] });
  for (const name of ["a", "b", "c"]) await world.send({ to: [`${name}@fabrikam.example`] });
  await until("the first attempt", () => metered.running === 1);
  assert.equal(world.opened.store.totals().leased, 3);
  // What a crash would leave in this moment.
  using folder = temporaryFolder();
  cpSync(world.directory, folder.path, { recursive: true });
  {
    await using crashed = await openStore({
      directory: folder.path,
      now: () => world.clock.now(),
      freeSpaceReserveBytes: 0,
      onFault: (error) => assert.fail(error),
    });
    assert.deepEqual(crashed.recovered, { queued: 2, inDoubt: 1 });
  }
  gate.resolve();
  await world.queue.dispatcher.atRest();
  assert.equal(world.opened.store.totals().relayed, 3);
});
