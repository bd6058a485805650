import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { request, type IncomingHttpHeaders } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { SmtpDialog } from "../../../test/support/smtp-dialog.ts";
import { openTestSandbox, type TestSandbox } from "../../../test/support/sandbox.ts";

/** Sends what fetch would mend or refuse to send. */
async function ask(
  { sandbox }: TestSandbox,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: string,
): Promise<{ status: number; headers: IncomingHttpHeaders; text: string }> {
  const outgoing = request({ host: "127.0.0.1", port: sandbox.uiPort, method, path, headers });
  outgoing.end(body);
  const [answer] = await once(outgoing, "response");
  return { status: answer.statusCode, headers: answer.headers, text: await text(answer) };
}

test("a foreign Host or Origin gets nothing", async () => {
  await using sandbox = await openTestSandbox();
  const own = `127.0.0.1:${sandbox.sandbox.uiPort}`;
  for (const host of [
    "evil.example",
    "evil.example:8026",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "10.0.0.1",
    "127.0.0.1@evil.example",
  ]) {
    const { status, text } = await ask(sandbox, "GET", "/api/messages", { host });
    assert.ok(status === 403 || status === 400, `${host}: ${status}`);
    if (status === 403) assert.equal(JSON.parse(text).error.code, "request.foreign-host");
  }
  for (const host of [own, "localhost:8026", "[::1]:8026", "postern.localhost", "127.0.0.2"])
    assert.equal((await ask(sandbox, "GET", "/api/messages", { host })).status, 200, host);
  for (const headers of [
    { origin: "http://evil.example" },
    { origin: "null" },
    { origin: "http://127.0.0.1:1" },
    { "sec-fetch-site": "cross-site" },
  ]) {
    for (const [method, path] of [
      ["POST", "/api/reset"],
      ["DELETE", "/api/messages"],
      ["POST", "/api/clock"],
    ] as const) {
      const { status, text } = await ask(sandbox, method, path, { host: own, ...headers });
      assert.equal(status, 403);
      assert.equal(JSON.parse(text).error.code, "request.foreign-origin");
    }
  }
  assert.equal((await ask(sandbox, "POST", "/api/reset", { host: own, origin: `http://${own}` })).status, 200);
});

test("ids cannot leave the folder", async () => {
  await using sandbox = await openTestSandbox();
  for (const id of [
    "../index.ndjson",
    "..%2f..%2fclock.json",
    "%2e%2e%2fclock",
    "index",
    "00000000000",
    "x".repeat(500),
    "..%5c..%5cx",
    "%00",
    "ZZZZZZZZZZZ",
  ]) {
    for (const path of [`/api/messages/${id}`, `/api/messages/${id}/raw`, `/messages/${id}`]) {
      const { status } = await ask(sandbox, "GET", path);
      assert.ok(status === 404 || status === 400 || status === 414, `${path}: ${status}`);
    }
  }
});

test("bodies are bounded and read strictly", async () => {
  await using sandbox = await openTestSandbox();
  const json = { "content-type": "application/json" };
  const huge = await ask(sandbox, "POST", "/api/clock", json, JSON.stringify({ advance: "1h".padEnd(100_000, "x") }));
  assert.equal(huge.status, 413);
  for (const body of ["{", "[]", "null", '"24h"', '{"advance":"24h","__proto__":{}}', '{"constructor":{"prototype":{}}}']) {
    const { status, text } = await ask(sandbox, "POST", "/api/clock", json, body);
    assert.equal(status, 400, body);
    assert.ok(JSON.parse(text).error.message.length > 10);
  }
  // curl -d and others name no JSON; a client without a body may name anything.
  assert.equal(
    (await ask(sandbox, "POST", "/api/clock", { "content-type": "application/x-www-form-urlencoded" }, '{"advance":"1h"}')).status,
    200,
  );
  assert.equal(
    (await ask(sandbox, "POST", "/api/reset", { "content-type": "application/x-www-form-urlencoded", "content-length": "0" })).status,
    200,
  );
  assert.equal((await ask(sandbox, "GET", "/api/nothing")).status, 404);
  assert.equal(JSON.parse((await ask(sandbox, "PATCH", "/api/messages")).text).error.code, "request.not-found");
});

