import assert from "node:assert/strict";
import { createSecretKey } from "node:crypto";
import { after, before, beforeEach, describe, test } from "node:test";
import { createTransport } from "nodemailer";
import { generateKeyPair, SignJWT } from "jose";
import { authorityTenant, scriptedAuthority, type ScriptedAuthority } from "../../test/support/scripted-authority.ts";
import { DoorUnderTest, testCertificates } from "../../test/support/smtp-door.ts";
import { SmtpDialog } from "../../test/support/smtp-dialog.ts";
import type { HttpClient } from "../lib/http/http-client.ts";
import { EntraTokenVerifier } from "./entra-token-verifier.ts";

const audience = "api://postern";
const clientId = "aaaaaaaa-0000-4000-8000-000000000001";
const alone = { appid: clientId, oid: "object-1", sub: "object-1" };
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
beforeEach(() => void ((authority.requests as unknown[]).length = 0));

const open = (now = () => Date.now()) =>
  new EntraTokenVerifier([{ authority: authority.url, tenant: authorityTenant.toUpperCase(), audiences: [audience] }], {
    http: () => http,
    now,
  });
const { signal } = new AbortController();
const application = { kind: "application", clientId };

describe("whose token it is", () => {
  const rows: [what: string, claims: Record<string, unknown>, expected: unknown][] = [
    ["an application by itself, version 1", alone, application],
    ["an application by itself, version 2", { azp: clientId.toUpperCase(), idtyp: "app", oid: "o", sub: "o" }, application],
    [
      "a user through that application is the user",
      { appid: clientId, scp: "SMTP.Send", oid: "Object-2", sub: "pairwise", upn: "Ann@contoso.example" },
      { kind: "user", names: ["ann@contoso.example", "object-2"] },
    ],
    ["a user's token that lost its scp is nobody's", { appid: clientId, oid: "object-2", sub: "pairwise" }, null],
    ["an application's with a scp is nobody's", { ...alone, idtyp: "app", scp: "SMTP.Send" }, null],
    ["an id token is nobody's", { oid: "object-1", sub: "object-1" }, null],
    ["another tenant's is nobody's", { ...alone, tid: "99999999-0000-4000-8000-000000000009" }, null],
  ];
  for (const [what, claims, expected] of rows)
    test(what, async () => assert.deepEqual(await open().verify(await authority.sign(claims, { audience }), signal), expected));
});

describe("what is no good", () => {
  const bad: [what: string, make: () => Promise<string>][] = [
    ["another audience", () => authority.sign(alone, { audience: "https://graph.microsoft.com" })],
    ["an issuer that is not configured", () => authority.sign(alone, { audience, issuer: "https://login.example/evil/v2.0" })],
    ["over for longer than the skew", () => authority.sign(alone, { audience, expiresInS: -61 })],
    ["signed by somebody else", async () => forged(await authority.sign(alone, { audience }))],
    ["not signed", async () => unsigned(await authority.sign(alone, { audience }))],
    ["signed with the public key as a secret (RFC 8725 §2.1)", async () => symmetric(await authority.sign(alone, { audience }))],
    ["cut short", async () => (await authority.sign(alone, { audience })).slice(0, -5)],
    ["empty", async () => ""],
    ["not one", async () => "e30.e30.e30"],
    ["endless", async () => "a".repeat(1_000_000)],
  ];
  for (const [what, make] of bad) test(what, async () => assert.equal(await open().verify(await make(), signal), null));

  test("over, but within the skew, is still good", async () =>
    assert.deepEqual(await open().verify(await authority.sign(alone, { audience, expiresInS: -30 }), signal), application));
});

