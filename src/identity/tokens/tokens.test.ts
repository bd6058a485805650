import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { once } from "node:events";
import { describe, test } from "node:test";
import { compactVerify } from "jose";
import { changeable } from "../../../test/support/readers.ts";
import { rsaCertificate } from "../../../test/support/rsa-certificate.ts";
import { aadsts, authorityTenant, scriptedAuthority, token } from "../../../test/support/scripted-authority.ts";
import { failing, minutes, scope, signal, tokenWorlds } from "../../../test/support/token-worlds.ts";
import { until } from "../../../test/support/until.ts";
import { TokenFailed } from "./token-source.ts";

const { open, place, withSecrets, authority: present } = tokenWorlds();

describe("client secret", () => {
  test("asks at the tenant's token endpoint as RFC 6749 §4.4 has it, and nowhere else", async () => {
    await using world = open(withSecrets(changeable("s3cret-value")));
    const { token: got, expiresAt } = await world.source.token(scope, signal);
    assert.equal(got, "token-1");
    assert.equal(expiresAt, world.time + minutes(60));
    assert.deepEqual(
      present().requests.map(({ path, form, headers }) => [
        path.split("?")[0],
        headers.host,
        form["grant_type"],
        form["client_id"],
        form["client_secret"],
        form["scope"],
      ]),
      [[`/${authorityTenant}/oauth2/v2.0/token`, "login.example", "client_credentials", place().clientId, "s3cret-value", scope]],
    );
  });

  test("is asked once however many wait, kept, and renewed 20 minutes before its end", async () => {
    await using world = open(withSecrets(changeable("s3cret-value")));
    let count = 0;
    present().answer = () => token(`token-${++count}`);
    const ask = async () => (await world.source.token(scope, signal)).token;
    assert.deepEqual(
      await Promise.all(Array.from({ length: 50 }, ask)),
      Array.from({ length: 50 }, () => "token-1"),
    );
    world.time += minutes(34);
    assert.equal(await ask(), "token-1");
    assert.equal(present().requests.length, 1);
    world.time += minutes(6.1);
    assert.equal(await ask(), "token-2");
    assert.equal(present().requests.length, 2);
  });

  test("is renewed in the background shortly before it is needed", async () => {
    await using world = open(withSecrets(changeable("s3cret-value")));
    await world.source.token(scope, signal);
    const gate = Promise.withResolvers<void>();
    present().answer = async () => {
      await gate.promise;
      return token("token-2");
    };
    world.time += minutes(38);
    assert.equal((await world.source.token(scope, signal)).token, "token-1");
    gate.resolve();
    await until("renewed", async () => (await world.source.token(scope, signal)).token === "token-2");
  });

  test("what is still good serves while renewing fails", async () => {
    await using world = open(withSecrets(changeable("s3cret-value")));
    await world.source.token(scope, signal);
    present().answer = () => ({ status: 503, body: {} });
    world.time += minutes(45);
    assert.equal((await world.source.token(scope, signal)).token, "token-1");
    world.time += minutes(14.5);
    assert.equal((await failing(world)).temporary, true);
  });

  test("one who leaves harms nobody else", async () => {
    await using world = open(withSecrets(changeable("s3cret-value")));
    const gate = Promise.withResolvers<void>();
    present().answer = async () => {
      await gate.promise;
      return token("token-1");
    };
    const leaving = new AbortController();
    const gone = world.source.token(scope, leaving.signal);
    const stays = world.source.token(scope, signal);
    await until("asked", () => present().requests.length === 1);
    leaving.abort(new Error("left"));
    await assert.rejects(gone, /left/);
    gate.resolve();
    assert.equal((await stays).token, "token-1");
    assert.equal(present().requests.length, 1);
  });

  test("a token that the service refused is not handed out again", async () => {
    await using world = open(withSecrets(changeable("s3cret-value")));
    let count = 0;
    present().answer = () => token(`token-${++count}`);
    world.source.reject(scope, (await world.source.token(scope, signal)).token);
    assert.equal((await world.source.token(scope, signal)).token, "token-2");
    world.source.reject(scope, "token-1");
    assert.equal((await world.source.token(scope, signal)).token, "token-2");
  });

  test("a wrong one is not hammered, its remedy is told, and itself it is told nowhere", async () => {
    await using world = open(withSecrets(changeable("very-wrong-value")));
    present().answer = ({ client_secret: secret }) => aadsts(7000215, "invalid_client", `You sent ${secret}`);
    const first = await failing(world);
    assert.equal(first.code, "AADSTS7000215");
    assert.match(first.message, /secret's value, not its id/);
    for (let i = 0; i < 20; i++) await failing(world);
    assert.equal(present().requests.length, 1);
    world.time += 30_001;
    await failing(world);
    world.time += 30_001;
    await failing(world);
    assert.equal(present().requests.length, 2, "the pause doubles");
    assert.equal(world.source.status().lastError?.code, "AADSTS7000215");
    assert.deepEqual(world.source.status().renewals, { done: 0, failed: 2 });
    assert.doesNotMatch(
      `${world.told.lines.join()} ${first.message} ${first.stack} ${JSON.stringify(world.source.status())}`,
      /very-wrong-value/,
    );
  });

  test("one that changed is used at once, without waiting for the pause", async () => {
    const secret = changeable("old-value");
    await using world = open(withSecrets(secret));
    present().answer = (form) => (form["client_secret"] === "new-value" ? token("token-2") : aadsts(7000222));
    assert.equal((await failing(world)).code, "AADSTS7000222");
    secret.set("new-value");
    assert.equal((await world.source.token(scope, signal)).token, "token-2");
  });

  test("old and new stand side by side: whichever works is used, and it is known which", async () => {
    await using world = open(
      withSecrets(changeable("old-value", "variable OLD", "2026-12-01"), changeable("new-value", "variable NEW", "2028-12-01")),
    );
    let good = "old-value";
    present().answer = (form) => (form["client_secret"] === good ? token(`by ${good}`) : aadsts(good === "old-value" ? 7000215 : 7000222));
    assert.equal((await world.source.token(scope, signal)).token, "by old-value");
    assert.deepEqual([world.source.status().worksWith, world.source.status().credentialExpiresAt], ["variable OLD", Date.UTC(2026, 11, 1)]);
    good = "new-value";
    world.time += minutes(50);
    assert.equal((await world.source.token(scope, signal)).token, "by new-value");
    assert.deepEqual([world.source.status().worksWith, world.source.status().credentialExpiresAt], ["variable NEW", Date.UTC(2028, 11, 1)]);
    assert.deepEqual(
      present().requests.map(({ form }) => form["client_secret"]),
      ["new-value", "old-value", "new-value"],
    );
    good = "neither";
    world.time += minutes(70);
    const failed = await failing(world);
    assert.match(failed.message, /None of its 2 credentials works \(variable NEW: AADSTS7000222; variable OLD: AADSTS7000222\)/);
  });

  test("a refusal that concerns no secret does not try the other", async () => {
    await using world = open(withSecrets(changeable("old-value"), changeable("new-value")));
    present().answer = () => aadsts(700016, "unauthorized_client");
    assert.match((await failing(world)).message, /does not know this application/);
    assert.equal(present().requests.length, 1);
  });

  test("503 with Retry-After is obeyed", async () => {
    await using world = open(withSecrets(changeable("s3cret-value")));
    present().answer = () => ({ status: 503, body: {}, headers: { "retry-after": "120" } });
    assert.deepEqual([(await failing(world)).code, (await failing(world)).temporary], ["http-503", true]);
    world.time += 119_000;
    await failing(world);
    assert.equal(present().requests.length, 1);
    present().answer = () => token("token-2");
    world.time += 2000;
    assert.equal((await world.source.token(scope, signal)).token, "token-2");
  });

  test("an answer that is none is a failure, not a token", async () => {
    for (const body of ["", {}, [], { access_token: 7 }, { access_token: "" }, { token_type: "Bearer", access_token: "x" }]) {
      await using world = open(withSecrets(changeable("s3cret-value")));
      present().answer = () => ({ status: 200, body });
      const [result] = await Promise.allSettled([world.source.token(scope, signal)]);
      if (result.status === "rejected") assert(result.reason instanceof TokenFailed, JSON.stringify(body));
      else assert(result.value.expiresAt <= world.time, "a token without an end is not kept");
    }
  });

  test("no secret at hand is told by its reference", async () => {
    await using world = open(withSecrets(changeable(null, "file /etc/postern/secret")));
    const { code, message } = await failing(world);
    assert.deepEqual([code, message], ["no-secret", "identity gateway: the file /etc/postern/secret is not set"]);
  });

  test("goes through the proxy", async () => {
    const asked: string[] = [];
    const proxy = createServer().on("connect", (request, client) => {
      asked.push(request.url ?? "");
      const server = connect(present().port, "127.0.0.1", () => {
        client.write("HTTP/1.1 200 Connection established\r\n\r\n");
        server.pipe(client).pipe(server);
      });
      for (const socket of [client, server]) socket.on("error", () => [client.destroy(), server.destroy()]);
    });
    proxy.listen(0, "127.0.0.1");
    await once(proxy, "listening");
    await using through = present().http({ proxy: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` });
    await using world = open(withSecrets(changeable("s3cret-value")), { http: through });
    assert.equal((await world.source.token(scope, signal)).token, "token-1");
    assert.deepEqual(asked, ["login.example:443"]);
    await through[Symbol.asyncDispose]();
    proxy.close();
  });

  test("an authority that nobody vouches for gets nothing", async () => {
    const { ca } = await scriptedAuthority().then(async (other) => (await other[Symbol.asyncDispose](), other));
    await using stranger = present().http({ ca });
    await using world = open(withSecrets(changeable("s3cret-value")), { http: stranger });
    assert.equal((await failing(world)).code, "unreachable");
    assert.equal(present().requests.length, 0);
  });
});

describe("client certificate", () => {
  test("signs an assertion that its certificate verifies; while renewed, old and new stand side by side", async () => {
    const old = await rsaCertificate("old");
    const fresh = await rsaCertificate("new");
    const registered = new Set([old]);
    present().answer = async (form) => {
      const assertion = form["client_assertion"] ?? "";
      for (const pair of registered) {
        const verified = await compactVerify(assertion, new X509Certificate(pair.cert).publicKey).catch(() => null);
        if (verified !== null) return token(pair === old ? "by old" : "by new");
      }
      return aadsts(700027);
    };
    const reader = (text: string, label: string) => changeable(text, label);
    await using world = open({
      ...place(),
      kind: "client-certificate",
      certificates: [
        { cert: reader(old.cert, "file old.pem"), key: reader(old.key, "file old.key") },
        { cert: reader(fresh.cert, "file new.pem"), key: reader(fresh.key, "file new.key") },
      ],
    });
    assert.equal((await world.source.token(scope, signal)).token, "by old");
    assert.equal(world.source.status().worksWith, "file old.pem");
    assert.equal(world.source.status().credentialExpiresAt, Date.parse(new X509Certificate(old.cert).validTo));
    registered.add(fresh);
    world.time += minutes(50);
    assert.equal((await world.source.token(scope, signal)).token, "by new");
    assert.doesNotMatch(world.told.lines.join(), /PRIVATE KEY|eyJ/);
  });

  test("a half-replaced pair is passed over", async () => {
    const old = await rsaCertificate("old");
    const fresh = await rsaCertificate("new");
    await using world = open({
      ...place(),
      kind: "client-certificate",
      certificates: [
        { cert: changeable(old.cert, "file old.pem"), key: changeable(old.key, "file old.key") },
        { cert: changeable(fresh.cert, "file new.pem"), key: changeable(old.key, "file new.key") },
      ],
    });
    await world.source.token(scope, signal);
    assert.equal(world.source.status().worksWith, "file old.pem");
  });
});
