import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { before, test } from "node:test";
import { createAuthority, createServerCertificate, type Certificate } from "../certificates.ts";
import { Dialer } from "../dial.ts";
import { systemResolver } from "../resolver.ts";
import { HttpClient } from "./http-client.ts";

const { signal } = new AbortController();
let authority: Certificate;
let certificate: Certificate;
before(async () => {
  authority = await createAuthority("test authority");
  certificate = await createServerCertificate(authority, ["login.example"]);
});

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

async function listening<S extends Server>(server: S): Promise<S & AsyncDisposable & { readonly place: { host: string; port: number } }> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    (server as unknown as { closeAllConnections?: () => void }).closeAllConnections?.();
    server.close();
    await once(server, "close");
  };
  return Object.assign(server, { place: { host: "127.0.0.1", port }, [Symbol.asyncDispose]: close });
}

const https = (handler: Handler) => listening(createHttpsServer(certificate, handler));
const asked = { timeoutMs: 10_000, maxBytes: 1000 };

function clientTo(
  place: { host: string; port: number } | null,
  options: { ca?: string; proxy?: string; allowPrivate?: boolean } = {},
): HttpClient {
  const map = new Map(place === null ? [] : [["login.example:443", place]]);
  return new HttpClient({ dialer: new Dialer(systemResolver, map), allowPrivate: false, ca: authority.cert, ...options });
}

test("asks the mapped place under the real name, and does not follow redirects", async () => {
  await using server = await https((request, response) => {
    let body = "";
    request.on("data", (piece: Buffer) => (body += piece.toString()));
    request.on("end", () =>
      response
        .writeHead(302, { Location: "https://127.0.0.1/", "X-Said": `${request.method} ${request.headers.host} ${body}` })
        .end("moved"),
    );
  });
  await using client = clientTo(server.place);
  const { status, headers, body } = await client.request(
    { method: "POST", url: "https://login.example/t/token", body: "a=b", ...asked },
    signal,
  );
  assert.deepEqual([status, headers["x-said"], body.toString()], [302, "POST login.example a=b", "moved"]);
});

test("a certificate of somebody else, or for another name, is refused", async () => {
  await using server = await https((_, response) => response.end("secret"));
  await using strangers = new HttpClient({
    dialer: new Dialer(systemResolver, new Map([["login.example:443", server.place]])),
    allowPrivate: false,
  });
  await assert.rejects(strangers.request({ url: "https://login.example/", ...asked }, signal), { name: "HttpFailed", reason: "tls" });
  await using client = new HttpClient({
    dialer: new Dialer(systemResolver, new Map([["other.example:443", server.place]])),
    allowPrivate: false,
    ca: authority.cert,
  });
  await assert.rejects(client.request({ url: "https://other.example/", ...asked }, signal), { name: "HttpFailed", reason: "tls" });
});

test("private addresses are refused unless allowed, for the request or in all", async () => {
  await using server = await listening(createHttpServer((_, response) => response.end("metadata")));
  const url = `http://127.0.0.1:${server.place.port}/`;
  await using client = clientTo(null);
  await assert.rejects(client.request({ url, ...asked }, signal), { name: "HttpFailed", reason: "connect" });
  assert.equal((await client.request({ url, ...asked, allowPrivate: true }, signal)).body.toString(), "metadata");
  // The connection that was allowed is not used for one that is not.
  await assert.rejects(client.request({ url, ...asked }, signal), { name: "HttpFailed", reason: "connect" });
});

test("too much, too late, and no HTTP at all", async () => {
  await using server = await https((request, response) => {
    if (request.url === "/endless") {
      const piece = "x".repeat(10_000);
      const write = () => void (response.writable && response.write(piece, write));
      write();
    } else if (request.url === "/slow") response.write("x");
  });
  await using client = clientTo(server.place);
  await assert.rejects(client.request({ url: "https://login.example/endless", ...asked }, signal), { reason: "too-large" });
  await assert.rejects(client.request({ url: "https://login.example/slow", ...asked, timeoutMs: 300 }, signal), { reason: "timeout" });
  await assert.rejects(client.request({ url: "https://login.example/silent", ...asked, timeoutMs: 300 }, signal), { reason: "timeout" });
  const leaving = new AbortController();
  const left = client.request({ url: "https://login.example/slow", ...asked }, leaving.signal);
  leaving.abort(new Error("gone"));
  await assert.rejects(left, /gone/);
});

test("goes through a proxy by CONNECT, with TLS to the end", async () => {
  await using server = await https((_, response) => response.end("through"));
  const tunnels: string[] = [];
  await using proxy = await listening(
    createHttpServer((_, response) => response.writeHead(405).end()).on("connect", (request: IncomingMessage, socket) => {
      tunnels.push(request.url ?? "");
      if (request.url !== "login.example:443") return void socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
      const onward = connect(server.place.port, "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
        socket.pipe(onward).pipe(socket);
      });
      onward.on("error", () => socket.destroy());
      socket.on("error", () => onward.destroy());
    }),
  );
  await using client = clientTo(null, { proxy: `http://127.0.0.1:${proxy.place.port}` });
  assert.equal((await client.request({ url: "https://login.example/", ...asked }, signal)).body.toString(), "through");
  await assert.rejects(client.request({ url: "https://elsewhere.example/", ...asked }, signal), (error: Error) =>
    /403 Forbidden/.test(error.message),
  );
  await assert.rejects(client.request({ url: "https://169.254.169.254/", ...asked }, signal), { reason: "connect" });
  assert.deepEqual(tunnels, ["login.example:443", "elsewhere.example:443"]);
});

test("a server that takes the connection and says nothing is given up in time, and the next question does not wait behind it", async () => {
  const working = createHttpsServer(certificate, (_request, response) => response.end("here"));
  const sockets = new Set<Socket>();
  let mute = true;
  await using server = await listening(
    createServer((socket) => {
      sockets.add(socket.on("error", () => undefined));
      if (mute) socket.resume();
      else working.emit("connection", socket);
    }),
  );
  await using client = clientTo(server.place);
  const ask = (timeoutMs: number, until = signal) => client.request({ url: "https://login.example/", ...asked, timeoutMs }, until);
  const start = performance.now();
  for (const wait of Array.from({ length: 20 }, () => ask(300))) await assert.rejects(wait, { name: "HttpFailed", reason: "timeout" });
  await assert.rejects(ask(10_000, AbortSignal.timeout(300)), { name: "TimeoutError" });
  mute = false;
  assert.equal((await ask(10_000)).body.toString(), "here");
  assert.ok(performance.now() - start < 5000, "deadlines hold while there is no connection");
  for (const socket of sockets) socket.destroy();
});