describe("keys", () => {
  test("are fetched once, and again when the authority rotates, but not for every token that names another", async () => {
    let now = Date.now();
    const verifier = open(() => now);
    const ask = async () => await verifier.verify(await authority.sign(alone, { audience }), signal);
    assert.deepEqual(
      await Promise.all(Array.from({ length: 10 }, ask)),
      Array.from({ length: 10 }, () => application),
    );
    assert.equal(authority.requests.length, 1);
    await authority.rotateKeys();
    assert.equal(await ask(), "busy", "a minute has not passed: it cannot be told whether the key is new");
    now += 61_000;
    assert.deepEqual(await ask(), application);
    const stray = await forged(await authority.sign(alone, { audience }), "unknown key");
    for (let i = 0; i < 20; i++) assert.equal(await verifier.verify(stray, signal), "busy");
    assert.equal(authority.requests.length, 2);
    now += 61_000;
    assert.equal(await verifier.verify(stray, signal), null, "just asked: there is no such key");
    assert.equal(authority.requests.length, 3);
  });

  test("cannot be had: it cannot be told", async () => {
    await using elsewhere = authority.http({ ca: (await scriptedAuthorityGone()).ca });
    const verifier = new EntraTokenVerifier([{ authority: authority.url, tenant: authorityTenant, audiences: [audience] }], {
      http: () => elsewhere,
      now: () => Date.now(),
    });
    assert.equal(await verifier.verify(await authority.sign(alone, { audience }), signal), "busy");
  });
});

test("at the door: XOAUTH2 is offered, nodemailer logs in with a token and no password", async () => {
  const { server, authority: ca } = await testCertificates();
  await using door = await DoorUnderTest.open({
    listeners: [{ name: "submission", kind: "submission", tls: server }],
    principals: [{ name: "robot", reversePaths: ["robot@contoso.example"], tokens: [{ application: clientId }] }],
    identityDeps: { tokens: open() },
  });
  const letter = { from: "robot@contoso.example", to: "ann@contoso.example", subject: "by token", text: "hello" };
  const send = async (accessToken: string) =>
    await createTransport({
      host: "localhost",
      port: door.port("submission"),
      requireTLS: true,
      tls: { ca: ca.cert },
      auth: { type: "OAuth2", user: "robot@contoso.example", accessToken },
    }).sendMail(letter);
  const good = await authority.sign(alone, { audience });
  assert.match((await send(good)).response, /^250 2\.0\.0 /);
  assert.equal(door.submit.messages[0]?.draft.principal.name, "robot");
  await assert.rejects(send(await forged(good)), /535 5\.7\.8/);
  // A key that may have come after our last look: no failure of the client's, however often.
  const rotated = await forged(good, "a newer key");
  for (let n = 0; n < 6; n++) await assert.rejects(send(rotated), /454 4\.7\.0/);
  assert.match((await send(good)).response, /^250 2\.0\.0 /);
  assert(door.facts.every((fact) => !fact.includes("eyJ")));
  using dialog = await SmtpDialog.open(door.port("submission"));
  await dialog.reply();
  await dialog.say("EHLO x");
  await dialog.say("STARTTLS");
  await dialog.startTls({ ca: ca.cert });
  assert.match(await dialog.say("EHLO x"), /250[- ]AUTH PLAIN LOGIN XOAUTH2/);
});

async function scriptedAuthorityGone(): Promise<ScriptedAuthority> {
  const gone = await scriptedAuthority();
  await gone[Symbol.asyncDispose]();
  return gone;
}

function parts(token: string): { readonly header: { readonly kid: string }; readonly payload: Record<string, unknown> } {
  const [header = "", payload = ""] = token.split(".");
  const read = (text: string) => JSON.parse(Buffer.from(text, "base64url").toString()) as never;
  return { header: read(header), payload: read(payload) };
}

async function forged(token: string, kid = parts(token).header.kid): Promise<string> {
  const { privateKey } = await generateKeyPair("RS256");
  return await new SignJWT(parts(token).payload).setProtectedHeader({ alg: "RS256", kid }).sign(privateKey);
}

function unsigned(token: string): string {
  const [, payload = ""] = token.split(".");
  const header = Buffer.from(JSON.stringify({ alg: "none", kid: parts(token).header.kid })).toString("base64url");
  return `${header}.${payload}.`;
}

async function symmetric(token: string): Promise<string> {
  const secret = createSecretKey(Buffer.from("the public key, as everybody can read it"));
  return await new SignJWT(parts(token).payload).setProtectedHeader({ alg: "HS256", kid: parts(token).header.kid }).sign(secret);
}
