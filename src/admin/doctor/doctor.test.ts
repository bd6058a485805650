import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { authorityTenant, scriptedAuthority, type ScriptedAuthority } from "../../../test/support/scripted-authority.ts";
import { TokenFailed, type TokenSource } from "../../identity/tokens/token-source.ts";
import { failure, type FailureCode } from "../../mail/failure-codes.ts";
import type { ProbeResult } from "../../routes/route.ts";
import { consult, type RouteFacts } from "./doctor.ts";
import type { DoctorReport } from "./examination.ts";

const client = "22222222-0000-4000-8000-000000000002";
const object = "33333333-0000-4000-8000-000000000003";
const now = Date.now();
let authority: ScriptedAuthority;
before(async () => void (authority = await scriptedAuthority()));
after(() => authority[Symbol.asyncDispose]());

interface Case {
  readonly route: RouteFacts;
  readonly claims?: Record<string, unknown>;
  readonly audience?: string;
  readonly tokenFailed?: TokenFailed;
  readonly probe?: FailureCode;
  readonly step?: string;
  readonly skewMs?: number;
  readonly expiresAt?: number;
  readonly tenant?: string;
}

const hve: RouteFacts = { name: "hve", kind: "hve", auth: { user: "hve@contoso.example", identity: "gateway" } };
const smtpAuth: RouteFacts = { name: "m365", kind: "smtp-auth", auth: { user: "app@contoso.example", identity: "gateway" } };
const withPassword: RouteFacts = { name: "m365", kind: "smtp-auth", auth: { user: "app@contoso.example" } };
const application = (roles: readonly string[]) => ({ appid: client, oid: object, roles });

function probeOf({ probe, step = "auth" }: Case): ProbeResult {
  if (probe === undefined) return { ok: true, text: "takes mail over TLSv1.3", steps: [{ name: "connect", ok: true, text: "connected" }] };
  const why = failure(probe);
  return { ok: false, text: why.text, failure: why, steps: [{ name: step, ok: false, text: why.text }] };
}

