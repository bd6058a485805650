/** A pickup folder sends each file once, whenever the gateway is killed. */
import assert from "node:assert/strict";
import { readdirSync, renameSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { LocalWorld } from "../support/local-world.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { until } from "../support/until.ts";

const rounds = 4;
const filesInARound = 40;

test("killed at any moment, each file is sent once and none is lost", { timeout: 180_000 }, async () => {
  const random = seededRandom(17);
  await using world = await LocalWorld.open("pickup: [{ name: drop, folder: drop, principal: local, poll: 100ms, settle: 0s }]\n", [
    "drop",
  ]);
  const all: string[] = [];
  for (let round = 0; round < rounds; round++) {
    const before = sent(world).length;
    for (let n = 0; n < filesInARound; n++) {
      const token = `token-${round}-${n}`;
      all.push(token);
      // Large ones go to segment files as they are read.
      const body = "x".repeat(70) + "\r\n";
      writeFileSync(
        world.path("part"),
        `From: app@contoso.example\r\nTo: bob@fabrikam.example\r\nSubject: ${token}\r\n\r\n${body.repeat(n % 8 === 0 ? 2000 : 1)}`,
      );
      renameSync(world.path("part"), world.path(`drop/${token}.eml`));
    }
    // Somewhere between the first and the last of them.
    const enough = before + Math.floor(random() * filesInARound);
    await until(
      "some are sent",
      () =>
        readdirSync(world.path("drop")).length < filesInARound + 2 && sent(world).length >= Math.min(enough, before + filesInARound / 2),
    );
    await world.gateway?.kill();
    await world.start();
  }
  await until("all are sent", () => new Set(sent(world)).size === all.length, { timeoutMs: 60_000, everyMs: 200 });
  await until("nothing is left", () => readdirSync(world.path("drop")).length === 2 && readdirSync(world.path("drop/taken")).length === 0);
  assert.deepEqual(sent(world).toSorted(), all.toSorted());
  assert.deepEqual(readdirSync(world.path("drop/badmail")), []);
});

/** The token of every message that came out: one that was accepted twice is there twice, for it has two ids. */
function sent(world: LocalWorld): readonly string[] {
  return world.arrived().map(({ content }) => /Subject: (\S+)/.exec(content)?.[1] ?? "none");
}
