import assert from "node:assert/strict";
import { test } from "node:test";
import { failure } from "../mail/failure-codes.ts";
import { Circuit } from "./circuit.ts";

const options = { threshold: 3, firstMs: 10, longestMs: 35 };
const down = failure("network.connect");

test("opens after so many troubles in a row, and not when something succeeds in between", () => {
  const circuit = new Circuit(0, options);
  assert.equal(circuit.troubled(down, 1), false);
  assert.equal(circuit.troubled(down, 2), false);
  circuit.succeeded();
  assert.equal(circuit.troubled(down, 3), false);
  assert.equal(circuit.troubled(down, 4), false);
  assert.equal(circuit.troubled(down, 5), true);
  assert.equal(circuit.state, "open");
  assert.equal(circuit.retryAt, 15);
  assert.equal(circuit.reason, down);
});

test("a refused log-in, of whatever kind, opens it at once and for the longest time", () => {
  for (const code of ["route.auth-failed", "route.auth-security-defaults", "route.auth-app-not-allowed"] as const) {
    const circuit = new Circuit(0, options);
    assert.equal(circuit.troubled(failure(code), 1), true, code);
    assert.equal(circuit.retryAt, 1 + options.longestMs, code);
  }
});

test("a used-up quota opens it at once, and each time for longer until something succeeds", () => {
  const circuit = new Circuit(0, { ...options, patientMs: 200 });
  const waits: number[] = [];
  let now = 0;
  for (let n = 0; n < 5; n++) {
    assert.equal(circuit.troubled(failure("quota.mailbox"), now), true);
    waits.push(circuit.retryAt - now);
    now = circuit.retryAt;
    // A probe sends no message: that it goes well says nothing of the quota.
    circuit.probed(true, now);
  }
  assert.deepEqual(waits, [35, 70, 140, 200, 200]);
  circuit.succeeded();
  circuit.troubled(failure("quota.mailbox"), now);
  assert.equal(circuit.retryAt - now, 35);
});

test("a wrong password is probed ever more seldom", () => {
  const circuit = new Circuit(0, { ...options, patientMs: 200 });
  circuit.troubled(failure("route.auth-failed"), 0);
  const waits: number[] = [];
  for (let n = 0; n < 4; n++) {
    const now = circuit.retryAt;
    circuit.probed(false, now);
    waits.push(circuit.retryAt - now);
  }
  assert.deepEqual(waits, [70, 140, 200, 200]);
});

test("failed probes wait longer each time up to the longest; a good one closes it, but warily", () => {
  const circuit = new Circuit(0, options);
  for (let n = 0; n < options.threshold; n++) circuit.troubled(down, 0);
  circuit.probed(false, 10);
  assert.equal(circuit.retryAt, 30);
  circuit.probed(false, 30);
  assert.equal(circuit.retryAt, 65);
  circuit.probed(false, 65);
  assert.equal(circuit.retryAt, 100);
  circuit.probed(true, 100);
  assert.equal(circuit.state, "closed");
  assert.equal(circuit.troubled(down, 101), true, "one more trouble opens it again");
});

test("an operator's pause is ended only by resume", () => {
  const circuit = new Circuit(0, options);
  circuit.pause(5);
  circuit.probed(true, 6);
  assert.equal(circuit.state, "paused");
  assert.equal(circuit.troubled(down, 7), false);
  circuit.resume(8);
  assert.equal(circuit.state, "closed");
  assert.equal(circuit.since, 8);
});

test("what somebody has mended and tried is used at once; a used-up quota is not mended by a probe", () => {
  const circuit = new Circuit(0, options);
  assert.equal(circuit.mended(1), false, "it works anyway");
  circuit.troubled(failure("route.auth-failed"), 1);
  assert.equal(circuit.mended(2), true);
  assert.equal(circuit.state, "closed");
  circuit.troubled(failure("quota.mailbox"), 3);
  assert.equal(circuit.mended(4), false);
  assert.equal(circuit.state, "open");
  circuit.pause(5);
  assert.equal(circuit.mended(6), false, "an operator's pause stays");
});
