import assert from "node:assert/strict";
import { createHash, createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { join } from "node:path";
import { test } from "node:test";
import { decodeJwt, SignJWT, UnsecuredJWT } from "jose";
import { askToken, frontRequest, postForm } from "../../../test/support/entra-client.ts";
import { rsaCertificate } from "../../../test/support/rsa-certificate.ts";
import { openTestSandbox } from "../../../test/support/sandbox.ts";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { credentials } from "../credentials.ts";
import { TenantStore } from "../tenant/tenant-store.ts";
import { EntraDirectory } from "./entra.ts";
import { readResource } from "./resources.ts";

const password = {
  grant_type: "password",
  username: "app@contoso.example",
  password: "Sandbox-Mailbox-1",
  scope: "https://outlook.office.com/SMTP.Send",
};
const token = `/${credentials.tenantId}/oauth2/v2.0/token`;

/** [what is changed, AADSTS number, error, status] as the facts (§12) and Microsoft's page of error codes tell. */
test("each frequent fault has its AADSTS number and the published shape", async () => {
  await using sandbox = await openTestSandbox();
  await sandbox.call("PUT", "/api/tenant/mailboxes/mfa@contoso.example", { password: "Sandbox-Mfa-1", mfa: true });
  for (const [changes, code, error, status, tenant] of [
    [{ client_secret: "wrong" }, 7000215, "invalid_client", 401],
    [{ client_secret: "" }, 7000216, "invalid_client", 401],
    [{ client_id: "5a9db0c5-0000-4000-8000-00000000ffff" }, 700016, "unauthorized_client", 400],
    [{ client_id: credentials.objectId }, 700016, "unauthorized_client", 400],
    [{ client_id: credentials.managedIdentityClientId }, 700016, "unauthorized_client", 400],
    [{ client_id: undefined }, 900144, "invalid_request", 400],
    [{ grant_type: undefined }, 900144, "invalid_request", 400],
    [{ scope: undefined }, 900144, "invalid_request", 400],
    [{ grant_type: "implicit" }, 70003, "unsupported_grant_type", 400],
    [{ scope: "https://outlook.office365.com/SMTP.SendAsApp" }, 1002012, "invalid_scope", 400],
    [{ scope: "https://nowhere.example/.default" }, 500011, "invalid_resource", 400],
    [{ client_assertion: "a.b.c", client_secret: undefined }, 700027, "invalid_client", 401],
    [{ ...password, password: "wrong" }, 50126, "invalid_grant", 400],
    [{ ...password, username: "mfa@contoso.example", password: "Sandbox-Mfa-1" }, 50076, "invalid_grant", 400],
    [{ ...password, username: "nobody@contoso.example" }, 50034, "invalid_grant", 400],
    [{ ...password, scope: "https://graph.microsoft.com/Files.Read" }, 65001, "invalid_grant", 400],
    [{ ...password, scope: "https://graph.microsoft.com/Mail.Send https://outlook.office.com/SMTP.Send" }, 70011, "invalid_scope", 400],
    [{ grant_type: "refresh_token", refresh_token: "1.x" }, 9002313, "invalid_grant", 400],
    [{ grant_type: "authorization_code", code: "1.x" }, 9002313, "invalid_grant", 400],
    [{ grant_type: "urn:ietf:params:oauth:grant-type:device_code", device_code: "x" }, 70018, "bad_verification_code", 400],
    [{}, 90002, "invalid_request", 400, "fabrikam.example"],
  ] as const) {
    const answer = await askToken(sandbox, changes, tenant);
    const what = JSON.stringify(changes);
    assert.deepEqual([answer.body.error_codes, answer.body.error, answer.status], [[code], error, status], what);
    assert.match(
      answer.body.error_description,
      new RegExp(
        `^AADSTS${code}: .+ Trace ID: [0-9a-f-]{36} Correlation ID: [0-9a-f-]{36} Timestamp: \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\dZ$`,
      ),
    );
    assert.equal(answer.body.error_uri, `https://localhost:${sandbox.port("api")}/error?code=${code}`);
  }
});

test("switches: conditional access, an ended secret, no secret at all", async () => {
  await using sandbox = await openTestSandbox();
  await sandbox.call("PATCH", "/api/tenant/policies", { conditionalAccessBlocks: true });
  assert.deepEqual((await askToken(sandbox)).body.error_codes, [53003]);
  await sandbox.call("PATCH", "/api/tenant/policies", { conditionalAccessBlocks: false, accessTokenLifetimeSeconds: 60 });
  assert.equal((await askToken(sandbox)).body.expires_in, 60);
  const application = `/api/tenant/applications/${credentials.clientId}`;
  const soon = new Date(Date.now() + 3_600_000).toISOString();
  await sandbox.call("PATCH", application, {
    secrets: [
      { value: "old", expiresOn: soon },
      { value: "new", expiresOn: "2099-12-31" },
    ],
  });
  assert.equal((await askToken(sandbox, { client_secret: "old" })).status, 200);
  await sandbox.call("POST", "/api/clock", { advance: "2h" });
  assert.deepEqual((await askToken(sandbox, { client_secret: "old" })).body.error_codes, [7000222]);
  assert.equal((await askToken(sandbox, { client_secret: "new" })).status, 200);
  await sandbox.call("PATCH", application, { publicClient: false });
  assert.deepEqual((await askToken(sandbox, { ...password, client_secret: undefined })).body.error_codes, [7000218]);
});

test("the answers: v2 and v1 forms, by domain and by any name of the tenant; no refresh token for a client", async () => {
  await using sandbox = await openTestSandbox();
  const v2 = await askToken(sandbox, {}, "contoso.example");
  assert.deepEqual(
    [v2.status, v2.body.token_type, v2.body.expires_in, v2.body.ext_expires_in, v2.body.refresh_token],
    [200, "Bearer", 3599, 3599, undefined],
  );
  const v1 = await postForm(sandbox, "/contoso.example/oauth2/token", {
    grant_type: "client_credentials",
    client_id: credentials.clientId,
    client_secret: credentials.clientSecret,
    resource: "https://outlook.office365.com/",
  });
  assert.deepEqual([v1.body.expires_in, v1.body.resource], ["3599", "https://outlook.office365.com"]);
  const config = (await frontRequest(sandbox, "/organizations/v2.0/.well-known/openid-configuration")).body;
  assert.equal(config.issuer, `https://localhost:${sandbox.port("api")}/{tenantid}/v2.0`);
  assert.equal(
    (await frontRequest(sandbox, "/contoso.example/.well-known/openid-configuration")).body.issuer,
    `https://sts.windows.net/${credentials.tenantId}/`,
  );
  const discovery = (await frontRequest(sandbox, "/common/discovery/instance?api-version=1.1&authorization_endpoint=x")).body;
  assert.equal(discovery.metadata[0].preferred_network, `localhost:${sandbox.port("api")}`);
});

test("a client assertion: signed by a registered certificate, for this tenant, by this client, in time", async () => {
  await using sandbox = await openTestSandbox();
  const { key: keyPem, cert: pem } = await rsaCertificate("gateway");
  const key = createPrivateKey(keyPem);
  await sandbox.call("PATCH", `/api/tenant/applications/${credentials.clientId}`, { certificates: [pem] });
  const x5t = Buffer.from(new X509Certificate(pem).fingerprint256.replaceAll(":", ""), "hex").toString("base64url");
  const ask = async (changes: Readonly<Record<string, unknown>> = {}, header: Readonly<Record<string, string>> = {}, signer = key) => {
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      aud: `https://localhost:${sandbox.port("api")}${token}`,
      iss: credentials.clientId,
      sub: credentials.clientId,
      jti: "1",
      nbf: now,
      exp: now + 300,
      ...changes,
    };
    const assertion = await new SignJWT(claims).setProtectedHeader({ alg: "PS256", "x5t#S256": x5t, ...header }).sign(signer);
    const answer = await askToken(sandbox, {
      client_secret: undefined,
      client_assertion: assertion,
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    });
    return answer.body.error_codes?.[0] ?? answer.status;
  };
  assert.equal(await ask(), 200);
  assert.equal(await ask({}, { alg: "RS256" }), 200);
  assert.equal(await ask({ aud: `https://login.microsoftonline.com/${credentials.tenantId}/v2.0` }), 200);
  assert.equal(await ask({ aud: "https://localhost/other/oauth2/v2.0/token" }), 700023);
  assert.equal(await ask({ iss: "x" }), 700021);
  assert.equal(await ask({ sub: credentials.objectId }), 700021);
  assert.equal(await ask({ exp: 1_000_000 }), 700024);
  assert.equal(await ask({ nbf: Math.floor(Date.now() / 1000) + 3600 }), 700024);
  assert.equal(await ask({ jti: undefined }), 700027);
  assert.equal(await ask({}, { "x5t#S256": "else" }), 700027);
  assert.equal(await ask({}, {}, generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey), 700027);
});

