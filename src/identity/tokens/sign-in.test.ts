import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { aadsts, token } from "../../../test/support/scripted-authority.ts";
import { key, scope, signal, tokenWorlds } from "../../../test/support/token-worlds.ts";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import type { DelegatedOptions } from "./options.ts";
import { RefreshTokenStore } from "./refresh-token-store.ts";
import { signIn } from "./sign-in.ts";

const { place, authority } = tokenWorlds();
const { http } = { http: () => authority().http() };

async function attempt(options: DelegatedOptions, onTell: (line: string) => void, stop: AbortSignal = signal) {
  using folder = temporaryFolder();
  const store = new RefreshTokenStore(folder.path, key);
  await using client = http();
  const { name: identity, authority: url, tenant, clientId } = options;
  const where = { identity, authority: url, tenant, clientId, http: client, timeoutMs: 10_000, now: () => Date.now() };
  await signIn(options, where, store, scope, onTell, stop);
  return await store.read(identity);
}

/** As a user's browser: follows the address to the redirect. */
function browse(line: string, answer: (query: URLSearchParams) => Record<string, string>): Promise<Response> {
  const asked = new URL(/https:\S+/.exec(line)?.[0] ?? "").searchParams;
  const back = new URL(asked.get("redirect_uri") ?? "");
  back.hostname = "127.0.0.1";
  back.search = new URLSearchParams(answer(asked)).toString();
  return fetch(back);
}

describe("device code", () => {
  test("the code is told, the refresh token kept", async () => {
    let polls = 0;
    authority().answer = (form, path) => {
      if (path.includes("/devicecode"))
        return {
          status: 200,
          body: {
            user_code: "ABC-123",
            device_code: "d-1",
            verification_uri: "https://login.example/device",
            expires_in: 900,
            interval: 1,
            message: "",
          },
        };
      assert.equal(form["device_code"], "d-1");
      return ++polls === 1
        ? { status: 400, body: { error: "authorization_pending", error_codes: [70016] } }
        : token("access", 3600, { refresh_token: "refresh-1" });
    };
    const told: string[] = [];
    assert.deepEqual(await attempt({ ...place(), kind: "device-code" }, (line) => told.push(line)), { ok: true, token: "refresh-1" });
    assert.deepEqual(told, ["Open https://login.example/device in a browser and type the code ABC-123"]);
    assert.equal(polls, 2);
  });

  test("declined", async () => {
    authority().answer = (_, path) =>
      path.includes("/devicecode")
        ? {
            status: 200,
            body: {
              user_code: "A",
              device_code: "d",
              verification_uri: "https://login.example/device",
              expires_in: 900,
              interval: 1,
              message: "",
            },
          }
        : { status: 400, body: { error: "authorization_declined" } };
    await assert.rejects(
      attempt({ ...place(), kind: "device-code" }, () => undefined),
      /the user declined/,
    );
  });
});

describe("authorisation code", () => {
  const options = (): DelegatedOptions => ({ ...place(), kind: "authorization-code", user: "app@contoso.example" });

  test("PKCE, state and loopback; strangers who knock are not the answer", async () => {
    let challenge = "";
    authority().answer = (form) => {
      assert.equal(form["grant_type"], "authorization_code");
      assert.equal(
        createHash("sha256")
          .update(form["code_verifier"] ?? "")
          .digest("base64url"),
        challenge,
      );
      return form["code"] === "code-1" ? token("access", 3600, { refresh_token: "refresh-1" }) : aadsts(70008, "invalid_grant");
    };
    const kept = await attempt(options(), (line) => {
      void (async () => {
        const forged = await browse(line, () => ({ code: "code-of-an-attacker", state: "guessed" }));
        assert.equal(forged.status, 404);
        await browse(line, (query) => {
          challenge = query.get("code_challenge") ?? "";
          assert.deepEqual(
            [query.get("code_challenge_method"), query.get("response_type"), query.get("login_hint")],
            ["S256", "code", "app@contoso.example"],
          );
          return { code: "code-1", state: query.get("state") ?? "" };
        });
      })();
    });
    assert.deepEqual(kept, { ok: true, token: "refresh-1" });
  });

  test("refused by the user", async () => {
    await assert.rejects(
      attempt(options(), (line) => void browse(line, (query) => ({ error: "access_denied", state: query.get("state") ?? "" }))),
      /not signed in \(access_denied\)/,
    );
  });

  test("given up", async () => {
    const stop = new AbortController();
    await assert.rejects(
      attempt(options(), () => stop.abort(new Error("enough")), stop.signal),
      /enough/,
    );
  });
});
