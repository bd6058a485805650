import assert from "node:assert/strict";
import { createPublicKey, X509Certificate, createHash } from "node:crypto";
import { createSocket } from "node:dgram";
import { Resolver } from "node:dns/promises";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { skipUnless } from "../../../test/support/programs.ts";
import { runProgram } from "../../../test/support/run-program.ts";
import { openTestSandbox, type TestSandbox } from "../../../test/support/sandbox.ts";

function resolverOf(sandbox: TestSandbox): Resolver {
  const resolver = new Resolver({ timeout: 2000, tries: 1 });
  resolver.setServers([`127.0.0.1:${sandbox.port("dns")}`]);
  return resolver;
}

async function dig(sandbox: TestSandbox, ...args: string[]): Promise<string> {
  const { stdout } = await runProgram("dig", ["@127.0.0.1", "-p", String(sandbox.port("dns")), "+tries=1", "+time=2", ...args]);
  return stdout;
}

test("the tenant and the outside world have the records their owners would publish", async () => {
  await using sandbox = await openTestSandbox();
  const resolver = resolverOf(sandbox);
  const mx = async (domain: string) => (await resolver.resolveMx(domain)).map(({ priority, exchange }) => `${priority} ${exchange}`);
  assert.deepEqual(await mx("contoso.example"), ["0 contoso-example.mail.protection.outlook.example"]);
  assert.deepEqual(await mx("fabrikam.example"), ["10 mx.fabrikam.example"]);
  const texts = (await resolver.resolveTxt("contoso.example")).map((strings) => strings.join(""));
  assert.ok(texts.some((text) => /^v=spf1 .*include:spf\.protection\.outlook\.example -all$/.test(text)));
  const [include] = (await resolver.resolveTxt("spf.protection.outlook.example")).map((strings) => strings.join(""));
  // Exchange Online and ACS stand under one include.
  assert.match(include ?? "", /^v=spf1 .*ip4:203\.0\.113\.11 .*ip4:203\.0\.113\.21 -all$/);
  assert.deepEqual(await resolver.resolve4("mx.fabrikam.example"), ["198.51.100.71"]);
  assert.deepEqual(await resolver.resolve6("mx.fabrikam.example"), ["2001:db8:51:100::71"]);
  assert.deepEqual(await resolver.reverse("198.51.100.71"), ["mx.fabrikam.example"]);
  assert.deepEqual(await resolver.reverse("2001:db8:51:100::71"), ["mx.fabrikam.example"]);
  assert.deepEqual(await resolver.resolveCname("selector1._domainkey.contoso.example"), [
    "selector1-contoso-example._domainkey.contoso.onmicrosoft.example",
  ]);
  await assert.rejects(resolver.resolve4("nobody.contoso.example"), { code: "ENOTFOUND" });
  await assert.rejects(resolver.resolveMx("mx.fabrikam.example"), { code: "ENODATA" });
  // Above a name that has records there is a name without data (RFC 8020).
  await assert.rejects(resolver.resolveTxt("_domainkey.contoso.example"), { code: "ENODATA" });
  await assert.rejects(resolver.resolve4("example.com"), { code: "ENOTFOUND" });
});

test("keys are published as they stay: behind aliases, the same after a restart", async () => {
  await using sandbox = await openTestSandbox();
  const read = async (): Promise<string> =>
    (await resolverOf(sandbox).resolveTxt("selector1-azurecomm-prod-net._domainkey.notify.contoso.example"))[0]?.join("") ?? "";
  const key = await read();
  const [, base64 = ""] = /^v=DKIM1; k=rsa; p=([A-Za-z0-9+/=]+)$/.exec(key) ?? [];
  assert.equal(
    createPublicKey({ key: Buffer.from(base64, "base64"), format: "der", type: "spki" }).asymmetricKeyDetails?.modulusLength,
    2048,
  );
  await sandbox.restart();
  assert.equal(await read(), key);
});

