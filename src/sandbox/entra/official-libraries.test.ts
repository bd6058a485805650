import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { createLocalJWKSet, jwtVerify } from "jose";
import { skipUnless } from "../../../test/support/programs.ts";
import { rsaCertificate } from "../../../test/support/rsa-certificate.ts";
import { openTestSandbox, type TestSandbox } from "../../../test/support/sandbox.ts";
import { credentials } from "../credentials.ts";
import { sandboxEnvironment } from "../environment.ts";
import { identityHeader } from "./managed-identity.ts";

/**
 * Microsoft's own libraries, unmodified, in processes of their own that trust the sandbox's authority: they judge what Entra says here. What
 * they got is checked from outside, by the published keys.
 */
const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../../..");

async function inNode(sandbox: TestSandbox, script: string, environment: Readonly<Record<string, string>> = {}): Promise<string> {
  const ca = join(sandbox.folder, "ca.pem");
  await writeFile(ca, sandbox.ca);
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", script], {
    cwd: root,
    env: { ...process.env, ...sandboxEnvironment(sandbox.sandbox), NODE_EXTRA_CA_CERTS: ca, ...environment },
    timeout: 60_000,
  });
  return stdout;
}

/** As a resource server does it: with the keys as Entra publishes them. */
async function verified(sandbox: TestSandbox, token: string, audience: string) {
  const published = await inNode(
    sandbox,
    `process.stdout.write(await (await fetch(process.env.SANDBOX_AUTHORITY + "/common/discovery/v2.0/keys")).text())`,
  );
  const keys = createLocalJWKSet(JSON.parse(published));
  return (await jwtVerify(token, keys, { issuer: `https://sts.windows.net/${credentials.tenantId}/`, audience })).payload;
}

test("@azure/identity: client secret, certificate, password; tokens verify by the published keys", async () => {
  await using sandbox = await openTestSandbox();
  const { key, cert } = await rsaCertificate("gateway");
  await writeFile(join(sandbox.folder, "client.pem"), key + cert);
  const put = await sandbox.call("PATCH", `/api/tenant/applications/${credentials.clientId}`, { certificates: [cert] });
  assert.equal(put.status, 200);
  const out = await inNode(
    sandbox,
    `import { ClientSecretCredential, ClientCertificateCredential, UsernamePasswordCredential } from "@azure/identity";
     const e = process.env, options = { authorityHost: e.SANDBOX_AUTHORITY, disableInstanceDiscovery: true };
     const bySecret = await new ClientSecretCredential(e.SANDBOX_TENANT_ID, e.SANDBOX_CLIENT_ID, e.SANDBOX_CLIENT_SECRET, options).getToken("https://outlook.office365.com/.default");
     const byCertificate = await new ClientCertificateCredential(e.SANDBOX_TENANT_ID, e.SANDBOX_CLIENT_ID, e.CLIENT_PEM, options).getToken("https://graph.microsoft.com/.default");
     const byPassword = await new UsernamePasswordCredential(e.SANDBOX_TENANT_ID, e.SANDBOX_CLIENT_ID, "app@contoso.example", "Sandbox-Mailbox-1", options).getToken("https://outlook.office.com/SMTP.Send");
     console.log(JSON.stringify({ bySecret, byCertificate, byPassword }));`,
    { CLIENT_PEM: join(sandbox.folder, "client.pem") },
  );
  const { bySecret, byCertificate, byPassword } = JSON.parse(out);
  const secret = await verified(sandbox, bySecret.token, "https://outlook.office365.com");
  assert.deepEqual(secret["roles"], ["SMTP.SendAsApp", "Mail.Send"]);
  assert.equal(secret["appid"], credentials.clientId);
  assert.equal(secret["oid"], credentials.objectId);
  assert.equal(secret["tid"], credentials.tenantId);
  const left = bySecret.expiresOnTimestamp - Date.now();
  assert.ok(left > 3_500_000 && left < 3_600_000, `${left} ms`);
  assert.deepEqual((await verified(sandbox, byCertificate.token, "https://graph.microsoft.com"))["roles"], ["Mail.Send"]);
  const user = await verified(sandbox, byPassword.token, "https://outlook.office.com");
  assert.deepEqual([user["scp"], user["upn"], user["roles"]], ["SMTP.Send", "app@contoso.example", undefined]);
});