test("authorisation code with PKCE: once, by its client, with its verifier; the refresh token goes on from there", async () => {
  await using sandbox = await openTestSandbox();
  const verifier = "v".repeat(43);
  const begin = async (changes: Readonly<Record<string, string>> = {}) =>
    await frontRequest(
      sandbox,
      `/${credentials.tenantId}/oauth2/v2.0/authorize?${new URLSearchParams({
        client_id: credentials.clientId,
        response_type: "code",
        redirect_uri: "http://localhost:4711/",
        scope: "https://outlook.office.com/SMTP.Send offline_access openid",
        state: "s&t",
        nonce: "n",
        login_hint: "app@contoso.example",
        code_challenge: createHash("sha256").update(verifier).digest("base64url"),
        code_challenge_method: "S256",
        ...changes,
      }).toString()}`,
    );
  const codeOf = (answer: { readonly headers: Readonly<Record<string, unknown>> }) =>
    new URL(String(answer.headers["location"])).searchParams;
  const redeem = async (code: string, changes: Readonly<Record<string, string>> = {}) =>
    await askToken(sandbox, {
      grant_type: "authorization_code",
      code,
      redirect_uri: "http://localhost:4711/",
      code_verifier: verifier,
      scope: undefined,
      client_secret: undefined,
      ...changes,
    });
  const began = await begin();
  assert.deepEqual([began.status, codeOf(began).get("state")], [302, "s&t"]);
  const code = codeOf(began).get("code") ?? "";
  assert.deepEqual((await redeem(code, { code_verifier: "w".repeat(43) })).body.error_codes, [501481]);
  assert.deepEqual((await redeem(code, { redirect_uri: "http://localhost:4712/" })).body.error_codes, [50011]);
  const first = await redeem(code);
  assert.equal(first.status, 200);
  assert.deepEqual([decodeJwt(first.body.id_token)["nonce"], decodeJwt(first.body.access_token)["scp"]], ["n", "SMTP.Send"]);
  assert.deepEqual((await redeem(code)).body.error_codes, [54005]);
  const refresh = async (refresh_token: string) =>
    await askToken(sandbox, {
      grant_type: "refresh_token",
      refresh_token,
      scope: "https://outlook.office.com/SMTP.Send",
      client_secret: undefined,
    });
  const second = await refresh(first.body.refresh_token);
  assert.notEqual(second.body.refresh_token, first.body.refresh_token);
  await sandbox.restart();
  assert.equal((await refresh(second.body.refresh_token)).status, 200, "outlives a restart");
  await sandbox.call("POST", "/api/clock", { advance: "91d" });
  assert.deepEqual((await refresh(second.body.refresh_token)).body.error_codes, [700082]);
  await sandbox.call("POST", "/api/reset");
  await sandbox.call("PATCH", "/api/tenant/mailboxes/app@contoso.example", { password: "Another-1" });
  assert.deepEqual((await refresh(second.body.refresh_token)).body.error_codes, [50173]);
  const stranger = await begin({ redirect_uri: "https://evil.example/" });
  assert.deepEqual([stranger.status, stranger.headers["location"]], [400, undefined]);
  assert.match(stranger.text, /AADSTS50011/);
  const choose = await begin({ login_hint: "", state: "<script>" });
  assert.match(choose.text, /login_hint=app%40contoso\.example/);
  assert.ok(!choose.text.includes("<script>"));
});

