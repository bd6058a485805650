/**
 * kill -9 while mail comes back. What is proven: a report that was answered 250 is in the story of its message and has told the sender after
 * any crash; one whose answer was lost, and which comes again, is recorded and told once all the same.
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { DnsServer } from "../support/dns-server.ts";
import { startForeignSmtpServer } from "../support/foreign-smtp-server.ts";
import { freePort } from "../support/free-port.ts";
import { GatewayProcess, type GatewayPlace } from "../support/gateway-process.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { SmtpDialog } from "../support/smtp-dialog.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/until.ts";

const messages = 60;
const rounds = 4;
const sessions = 4;

interface Sent {
  readonly id: string;
  readonly to: string;
  /** Where it left from. */
  readonly bounceAddress: string;
}

test("kill -9 while reports come in: each is told, and told once", { timeout: 120_000 }, async (t) => {
  const seed = Date.now() % 1_000_000;
  const random = seededRandom(seed);
  using folder = temporaryFolder();
  await using outside = await startForeignSmtpServer();
  await using dns = await DnsServer.withZone({ "fabrikam.example MX": [{ preference: 10, exchange: "mx.fabrikam.example" }] });
  const bouncePort = await freePort();
  const place = await prepare(folder.path, { outside: outside.port, dns: dns.port, bouncePort });
  const sent = await sendAll(place, outside.envelopes);

  const waiting = new Map(sent.map((one) => [one.id, one]));
  const answered = new Set<string>();
  let repeated = 0;
  const tried = new Set<string>();
  for (let round = 0; waiting.size > 0; round++) {
    await using gateway = await GatewayProcess.ready(place);
    for (const id of answered) assert.deepEqual(await eventsOf(gateway, id), ["bounced", "dsn-sent"], `${id} was answered 250`);
    // With a yes just heard, when others are on their way: a yes that came too early would be a lie now.
    let left = round < rounds ? 1 + Math.floor(random() * 8) : Infinity;
    const queue = [...waiting.values()];
    await Promise.all(
      Array.from({ length: sessions }, async () => {
        for (let one = queue.shift(); one !== undefined && gateway.exit === null; one = queue.shift()) {
          if (tried.has(one.id)) repeated++;
          tried.add(one.id);
          if (!(await handBack(bouncePort, one))) continue;
          answered.add(one.id);
          waiting.delete(one.id);
          if (--left === 0) await gateway.kill();
        }
      }),
    );
    if (left === Infinity) assert.equal(waiting.size, 0, "without a crash every report is taken");
  }
  t.diagnostic(`seed ${seed}: ${repeated} reports came again`);
  assert.ok(repeated > 0, "no answer was ever lost: nothing was proven");

  await using gateway = await GatewayProcess.ready(place);
  // An answer that was lost on its way may have been a yes: all of them come once more.
  for (const one of sent) assert.ok(await handBack(bouncePort, one));
  await until("every notification has left", () => notifications(folder.path).size >= messages, { timeoutMs: 20_000 });
  const told = notifications(folder.path);
  for (const { id } of sent) {
    assert.deepEqual(await eventsOf(gateway, id), ["bounced", "dsn-sent"], `events of ${id}`);
    // The same notification may be relayed twice after a crash, as any message may; two of them may not be made.
    assert.equal(told.get(id)?.size, 1, `notifications about ${id}`);
  }
  assert.equal(answered.size, messages);
  await gateway.stop();
});

async function eventsOf(gateway: GatewayProcess, id: string): Promise<readonly string[]> {
  const { events } = await gateway.control.get<{ events: { what: string }[] }>(`/api/messages/${id}`);
  return events.map(({ what }) => what);
}

/** Message-IDs of notifications, by the message that they are about. */
function notifications(folder: string): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  const internal = join(folder, "internal");
  if (!existsSync(internal)) return found;
  for (const name of readdirSync(internal)) {
    if (!name.endsWith(".eml")) continue;
    const content = readFileSync(join(internal, name), "latin1");
    const about = /^X-Postern-Queue-ID: (\w+)/m.exec(content)?.[1] ?? "";
    const id = /^Message-ID: (\S+)/m.exec(content)?.[1] ?? "";
    found.set(about, (found.get(about) ?? new Set()).add(id));
  }
  return found;
}

