import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { openApiDoor, type ApiDoor, type ApiDoorOptions } from "../../../test/support/api-door.ts";
import { relayed, ScriptedRoute } from "../../../test/support/scripted-route.ts";
import { until } from "../../../test/support/until.ts";

const key = "SG.shop.0123456789abcdefghijklmnopqrstuvwxyz";
const otherKey = "SG.other.0123456789abcdefghijklmnopqrstuvwxyz";
const principals: ApiDoorOptions["principals"] = [
  { name: "shop", reversePaths: ["@contoso.example"], logins: [{ user: "apikey", key }] },
  { name: "other", reversePaths: ["@contoso.example"], logins: [{ user: "apikey", key: otherKey }] },
];

function bodyOf(changes: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    personalizations: [{ to: [{ email: "ann@fabrikam.example" }] }, { to: [{ email: "bob@fabrikam.example" }] }],
    from: { email: "shop@contoso.example" },
    subject: "Hello",
    content: [{ type: "text/plain", value: "Hello" }],
    ...changes,
  });
}

interface Asked {
  readonly body?: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  readonly path?: string;
}

async function ask({ baseUrl }: ApiDoor, { body = bodyOf(), headers = {}, path = "/v3/mail/send" }: Asked = {}) {
  const response = await fetch(`${baseUrl}${path}`, {
    method: "POST",
    body: typeof body === "string" ? body : new Uint8Array(body),
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers },
  });
  const text = await response.text();
  return {
    status: response.status,
    id: response.headers.get("x-message-id"),
    errors: text === "" ? null : (JSON.parse(text) as { errors?: unknown }).errors,
  };
}

async function open() {
  const route = new ScriptedRoute("next", () => relayed);
  const api = await openApiDoor({ routes: [route], principals });
  const relayedTo = async (): Promise<readonly string[]> => {
    await api.world.queue.dispatcher.atRest();
    return route.transactions.flatMap(({ recipients }) => recipients.map(({ address }) => address));
  };
  return { api, route, relayedTo, [Symbol.asyncDispose]: () => api[Symbol.asyncDispose]() };
}