test("device code: pending, too fast, denied by page, approved by API", async () => {
  await using sandbox = await openTestSandbox();
  const begin = async () =>
    (
      await postForm(sandbox, `/${credentials.tenantId}/oauth2/v2.0/devicecode`, {
        client_id: credentials.clientId,
        scope: "https://outlook.office.com/SMTP.Send",
      })
    ).body;
  const poll = async (device_code: string) =>
    (
      await askToken(sandbox, {
        grant_type: "urn:ietf:params:oauth:grant-type:device_code",
        device_code,
        client_secret: undefined,
        scope: undefined,
      })
    ).body;
  const first = await begin();
  assert.deepEqual(
    [first.interval, first.expires_in, first.verification_uri],
    [5, 900, `https://localhost:${sandbox.port("api")}/devicelogin`],
  );
  assert.equal((await poll(first.device_code)).error, "authorization_pending");
  assert.equal((await poll(first.device_code)).error, "slow_down");
  assert.match((await frontRequest(sandbox, "/devicelogin")).text, /<form method="post">/);
  await postForm(sandbox, "/devicelogin", { otc: first.user_code, user: "app@contoso.example", decision: "deny" });
  assert.equal((await poll(first.device_code)).error, "authorization_declined");
  const second = await begin();
  assert.equal((await sandbox.call("GET", "/api/entra/device-codes")).body[0].userCode, second.user_code);
  assert.equal((await sandbox.call("POST", `/api/entra/device-codes/${second.user_code}`, { user: "app@contoso.example" })).status, 200);
  assert.equal(typeof (await poll(second.device_code)).access_token, "string");
  assert.deepEqual((await poll(second.device_code)).error_codes, [70018], "redeemed once");
});

