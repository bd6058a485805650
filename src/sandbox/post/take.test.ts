import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startForeignSmtpServer } from "../../../test/support/foreign-smtp-server.ts";
import { skipUnless } from "../../../test/support/programs.ts";
import { runProgram } from "../../../test/support/run-program.ts";
import { until } from "../../../test/support/until.ts";
import { createAuthority, createServerCertificate } from "../../lib/certificates.ts";
import { sandboxPorts } from "../../lib/ports.ts";
import type { Envelope } from "../../mail/envelope.ts";
import { Followers } from "../clock/followers.ts";
import { SandboxClock } from "../clock/sandbox-clock.ts";
import { openDnsServer } from "../dns/dns-server.ts";
import { WorldDns } from "../dns/world-dns.ts";
import { Edge } from "../exo/edge.ts";
import { MessageStore } from "../messages/message-store.ts";
import { sandboxOptions, type SandboxFact, type SandboxFile } from "../options.ts";
import { Published } from "../published.ts";
import { TenantStore } from "../tenant/tenant-store.ts";
import { RecipientLimits } from "../usage/recipient-limits.ts";
import { TenantLimits } from "../usage/tenant-limits.ts";
import { Usage } from "../usage/usage.ts";
import { SigningKeys } from "../world/signing-keys.ts";
import { worldFacts } from "../world/world-facts.ts";
import { PostOffice } from "./post-office.ts";
import type { SendingService } from "./post.ts";

