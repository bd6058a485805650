/**
 * Entra hangs: mail for the routes that need a token waits, however much comes; the others do not notice, and memory does not grow with what
 * waits. When Entra answers again, all of it goes.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { createServer, type AddressInfo, connect, type Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { credentials } from "../../src/sandbox/credentials.ts";
import { postern } from "../support/cli.ts";
import { freePort } from "../support/free-port.ts";
import { GatewayProcess, type GatewayPlace } from "../support/gateway-process.ts";
import { openTestSandbox } from "../support/sandbox.ts";
import { SmtpDialog } from "../support/smtp-dialog.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/until.ts";

const { mailbox, tenantId, clientId, clientSecret } = credentials;

test("mail for a route waits while Entra hangs, and others go on", { timeout: 120_000, skip: process.platform !== "linux" }, async () => {
  await using sandbox = await openTestSandbox();
  await using entra = await hangingDoor(sandbox.port("api"));
  using folder = temporaryFolder();
  const place: GatewayPlace = {
    folder: folder.path,
    data: join(folder.path, "data"),
    config: join(folder.path, "postern.yaml"),
    port: await freePort(),
  };
  writeFileSync(join(folder.path, "ca.pem"), sandbox.ca);
  writeFileSync(join(folder.path, "secret"), clientSecret);
  const way = (room: string) => `host: localhost, port: ${sandbox.port(room)}, ca: { file: ca.pem }, allowPrivate: true`;
  writeFileSync(
    place.config,
    `hostname: gateway.contoso.example
postmaster: postmaster@contoso.example
listeners: [{ name: smtp, kind: relay, port: ${place.port} }]
networks: [{ name: loopback, addresses: [127.0.0.0/8], reversePaths: ["@contoso.example", "<>"] }]
http: { console: { enabled: false } }
network: { ca: { file: ca.pem }, allowPrivate: true }
tokenStore: { timeout: 2s }
services: { smtp-auth: { messages-per-minute: { value: 10000, reason: all that has waited is to go at once } } }
queue: { retry: { first: 1s, factor: 1, longest: 1s, jitter: 0 } }
identities:
  - { name: entra, kind: client-secret, authority: "https://localhost:${entra.port}", tenant: ${tenantId}, clientId: ${clientId}, secrets: [{ file: secret }] }
routes:
  - { name: token, kind: smtp-auth, ${way("smtp-auth")}, auth: { user: ${mailbox}, identity: entra } }
  - { name: plain, kind: smtp, ${way("internet-mx")} }
routing:
  acceptedDomains: [contoso.example]
  rules:
    - { name: token, when: { reversePaths: [${mailbox}] }, routes: [token] }
    - { name: rest, routes: [plain] }
`,
  );
  await using gateway = await GatewayProcess.ready(place);
  const { pid } = await gateway.control.get<{ readonly pid: number }>("/api/status");
  const residentMb = () => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;

  /** `count` messages over one connection. */
  async function send(from: string, count: number): Promise<void> {
    using dialog = await SmtpDialog.open(place.port);
    await dialog.reply();
    await dialog.say("EHLO test");
    const content = `From: <${from}>\r\nSubject: x\r\n\r\n${"x".repeat(70).concat("\r\n").repeat(400)}.`;
    for (let n = 0; n < count; n++) {
      for (const line of [`MAIL FROM:<${from}>`, `RCPT TO:<r${n}@fabrikam.example>`, "DATA"]) await dialog.say(line);
      assert.match(await dialog.say(content), /^250 /);
    }
  }
  const arrived = async (service: string) => (await sandbox.messages(`?service=${service}&limit=1000`)).length;

  await send(mailbox, 50);
  await until("Entra is asked", () => entra.open() > 0);
  const before = residentMb();
  await send(mailbox, 450);
  assert.equal(await arrived("smtp-auth"), 0);
  // Not one of them waits behind what has no token.
  const start = performance.now();
  await send("news@contoso.example", 50);
  await until("the others' mail has arrived", async () => (await arrived("internet-mx")) === 50, { everyMs: 50 });
  assert.ok(performance.now() - start < 10_000);
  assert.ok(entra.open() <= 8, `${entra.open()} connections to Entra`);
  await until("the route is known to be in trouble", () => /"route":"token".*"fact":"route-opened"/.test(gateway.log));
  const grownMb = residentMb() - before;
  // 13 MB wait: what is in memory of it is bounded by the dispatcher.
  assert.ok(grownMb < 80, `grown by ${grownMb.toFixed(0)} MB`);
  const { stdout } = await postern(["queue", "--count", "--data", place.data]);
  assert.equal(stdout, "500\n");

  entra.letThrough();
  const { code, stdout: probed } = await postern(["doctor", "token", "--data", place.data]);
  assert.equal(code, 0, probed);
  await postern(["queue", "retry", "--all", "--data", place.data]);
  await until("all of it has gone", async () => (await arrived("smtp-auth")) >= 500, { everyMs: 200, timeoutMs: 60_000 });
});

/** Takes connections and says nothing; after `letThrough` it leads to `port`. */
async function hangingDoor(port: number): Promise<AsyncDisposable & { readonly port: number; open(): number; letThrough(): void }> {
  const sockets = new Set<Socket>();
  let through = false;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket)).on("error", () => undefined);
    if (!through) return;
    const onward = connect(port, "127.0.0.1");
    onward.on("error", () => socket.destroy()).pipe(socket);
    socket.pipe(onward);
    socket.once("close", () => onward.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    open: () => sockets.size,
    letThrough: () => void (through = true),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