test("faults: 503 and 429 with Retry-After, for Entra alone", async () => {
  await using sandbox = await openTestSandbox();
  await sandbox.call("POST", "/api/faults", {
    match: { service: "entra", at: "request" },
    action: { reply: "503 Service unavailable", retryAfterSeconds: 7 },
    times: 1,
  });
  const refused = await askToken(sandbox);
  assert.deepEqual([refused.status, refused.headers["retry-after"], refused.body.error], [503, "7", "temporarily_unavailable"]);
  assert.equal((await askToken(sandbox)).status, 200);
  await sandbox.call("POST", "/api/faults", { match: { service: "entra", at: "request" }, action: { drop: true }, times: 1 });
  await assert.rejects(askToken(sandbox));
  await sandbox.call("POST", "/api/faults", {
    match: { service: "managed-identity", at: "request" },
    action: { reply: "429 Too many requests" },
  });
  assert.equal((await askToken(sandbox)).status, 200);
});

test("managed identity asks for its header, and knows whom it serves", async () => {
  await using sandbox = await openTestSandbox();
  const metadata = async (query: string, headers: Record<string, string> = { metadata: "true" }) =>
    await frontRequest(sandbox, `/metadata/identity/oauth2/token?${query}`, { headers, plain: true });
  const good = "api-version=2018-02-01&resource=https%3A%2F%2Foutlook.office365.com";
  assert.deepEqual((await metadata(good, {})).body, {
    error: "bad_request_102",
    error_description: "Required metadata header not specified",
  });
  assert.equal((await metadata(good, { metadata: "true", "x-forwarded-for": "1.2.3.4" })).status, 400);
  assert.equal((await metadata("resource=https://graph.microsoft.com")).status, 400);
  assert.equal((await metadata(`${good}&client_id=${credentials.clientId}`)).body.error_description, "Identity not found");
  assert.equal((await metadata("api-version=2018-02-01")).status, 400);
  assert.equal(
    (await metadata(`${good}&object_id=${credentials.managedIdentityObjectId}`)).body.client_id,
    credentials.managedIdentityClientId,
  );
  const service = `/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fgraph.microsoft.com`;
  assert.equal((await frontRequest(sandbox, service, { plain: true })).status, 401);
  assert.equal((await frontRequest(sandbox, token, { method: "POST", plain: true })).status, 404, "Entra itself is not served without TLS");
});

