import assert from "node:assert/strict";
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { get as getSecure } from "node:https";
import { connect } from "node:net";
import { test } from "node:test";
import { Refusal } from "../../mail/refusal.ts";
import { createAuthority, createServerCertificate } from "../../lib/certificates.ts";
import { until } from "../../../test/support/until.ts";
import { callerOf } from "./caller.ts";
import type { HttpDoorLog } from "./door-log.ts";
import type { HttpApi } from "./http-api.ts";
import { HttpDoor } from "./http-door.ts";
import type { HttpDoorOptions } from "./options.ts";
import { takeRawBodies } from "./raw-body.ts";

/** An API that tells what it got, and errors in a form of its own. */
class Echo implements HttpApi {
  readonly name = "echo";
  /** Requests to /wait stand until it is called. */
  goOn: () => void = () => undefined;
  waiting = 0;

  register(context: Parameters<HttpApi["register"]>[0], listener: string): void {
    takeRawBodies(context, "application/json");
    context.setErrorHandler<Error & { statusCode?: number }>((error, _request, reply) =>
      reply
        .code(error instanceof Refusal ? 503 : (error.statusCode ?? 500))
        .send({ mine: error instanceof Refusal ? error.failure.code : "x" }),
    );
    context.post("/echo::it", { bodyLimit: 1000 }, (asked) => ({
      body: (asked.body as Buffer).toString("latin1"),
      url: asked.raw.url,
      caller: callerOf(asked, listener),
    }));
    context.post("/wait", { bodyLimit: 1000 }, async () => {
      this.waiting++;
      await new Promise<void>((resolve) => (this.goOn = resolve));
      return {};
    });
  }
}

const echo = new Echo();

async function open(options: Partial<HttpDoorOptions["listeners"][number]> = {}, more: Partial<HttpDoorOptions> = {}) {
  const facts: string[] = [];
  const log = {
    listening: () => undefined,
    turnedAway: (_listener: string, _address: string, code: string) => void facts.push(code),
    fault: (_client: unknown, error: unknown) => void facts.push(String(error)),
  } as unknown as HttpDoorLog;
  const door = new HttpDoor({ listeners: [{ name: "api", address: "127.0.0.1", port: 0, ...options }], ...more }, { apis: [echo], log });
  await door.listen();
  const [at] = door.addresses();
  return { door, port: at?.port ?? 0, facts, [Symbol.asyncDispose]: () => door.close(0) };
}

async function post(port: number, path: string, body: string, headers: Record<string, string> = {}) {
  const outgoing = request({
    port,
    host: "127.0.0.1",
    path,
    method: "POST",
    agent: false,
    headers: { "content-type": "application/json", ...headers },
  });
  outgoing.end(body);
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  let text = "";
  for await (const piece of response.setEncoding("utf8")) text += String(piece);
  return { status: response.statusCode, headers: response.headers, json: JSON.parse(text) as Record<string, unknown> };
}

test("an API sees the bytes, the raw path and who asks; what is too large or of another kind it refuses in its own form", async () => {
  await using opened = await open();
  const { port } = opened;
  const good = await post(port, "/echo:it?a=%2f&b", '{ "a":1 }');
  assert.equal(good.status, 200);
  assert.deepEqual({ ...good.json, caller: null }, { body: '{ "a":1 }', url: "/echo:it?a=%2f&b", caller: null });
  assert.partialDeepStrictEqual(good.json["caller"], { listenerName: "api", address: "127.0.0.1", tls: "" });
  assert.equal(good.headers["cache-control"], "no-store");
  assert.deepEqual(await post(port, "/echo:it", "x".repeat(1001)).then(({ status, json }) => [status, json]), [413, { mine: "x" }]);
  assert.deepEqual(await post(port, "/echo:it", "a", { "content-type": "text/xml" }).then(({ status, json }) => [status, json]), [
    415,
    { mine: "x" },
  ]);
  assert.equal((await post(port, "/nothing", "{}")).status, 404);
  assert.deepEqual(opened.facts, []);
});

test("what requests hold together is bounded, and given back", async () => {
  await using opened = await open({}, { maxContentInMemory: 1000 });
  const first = post(opened.port, "/wait", "x".repeat(200));
  await until("the first request did not come", () => echo.waiting === 1);
  assert.deepEqual(await post(opened.port, "/echo:it", "x".repeat(200)).then(({ status, json }) => [status, json]), [
    503,
    { mine: "system.busy" },
  ]);
  echo.goOn();
  assert.equal((await first).status, 200);
  assert.equal((await post(opened.port, "/echo:it", "x".repeat(200))).status, 200);
});

test("connections are bounded by client, headers by size, and what is no HTTP is cut off", async () => {
  await using opened = await open({ maxConnectionsPerAddress: 1 });
  const first = connect(opened.port, "127.0.0.1");
  await once(first, "connect");
  const second = connect(opened.port, "127.0.0.1").on("error", () => undefined);
  await once(second, "close");
  assert.deepEqual(opened.facts, ["system.too-many-connections"]);
  first.write("EHLO printer\r\n\r\n");
  const [answer] = (await once(first, "data")) as [Buffer];
  assert.match(answer.toString(), /^HTTP\/1\.1 400 /);
  await once(first.resume(), "close");
  await until("the connections are still counted", () => opened.door.connectionsOf("api") === 0);
  assert.equal((await post(opened.port, "/echo:it", "a", { "x-long": "y".repeat(20_000) }).catch(() => ({ status: 431 }))).status, 431);
});

test("TLS, and another certificate while it runs", async () => {
  const authority = await createAuthority("test authority");
  const [before, after] = [
    await createServerCertificate(authority, ["localhost"]),
    await createServerCertificate(authority, ["localhost"]),
  ];
  await using opened = await open({ tls: before });
  const serial = async (): Promise<string> => {
    const outgoing = getSecure({ port: opened.port, host: "localhost", path: "/", ca: authority.cert, agent: false });
    const [response] = (await once(outgoing, "response")) as [IncomingMessage];
    response.resume();
    assert.equal(response.statusCode, 404);
    return (response.socket as import("node:tls").TLSSocket).getPeerCertificate().serialNumber;
  };
  const old = await serial();
  opened.door.useCertificate("api", after);
  assert.notEqual(await serial(), old);
});

test("a request under way is answered when the door closes; an idle connection does not hold it up", async () => {
  const opened = await open();
  const idle = connect(opened.port, "127.0.0.1");
  await once(idle, "connect");
  const count = echo.waiting;
  const last = post(opened.port, "/wait", "{}");
  await until("the request did not come", () => echo.waiting === count + 1);
  const start = performance.now();
  const closed = opened.door.close(10_000);
  echo.goOn();
  assert.equal((await last).status, 200);
  await closed;
  assert(performance.now() - start < 8000, "it waited for the idle connection");
  assert.deepEqual(opened.door.addresses(), []);
  idle.destroy();
});
