import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { PolicyClock } from "../../lib/clock.ts";
import { followClock } from "../../lib/clock-follower.ts";
import { openTestSandbox } from "../../../test/support/sandbox.ts";
import { Followers } from "./followers.ts";
import { SandboxClock } from "./sandbox-clock.ts";

const hourMs = 3_600_000;
const never = new AbortController().signal;

test("a move fires what falls due at two followers, in order, and returns when all of it has come to rest", async () => {
  await using sandbox = await openTestSandbox();
  const log: string[] = [];
  const open = (name: string, workMs: number) => {
    const clock = new PolicyClock();
    const working = new Set<string>();
    const start = Date.now();
    const work = async (what: string) => {
      working.add(what);
      log.push(`${name} ${what} begins ${((clock.now() - start) / hourMs).toFixed(1)}`);
      await sleep(workMs);
      log.push(`${name} ${what} ends`);
      working.delete(what);
    };
    const atRest = async () => {
      while (working.size > 0) await sleep(1);
    };
    return { clock, start, work, follower: followClock({ url: sandbox.url, clock, atRest }) };
  };
  const a = open("a", 30);
  const b = open("b", 5);
  await using followers = new AsyncDisposableStack();
  followers.use(a.follower);
  followers.use(b.follower);
  await Promise.all([a.follower.ready, b.follower.ready]);
  using clocks = new DisposableStack();
  clocks.use(a.clock);
  clocks.use(b.clock);
  // Work that came after the last acknowledgement: the roll call learns of it.
  b.clock.at(b.start + 2 * hourMs, () => void b.work("second"));
  a.clock.at(a.start + hourMs, () => {
    void a.work("first");
    // A retry that comes of the first attempt.
    a.clock.at(a.clock.now() + 2 * hourMs, () => void a.work("third"));
  });
  a.clock.at(a.start + 30 * hourMs, () => void a.work("never"));
  const { status, body } = await sandbox.call("POST", "/api/clock", { advance: "24h" });
  assert.equal(status, 200);
  assert.deepEqual(log, [
    "a first begins 1.0",
    "a first ends",
    "b second begins 2.0",
    "b second ends",
    "a third begins 3.0",
    "a third ends",
  ]);
  assert.equal(body.advancedMs, 24 * hourMs);
  assert.equal(body.steps, 4);
  assert.deepEqual(body.late, []);
  for (const { clock } of [a, b]) assert.ok(Math.abs(clock.now() - Date.now() - 24 * hourMs) < 5000);
  const { body: reading } = await sandbox.call("GET", "/api/clock");
  assert.equal(reading.followers.length, 2);
  assert.ok(reading.followers.every((follower: { atRest: boolean }) => follower.atRest));
});

test("the clock goes forward only, in the ways the contract names", async () => {
  await using sandbox = await openTestSandbox();
  const there = new Date(Date.now() + 100 * 24 * hourMs).toISOString();
  const { body: moved } = await sandbox.call("POST", "/api/clock", { now: there });
  assert.ok(Math.abs(Date.parse(moved.now) - Date.parse(there)) < 5000);
  const back = await sandbox.call("POST", "/api/clock", { now: new Date().toISOString() });
  assert.equal(back.status, 409);
  assert.equal(back.body.error.code, "clock.needs-reset");
  assert.match(back.body.error.message, /needs a reset/);
  for (const body of [
    {},
    { advance: "-1h" },
    { advance: "1 fortnight" },
    { advance: 5 },
    { now: "yesterday" },
    { now: "2027-01-15T00:00:00" },
    { now: "2200-01-01" },
    { now: there, advance: "1h" },
    { to: "x" },
  ]) {
    assert.equal((await sandbox.call("POST", "/api/clock", body)).status, 400, JSON.stringify(body));
  }
  // It outlives a restart: time must not go back under the mail.
  await sandbox.restart();
  assert.ok(Date.parse((await sandbox.call("GET", "/api/clock")).body.now) >= Date.parse(there));
  await sandbox.call("POST", "/api/reset");
  assert.ok(Math.abs(Date.parse((await sandbox.call("GET", "/api/clock")).body.now) - Date.now()) < 5000);
  assert.equal((await sandbox.call("POST", "/api/clock", { now: new Date(Date.now() + 60_000).toISOString() })).status, 200);
});