test("hostile requests are refused, bounded, and leave the front standing", async () => {
  await using sandbox = await openTestSandbox();
  const form = { "content-type": "application/x-www-form-urlencoded" };
  assert.equal((await frontRequest(sandbox, token, { headers: { host: "evil.example" } })).status, 421);
  assert.equal(
    (await frontRequest(sandbox, token, { method: "POST", headers: { ...form, origin: "https://evil.example" }, body: "a=b" })).status,
    403,
  );
  assert.equal((await frontRequest(sandbox, "/nothing/here")).status, 404);
  assert.equal((await frontRequest(sandbox, token)).status, 405);
  assert.equal(
    (await frontRequest(sandbox, token, { method: "POST", headers: { "content-type": "application/json" }, body: "{}" })).status,
    400,
  );
  const large = await frontRequest(sandbox, token, { method: "POST", headers: form, body: "a".repeat(70_000) }).then(
    ({ status }) => status,
    () => "cut off",
  );
  assert.ok(large === 413 || large === "cut off", String(large));
  const chunked = await frontRequest(sandbox, token, {
    method: "POST",
    headers: { ...form, "transfer-encoding": "chunked" },
    body: "a".repeat(70_000),
  }).then(
    ({ status }) => status,
    () => "cut off",
  );
  assert.ok(chunked === 413 || chunked === "cut off", String(chunked));
  for (const body of [
    "&".repeat(60_000),
    "a=1&".repeat(16_000),
    "grant_type=%00%ff%f0%9f&client_id=%E0%A4%A",
    `grant_type=client_credentials&client_id=${"<script>".repeat(2000)}`,
  ]) {
    const answer = await frontRequest(sandbox, token, { method: "POST", headers: form, body });
    assert.equal(answer.status, 400, body.slice(0, 40));
    assert.ok(answer.text.length < 2000);
  }
  for (const path of [
    "/%2e%2e/oauth2/v2.0/token",
    "//oauth2/v2.0/token",
    `/${"a".repeat(5000)}/oauth2/v2.0/token`,
    "/common/oauth2/v2.0/../../token",
  ])
    assert.ok((await frontRequest(sandbox, path, { method: "POST", headers: form, body: "a=b" })).status >= 400, path.slice(0, 40));
  assert.equal((await askToken(sandbox)).status, 200);
});

test("the check of a token: what was tampered with, ended, or is for somebody else does not pass", async () => {
  using folder = temporaryFolder();
  const store = new TenantStore({ file: null }, join(folder.path, "tenant.json"));
  const clock = { now: () => Date.now(), at: () => ({ [Symbol.dispose]: () => undefined }) };
  const entra = new EntraDirectory(store, clock, join(folder.path, "keys.json"));
  const [application] = entra.tenant.applications;
  assert.ok(application !== undefined);
  const issue = async (life?: number) =>
    await entra.forApplication(application, readResource("https://outlook.office.com", "Contoso"), life);
  const good = await issue();
  const checked = await entra.check(good, "exchange");
  assert.deepEqual(checked.ok && [checked.claims.roles, checked.claims.appid, checked.claims.upn], [
    ["SMTP.SendAsApp", "Mail.Send"],
    credentials.clientId,
    null,
  ]);
  const why = async (text: string, audience: "exchange" | "graph" | "acs" = "exchange") => {
    const result = await entra.check(text, audience);
    return result.ok ? "ok" : result.why;
  };
  assert.equal(await why(good, "graph"), "audience");
  assert.equal(await why(await issue(-400)), "expired");
  const [head = "", body = "", signature = ""] = good.split(".");
  const claims = JSON.parse(Buffer.from(body, "base64url").toString()) as Record<string, unknown>;
  const forged = Buffer.from(JSON.stringify({ ...claims, roles: ["Everything"] })).toString("base64url");
  assert.equal(await why(`${head}.${forged}.${signature}`), "signature");
  assert.notEqual(await why(new UnsecuredJWT(claims).encode()), "ok");
  // RFC 8725 §2.1: a public key taken for a shared secret.
  const hmac = new SignJWT(claims).setProtectedHeader({ alg: "HS256", kid: entra.keys.current.kid });
  assert.notEqual(await why(await hmac.sign(Buffer.from(entra.keys.current.publicKey.export({ type: "spki", format: "pem" })))), "ok");
  const stranger = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  assert.equal(
    await why(await new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid: entra.keys.current.kid }).sign(stranger)),
    "signature",
  );
  const elsewhere = new SignJWT({ ...claims, iss: "https://sts.windows.net/other/" }).setProtectedHeader({
    alg: "RS256",
    kid: entra.keys.current.kid,
  });
  assert.equal(await why(await elsewhere.sign(entra.keys.current.privateKey)), "issuer");
  for (const text of ["", ".", "..", "a.b.c", "x".repeat(100_000)]) assert.equal(await why(text), "malformed", text.slice(0, 20));
  entra.keys.roll();
  assert.equal(await why(good), "ok", "an old key stays published");
  for (let count = 0; count < 3; count++) entra.keys.roll();
  assert.equal(await why(good), "signature");
  assert.equal(entra.clientSecretIsValid(credentials.clientId, credentials.tenantId, credentials.clientSecret), true);
  assert.equal(entra.clientSecretIsValid(credentials.clientId, credentials.tenantId, "wrong"), false);
  assert.equal(entra.clientSecretIsValid(credentials.clientId, "other", credentials.clientSecret), false);
});
