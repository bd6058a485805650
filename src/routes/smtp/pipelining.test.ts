import assert from "node:assert/strict";
import { test } from "node:test";
import { ScriptedSmtpServer } from "../../../test/support/scripted-smtp-server.ts";
import { hello, never, only, routeTo, told } from "../../../test/support/smtp-route.ts";
import { makeTransaction } from "../../../test/support/transactions.ts";

const envelope = `
  C: MAIL *
  C: RCPT *
  C: DATA
  S: 250 ok
  S: 250 ok
  S: 354 go`;

test("the next envelope goes out with the content before it: one round trip a message", async () => {
  await using server = await ScriptedSmtpServer.start(`${hello}
    C: MAIL *
    C: RCPT *
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go
    begin
    C.
    C: MAIL *
    C: RCPT *
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 250 ok
    S: 354 go
    loop`);
  await using route = routeTo(server, { maxConnections: 1 });
  const abort = new AbortController();
  const deliveries = Array.from({ length: 6 }, (_, id) => route.deliver(makeTransaction({ id }), id < 5 ? never : abort.signal));
  for (const delivery of deliveries.slice(0, 5)) assert.equal(told(only(await delivery)), "relayed");
  abort.abort(new Error("enough"));
  server.check();
  assert.equal(server.connections, 1);
  // EHLO; the first envelope; then content and envelope together.
  const together = (server.chunks[0] ?? []).slice(2, 6);
  assert.equal(together.length, 4);
  for (const chunk of together) assert.match(chunk, /\r\n\.\r\nMAIL FROM.*\r\nRCPT TO.*\r\nDATA\r\n$/);
  await deliveries[5]?.catch(() => undefined);
});

