import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { compactVerify } from "jose";
import { changeable } from "../../../test/support/readers.ts";
import { aadsts, authorityTenant, scriptedAuthority, token, type ScriptedAuthority } from "../../../test/support/scripted-authority.ts";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { until } from "../../../test/support/until.ts";
import type { HttpClient } from "../../lib/http/http-client.ts";
import type { CachedSource, TokenLog } from "./cached-source.ts";
import { openTokenSources } from "./open-token-sources.ts";
import type { TokenIdentityOptions } from "./options.ts";
import { RefreshTokenStore } from "./refresh-token-store.ts";
import { TokenFailed } from "./token-source.ts";
import { watchExpiry } from "./watch-expiry.ts";
import { rsaCertificate } from "../../../test/support/rsa-certificate.ts";

const scope = "https://outlook.office365.com/.default";
const { signal } = new AbortController();
let authority: ScriptedAuthority;
let http: HttpClient;
before(async () => {
  authority = await scriptedAuthority();
  http = authority.http();
});
after(async () => {
  await http[Symbol.asyncDispose]();
  await authority[Symbol.asyncDispose]();
});
beforeEach(() => {
  (authority.requests as unknown[]).length = 0;
  authority.answer = () => token("token-1");
});

/** What the identities told, as lines. */
class Told implements TokenLog {
  readonly lines: string[] = [];
  tokenRenewed(...facts: unknown[]): void {
    this.lines.push(`renewed ${JSON.stringify(facts)}`);
  }
  tokenFailed(...facts: unknown[]): void {
    this.lines.push(`failed ${JSON.stringify(facts)}`);
  }
  credentialExpires(...facts: unknown[]): void {
    this.lines.push(`expires ${JSON.stringify(facts)}`);
  }
  fault(where: string, error: unknown): void {
    this.lines.push(`fault ${where} ${String(error)} ${String((error as Error).stack)}`);
  }
}

interface World extends AsyncDisposable {
  readonly source: CachedSource;
  readonly told: Told;
  readonly store: RefreshTokenStore;
  readonly folder: string;
  time: number;
}

const key = changeable("0123456789abcdef0123456789abcdef", "variable KEY");

