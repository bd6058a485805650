import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { before, test } from "node:test";
import { DnsServer } from "../../../test/support/dns-server.ts";
import { startForeignSmtpServer } from "../../../test/support/foreign-smtp-server.ts";
import { mxRoute } from "../../../test/support/mx-route.ts";
import { ScriptedSmtpServer } from "../../../test/support/scripted-smtp-server.ts";
import { hello, never, only, told } from "../../../test/support/smtp-route.ts";
import { makeTransaction } from "../../../test/support/transactions.ts";
import type { MtaSts } from "../../domains/mta-sts/mta-sts.ts";
import type { StsPolicy } from "../../domains/mta-sts/policy.ts";
import { type Certificate, createAuthority, createServerCertificate } from "../../lib/certificates.ts";
import type { DeliverySession } from "../route.ts";

let authority: Certificate;
let certificate: Certificate;
let misnamed: Certificate;
before(async () => {
  authority = await createAuthority("Test");
  certificate = await createServerCertificate(authority, ["mx.fabrikam.example"]);
  misnamed = await createServerCertificate(authority, ["other.example"]);
});

const tlsServer = ({ cert, key }: Certificate) => startForeignSmtpServer({ key, cert: `${cert}\n${authority.cert}` });
const mx = [{ preference: 10, exchange: "mx.fabrikam.example" }];
const zone = { "fabrikam.example MX": mx, "mx.fabrikam.example A": ["192.0.2.25"] };

/** A policy that is known already; how it is found is mta-sts.test.ts's. */
function known(mode: StsPolicy["mode"], hosts: readonly string[] = ["mx.fabrikam.example"]): MtaSts {
  const policy: StsPolicy = { id: "1", mode, mx: hosts, maxAge: 86_400, fetchedAt: 1000 };
  return { policyFor: async () => policy } as unknown as MtaSts;
}

interface Told {
  readonly told: string;
  readonly session: DeliverySession;
}

async function byPolicy(server: { readonly port: number }, sts: MtaSts, ca?: string): Promise<Told> {
  await using dns = await DnsServer.withZone(zone);
  await using route = mxRoute(dns, { "mx.fabrikam.example": server }, ca === undefined ? {} : { ca }, { sts });
  const delivery = await route.deliver(makeTransaction(), never);
  return { told: told(only(delivery)), session: delivery.session };
}

test("MTA-STS in force: a verified certificate, or the mail waits", async () => {
  await using good = await tlsServer(certificate);
  const kept = await byPolicy(good, known("enforce"), authority.cert);
  assert.deepEqual([kept.told, kept.session.security, kept.session.verified], ["relayed", "mta-sts", true]);
  assert.equal((await byPolicy(good, known("enforce"))).told, "delayed 7.5 tls.certificate-untrusted destination");
  await using wrong = await tlsServer(misnamed);
  assert.equal((await byPolicy(wrong, known("enforce"), authority.cert)).told, "delayed 7.325 tls.certificate-mismatch destination");
  await using plain = await startForeignSmtpServer();
  assert.equal((await byPolicy(plain, known("enforce"), authority.cert)).told, "delayed 7.321 tls.not-offered destination");
  assert.deepEqual([good.contents.length, wrong.contents.length, plain.contents.length], [1, 0, 0]);
});

test("MTA-STS in force: a server that is not in the policy is never connected to", async () => {
  await using server = await ScriptedSmtpServer.start(hello);
  const { told: said } = await byPolicy(server, known("enforce", ["*.other.example"]), authority.cert);
  assert.equal(said, "delayed 7.5 mta-sts.server-not-listed destination");
  assert.equal(server.connections, 0);
});

test("MTA-STS that is only tested, or withdrawn, keeps nothing back", async () => {
  await using plain = await startForeignSmtpServer();
  await using encrypted = await tlsServer(misnamed);
  for (const mode of ["testing", "none"] as const) {
    const unprotected = await byPolicy(plain, known(mode, ["*.other.example"]));
    assert.deepEqual([unprotected.told, unprotected.session.security], ["relayed", "plain"]);
    const { told: said, session } = await byPolicy(encrypted, known(mode));
    assert.deepEqual([said, session.security], ["relayed", "opportunistic"]);
    assert.match(session.securityNote ?? "", new RegExp(mode));
  }
});

test("a policy that appears is not got round by a connection that was open before", async () => {
  await using dns = await DnsServer.withZone(zone);
  await using server = await tlsServer(misnamed);
  let policy: StsPolicy | null = null;
  const sts = { policyFor: async () => policy } as unknown as MtaSts;
  await using route = mxRoute(dns, { "mx.fabrikam.example": server }, { ca: authority.cert, idleMs: 60_000 }, { sts });
  assert.equal(told(only(await route.deliver(makeTransaction(), never))), "relayed");
  policy = { id: "1", mode: "enforce", mx: ["mx.fabrikam.example"], maxAge: 86_400, fetchedAt: 1000 };
  assert.equal(told(only(await route.deliver(makeTransaction(), never))), "delayed 7.325 tls.certificate-mismatch destination");
});