async function examine(one: Case): Promise<DoctorReport> {
  const token = await authority.sign(one.claims ?? application([]), { audience: one.audience ?? "https://outlook.office365.com" });
  const source: TokenSource = {
    name: "gateway",
    token: () => (one.tokenFailed === undefined ? Promise.resolve({ token, expiresAt: now + 3_600_000 }) : Promise.reject(one.tokenFailed)),
    forgive: () => undefined,
    reject: () => undefined,
    status: () => ({
      name: "gateway",
      kind: "client-secret",
      authority: authority.url,
      tenant: one.tenant ?? authorityTenant,
      clientId: client,
      credentialExpiresAt: one.expiresAt ?? null,
      worksWith: "variable SECRET",
      renewals: { done: 1, failed: 0 },
      lastError: null,
      tokens: [],
    }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const reports = await consult(
    one.route.name,
    {
      routes: [one.route],
      probe: () => Promise.resolve(probeOf(one)),
      identities: new Map([["gateway", source]]),
      clockSkew: () => Promise.resolve(one.skewMs ?? 0),
      now: () => now,
      day: () => "2026-11-21",
    },
    AbortSignal.timeout(10_000),
  );
  const [report] = reports ?? [];
  assert(report !== undefined);
  assert.doesNotMatch(JSON.stringify(report), /eyJ/, "a token never leaves");
  return report;
}

describe("one sentence and the command that mends it", () => {
  const rows: [what: string, one: Case, code: string, text: RegExp, commands: RegExp | null][] = [
    [
      "HVE wants Mail.Send of Exchange Online",
      {
        route: hve,
        claims: application(["SMTP.SendAsApp"]),
        audience: "https://outlook.office.com",
        probe: "route.auth-permission-missing",
      },
      "permission-missing",
      /lacks the application permission Mail\.Send of Office 365 Exchange Online.*has SMTP\.SendAsApp/,
      /appRoles\[\?value=='Mail\.Send'\].*az ad app permission add --id 22222222-0000-4000-8000-000000000002 --api 00000002-0000-0ff1-ce00-000000000000 .*admin-consent/s,
    ],
    [
      "SMTP AUTH wants SMTP.SendAsApp",
      { route: smtpAuth, claims: application([]), probe: "route.auth-failed" },
      "permission-missing",
      /SMTP\.SendAsApp.*has none/,
      /value=='SMTP\.SendAsApp'/,
    ],
    [
      "delegated: SMTP.Send",
      { route: smtpAuth, claims: { appid: client, oid: "user", scp: "User.Read", upn: "app@contoso.example" }, probe: "route.auth-failed" },
      "permission-missing",
      /delegated permission SMTP\.Send/,
      /oauth2PermissionScopes\[\?value=='SMTP\.Send'\]/,
    ],
    [
      "a token for Graph",
      { route: smtpAuth, claims: application(["Mail.Send"]), audience: "https://graph.microsoft.com" },
      "audience-wrong",
      /for https:\/\/graph\.microsoft\.com, but the service wants one for https:\/\/outlook\.office365\.com/,
      null,
    ],
    [
      "Allowed Apps by the object id",
      { route: hve, claims: application(["Mail.Send"]), probe: "route.auth-app-not-allowed" },
      "allowed-apps",
      /object id of the enterprise application/,
      /^Add-HVEAppAccess -Identity hve@contoso\.example -AppIds "33333333-0000-4000-8000-000000000003"$/,
    ],
    [
      "the service principal is not registered in Exchange",
      { route: smtpAuth, claims: application(["SMTP.SendAsApp"]), probe: "route.auth-failed" },
      "service-principal",
      /registered in Exchange by the object id/,
      /^New-ServicePrincipal -AppId 22222222-\S+ -ObjectId 33333333-\S+ .*Add-MailboxPermission -Identity app@contoso\.example -User 33333333-\S+ -AccessRights FullAccess/s,
    ],
    [
      "the switch",
      { route: smtpAuth, claims: application(["SMTP.SendAsApp"]), probe: "route.auth-disabled-for-tenant" },
      "smtp-auth-off",
      /switched off for the tenant; that switch concerns OAuth too/,
      /^Set-CASMailbox -Identity app@contoso\.example -SmtpClientAuthenticationDisabled \$false$/,
    ],
    [
      "security defaults",
      { route: withPassword, probe: "route.auth-security-defaults" },
      "security-defaults",
      /give the route an identity/,
      null,
    ],
    ["a wrong password", { route: withPassword, probe: "route.auth-failed" }, "credentials-wrong", /user and password/, null],
    [
      "port 25",
      { route: { name: "mta", kind: "smtp", host: "mx.contoso.example" }, probe: "network.timeout", step: "connect" },
      "port-blocked",
      /port 25.*block it.*587/,
      null,
    ],
    [
      "port 25 of every destination",
      { route: { name: "direct", kind: "mx" }, probe: "network.connect", step: "connect" },
      "port-blocked",
      /port 25.*block it.*587/,
      null,
    ],
    [
      "a firewall",
      { route: { name: "mta", kind: "smtp", host: "mx.contoso.example", port: 587 }, probe: "network.connect", step: "connect" },
      "port-blocked",
      /mx\.contoso\.example port 587: check the name, and that a firewall/,
      null,
    ],
    [
      "no token",
      {
        route: hve,
        tokenFailed: new TokenFailed("AADSTS7000222", "identity gateway: the client secret has expired (AADSTS7000222).", false),
        probe: "route.auth-failed",
      },
      "token-failed",
      /the client secret has expired/,
      null,
    ],
    [
      "an ACS role",
      { route: { name: "acs", kind: "acs-smtp", auth: { resource: "r", application: client, tenant: "t" } }, probe: "route.auth-failed" },
      "azure-role",
      /has a role on the ACS resource/,
      /az role assignment create .*"Communication and Email Service Owner"/s,
    ],
    [
      "the clock",
      { route: hve, claims: application(["Mail.Send"]), skewMs: 200_000 },
      "clock",
      /clock is 200 s behind the authority's/,
      null,
    ],
    [
      "another tenant",
      { route: hve, claims: application(["Mail.Send"]), tenant: "99999999-0000-4000-8000-000000000009" },
      "tenant-wrong",
      /is of tenant 11111111/,
      null,
    ],
    [
      "what ended",
      { route: hve, claims: application(["Mail.Send"]), expiresAt: now - 1000 },
      "credential-ended",
      /ended on/,
      /postern setup hve --rotate/,
    ],
    [
      "TLS",
      { route: { name: "mta", kind: "smtp", host: "h" }, probe: "route.tls-failed", step: "tls" },
      "route.tls-failed",
      /Check the next hop's certificate/,
      null,
    ],
  ];
  for (const [what, one, code, text, commands] of rows) {
    test(what, async () => {
      const report = await examine(one);
      const [first] = report.findings;
      assert.equal(report.ok, false);
      assert.equal(first?.code, code);
      assert.match(report.summary, text);
      assert.equal(report.summary, first?.text);
      if (commands === null) assert.deepEqual(first?.commands, []);
      else assert.match(first?.commands.join("\n") ?? "", commands);
    });
  }
});

test("a route that works has no finding; SendAs is named as not tried", async () => {
  const report = await examine({ route: smtpAuth, claims: application(["SMTP.SendAsApp"]) });
  assert.deepEqual([report.ok, report.findings], [true, []]);
  assert.match(
    report.steps[0]?.text ?? "",
    /application 22222222-\S+ of tenant 11111111-\S+, for https:\/\/outlook\.office365\.com, SMTP\.SendAsApp, ends in 60 min/,
  );
  assert.match(report.notTried.join(), /Add-RecipientPermission SHARED-MAILBOX -Trustee app@contoso\.example -AccessRights SendAs/);
});

test("an end within 30 days is a warning, and the route is still well", async () => {
  const report = await examine({ route: hve, claims: application(["Mail.Send"]), expiresAt: now + 10 * 86_400_000 });
  assert.deepEqual([report.ok, report.findings.map(({ code, severity }) => `${severity} ${code}`)], [true, ["warning credential-ends"]]);
});

test("what a stranger put into a token does not become a command", async () => {
  const report = await examine({
    route: smtpAuth,
    claims: { appid: "x; rm -rf ~ $(id) `id`", oid: 'o"\n$(id)', roles: ["SMTP.SendAsApp"] },
    probe: "route.auth-failed",
  });
  assert.doesNotMatch(report.findings.flatMap(({ commands }) => commands).join("\n"), /[;`]|\$\(/);
});

test("a route that is not there", async () => {
  const deps = {
    routes: [hve],
    probe: () => Promise.resolve(null),
    identities: new Map(),
    clockSkew: () => Promise.resolve(null),
    now: () => now,
    day: () => "2026-11-21",
  };
  assert.equal(await consult("other", deps, AbortSignal.timeout(1000)), null);
});

test("a mailbox whose connections are all in use is no fault of the route", async () => {
  const report = await examine({ route: smtpAuth, claims: application(["SMTP.SendAsApp"]), probe: "quota.connections", step: "mail" });
  assert.deepEqual([report.ok, report.findings.map(({ code, severity }) => `${severity} ${code}`)], [true, ["warning connections-in-use"]]);
});
