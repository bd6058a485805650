import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type AddressInfo, type Server } from "node:net";
import { test } from "node:test";
import { Dialer, type DialFailure, DialFailed, type DialTarget } from "./dial.ts";
import { isLoopbackAddress, isPrivateAddress } from "./private-address.ts";
import { NoSuchHost, type Resolver, systemResolver } from "./resolver.ts";

const never = new AbortController().signal;

async function listening(): Promise<Server & AsyncDisposable> {
  const server = createServer((socket) => socket.on("error", () => undefined).resume());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

/** A resolver with a table; what is not in it does not exist. */
function table(rows: Readonly<Record<string, readonly string[]>>): Resolver {
  return {
    addresses: (host) => (rows[host] === undefined ? Promise.reject(new NoSuchHost(host)) : Promise.resolve(rows[host])),
  };
}

async function dial(resolver: Resolver, target: Partial<DialTarget>, map?: ConstructorParameters<typeof Dialer>[1]) {
  const { socket, address } = await new Dialer(resolver, map).dial(
    { host: "mx.example", port: 25, allowPrivate: false, timeoutMs: 2000, ...target },
    never,
  );
  socket.destroy();
  return address;
}

function fails(reason: DialFailure) {
  return (error: unknown) => error instanceof DialFailed && error.reason === reason;
}

test("private addresses, in every spelling", () => {
  const inside = [
    "127.0.0.1",
    "127.255.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "255.255.255.255",
    "224.0.0.1",
    "168.63.129.16",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fd00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "0:0:0:0:0:ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::10.0.0.1",
    "2002:7f00:1::",
    "2001:db8::1",
    "::127.0.0.1",
  ];
  for (const address of inside) assert.equal(isPrivateAddress(address), true, address);
  const outside = [
    "8.8.8.8",
    "172.32.0.1",
    "172.15.0.1",
    "11.0.0.1",
    "52.101.0.1",
    "2a01:111:f403::1",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "100.128.0.1",
  ];
  for (const address of outside) assert.equal(isPrivateAddress(address), false, address);
  for (const address of ["127.0.0.1", "::1", "::ffff:127.0.0.1", "0:0:0:0:0:0:0:1"])
    assert.equal(isLoopbackAddress(address), true, address);
  for (const address of ["10.0.0.1", "::2", "::ffff:10.0.0.1"]) assert.equal(isLoopbackAddress(address), false, address);
});

test("a name that points inside is not connected to, unless allowed or mapped there", async () => {
  await using server = await listening();
  const port = portOf(server);
  const resolver = table({ "mx.example": ["127.0.0.1"], "127.0.0.1": ["127.0.0.1"] });
  let connections = 0;
  server.on("connection", () => connections++);
  await assert.rejects(dial(resolver, { port }), fails("blocked"));
  await assert.rejects(dial(systemResolver, { host: "127.0.0.1", port }), fails("blocked"));
  await assert.rejects(dial(systemResolver, { host: "localhost", port }), fails("blocked"));
  assert.equal(connections, 0);
  assert.equal(await dial(resolver, { port, allowPrivate: true }), "127.0.0.1");
  assert.equal(await dial(resolver, {}, new Map([["mx.example", { host: "127.0.0.1", port }]])), "127.0.0.1");
  assert.equal(
    await dial(resolver, { host: "MX.example", port: 587 }, new Map([["mx.example:587", { host: "127.0.0.1", port }]])),
    "127.0.0.1",
  );
});

test("the first address that answers; one that does not answer delays only a little", async () => {
  await using server = await listening();
  const port = portOf(server);
  // Nothing listens on 127.0.0.2; 240.0.0.1 never answers or is unreachable.
  assert.equal(await dial(table({ "mx.example": ["127.0.0.2", "127.0.0.1"] }), { port, allowPrivate: true }), "127.0.0.1");
  assert.equal(await dial(table({ "mx.example": ["240.0.0.1", "127.0.0.1"] }), { port, allowPrivate: true }), "127.0.0.1");
});

test("failures have a reason", async () => {
  const server = await listening();
  const port = portOf(server);
  await server[Symbol.asyncDispose]();
  await assert.rejects(dial(table({ "mx.example": ["127.0.0.1", "127.0.0.2"] }), { port, allowPrivate: true }), fails("connect"));
  await assert.rejects(dial(table({}), {}), fails("no-such-host"));
  await assert.rejects(dial({ addresses: () => Promise.reject(new Error("SERVFAIL")) }, {}), fails("lookup"));
  const { promise } = Promise.withResolvers<readonly string[]>();
  const stuck: Resolver = {
    addresses: (_, signal) =>
      Promise.race([
        promise,
        new Promise<never>((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error))),
      ]),
  };
  await assert.rejects(dial(stuck, { timeoutMs: 20 }), fails("timeout"));
});

test("the signal rejects with its reason", async () => {
  const abort = new AbortController();
  const target = { host: "mx.example", port: 25, allowPrivate: true, timeoutMs: 5000 };
  const dialling = new Dialer(table({ "mx.example": ["240.0.0.1"] })).dial(target, abort.signal);
  abort.abort(new Error("stop"));
  await assert.rejects(dialling, /stop/);
  await assert.rejects(new Dialer(systemResolver).dial({ ...target, host: "127.0.0.1" }, AbortSignal.abort(new Error("before"))), /before/);
});
