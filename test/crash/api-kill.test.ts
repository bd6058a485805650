/**
 * kill -9 while an application sends by the SendGrid API. What is proven: every message of a request that was answered 202 is there after any
 * crash, under the id that the answer gave; of a request whose answer was lost all messages are there, or none. Sent again under its
 * Idempotency-Key, each request is there once.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { freePort } from "../support/free-port.ts";
import { GatewayProcess, type GatewayPlace } from "../support/gateway-process.ts";
import type { QueueListView } from "../../src/admin/contract.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const key = "SG.shop.0123456789abcdefghijklmnopqrstuvwxyz";
const rounds = 3;
const clients = 4;
/** Of one request. */
const messages = 3;

test("kill -9 after 202: all that was promised is there, and requests are whole", { timeout: 120_000 }, async () => {
  using folder = temporaryFolder();
  const port = await freePort();
  const place = await prepare(folder.path, port);
  const promised = new Map<string, string>();
  let sent = 0;
  let lost = 0;
  for (let round = 0; round < rounds; round++) {
    await using gateway = await GatewayProcess.ready(place);
    let left = 3 + round * 4;
    await Promise.all(
      Array.from({ length: clients }, async () => {
        for (let n = 0; n < 40 && gateway.exit === null; n++) {
          const subject = `request ${++sent}`;
          const id = await send(port, subject);
          if (id === null) lost++;
          else promised.set(subject, id);
          // With a yes just heard, while other requests are on their way.
          if (id !== null && --left === 0) await gateway.kill();
        }
      }),
    );
  }
  assert.ok(lost > 0, "no answer was ever lost: nothing was proven");
  await using gateway = await GatewayProcess.ready(place);
  const found = new Map<string, string[]>();
  for (const { id, subject } of await waiting(gateway)) found.set(subject, [...(found.get(subject) ?? []), id]);
  for (const [subject, id] of promised) assert.ok(found.get(subject)?.includes(id), `${subject} was answered 202 with ${id}`);
  for (const [subject, ids] of found) assert.equal(ids.length, messages, `${subject} is there in parts`);
  for (const [subject, id] of promised) assert.equal(await send(port, subject), id, "the answer is the same");
  for (let n = 1; n <= sent; n++) assert.notEqual(await send(port, `request ${n}`), null);
  assert.equal((await waiting(gateway)).length, sent * messages);
  await gateway.stop();
});

async function waiting(gateway: GatewayProcess): Promise<QueueListView["messages"]> {
  const all: QueueListView["messages"] = [];
  for (let after = ""; ;) {
    const page = await gateway.control.get<QueueListView>(`/api/queue?limit=100${after === "" ? "" : `&after=${after}`}`);
    all.push(...page.messages);
    if (page.next === undefined) return all;
    after = page.next;
  }
}

/** The id of the first message; null: no answer came. */
async function send(port: number, subject: string): Promise<string | null> {
  const body = JSON.stringify({
    from: { email: "shop@contoso.example" },
    subject,
    content: [{ type: "text/plain", value: "x".repeat(20_000) }],
    personalizations: Array.from({ length: messages }, (_, n) => ({ to: [{ email: `p${n}@fabrikam.example` }] })),
  });
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json", "idempotency-key": subject.replace(" ", "-") };
  const response = await fetch(`http://127.0.0.1:${port}/v3/mail/send`, { method: "POST", headers, body }).catch(() => null);
  if (response === null) return null;
  assert.equal(response.status, 202, await response.text());
  return response.headers.get("x-message-id");
}

async function prepare(folder: string, port: number): Promise<GatewayPlace> {
  const place = { folder, data: join(folder, "data"), config: join(folder, "postern.yaml"), port };
  writeFileSync(join(folder, "shop-key"), key, { mode: 0o600 });
  writeFileSync(
    place.config,
    `hostname: gateway.contoso.example
postmaster: postmaster@contoso.example
listeners: [{ name: smtp, kind: relay, port: ${await freePort()} }]
principals: [{ name: shop, reversePaths: ["@contoso.example"], logins: [{ user: apikey, key: { file: shop-key } }] }]
routes: [{ name: next, kind: smtp, host: 127.0.0.1, port: ${await freePort()}, allowPrivate: true, tls: none, paused: true }]
routing: { acceptedDomains: [contoso.example], rules: [{ name: all, routes: [next] }] }
queue: { freeSpaceReserve: 1MB }
http: { console: { port: ${await freePort()} }, listeners: [{ name: api, port: ${port} }] }
`,
  );
  return place;
}
