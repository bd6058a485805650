import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { describe, test } from "node:test";
import { changeable } from "../../../test/support/readers.ts";
import { aadsts, token } from "../../../test/support/scripted-authority.ts";
import { failing, key, minutes, scope, signal, tokenWorlds } from "../../../test/support/token-worlds.ts";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import type { TokenIdentityOptions } from "./options.ts";
import { RefreshTokenStore } from "./refresh-token-store.ts";
import { watchExpiry } from "./watch-expiry.ts";

const { open, place, withSecrets, authority: present } = tokenWorlds();

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
    present().answer = (form) => {
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
    present().answer = () => aadsts(50173, "invalid_grant");
    assert.match((await failing(world)).message, /Sign in again/);
    present().answer = () => token("token-2");
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
  present().answer = (form) =>
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
