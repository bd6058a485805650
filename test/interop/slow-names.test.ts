/**
 * Directly to MX while the name server is silent about many domains and somebody floods us with forged answers about the others: what can be
 * looked up is delivered meanwhile, what cannot waits, and the route is not blamed.
 */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { encode } from "dns-packet";
import { DnsServer, record } from "../support/dns-server.ts";
import { mxRoute } from "../support/mx-route.ts";
import { openQueueWorld } from "../support/queue-world.ts";
import { RelaySink } from "../support/relay-sink.ts";
import { until } from "../support/until.ts";

const silent = 150;
const flooded = 60;

test("silence and floods of a name server cost time only where they are", { timeout: 60_000 }, async () => {
  let silences = 0;
  await using dns = await DnsServer.start((name, type, transport) => {
    if (name.startsWith("silent")) return void silences++;
    if (type !== "MX") return {};
    return {
      answers: [record(name, "MX", { preference: 10, exchange: "mx.fabrikam.example" })],
      // So many that they are noticed and the question goes by TCP; some with the right id, of another domain.
      before: (query) =>
        transport === "tcp"
          ? []
          : Array.from({ length: 25 }, (_, n) =>
              encode({
                type: "response",
                id: n % 2 === 0 ? (query.id ?? 0) : ((query.id ?? 0) + n) % 65_536,
                questions: [{ name: n % 2 === 0 ? "other.example" : name, type: "MX" }],
                answers: [record(name, "MX", { preference: 1, exchange: "mx.attacker.example" })],
              }),
            ),
    };
  });
  await using sink = await RelaySink.open();
  await using route = mxRoute(dns, { "mx.fabrikam.example": sink }, { maxConnectionsPerServer: 20 });
  await using world = await openQueueWorld({
    routes: [route],
    options: { retry: { firstMs: 3_600_000, factor: 1, longestMs: 3_600_000, jitter: 0 } },
  });
  const descriptors = () => (process.platform === "linux" ? readdirSync("/proc/self/fd").length : 0);
  const before = descriptors();

  // The silent ones are in front.
  for (let n = 0; n < silent; n++) await world.send({ to: [`a@silent${n}.example`] });
  const start = performance.now();
  for (let n = 0; n < flooded; n++) await world.send({ to: [`a@good${n}.example`] });
  let most = 0;
  await until("the flooded ones are delivered", () => ((most = Math.max(most, descriptors())), sink.relays.length === flooded), {
    everyMs: 20,
    timeoutMs: 30_000,
  });
  const tookMs = performance.now() - start;
  // 50 at a time, each silent one two seconds: six seconds for all that stand in front.
  assert.ok(tookMs < 10_000, `${Math.round(tookMs)} ms`);
  assert.ok(most - before < 300, `${most - before} descriptors more`);
  await world.queue.dispatcher.atRest();
  const delayed = world.facts.filter((fact) => /^delayed a@silent\d+\.example dns\.temporary$/.test(fact));
  assert.equal(delayed.length, silent);
  assert.deepEqual(
    world.facts.filter((fact) => !/^(delayed a@silent|relayed a@good)/.test(fact)),
    [],
  );
  // Each was asked twice, and not again for those who came with it.
  assert.ok(silences <= silent * 2, `${silences} questions about ${silent} domains`);
  assert.equal(dns.asked.filter((line) => line.endsWith(" tcp")).length, flooded);
});