async function prepare(
  folder: string,
  { outside, dns, bouncePort }: { readonly outside: number; readonly dns: number; readonly bouncePort: number },
): Promise<GatewayPlace> {
  const place = { folder, data: join(folder, "data"), config: join(folder, "postern.yaml"), port: await freePort() };
  writeFileSync(
    place.config,
    `hostname: gateway.contoso.example
postmaster: postmaster@contoso.example
listeners:
  - { name: smtp, kind: relay, port: ${place.port} }
  - { name: bounces, kind: bounce, port: ${bouncePort}, rate: { messages: 100000, per: 1m } }
networks: [{ name: loopback, addresses: [127.0.0.0/8], reversePaths: ["@contoso.example"] }]
network: { dns: { servers: ["127.0.0.1:${dns}"] }, hosts: { "mx.fabrikam.example:25": "127.0.0.1:${outside}" } }
domains: [{ name: contoso.example, bounces: { domain: bounce.contoso.example } }]
routes: [{ name: direct, kind: mx, mtaSts: false }, { name: internal, kind: sink, folder: internal }]
routing:
  acceptedDomains: [contoso.example]
  rules: [{ name: internal, when: { class: internal }, routes: [internal] }, { name: rest, routes: [direct] }]
queue: { freeSpaceReserve: 1MB }
http: { console: { port: ${await freePort()} } }
`,
  );
  return place;
}

/** Sends them all and waits until the outside world has each. */
async function sendAll(
  place: GatewayPlace,
  envelopes: readonly { readonly from: string; readonly to: readonly string[] }[],
): Promise<readonly Sent[]> {
  await using gateway = await GatewayProcess.ready(place);
  using dialog = await SmtpDialog.open(place.port);
  await dialog.reply();
  await dialog.say("EHLO app.contoso.example");
  const ids = new Map<string, string>();
  for (let n = 0; n < messages; n++) {
    await dialog.say("MAIL FROM:<app@contoso.example>");
    await dialog.say(`RCPT TO:<r${n}@fabrikam.example>`);
    await dialog.say("DATA");
    const reply = await dialog.say(`From: app@contoso.example\r\nSubject: ${n}\r\n\r\nx\r\n.`);
    ids.set(`r${n}@fabrikam.example`, /queued as (\w+)/.exec(reply)?.[1] ?? assert.fail(reply));
  }
  await until("all have left", () => envelopes.length >= messages, { timeoutMs: 20_000 });
  await until(
    "and that is written down",
    async () => (await gateway.control.get<{ totals: { relayed: number } }>("/api/status")).totals.relayed === messages,
  );
  await gateway.stop();
  return envelopes.map(({ from, to: [to = ""] }) => ({ id: ids.get(to) ?? assert.fail(to), to, bounceAddress: from }));
}

/** Whether the report was answered 250. */
async function handBack(port: number, { to, bounceAddress }: Sent): Promise<boolean> {
  try {
    using dialog = await SmtpDialog.open(port);
    dialog.socket.on("error", () => undefined);
    await dialog.reply();
    const report = [
      "Content-Type: multipart/report; report-type=delivery-status; boundary=b",
      "",
      "--b",
      "Content-Type: message/delivery-status",
      "",
      "Reporting-MTA: dns; mx.fabrikam.example",
      "",
      `Final-Recipient: rfc822; ${to}`,
      "Action: failed",
      "Status: 5.1.1",
      "--b--",
    ];
    for (const line of ["EHLO mx.fabrikam.example", "MAIL FROM:<>", `RCPT TO:<${bounceAddress}>`, "DATA"])
      if (!/^[23]/.test(await dialog.say(line))) return false;
    return (await dialog.say(`${report.join("\r\n")}\r\n.`)).startsWith("250 ");
  } catch {
    return false;
  }
}
