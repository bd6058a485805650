import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Certificate, createAuthority, createServerCertificate } from "../../src/lib/certificates.ts";
import { DnsClient } from "../../src/lib/dns/dns-client.ts";
import type { DeliverySession } from "../../src/routes/route.ts";
import { DnssecLab, labPrograms } from "../support/dnssec-lab.ts";
import { freePort } from "../support/free-port.ts";
import { mxRoute } from "../support/mx-route.ts";
import { Postfix, skipUnlessPostfix } from "../support/postfix.ts";
import { skipUnless } from "../support/programs.ts";
import { never, only, told } from "../support/smtp-route.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { makeTransaction } from "../support/transactions.ts";
import { until } from "../support/until.ts";

const skip = skipUnless(...labPrograms, "dig") || skipUnlessPostfix();

/** Names as BIND serves them, validated by Unbound; Postfix as the mail server of all of them. */
describe("DNSSEC and DANE with BIND, Unbound and Postfix", { skip }, () => {
  const folder = temporaryFolder();
  let authority: Certificate;
  let lab: DnssecLab;
  let postfix: Postfix;

  before(async () => {
    authority = await createAuthority("Lab");
    const certificate = await createServerCertificate(authority, ["mx.signed.test", "mx.anchored.test"]);
    const digest = new X509Certificate(certificate.cert).fingerprint256.replaceAll(":", "").toLowerCase();
    const anchor = new X509Certificate(authority.cert).fingerprint256.replaceAll(":", "").toLowerCase();
    const wrong = "0123456789abcdef".repeat(4);
    const mail = (tlsa: string) => `@ MX 10 mx\nmx A 192.0.2.25\n${tlsa === "" ? "" : `_25._tcp.mx TLSA ${tlsa}`}`;
    lab = await DnssecLab.start(folder.path, [
      { name: "signed.test", kind: "signed", records: mail(`3 0 1 ${digest}`) },
      { name: "anchored.test", kind: "signed", records: mail(`2 0 1 ${anchor}`) },
      { name: "mismatch.test", kind: "signed", records: mail(`3 0 1 ${wrong}`) },
      { name: "without.test", kind: "signed", records: mail("") },
      { name: "unsigned.test", kind: "unsigned", records: mail(`3 0 1 ${wrong}`) },
      { name: "bogus.test", kind: "bogus", records: mail(`3 0 1 ${wrong}`), forge: ["192.0.2.25", "192.0.2.66"] },
      {
        name: "halfbogus.test",
        kind: "bogus",
        records: mail(`3 1 1 ${wrong}`),
        forge: ["TLSA\t3 1 1", "TLSA\t3 0 1"],
      },
    ]);
    const [certFile, keyFile] = [join(folder.path, "mx.pem"), join(folder.path, "mx.key")];
    writeFileSync(certFile, `${certificate.cert}\n${authority.cert}\n`);
    writeFileSync(keyFile, certificate.key, { mode: 0o600 });
    postfix = await Postfix.start({
      folder: join(folder.path, "postfix"),
      hostname: "mx.signed.test",
      port: await freePort(),
      main: {
        virtual_mailbox_domains: "signed.test, anchored.test, mismatch.test, without.test, unsigned.test, bogus.test, halfbogus.test",
        virtual_mailbox_maps: "static:all/",
        smtpd_tls_security_level: "may",
        smtpd_tls_cert_file: certFile,
        smtpd_tls_key_file: keyFile,
        smtpd_tls_received_header: "yes",
      },
    });
  });
  after(async () => {
    await Promise.all([lab?.[Symbol.asyncDispose](), postfix?.[Symbol.asyncDispose]()]);
    folder[Symbol.dispose]();
  });

  const zones = ["signed", "anchored", "mismatch", "without", "unsigned", "bogus", "halfbogus"];

  async function send(domain: string): Promise<{ readonly told: string; readonly session: DeliverySession }> {
    const servers = Object.fromEntries(zones.map((zone) => [`mx.${zone}.test`, postfix]));
    await using route = mxRoute(lab, servers, {}, { dnsTrusted: true });
    const delivery = await route.deliver(makeTransaction({ to: [`bob@${domain}`] }), never);
    return { told: told(only(delivery)), session: delivery.session };
  }

  test("the AD bit is Unbound's, and means what it says", async () => {
    const dns = new DnsClient({ servers: [lab.place], trusted: true }, () => 0);
    const signed = await dns.mx("signed.test", never);
    assert.deepEqual([signed.records, signed.authentic], [[{ preference: 10, exchange: "mx.signed.test" }], true]);
    assert.equal((await dns.tlsa("_25._tcp.mx.signed.test", never)).authentic, true);
    // That there is none can be proven too.
    const none = await dns.tlsa("_25._tcp.mx.without.test", never);
    assert.deepEqual([none.records, none.authentic, none.noSuchName], [[], true, true]);
    assert.equal((await dns.mx("unsigned.test", never)).authentic, false);
    await assert.rejects(dns.addresses("mx.bogus.test", never), { name: "DnsFailed", code: "SERVFAIL" });
  });

  test("a signed zone with the right TLSA record: DANE", async () => {
    const { told: said, session } = await send("signed.test");
    assert.deepEqual([said, session.security], ["relayed", "dane"]);
    await until("Postfix has it", () => postfix.delivered("all").length > 0);
    // Postfix saw the encryption too.
    assert.match(String(postfix.delivered("all").at(-1)), /using TLSv1\.3/);
  });

  test("by the authority that the record names", async () => {
    const { told: said, session } = await send("anchored.test");
    assert.deepEqual([said, session.security], ["relayed", "dane"]);
  });

  test("another certificate than the record names: the mail waits", async () => {
    assert.equal((await send("mismatch.test")).told, "delayed 7.323 tls.tlsa-mismatch destination");
  });

  test("no TLSA record, or none that is signed: opportunistic", async () => {
    for (const domain of ["without.test", "unsigned.test"]) {
      const { told: said, session } = await send(domain);
      assert.deepEqual([said, session.security], ["relayed", "opportunistic"], domain);
    }
  });

  test("forged addresses or TLSA records: the mail waits", async () => {
    assert.match((await send("bogus.test")).told, /^delayed 7.324 tls.dnssec-invalid/);
    assert.match((await send("halfbogus.test")).told, /^delayed 7.324 tls.dnssec-invalid/);
  });
});