const sha256 = (pem: string) => Buffer.from(new X509Certificate(pem).fingerprint256.replaceAll(":", ""), "hex");
const tlsaName = "_25._tcp.mx.fabrikam.example TLSA";

interface DaneCase {
  readonly tlsa?: readonly unknown[];
  readonly authentic?: boolean;
  readonly trusted?: boolean;
  readonly broken?: readonly string[];
}

async function byDane(server: { readonly port: number }, { tlsa, authentic = true, trusted = true, broken = [] }: DaneCase): Promise<Told> {
  await using dns = await DnsServer.withZone(
    { ...zone, ...(tlsa === undefined ? {} : { [tlsaName]: tlsa }) },
    authentic ? true : undefined,
  );
  const plain = dns.answer;
  dns.answer = (name, type, transport) => (broken.includes(`${name} ${type}`) ? { rcode: "SERVFAIL" } : plain(name, type, transport));
  await using route = mxRoute(dns, { "mx.fabrikam.example": server }, {}, { dnsTrusted: trusted });
  const delivery = await route.deliver(makeTransaction(), never);
  return { told: told(only(delivery)), session: delivery.session };
}

const record = (usage: number, pem: string) => ({ usage, selector: 0, matchingType: 1, certificate: sha256(pem) });

test("DANE: the certificate that the TLSA record names, whoever signed it and whatever name it carries", async () => {
  await using server = await tlsServer(misnamed);
  const own = await byDane(server, { tlsa: [record(3, misnamed.cert)] });
  assert.deepEqual([own.told, own.session.security], ["relayed", "dane"]);
  // RFC 7672 §3.1.2: by the authority, the name counts.
  assert.equal((await byDane(server, { tlsa: [record(2, authority.cert)] })).told, "delayed 7.325 tls.certificate-mismatch destination");
  assert.equal((await byDane(server, { tlsa: [record(3, certificate.cert)] })).told, "delayed 7.323 tls.tlsa-mismatch destination");
  await using named = await tlsServer(certificate);
  const anchored = await byDane(named, { tlsa: [record(2, authority.cert)] });
  assert.deepEqual([anchored.told, anchored.session.security], ["relayed", "dane"]);
  await using plain = await startForeignSmtpServer();
  assert.equal((await byDane(plain, { tlsa: [record(3, certificate.cert)] })).told, "delayed 7.321 tls.not-offered destination");
  assert.deepEqual([server.contents.length, named.contents.length, plain.contents.length], [1, 1, 0]);
});

test("DANE: records that cannot be used still demand encryption; none at all demand nothing", async () => {
  await using server = await tlsServer(misnamed);
  await using plain = await startForeignSmtpServer();
  const unusable = [record(1, certificate.cert), { usage: 3, selector: 0, matchingType: 9, certificate: Buffer.from("x") }];
  const encrypted = await byDane(server, { tlsa: unusable });
  assert.deepEqual([encrypted.told, encrypted.session.security], ["relayed", "opportunistic"]);
  assert.equal((await byDane(plain, { tlsa: unusable })).told, "delayed 7.321 tls.not-offered destination");
  const none = await byDane(plain, {});
  assert.deepEqual([none.told, none.session.security], ["relayed", "plain"]);
});

test("DANE: a look-up that breaks keeps the mail back; an answer that is not authentic demands nothing", async () => {
  await using server = await tlsServer(misnamed);
  const wrong = [record(3, certificate.cert)];
  assert.equal((await byDane(server, { broken: [tlsaName] })).told, "delayed 7.324 tls.dnssec-invalid destination");
  assert.match((await byDane(server, { broken: ["mx.fabrikam.example A"] })).told, /^delayed 7.324 tls.dnssec-invalid/);
  assert.equal(server.contents.length, 0);
  const insecure = await byDane(server, { tlsa: wrong, authentic: false });
  assert.deepEqual([insecure.told, insecure.session.security], ["relayed", "opportunistic"]);
  // The same bits from name servers that nobody declared trusted are only bits.
  const untrusted = await byDane(server, { tlsa: wrong, trusted: false });
  assert.deepEqual([untrusted.told, untrusted.session.security], ["relayed", "opportunistic"]);
});

test("DANE that fails is not saved by a MTA-STS policy that would hold", async () => {
  await using dns = await DnsServer.withZone({ ...zone, [tlsaName]: [record(3, misnamed.cert)] }, true);
  await using server = await tlsServer(certificate);
  await using route = mxRoute(dns, { "mx.fabrikam.example": server }, { ca: authority.cert }, { dnsTrusted: true, sts: known("enforce") });
  assert.equal(told(only(await route.deliver(makeTransaction(), never))), "delayed 7.323 tls.tlsa-mismatch destination");
});

test("`dane: on` without trusted name servers, and `tls: required` without a policy", async () => {
  await using dns = await DnsServer.withZone(zone);
  assert.throws(() => mxRoute(dns, {}, { dane: "on" }), /trusted/);
  await using server = await tlsServer(certificate);
  await using route = mxRoute(dns, { "mx.fabrikam.example": server }, { tls: "required", ca: authority.cert });
  const delivery = await route.deliver(makeTransaction(), never);
  assert.deepEqual([told(only(delivery)), delivery.session.security], ["relayed", "verified"]);
});
