import assert from "node:assert/strict";
import { test } from "node:test";
import { demoPorts, gatewayPorts, namedPorts, offsetsCollide, sandboxPorts } from "./ports.ts";

test("the ports are those of the contract, each once", () => {
  assert.deepEqual(gatewayPorts, { smtp: 2525, bounce: 2526, submission: 2587, submissions: 2465, api: 8080, apiTls: 8443, console: 8025 });
  const all = [...Object.values(gatewayPorts), ...Object.values(sandboxPorts)];
  assert.equal(new Set(all).size, all.length);
});

test("an offset moves every port, and only sound offsets are taken", () => {
  const ports = demoPorts(100);
  assert.ok(typeof ports !== "string");
  assert.equal(ports.gateway.smtp, 2625);
  assert.equal(ports.sandbox.ui, 8126);
  assert.match(demoPorts(50) as string, /multiple of 100/);
  assert.match(demoPorts(20_100) as string, /at most 20000/);
  assert.match(demoPorts(-100) as string, /whole number/);
  assert.match(demoPorts(0.5) as string, /whole number/);
  const farthest = demoPorts(20_000);
  assert.ok(typeof farthest !== "string" && namedPorts(farthest).every(({ port }) => port <= 65_535));
});

test("colliding offsets are found from both sides", () => {
  assert.equal(offsetsCollide(0, 100), null);
  assert.deepEqual(offsetsCollide(0, 2000)?.names, ["sandbox.api", "gateway.apiTls"]);
  assert.equal(offsetsCollide(0, 7500)?.port, 10_025);
  assert.equal(offsetsCollide(7600, 100)?.port, 10_125);
  for (let offset = 100; offset <= 20_000; offset += 100) {
    const [first, second] = [demoPorts(0), demoPorts(offset)];
    assert.ok(typeof first !== "string" && typeof second !== "string");
    const mine = new Set(namedPorts(first).map(({ port }) => port));
    assert.equal(
      offsetsCollide(0, offset) !== null,
      namedPorts(second).some(({ port }) => mine.has(port)),
      String(offset),
    );
  }
});