/** A post as the sandbox has it, without rooms: a test takes their place. */
async function openPost(file: SandboxFile = {}) {
  const stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "postern-post-"));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const facts: SandboxFact[] = [];
  const tls = { certificateFile: "", keyFile: "" };
  const options = sandboxOptions(file, { dataDirectory: folder, tls, log: (fact) => facts.push(fact), ports: sandboxPorts });
  const { cert } = await createServerCertificate(await createAuthority("Test authority"), ["localhost"]);
  const tenant = new TenantStore(options.tenant, join(folder, "tenant.json"));
  const clock = stack.use(new SandboxClock(new Followers(), 0, () => undefined));
  const messages = stack.use(await MessageStore.open({ folder: join(folder, "messages"), keepMessages: 1000, keepBytes: 1e9 }));
  const keys = new SigningKeys(join(folder, "keys"));
  const dns = new WorldDns(() => worldFacts(tenant.current, options.internet.domains, keys, cert), options.dns);
  const server = stack.use(await openDnsServer(dns, { address: "127.0.0.1", port: 0, onFault: (error) => assert.fail(String(error)) }));
  const [usage, published] = [new Usage(), new Published(new Map())];
  const recipientLimits = new RecipientLimits(usage, published, true);
  const tenantLimits = new TenantLimits(usage, tenant, published);
  const edge = new Edge();
  const post = stack.use(new PostOffice({ options, tenant, clock, messages, dns, keys, edge, usage, recipientLimits, tenantLimits }));
  const take = async (service: SendingService, from: string, to: readonly string[], text: string, extra: Partial<Envelope> = {}) => {
    const content = messages.writer();
    for (let at = 0; at < text.length; at += 65_536) await content.write(Buffer.from(text.slice(at, at + 65_536)));
    const envelope = { reversePath: from, recipients: to.map((address) => ({ address })), ...extra };
    const client = { address: "192.0.2.9", hello: "app.contoso.example", tls: "TLSv1.3" };
    return await post.take({ service, account: from, envelope, client, hostname: "smtp.example" }, content);
  };
  return {
    messages,
    tenant,
    facts,
    dnsPort: server.port,
    take,
    raw: (id: string): Promise<Buffer> => readFile(join(folder, "messages", `${id}.eml`)),
    settled: (id: string) =>
      until("deliveries", () => {
        const { deliveries = [] } = messages.get(id) ?? {};
        return deliveries.every(({ status }) => status !== "queued") && deliveries;
      }),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

const text = (author: string): string =>
  `From: Sender <${author}>\r\nTo: ann@fabrikam.example\r\nSubject: Report\r\nDate: Fri, 27 Nov 2026 10:00:00 +0000\r\nMessage-ID: <7@x.example>\r\n\r\nHello\r\n.dot\r\n`;

const verify = `
import dkim, dns.resolver, sys
resolver = dns.resolver.Resolver(configure=False)
resolver.nameservers, resolver.port = ["127.0.0.1"], int(sys.argv[1])
def txt(name, timeout=5):
    name = name.decode() if isinstance(name, bytes) else name
    return b"".join(resolver.resolve(name, "TXT")[0].strings)
d = dkim.DKIM(sys.stdin.buffer.read())
print(d.verify(dnsfunc=txt), d.domain.decode(), d.selector.decode())
`;

for (const [service, from, signer, address] of [
  ["smtp-auth", "app@contoso.example", "contoso.example selector1", "203.0.113.11"],
  ["hve", "hve-scanner@contoso.example", "contoso.example selector1", "203.0.113.12"],
  ["acs-smtp", "noreply@notify.contoso.example", "notify.contoso.example selector1-azurecomm-prod-net", "203.0.113.21"],
  ["sendgrid-smtp", "app@contoso.example", "contoso.example s1", "203.0.113.41"],
] as const)
  test(`${service} signs with keys of its own, which dkimpy verifies`, { skip: skipUnless("dkimverify") }, async () => {
    await using post = await openPost();
    const { id } = await post.take(service, from, ["ann@fabrikam.example"], text(from));
    const raw = await post.raw(id);
    assert.match(raw.toString(), /^Received: from app\.contoso\.example \(\[192\.0\.2\.9\]\)\r\n\tby smtp\.example .*ESMTPSA/);
    assert.ok(raw.toString().endsWith(text(from)));
    assert.equal(post.messages.get(id)?.size, raw.length);
    const { stdout, stderr } = await runProgram("/usr/bin/python3", ["-c", verify, String(post.dnsPort)], { input: raw });
    assert.equal(stdout.trimEnd(), `True ${signer}`, stderr);
    const [delivery] = await post.settled(id);
    assert.equal(delivery?.address, address);
    assert.deepEqual(delivery?.authentication, { spf: "pass", dkim: "pass", dmarc: "pass", signedBy: [signer.split(" ")[0]] });
  });

test("a content that went to a file on its way gets its prefix too", async () => {
  await using post = await openPost();
  const large = `${text("app@contoso.example")}${"0123456789abcdef\r\n".repeat(60_000)}`;
  const { id } = await post.take("smtp-auth", "app@contoso.example", ["ann@fabrikam.example"], large);
  const raw = await post.raw(id);
  assert.ok(raw.toString().endsWith(large));
  assert.match(raw.toString("latin1", 0, 2000), /^Received: [^]*\r\nDKIM-Signature: /);
  assert.equal((await post.settled(id))[0]?.authentication?.dkim, "pass");
});

test("an on-premises server signs nothing and is covered by SPF", async () => {
  await using post = await openPost();
  const { id } = await post.take("on-premises", "app@contoso.example", ["ann@fabrikam.example"], text("app@contoso.example"));
  assert.deepEqual((await post.settled(id))[0]?.authentication, { spf: "pass", dkim: "none", dmarc: "pass", signedBy: [] });
});

test("what has no header section is taken all the same, and nothing is half", async () => {
  await using post = await openPost();
  const { id } = await post.take(
    "smtp-auth",
    "app@contoso.example",
    ["ann@fabrikam.example", "bob@nowhere.example"],
    "no header at all\r\n",
  );
  const deliveries = await post.settled(id);
  assert.deepEqual(
    deliveries.map(({ status, reason }) => [status, reason]),
    [
      ["delivered", null],
      ["bounced", "550 5.4.310 DNS domain nowhere.example does not exist [Message=InfoDomainNonexistent]"],
    ],
  );
});

test("notifications for a domain with a relay really go there, others into mailboxes; ACS tells nobody by mail", async () => {
  await using gateway = await startForeignSmtpServer();
  await using post = await openPost({ internet: { relays: { "bounce.contoso.example": `127.0.0.1:${gateway.port}` } } });
  post.tenant.change((tenant) => ({ ...tenant, catchAll: false }));
  await post.take("smtp-auth", "b+token@bounce.contoso.example", ["nobody@contoso.example"], text("app@contoso.example"));
  await until("notification", () => gateway.envelopes.length > 0);
  assert.deepEqual(gateway.envelopes[0], { from: "", to: ["b+token@bounce.contoso.example"], user: undefined });
  assert.match(
    gateway.contents[0]?.toString() ?? "",
    /\r\nDiagnostic-Code: smtp;550 5\.1\.10 RESOLVER\.ADR\.RecipientNotFound; Recipient not found by SMTP address lookup\r\n/,
  );
  const acs = await post.take(
    "acs-smtp",
    "noreply@notify.contoso.example",
    ["bounce-550@fabrikam.example"],
    text("noreply@notify.contoso.example"),
  );
  assert.equal((await post.settled(acs.id))[0]?.status, "bounced");
  const smtp = await post.take("smtp-auth", "app@contoso.example", ["bounce-550@fabrikam.example"], text("app@contoso.example"));
  await until("notification", () => [...post.messages.list({ from: "<>", to: "app@contoso.example", service: "smtp-auth" })][0]);
  assert.equal((await post.settled(smtp.id))[0]?.reason, "550 5.1.1 The sandbox was asked to answer 550");
  assert.equal([...post.messages.list({ from: "<>", to: "noreply@notify.contoso.example" })].length, 0);
});

test("success is told to whom asked for it", async () => {
  await using post = await openPost();
  const notify = { never: false, success: true, failure: true, delay: false };
  await post.take("smtp-auth", "app@contoso.example", [], text("app@contoso.example"), {
    recipients: [
      { address: "ann@fabrikam.example", notify, orcpt: "rfc822;ann@fabrikam.example" },
      { address: "bob@contoso.example", notify },
      { address: "eve@contoso.example" },
    ],
  });
  const told = await until("notification", () => [...post.messages.list({ from: "<>" })][0]);
  const report = (await post.raw(told.id)).toString();
  assert.match(
    report,
    /Original-Recipient: rfc822;ann@fabrikam\.example\r\nFinal-Recipient: rfc822;ann@fabrikam\.example\r\nAction: relayed\r\nStatus: 2\.0\.0\r\n/,
  );
  assert.match(report, /Final-Recipient: rfc822;bob@contoso\.example\r\nAction: delivered\r\n/);
  assert.doesNotMatch(report, /eve@/);
});

test("a tenant's limit for external recipients is that of its licences on the day", async () => {
  await using post = await openPost();
  post.tenant.change((tenant) => ({ ...tenant, trial: true }));
  const to = Array.from({ length: 501 }, (_, index) => `user${index}@fabrikam.example`);
  const { id } = await post.take("smtp-auth", "app@contoso.example", to, text("app@contoso.example"));
  const bounced = (await post.settled(id)).filter(({ status }) => status === "bounced");
  assert.deepEqual(
    bounced.map(({ recipient, reason }) => [recipient, reason?.slice(0, 11)]),
    [["user500@fabrikam.example", "550 5.7.232"]],
  );
  // HVE and ACS do not count.
  const acs = await post.take(
    "acs-smtp",
    "noreply@notify.contoso.example",
    ["ann@fabrikam.example"],
    text("noreply@notify.contoso.example"),
  );
  assert.equal((await post.settled(acs.id))[0]?.status, "delivered");
});