test("the clock can begin on an earlier day; it goes on from there over a restart, and a reset takes it back", async () => {
  await using sandbox = await openTestSandbox({ clock: { startAt: "2025-04-01T12:00:00Z" } });
  const start = Date.parse("2025-04-01T12:00:00Z");
  const now = async () => Date.parse((await sandbox.call("GET", "/api/clock")).body.now);
  const near = async (at: number) => assert.ok(Math.abs((await now()) - at) < 10_000, new Date(await now()).toISOString());
  await near(start);
  await sandbox.call("POST", "/api/clock", { advance: "2h" });
  await sandbox.restart();
  await near(start + 2 * hourMs);
  await sandbox.call("POST", "/api/reset");
  await near(start);
  await sandbox.restart();
  await near(start);
  await assert.rejects(openTestSandbox({ clock: { startAt: "2025-02-31T99:99Z" } }), /clock\.startAt: 2025-02-31T99:99Z is no day/);
});

test("messages are dated by the policy clock, and moves come one after the other", async () => {
  await using sandbox = await openTestSandbox();
  const moves = await Promise.all([1, 2, 3].map(() => sandbox.call("POST", "/api/clock", { advance: "1h" })));
  assert.ok(moves.every(({ body }) => body.advancedMs === hourMs));
  assert.ok(Math.abs(Date.parse((await sandbox.call("GET", "/api/clock")).body.now) - Date.now() - 3 * hourMs) < 5000);
});

test("a follower that does not come to rest is reported, not waited for for ever, and holds up nobody else", async () => {
  const followers = new Followers();
  using clock = new SandboxClock(followers, 0, () => undefined, 50);
  const good: number[] = [];
  followers.join("stuck", () => undefined);
  followers.join("good", ({ seq, offset }) => {
    good.push(offset);
    // Due every six hours.
    const now = Date.now() + offset;
    setImmediate(() => followers.ack("good", seq, (Math.floor(now / (6 * hourMs)) + 1) * 6 * hourMs));
  });
  const move = await clock.advance(24 * hourMs, never);
  assert.deepEqual(move.late, ["stuck"]);
  assert.ok(move.steps >= 4 && move.steps <= 6, String(move.steps));
  assert.equal(followers.ack("stuck", 1_000_000, null), false);
});

test("a follower that leaves in the middle of a move is not waited for", async () => {
  const followers = new Followers();
  using clock = new SandboxClock(followers, 0, () => undefined);
  const leaver = followers.join("leaver", () => undefined);
  const move = clock.advance(hourMs, never);
  leaver[Symbol.dispose]();
  assert.deepEqual((await move).late, []);
});

test("one that always has something due cannot keep the clock from the end", async () => {
  const followers = new Followers();
  using clock = new SandboxClock(followers, 0, () => undefined);
  followers.join("busy", ({ seq, offset }) => setImmediate(() => followers.ack("busy", seq, Date.now() + offset + 10)));
  const started = Date.now();
  const { steps, now } = await clock.advance(24 * hourMs, never);
  assert.ok(steps <= 22_100, String(steps));
  assert.ok(now >= started + 24 * hourMs);
});

test("the sandbox's own waiters run in a move, too", async () => {
  using clock = new SandboxClock(new Followers(), 0, () => undefined);
  const start = clock.now();
  const fired: number[] = [];
  clock.at(start + 2 * hourMs, () => fired.push(2));
  clock.at(start + hourMs, () => {
    fired.push(1);
    clock.at(start + 90 * 60_000, () => fired.push(1.5));
  });
  const { steps } = await clock.advance(3 * hourMs, never);
  assert.deepEqual(fired, [1, 1.5, 2]);
  assert.equal(steps, 4);
});

test("a follower comes back after the sandbox was away, and only talks to loopback", async () => {
  await using sandbox = await openTestSandbox();
  const states: string[] = [];
  using clock = new PolicyClock();
  const changed = Promise.withResolvers<void>();
  await using follower = followClock({
    url: sandbox.url,
    clock,
    atRest: async () => undefined,
    onState: (state) => {
      states.push(state);
      if (state === "lost") changed.resolve();
    },
  });
  await follower.ready;
  await sandbox.call("POST", "/api/clock", { advance: "1h" });
  await sandbox.sandbox[Symbol.asyncDispose]();
  await changed.promise;
  assert.deepEqual(states, ["following", "lost"]);
  assert.ok(clock.now() > Date.now() + hourMs - 5000);
  for (const url of ["http://sandbox.example:8026", "http://10.0.0.1:8026", "https://127.0.0.1:8026", "http://127.0.0.1.example"]) {
    assert.throws(() => followClock({ url, clock, atRest: async () => undefined }), RangeError);
  }
});