function open(
  identity: TokenIdentityOptions,
  options: { readonly http?: HttpClient; readonly env?: Readonly<Record<string, string>> } = {},
): World {
  const told = new Told();
  const folder = temporaryFolder();
  const sources = openTokenSources(
    { identities: [identity], tokenStore: { key, timeoutMs: 10_000 } },
    {
      dataDirectory: folder.path,
      http: () => options.http ?? http,
      now: () => world.time,
      log: told,
      env: (name) => options.env?.[name],
      random: () => 0.5,
    },
  );
  const source = sources.get(identity.name);
  assert(source !== undefined);
  const world: World = {
    source,
    told,
    store: new RefreshTokenStore(folder.path, key),
    folder: folder.path,
    time: Date.UTC(2026, 10, 21),
    async [Symbol.asyncDispose]() {
      await source[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
  return world;
}

const place = () => ({
  name: "gateway",
  authority: authority.url,
  tenant: authorityTenant,
  clientId: "22222222-0000-4000-8000-000000000002",
});
const withSecrets = (...secrets: ReturnType<typeof changeable>[]): TokenIdentityOptions => ({ ...place(), kind: "client-secret", secrets });
const minutes = (count: number) => count * 60_000;
const failing = async (world: World): Promise<TokenFailed> => {
  const [result] = await Promise.allSettled([world.source.token(scope, signal)]);
  assert(result.status === "rejected" && result.reason instanceof TokenFailed, "should have failed");
  return result.reason;
};

describe("client secret", () => {
  test("asks at the tenant's token endpoint as RFC 6749 §4.4 has it, and nowhere else", async () => {
    await using world = open(withSecrets(changeable("s3cret-value")));
    const { token: got, expiresAt } = await world.source.token(scope, signal);
    assert.equal(got, "token-1");
    assert.equal(expiresAt, world.time + minutes(60));
    assert.deepEqual(
      authority.requests.map(({ path, form, headers }) => [
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
    authority.answer = () => token(`token-${++count}`);
    const ask = async () => (await world.source.token(scope, signal)).token;
    assert.deepEqual(await Promise.all(Array.from({ length: 50 }, ask)), Array(50).fill("token-1"));
    world.time += minutes(34);
    assert.equal(await ask(), "token-1");
    assert.equal(authority.requests.length, 1);
    world.time += minutes(6.1);
    assert.equal(await ask(), "token-2");
    assert.equal(authority.requests.length, 2);
  });

  test("is renewed in the background shortly before it is needed", async () => {
    await using world = open(withSecrets(changeable("s3cret-value")));
    await world.source.token(scope, signal);
    const gate = Promise.withResolvers<void>();
    authority.answer = async () => {
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
    authority.answer = () => ({ status: 503, body: {} });
    world.time += minutes(45);
    assert.equal((await world.source.token(scope, signal)).token, "token-1");
    world.time += minutes(14.5);
    assert.equal((await failing(world)).temporary, true);
  });

  test("one who leaves harms nobody else", async () => {
    await using world = open(withSecrets(changeable("s3cret-value")));
    const gate = Promise.withResolvers<void>();
    authority.answer = async () => {
      await gate.promise;
      return token("token-1");
    };
    const leaving = new AbortController();
    const gone = world.source.token(scope, leaving.signal);
    const stays = world.source.token(scope, signal);
    await until("asked", () => authority.requests.length === 1);
    leaving.abort(new Error("left"));
    await assert.rejects(gone, /left/);
    gate.resolve();
    assert.equal((await stays).token, "token-1");
    assert.equal(authority.requests.length, 1);
  });

  test("a token that the service refused is not handed out again", async () => {
    await using world = open(withSecrets(changeable("s3cret-value")));
    let count = 0;
    authority.answer = () => token(`token-${++count}`);
    world.source.reject(scope, (await world.source.token(scope, signal)).token);
    assert.equal((await world.source.token(scope, signal)).token, "token-2");
    world.source.reject(scope, "token-1");
    assert.equal((await world.source.token(scope, signal)).token, "token-2");
  });

  test("a wrong one is not hammered, its remedy is told, and itself it is told nowhere", async () => {
    await using world = open(withSecrets(changeable("very-wrong-value")));
    authority.answer = ({ client_secret: secret }) => aadsts(7000215, "invalid_client", `You sent ${secret}`);
    const first = await failing(world);
    assert.equal(first.code, "AADSTS7000215");
    assert.match(first.message, /secret's value, not its id/);
    for (let i = 0; i < 20; i++) await failing(world);
    assert.equal(authority.requests.length, 1);
    world.time += 30_001;
    await failing(world);
    world.time += 30_001;
    await failing(world);
    assert.equal(authority.requests.length, 2, "the pause doubles");
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
    authority.answer = (form) => (form["client_secret"] === "new-value" ? token("token-2") : aadsts(7000222));
    assert.equal((await failing(world)).code, "AADSTS7000222");
    secret.set("new-value");
    assert.equal((await world.source.token(scope, signal)).token, "token-2");
  });

  test("old and new stand side by side: whichever works is used, and it is known which", async () => {
    await using world = open(
      withSecrets(changeable("old-value", "variable OLD", "2026-12-01"), changeable("new-value", "variable NEW", "2028-12-01")),
    );
    let good = "old-value";
    authority.answer = (form) => (form["client_secret"] === good ? token(`by ${good}`) : aadsts(good === "old-value" ? 7000215 : 7000222));
    assert.equal((await world.source.token(scope, signal)).token, "by old-value");
    assert.deepEqual([world.source.status().worksWith, world.source.status().credentialExpiresAt], ["variable OLD", Date.UTC(2026, 11, 1)]);
    good = "new-value";
    world.time += minutes(50);
    assert.equal((await world.source.token(scope, signal)).token, "by new-value");
    assert.deepEqual([world.source.status().worksWith, world.source.status().credentialExpiresAt], ["variable NEW", Date.UTC(2028, 11, 1)]);
    assert.deepEqual(
      authority.requests.map(({ form }) => form["client_secret"]),
      ["new-value", "old-value", "new-value"],
    );
    good = "neither";
    world.time += minutes(70);
    const failed = await failing(world);
    assert.match(failed.message, /None of its 2 credentials works \(variable NEW: AADSTS7000222; variable OLD: AADSTS7000222\)/);
  });

  test("a refusal that concerns no secret does not try the other", async () => {
    await using world = open(withSecrets(changeable("old-value"), changeable("new-value")));
    authority.answer = () => aadsts(700016, "unauthorized_client");
    assert.match((await failing(world)).message, /does not know this application/);
    assert.equal(authority.requests.length, 1);
  });

  test("503 with Retry-After is obeyed", async () => {
    await using world = open(withSecrets(changeable("s3cret-value")));
    authority.answer = () => ({ status: 503, body: {}, headers: { "retry-after": "120" } });
    assert.deepEqual([(await failing(world)).code, (await failing(world)).temporary], ["http-503", true]);
    world.time += 119_000;
    await failing(world);
    assert.equal(authority.requests.length, 1);
    authority.answer = () => token("token-2");
    world.time += 2000;
    assert.equal((await world.source.token(scope, signal)).token, "token-2");
  });

  test("an answer that is none is a failure, not a token", async () => {
    for (const body of ["", {}, [], { access_token: 7 }, { access_token: "" }, { token_type: "Bearer", access_token: "x" }]) {
      await using world = open(withSecrets(changeable("s3cret-value")));
      authority.answer = () => ({ status: 200, body });
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
      const server = connect(authority.port, "127.0.0.1", () => {
        client.write("HTTP/1.1 200 Connection established\r\n\r\n");
        server.pipe(client).pipe(server);
      });
      for (const socket of [client, server]) socket.on("error", () => [client.destroy(), server.destroy()]);
    });
    proxy.listen(0, "127.0.0.1");
    await once(proxy, "listening");
    await using through = authority.http({ proxy: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` });
    await using world = open(withSecrets(changeable("s3cret-value")), { http: through });
    assert.equal((await world.source.token(scope, signal)).token, "token-1");
    assert.deepEqual(asked, ["login.example:443"]);
    await through[Symbol.asyncDispose]();
    proxy.close();
  });

  test("an authority that nobody vouches for gets nothing", async () => {
    const { ca } = await scriptedAuthority().then(async (other) => (await other[Symbol.asyncDispose](), other));
    await using stranger = authority.http({ ca });
    await using world = open(withSecrets(changeable("s3cret-value")), { http: stranger });
    assert.equal((await failing(world)).code, "unreachable");
    assert.equal(authority.requests.length, 0);
  });
});

describe("client certificate", () => {
  test("signs an assertion that its certificate verifies; while renewed, old and new stand side by side", async () => {
    const old = await rsaCertificate("old");
    const fresh = await rsaCertificate("new");
    const registered = new Set([old]);
    authority.answer = async (form) => {
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

describe("managed identity", () => {
  interface Asked {
    readonly url: URL;
    readonly metadata: unknown;
    readonly header: unknown;
  }
  async function endpoint(answer: {
    status: number;
    body: unknown;
  }): Promise<AsyncDisposable & { readonly url: string; readonly asked: Asked[] }> {
    const asked: Asked[] = [];
    const server = createServer((request, response) => {
      asked.push({
        url: new URL(request.url ?? "", "http://x"),
        metadata: request.headers["metadata"],
        header: request.headers["x-identity-header"],
      });
      response.writeHead(answer.status).end(JSON.stringify(answer.body));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const close = async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    };
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`, asked, [Symbol.asyncDispose]: close };
  }
  const expiresOn = String(Date.UTC(2026, 10, 22) / 1000);

  test("instance metadata: header, resource without /.default, user-assigned by client id", async () => {
    await using service = await endpoint({
      status: 200,
      body: { access_token: "mi-token", expires_on: expiresOn, resource: "x", token_type: "Bearer" },
    });
    await using world = open(
      { name: "vm", kind: "managed-identity", clientId: "33333333-0000-4000-8000-000000000003", endpoint: service.url },
      { env: { IDENTITY_ENDPOINT: "http://127.0.0.1:1/", IDENTITY_HEADER: "secret-header" } },
    );
    assert.deepEqual(await world.source.token(scope, signal), { token: "mi-token", expiresAt: Date.UTC(2026, 10, 22) });
    const [asked] = service.asked;
    assert.deepEqual(
      [asked?.metadata, asked?.header, Object.fromEntries(asked?.url.searchParams ?? [])],
      [
        "true",
        undefined,
        { resource: "https://outlook.office365.com", "api-version": "2018-02-01", client_id: "33333333-0000-4000-8000-000000000003" },
      ],
    );
  });

  test("IDENTITY_ENDPOINT with its header", async () => {
    await using service = await endpoint({ status: 200, body: { access_token: "app-token", expires_on: expiresOn } });
    await using world = open(
      { name: "vm", kind: "managed-identity" },
      { env: { IDENTITY_ENDPOINT: service.url, IDENTITY_HEADER: "secret-header" } },
    );
    assert.equal((await world.source.token(scope, signal)).token, "app-token");
    assert.deepEqual(
      [service.asked[0]?.header, service.asked[0]?.metadata, service.asked[0]?.url.searchParams.get("api-version")],
      ["secret-header", undefined, "2019-08-01"],
    );
  });

  test("no such identity", async () => {
    await using service = await endpoint({ status: 400, body: { error: "invalid_request", error_description: "Identity not found" } });
    await using world = open({ name: "vm", kind: "managed-identity", endpoint: service.url });
    assert.match((await failing(world)).message, /this machine has no such identity/);
  });
});

describe("delegated", () => {
  const delegated = (): TokenIdentityOptions => ({ ...place(), kind: "device-code" });

  test("a rotated refresh token replaces the former, encrypted", async () => {
    await using world = open(delegated());
    await world.store.write("gateway", "refresh-1");
    let current = "refresh-1";
    authority.answer = (form) => {
      if (form["grant_type"] !== "refresh_token" || form["refresh_token"] !== current) return aadsts(70000, "invalid_grant");
      current = `refresh-${Number(current.slice(8)) + 1}`;
      return token(`by ${form["refresh_token"]}`, 3600, { refresh_token: current });
    };
    assert.equal((await world.source.token(scope, signal)).token, "by refresh-1");
    assert.deepEqual(await world.store.read("gateway"), { ok: true, token: "refresh-2" });
    world.time += minutes(50);
    assert.equal((await world.source.token(scope, signal)).token, "by refresh-2");
    const files = readdirSync(join(world.folder, "tokens"));
    assert.deepEqual(files, ["gateway.token"]);
    assert(!readFileSync(join(world.folder, "tokens", "gateway.token")).includes("refresh-"));
    assert.doesNotMatch(world.told.lines.join(), /refresh-\d/);
  });

  test("without a sign-in, and after one was revoked, it says what to do; a new sign-in counts at once", async () => {
    await using world = open(delegated());
    assert.match((await failing(world)).message, /nobody has signed in yet; postern setup ROUTE --login/);
    await world.store.write("gateway", "refresh-1");
    authority.answer = () => aadsts(50173, "invalid_grant");
    assert.match((await failing(world)).message, /Sign in again/);
    authority.answer = () => token("token-2");
    await world.store.write("gateway", "refresh-2");
    assert.equal((await world.source.token(scope, signal)).token, "token-2");
  });

  test("a file under another key, of another identity, or cut short is no token", async () => {
    using folder = temporaryFolder();
    const store = new RefreshTokenStore(folder.path, key);
    await store.write("one", "refresh-1");
    const file = join(folder.path, "tokens", "one.token");
    const bytes = readFileSync(file);
    assert.deepEqual(await new RefreshTokenStore(folder.path, changeable("another key of length")).read("one"), {
      ok: false,
      why: "unreadable",
    });
    writeFileSync(join(folder.path, "tokens", "two.token"), bytes);
    assert.deepEqual(await store.read("two"), { ok: false, why: "unreadable" });
    for (let length = 0; length < bytes.length; length++) {
      writeFileSync(file, bytes.subarray(0, length));
      assert.deepEqual(await store.read("one"), { ok: false, why: "unreadable" }, `${length} bytes`);
    }
  });
});

test("password: as RFC 6749 §4.3, and multi-factor authentication is explained", async () => {
  await using world = open({ ...place(), kind: "password", user: "app@contoso.example", password: changeable("pass-word") });
  authority.answer = (form) =>
    form["grant_type"] === "password" && form["password"] === "pass-word" ? aadsts(50076, "invalid_grant") : aadsts(50126);
  const failed = await failing(world);
  assert.match(failed.message, /multi-factor authentication is demanded \(AADSTS50076\)/);
  assert.doesNotMatch(`${failed.stack} ${world.told.lines.join()}`, /pass-word/);
});

test("the end of a secret is told 30, 7 and 1 days ahead, once each", async () => {
  await using world = open(withSecrets(changeable("s3cret-value", "variable SECRET", "2026-12-31")));
  const days: number[] = [];
  const end = Date.UTC(2026, 11, 31);
  let now = end - 40 * 86_400_000;
  using watch = watchExpiry([world.source], { credentialExpires: (_, at, left) => void (at === end && days.push(left)) }, () => now);
  for (const daysBefore of [29.5, 20, 6.9, 6.5, 0.5, 0.4, -1, -2]) {
    now = end - daysBefore * 86_400_000;
    watch.look();
  }
  assert.deepEqual(days, [29, 6, 0, 0]);
});