test("an envelope lined up while the answer is due follows at once", async () => {
  await using server = await ScriptedSmtpServer.start(`${hello}${envelope}
    C.
    C: MAIL *
    C: RCPT *
    C: DATA
    S: 250 first
    S: 250 ok
    S: 250 ok
    S: 354 go
    C.
    S: 250 second`);
  await using route = routeTo(server, { maxConnections: 1 });
  const first = route.deliver(makeTransaction(), never);
  while (server.contents.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const second = route.deliver(makeTransaction(), never);
  assert.deepEqual(only(await first), { action: "relayed", text: "250 first" });
  assert.deepEqual(only(await second), { action: "relayed", text: "250 second" });
  server.check();
});

test("a connection lost with an answer due: that message is in doubt, the lined-up one goes by a new connection", async () => {
  await using server = await ScriptedSmtpServer.start([
    `${hello}${envelope}
    C.
    C: MAIL *
    C: RCPT *
    C: DATA
    cut`,
    `${hello}${envelope}
    C.
    S: 250 ok`,
  ]);
  await using route = routeTo(server, { maxConnections: 1 });
  const [first, second] = await Promise.all([route.deliver(makeTransaction(), never), route.deliver(makeTransaction(), never)]);
  assert.equal(told(only(first)), "delayed in doubt 4.2 route.answer-lost message");
  assert.equal(told(only(second)), "relayed");
  server.check();
});

test("an idle connection that has died is replaced within the same call", async () => {
  await using server = await ScriptedSmtpServer.start([
    `${hello}${envelope}\nC.\nS: 250 ok\nC: MAIL *\ncut`,
    `${hello}${envelope}\nC.\nS: 250 second`,
  ]);
  await using route = routeTo(server);
  assert.equal(told(only(await route.deliver(makeTransaction(), never))), "relayed");
  assert.deepEqual(only(await route.deliver(makeTransaction(), never)), { action: "relayed", text: "250 second" });
  server.check();
});

test("421 to MAIL on a connection that had rested too long: a new one, in the same call", async () => {
  await using server = await ScriptedSmtpServer.start([
    `${hello}${envelope}\nC.\nS: 250 ok\nC: MAIL *\nS: 421 4.4.2 idle too long\nclose`,
    `${hello}${envelope}\nC.\nS: 250 second`,
  ]);
  await using route = routeTo(server);
  assert.equal(told(only(await route.deliver(makeTransaction(), never))), "relayed");
  assert.equal(told(only(await route.deliver(makeTransaction(), never))), "relayed");
  server.check();
});

test("a new connection that dies before the content is not replaced: delayed, not in doubt", async () => {
  await using server = await ScriptedSmtpServer.start(`${hello}
    C: MAIL *
    C: RCPT *
    C: DATA
    cut`);
  await using route = routeTo(server);
  assert.equal(told(only(await route.deliver(makeTransaction(), never))), "delayed 4.2 network.connection-lost route");
  assert.equal(server.connections, 1);
});

test("421 in answer to the content is an answer: delayed, not in doubt; the lined-up one moves", async () => {
  await using server = await ScriptedSmtpServer.start([
    `${hello}${envelope}\nC.\nS: 421 4.3.2 going down\nclose`,
    `${hello}${envelope}\nC.\nS: 250 ok`,
  ]);
  await using route = routeTo(server, { maxConnections: 1 });
  const [first, second] = await Promise.all([route.deliver(makeTransaction(), never), route.deliver(makeTransaction(), never)]);
  assert.equal(told(only(first)), "delayed 3.2 remote.unavailable route");
  assert.equal(told(only(second)), "relayed");
});

test("after maxMessagesPerConnection comes QUIT and a new connection", async () => {
  await using server = await ScriptedSmtpServer.start(`${hello}${envelope}
    C.
    S: 250 ok
    C: MAIL *
    C: RCPT *
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go
    C.
    S: 250 ok
    C: QUIT`);
  await using route = routeTo(server, { maxConnections: 1, maxMessagesPerConnection: 2 });
  for (const delivery of await Promise.all(Array.from({ length: 6 }, () => route.deliver(makeTransaction(), never))))
    assert.equal(told(only(delivery)), "relayed");
  server.check();
  assert.equal(server.connections, 3);
});

test("an unused connection is closed with QUIT", async () => {
  await using server = await ScriptedSmtpServer.start(`${hello}${envelope}\nC.\nS: 250 ok\nC: QUIT\nS: 221 bye\nclose`);
  await using route = routeTo(server, { idleMs: 20 });
  await route.deliver(makeTransaction(), never);
  while (server.heard[0]?.at(-1) !== "QUIT") await new Promise((resolve) => setImmediate(resolve));
  server.check();
});

test("when the next hop refuses more connections, the others do", async () => {
  await using server = await ScriptedSmtpServer.start([
    `${hello}\nbegin${envelope}\nC.\nS: 250 ok\nloop`,
    "S: 432 4.3.2 Concurrent connections limit exceeded\nclose",
  ]);
  await using route = routeTo(server, { maxConnections: 5 });
  const first = await route.deliver(makeTransaction(), never);
  assert.equal(told(only(first)), "relayed");
  for (const delivery of await Promise.all(Array.from({ length: 12 }, () => route.deliver(makeTransaction(), never))))
    assert.equal(told(only(delivery)), "relayed");
  assert.ok(server.connections <= 5);
});

test("an aborted call that waits, is lined up or has its envelope out rejects; others are not harmed", async () => {
  await using server = await ScriptedSmtpServer.start([
    `${hello}\nC: MAIL *\nC: RCPT *\nC: DATA\nhang`,
    `${hello}\nbegin${envelope}\nC.\nS: 250 ok\nloop`,
  ]);
  await using route = routeTo(server, { maxConnections: 1 });
  const aborts = Array.from({ length: 4 }, () => new AbortController());
  const deliveries = aborts.map((abort) => route.deliver(makeTransaction(), abort.signal));
  while (server.heard[0]?.at(-1) !== "DATA") await new Promise((resolve) => setImmediate(resolve));
  const rejected = [3, 1, 0].map((i) => assert.rejects(deliveries[i] as Promise<unknown>, /stop/));
  for (const i of [3, 1, 0]) aborts[i]?.abort(new Error("stop"));
  await Promise.all(rejected);
  assert.equal(told(only(await (deliveries[2] as Promise<never>))), "relayed");
  assert.deepEqual(server.contents.length, 1);
});

test("closing the route waits for the answer that is due, then says QUIT", async () => {
  await using server = await ScriptedSmtpServer.start(`${hello}${envelope}\nC.\nS: 250 ok\nC: QUIT`);
  const route = routeTo(server);
  const delivery = route.deliver(makeTransaction(), never);
  while (server.contents.length === 0) await new Promise((resolve) => setImmediate(resolve));
  await route[Symbol.asyncDispose]();
  assert.equal(told(only(await delivery)), "relayed");
  assert.equal(told(only(await route.deliver(makeTransaction(), never))), "delayed 4.4 route.unavailable route");
  server.check();
});

test("closing the route leaves nobody without an outcome", async () => {
  await using server = await ScriptedSmtpServer.start(`${hello}${envelope}\nC.\ncut`);
  const route = routeTo(server, { maxConnections: 1 });
  const deliveries = Array.from({ length: 4 }, () => route.deliver(makeTransaction(), never));
  while (server.heard[0]?.at(-1) !== "DATA") await new Promise((resolve) => setImmediate(resolve));
  await route[Symbol.asyncDispose]();
  const outcomes = (await Promise.all(deliveries)).map((delivery) => told(only(delivery)));
  assert.equal(outcomes[0], "delayed in doubt 4.2 route.answer-lost message");
  for (const outcome of outcomes.slice(1)) assert.match(outcome, /^delayed 4\.[24] (network\.connection-lost|route\.unavailable) route$/);
});