test("dig reads every kind of answer", { skip: skipUnless("dig") }, async () => {
  await using sandbox = await openTestSandbox({
    dns: {
      records: [
        { name: "long.contoso.example", type: "TXT", value: "x".repeat(3000) },
        { name: "null.contoso.example", type: "MX", value: "0 ." },
        { name: "loop.contoso.example", type: "CNAME", value: "loop.contoso.example" },
      ],
    },
  });
  const signed = await dig(sandbox, "_25._tcp.mx.fabrikam.example", "TLSA");
  assert.match(signed, /flags: qr aa rd ra ad;/);
  const pem = new X509Certificate(await readFile(join(sandbox.folder, "server.pem")));
  const digest = createHash("sha256")
    .update(pem.publicKey.export({ type: "spki", format: "der" }))
    .digest("hex")
    .toUpperCase();
  assert.ok(signed.replaceAll(" ", "").includes(`311${digest}`), signed);
  // Only who asks is told (RFC 6840 §5.8).
  assert.doesNotMatch(await dig(sandbox, "+noadflag", "fabrikam.example", "MX"), /ra ad;/);
  assert.doesNotMatch(await dig(sandbox, "contoso.example", "MX"), /ra ad;/);
  const negative = await dig(sandbox, "nobody.contoso.example", "A");
  assert.match(negative, /status: NXDOMAIN/);
  assert.match(negative, /AUTHORITY SECTION:\ncontoso\.example\.\s+60\s+IN\s+SOA\s/);
  const nodata = await dig(sandbox, "contoso.example", "AAAA");
  assert.match(nodata, /status: NOERROR/);
  assert.match(nodata, /IN\s+SOA\s/);
  assert.match(await dig(sandbox, "null.contoso.example", "MX", "+short"), /^0 \.$/m);
  assert.match(await dig(sandbox, "loop.contoso.example", "A"), /status: SERVFAIL/);
  assert.match(await dig(sandbox, "+ignore", "long.contoso.example", "TXT"), /flags: qr aa tc rd ra;/);
  // Without +ignore dig asks again by TCP.
  const long = await dig(sandbox, "long.contoso.example", "TXT", "+short");
  assert.equal(long.replaceAll(/[^x]/g, "").length, 3000);
  assert.match(await dig(sandbox, "+edns=1", "+noednsneg", "contoso.example", "MX"), /status: BADVERS/);
  assert.match(await dig(sandbox, "+opcode=notify", "contoso.example", "SOA"), /status: NOTIMP/);
  assert.match(await dig(sandbox, "-c", "CH", "version.bind", "TXT"), /status: REFUSED/);
  assert.match(await dig(sandbox, "contoso.example", "NAPTR"), /status: NOERROR/);
});

test("records, zones and faults are changed while it runs; a reset takes them back", async () => {
  await using sandbox = await openTestSandbox();
  const resolver = resolverOf(sandbox);
  const { status, body } = await sandbox.call("PUT", "/api/dns", {
    records: [
      { name: "contoso.example", type: "TXT", value: "v=spf1 -all" },
      { name: "k1._domainkey.contoso.example.", type: "TXT", value: "v=DKIM1; p=abc" },
    ],
    faults: [
      { name: "gmail.example", answer: "servfail" },
      { name: "*.outlook.example", type: "A", answer: "nxdomain", times: 1 },
    ],
  });
  assert.equal(status, 200);
  assert.equal(body.hosts["mx.fabrikam.example"], `127.0.0.1:${sandbox.port("internet-mx")}`);
  assert.deepEqual(await resolver.resolveTxt("contoso.example"), [["v=spf1 -all"]]);
  assert.deepEqual(await resolver.resolveTxt("k1._domainkey.contoso.example"), [["v=DKIM1; p=abc"]]);
  await assert.rejects(resolver.resolveMx("gmail.example"), { code: "ESERVFAIL" });
  await assert.rejects(resolver.resolve4("mx.outlook.example"), { code: "ENOTFOUND" });
  assert.deepEqual(await resolver.resolve4("mx.outlook.example"), ["198.51.100.72"]);
  assert.equal((await sandbox.call("PUT", "/api/dns", { records: [{ name: "x", type: "MX", value: "mx" }] })).status, 400);
  await sandbox.call("POST", "/api/reset");
  assert.equal((await resolver.resolveTxt("contoso.example")).length, 2);
  assert.equal((await resolver.resolveMx("gmail.example"))[0]?.exchange, "mx.gmail.example");
});

test("nonsense is answered or ignored, and the server goes on", async () => {
  await using sandbox = await openTestSandbox();
  const socket = createSocket("udp4");
  const send = (bytes: Buffer): void => socket.send(bytes, sandbox.port("dns"), "127.0.0.1");
  try {
    for (const bytes of [Buffer.alloc(0), Buffer.from("x"), Buffer.alloc(12, 0xff), Buffer.from("1234800000000000000000000000", "hex")])
      send(bytes);
    // A question whose name points at itself: FORMERR with its id.
    send(Buffer.from("beef01000001000000000000c00c00010001", "hex"));
    const [answer] = (await once(socket, "message")) as [Buffer];
    assert.equal(answer.readUInt16BE(0), 0xbeef);
    assert.equal(answer.readUInt16BE(2) & 15, 1);
  } finally {
    socket.close();
  }
  assert.equal((await resolverOf(sandbox).resolveMx("contoso.example")).length, 1);
  assert.equal(sandbox.facts.filter(({ event }) => event === "sandbox.fault").length, 0);
});