test("hostile mail is shown as text", async () => {
  await using sandbox = await openTestSandbox();
  using dialog = await SmtpDialog.open(sandbox.port("tenant-mx"));
  await dialog.reply();
  await dialog.say("EHLO <img/src=x>");
  await dialog.say("HELO client.example");
  await dialog.say("MAIL FROM:<a@contoso.example>");
  await dialog.say('RCPT TO:<"<script>"@contoso.example>');
  await dialog.say("DATA");
  assert.match(
    await dialog.say("Subject: <script>alert(1)</script>\r\nMessage-ID: <a\r\n b> 250 forged\r\n\r\n</pre><script>alert(2)</script>\r\n."),
    /^250 2\.6\.0 <[\w-]+@[\w.-]+> /,
  );
  const [message] = (await sandbox.call("GET", "/api/messages")).body;
  for (const path of ["/", `/messages/${message.id}`, "/?to=%22%3E%3Cscript%3E"]) {
    const { status, text, headers } = await ask(sandbox, "GET", path);
    assert.equal(status, 200);
    assert.doesNotMatch(text, /<script/i);
    assert.match(String(headers["content-security-policy"]), /^default-src 'none';/);
  }
  const raw = await ask(sandbox, "GET", `/api/messages/${message.id}/raw`);
  assert.match(String(raw.headers["content-disposition"]), /^attachment/);
  assert.equal(raw.headers["x-content-type-options"], "nosniff");
});

test("the page's own style passes its policy", async () => {
  await using sandbox = await openTestSandbox();
  const { headers, text: page } = await ask(sandbox, "GET", "/", { host: `127.0.0.1:${sandbox.sandbox.uiPort}` });
  const style = /<style>([\s\S]*?)<\/style>/.exec(page)?.[1] ?? "";
  const hash = createHash("sha256").update(style).digest("base64");
  assert.ok(style.includes("table"));
  assert.ok(String(headers["content-security-policy"]).includes(`style-src 'sha256-${hash}'`));
});

test("followers are bounded, and a stray acknowledgement is refused", async () => {
  await using sandbox = await openTestSandbox();
  const streams = await Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      const socket = connect(sandbox.sandbox.uiPort, "127.0.0.1");
      socket.write(`GET /api/clock/follow?followerId=f${index} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      const [first] = await once(socket, "data");
      return { socket, status: Number(String(first).slice(9, 12)) };
    }),
  );
  assert.equal(streams.filter(({ status }) => status === 200).length, 16);
  assert.equal(streams.filter(({ status }) => status === 503).length, 4);
  for (const { socket } of streams) socket.destroy();
  const { status, body } = await sandbox.call("POST", "/api/clock/follow", { followerId: "nobody", seq: 1, nextDue: null });
  assert.equal(status, 409);
  assert.equal(body.error.code, "clock.unknown-follower");
});

test("the OpenAPI document describes every route", async () => {
  await using sandbox = await openTestSandbox();
  const { body } = await sandbox.call("GET", "/openapi.json");
  assert.match(body.openapi, /^3\.1\./);
  const operations = Object.entries<object>(body.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  );
  for (const operation of [
    "get /api/messages",
    "delete /api/messages",
    "get /api/messages/{id}",
    "get /api/messages/{id}/raw",
    "get /api/clock",
    "post /api/clock",
    "get /api/clock/follow",
    "post /api/clock/follow",
    "get /api/faults",
    "post /api/faults",
    "delete /api/faults",
    "delete /api/faults/{id}",
    "post /api/reset",
    "get /api/tenant",
    "get /livez",
    "get /readyz",
  ]) {
    assert.ok(operations.includes(operation), operation);
  }
  // What the service answers fits what the document says.
  const { Ajv2020 } = await import("ajv/dist/2020.js");
  const ajv = new Ajv2020({ strict: false, formats: { "date-time": true } });
  for (const path of ["/api/messages", "/api/clock", "/api/faults", "/api/tenant", "/livez"]) {
    const schema = body.paths[path].get.responses["200"].content["application/json"].schema;
    assert.equal(ajv.validate(schema, (await sandbox.call("GET", path)).body), true, path);
  }
});