test("msal-node: secret, device code and refresh; its errors carry the AADSTS number", async () => {
  await using sandbox = await openTestSandbox();
  const out = await inNode(
    sandbox,
    `import { ConfidentialClientApplication, PublicClientApplication } from "@azure/msal-node";
     const e = process.env, host = new URL(e.SANDBOX_AUTHORITY).host;
     const auth = { clientId: e.SANDBOX_CLIENT_ID, authority: e.SANDBOX_AUTHORITY + "/" + e.SANDBOX_TENANT_ID, knownAuthorities: [host] };
     const scopes = ["https://outlook.office365.com/.default"];
     const app = new ConfidentialClientApplication({ auth: { ...auth, clientSecret: e.SANDBOX_CLIENT_SECRET } });
     const first = await app.acquireTokenByClientCredential({ scopes });
     const again = await app.acquireTokenByClientCredential({ scopes });
     const wrong = await new ConfidentialClientApplication({ auth: { ...auth, clientSecret: "wrong" } }).acquireTokenByClientCredential({ scopes }).catch((error) => ({ code: error.errorCode, message: error.errorMessage }));
     const device = new PublicClientApplication({ auth });
     const signed = await device.acquireTokenByDeviceCode({ scopes: ["https://outlook.office.com/SMTP.Send"], deviceCodeCallback: async ({ userCode, message }) => {
       const answer = await fetch(e.SANDBOX_UI + "/api/entra/device-codes/" + userCode, { method: "POST", body: JSON.stringify({ user: "app@contoso.example" }) });
       if (!answer.ok || !message.includes(userCode)) throw new Error(await answer.text());
     } });
     const silent = await device.acquireTokenSilent({ account: signed.account, scopes: ["https://outlook.office.com/SMTP.Send"], forceRefresh: true });
     console.log(JSON.stringify({ cached: first.accessToken === again.accessToken && again.fromCache, wrong, user: signed.account.username, tenant: signed.tenantId, device: signed.accessToken, silent: silent.accessToken }));`,
  );
  const told = JSON.parse(out);
  assert.equal(told.cached, true);
  assert.equal(told.wrong.code, "invalid_client");
  assert.match(told.wrong.message, /AADSTS7000215: Invalid client secret provided\./);
  assert.equal(told.user, "app@contoso.example");
  assert.equal(told.tenant, credentials.tenantId);
  assert.notEqual(told.device, told.silent);
  for (const token of [told.device, told.silent])
    assert.equal((await verified(sandbox, token, "https://outlook.office.com"))["scp"], "SMTP.Send");
});

test("managed identity: both forms, by @azure/identity and msal-node", async () => {
  await using sandbox = await openTestSandbox();
  const script = `import { ManagedIdentityCredential } from "@azure/identity";
     import { ManagedIdentityApplication } from "@azure/msal-node";
     const own = await new ManagedIdentityCredential().getToken("https://outlook.office365.com/.default");
     const named = await new ManagedIdentityCredential({ clientId: ${JSON.stringify(credentials.managedIdentityClientId)} }).getToken("https://graph.microsoft.com/.default");
     const msal = await new ManagedIdentityApplication({ managedIdentityIdParams: { userAssignedClientId: ${JSON.stringify(credentials.managedIdentityClientId)} } }).acquireToken({ resource: "https://outlook.office.com" });
     console.log(JSON.stringify([own.token, named.token, msal.accessToken]));`;
  const api = sandboxEnvironment(sandbox.sandbox)["SANDBOX_API_HTTP"] ?? "";
  for (const environment of [
    { AZURE_POD_IDENTITY_AUTHORITY_HOST: api },
    { IDENTITY_ENDPOINT: `${api}/msi/token`, IDENTITY_HEADER: identityHeader },
  ]) {
    const tokens: string[] = JSON.parse(await inNode(sandbox, script, environment));
    const audiences = ["https://outlook.office365.com", "https://graph.microsoft.com", "https://outlook.office.com"];
    for (const [index, token] of tokens.entries()) {
      const claims = await verified(sandbox, token, audiences[index] ?? "");
      assert.equal(claims["appid"], credentials.managedIdentityClientId);
      assert.equal(claims["oid"], credentials.managedIdentityObjectId);
    }
  }
});

test("Python checks the signature with nothing but the published keys", { skip: skipUnless("python3", "openssl") }, async () => {
  await using sandbox = await openTestSandbox();
  const ca = join(sandbox.folder, "ca.pem");
  await writeFile(ca, sandbox.ca);
  const script = `
import base64, json, os, ssl, subprocess, sys, tempfile, urllib.parse, urllib.request
e = os.environ
context = ssl.create_default_context(cafile=sys.argv[1])
get = lambda url, data=None: json.load(urllib.request.urlopen(url, data, context=context, timeout=20))
config = get(e["SANDBOX_AUTHORITY"] + "/contoso.example/v2.0/.well-known/openid-configuration")
form = dict(grant_type="client_credentials", client_id=e["SANDBOX_CLIENT_ID"], client_secret=e["SANDBOX_CLIENT_SECRET"], scope="https://outlook.office365.com/.default")
token = get(config["token_endpoint"], urllib.parse.urlencode(form).encode())["access_token"]
raw = lambda text: base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
head, body, signature = token.split(".")
[key] = [key for key in get(config["jwks_uri"])["keys"] if key["kid"] == json.loads(raw(head))["kid"]]
n, exponent = (int.from_bytes(raw(key[part]), "big") for part in ("n", "e"))
folder = tempfile.mkdtemp(dir=os.path.dirname(sys.argv[1]))
path = lambda name: os.path.join(folder, name)
open(path("key.cnf"), "w").write(f"asn1=SEQUENCE:key\\n[key]\\nn=INTEGER:0x{n:x}\\ne=INTEGER:0x{exponent:x}\\n")
subprocess.run(["openssl", "asn1parse", "-noout", "-genconf", path("key.cnf"), "-out", path("key.der")], check=True)
subprocess.run(["openssl", "rsa", "-RSAPublicKey_in", "-inform", "DER", "-in", path("key.der"), "-pubout", "-out", path("key.pem")], check=True, stderr=subprocess.DEVNULL)
open(path("signature"), "wb").write(raw(signature))
open(path("signed"), "w").write(head + "." + body)
print(subprocess.run(["openssl", "dgst", "-sha256", "-verify", path("key.pem"), "-signature", path("signature"), path("signed")], check=True, capture_output=True, text=True).stdout.strip())
`;
  const { stdout } = await run("python3", ["-c", script, ca], { env: { ...process.env, ...sandboxEnvironment(sandbox.sandbox) } });
  assert.equal(stdout.trim(), "Verified OK");
});