suite("the SendGrid API over HTTP", { timeout: 60_000 }, () => {
  const unauthorized = [{ message: "The provided authorization grant is invalid, expired, or revoked", field: null, help: null }];
  const badRequest = [{ message: "Bad Request", field: null, help: null }];

  test("what is no request of its kind is refused in its form", async () => {
    await using world = await open();
    const { api } = world;
    for (const authorization of ["", "Basic YTpi", "Bearer ", `Bearer ${key} x`, `Bearer ${"x".repeat(600)}`])
      assert.deepEqual(await ask(api, { headers: { authorization } }), { status: 401, id: null, errors: unauthorized }, authorization);
    for (const body of ["", "{", "[]", "null", "1", Buffer.from([0x22, 0xff, 0x22])])
      assert.deepEqual(await ask(api, { body }), { status: 400, id: null, errors: badRequest }, String(body));
    assert.equal((await ask(api, { headers: { "content-type": "text/plain" } })).status, 415);
    assert.equal((await ask(api, { headers: { "content-encoding": "gzip" } })).status, 415);
    assert.equal((await ask(api, { path: "/v3/mail/batch" })).status, 404);
    assert.deepEqual(await world.relayedTo(), []);
    assert.ok(!api.facts.some((fact) => fact.startsWith("fault")), api.facts.join("\n"));
  });

  test("whoever guesses keys waits, and is locked out; who has used a key from there is not", async () => {
    const perMs = 60_000;
    const lockOutLimits = { perPair: { failures: 3, perMs }, perAddress: { failures: 20, perMs }, firstDelayMs: 100, maxDelayMs: 200 };
    await using api = await openApiDoor({ routes: [new ScriptedRoute("next", () => relayed)], principals, lockOutLimits });
    assert.equal((await ask(api)).status, 202);
    const guess = async (n: number) => ask(api, { headers: { authorization: `Bearer SG.guess-number-${n}` } });
    const begun = performance.now();
    for (let n = 0; n < 3; n++) assert.deepEqual(await guess(n), { status: 401, id: null, errors: unauthorized });
    assert.ok(performance.now() - begun >= 250, "it took no time");
    assert.equal((await guess(3)).status, 429);
    assert.equal((await ask(api, { headers: { authorization: `Bearer ${otherKey}` } })).status, 429);
    assert.equal((await ask(api)).status, 202);
  });

  test("a Message-ID and a Date of the application's own go out; a Message-ID that is none does not", async () => {
    await using world = await open();
    const headers = { "message-id": "<order-7@shop.contoso.example>", Date: "Thu, 26 Nov 2026 10:00:00 +0000" };
    assert.equal((await ask(world.api, { body: bodyOf({ headers }) })).status, 202);
    await world.relayedTo();
    const pieces: Uint8Array[] = [];
    for await (const piece of world.route.transactions[0]?.content.stream() ?? []) pieces.push(piece);
    const text = Buffer.concat(pieces).toString();
    assert.deepEqual(
      text.match(/^(?:message-id|date): .*$/gim)?.map((line) => line.toLowerCase()),
      ["message-id: <order-7@shop.contoso.example>", "date: thu, 26 nov 2026 10:00:00 +0000"],
    );
    assert.equal((await ask(world.api, { body: bodyOf({ headers: { "Message-ID": "order-7" } }) })).status, 400);
  });

  test("Idempotency-Key: the same request twice, at once or later, is sent once; another one under its key is refused", async () => {
    await using world = await open();
    const { api } = world;
    const headers = { "idempotency-key": "order-7" };
    const [one, two] = await Promise.all([ask(api, { headers }), ask(api, { headers })]);
    assert.deepEqual([one.status, two.status], [202, 202]);
    assert.equal(one.id, two.id);
    assert.deepEqual(await world.relayedTo(), ["ann@fabrikam.example", "bob@fabrikam.example"]);
    // Finished by now.
    assert.deepEqual(await ask(api, { headers }), one);
    assert.equal((await ask(api, { headers, body: bodyOf({ subject: "Another" }) })).status, 422);
    // Somebody else's key is another one, and so is the same after a day.
    assert.equal((await ask(api, { headers: { ...headers, authorization: `Bearer ${otherKey}` } })).status, 202);
    assert.equal((await world.relayedTo()).length, 4);
    await api.world.advance(25 * 3_600_000);
    const later = await ask(api, { headers });
    assert.equal(later.status, 202);
    assert.notEqual(later.id, one.id);
    for (const wrong of ["a b", "x".repeat(256)]) assert.equal((await ask(api, { headers: { "idempotency-key": wrong } })).status, 400);
    assert.equal((await ask(api, { headers, body: bodyOf({ headers: { "Message-ID": "<a@b>" } }) })).status, 400);
  });

  test("Idempotency-Key: what was refused may come again, mended", async () => {
    await using world = await open();
    const headers = { "idempotency-key": "order-8" };
    assert.equal((await ask(world.api, { headers, body: bodyOf({ from: { email: "a@fabrikam.example" } }) })).status, 403);
    assert.equal((await ask(world.api, { headers })).status, 202);
  });

  test("memory that many messages need is refused with 503 while others have it, and comes back", async () => {
    const route = new ScriptedRoute("next", () => relayed);
    // Room for one request's own size, not for what it makes of itself.
    await using api = await openApiDoor({ routes: [route], principals, maxContentInMemory: 200_000 });
    const personalizations = Array.from({ length: 20 }, (_, n) => ({ to: [{ email: `p${n}@fabrikam.example` }] }));
    const content = [{ type: "text/plain", value: "x".repeat(20_000) }];
    assert.equal((await ask(api, { body: bodyOf({ personalizations, content }) })).status, 503);
    assert.equal((await ask(api, { body: bodyOf({ content }) })).status, 202);
    await until("both have left", () => route.transactions.length === 2);
  });
});
