import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { before, test } from "node:test";
import fc from "fast-check";
import { DnsServer } from "../../../test/support/dns-server.ts";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { until } from "../../../test/support/until.ts";
import { createAuthority, createServerCertificate, type Certificate } from "../../lib/certificates.ts";
import { Dialer } from "../../lib/dial.ts";
import { DnsClient } from "../../lib/dns/dns-client.ts";
import { HttpClient } from "../../lib/http/http-client.ts";
import { systemResolver } from "../../lib/resolver.ts";
import { MtaSts } from "./mta-sts.ts";
import { allowsHost, parsePolicy, PolicyInvalid } from "./policy.ts";

let authority: Certificate;
let certificate: Certificate;
before(async () => {
  authority = await createAuthority("Test");
  certificate = await createServerCertificate(authority, ["mta-sts.fabrikam.example"]);
});

const { signal } = new AbortController();
// RFC 8461 §3.2: the example, for our names.
const policyText = "version: STSv1\nmode: enforce\nmx: mx.fabrikam.example\nmx: *.fabrikam.example\nmax_age: 604800\n";

/** A domain with a policy; what is published can be changed. */
async function openWorld(certificateOfHost: () => Certificate = () => certificate) {
  const published = { txt: ["v=STSv1; id=1;"] as readonly string[], status: 200, type: "text/plain", text: policyText };
  const state = { now: 1_000_000, fetches: 0 };
  const dns = await DnsServer.start((name) => ({
    answers: published.txt.map((text) => ({ name, type: "TXT" as const, ttl: 0, data: text })),
  }));
  const web = createServer(certificateOfHost(), (request: IncomingMessage, response: ServerResponse) => {
    state.fetches++;
    assert.equal(request.headers.host, "mta-sts.fabrikam.example");
    assert.equal(request.url, "/.well-known/mta-sts.txt");
    response.writeHead(published.status, { "content-type": published.type, location: "/elsewhere" }).end(published.text);
  });
  web.listen(0, "127.0.0.1");
  await once(web, "listening");
  const place = { host: "127.0.0.1", port: (web.address() as AddressInfo).port };
  const folder = temporaryFolder();
  const file = join(folder.path, "mta-sts.json");
  const http = new HttpClient({
    dialer: new Dialer(systemResolver, new Map([["mta-sts.fabrikam.example:443", place]])),
    allowPrivate: false,
    ca: authority.cert,
  });
  const troubles: unknown[] = [];
  const open = () =>
    MtaSts.open(file, {
      dns: new DnsClient({ servers: [dns.place], trusted: false }, () => state.now),
      http,
      now: () => state.now,
      onTrouble: (_, error) => troubles.push(error),
    });
  return {
    published,
    state,
    file,
    open,
    troubles,
    async [Symbol.asyncDispose]() {
      await http[Symbol.asyncDispose]();
      web.closeAllConnections();
      web.close();
      await once(web, "close");
      await dns[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

test("a policy is found, fetched once, kept over a restart and forgotten when it expires", async () => {
  await using world = await openWorld();
  {
    await using sts = await world.open();
    const [one, two] = await Promise.all([sts.policyFor("fabrikam.example", signal), sts.policyFor("fabrikam.example", signal)]);
    assert.deepEqual(one, {
      id: "1",
      mode: "enforce",
      mx: ["mx.fabrikam.example", "*.fabrikam.example"],
      maxAge: 604_800,
      fetchedAt: 1_000_000,
    });
    assert.deepEqual(two, one);
  }
  assert.equal(world.state.fetches, 1);
  assert.equal(statSync(world.file).mode & 0o777, 0o600);
  await using sts = await world.open();
  // RFC 8461 §5.1: nothing is published any more, and what is known holds.
  Object.assign(world.published, { txt: [], status: 500 });
  assert.equal((await sts.policyFor("fabrikam.example", signal))?.mode, "enforce");
  world.state.now += 604_799_000;
  assert.equal((await sts.policyFor("fabrikam.example", signal))?.mode, "enforce");
  world.state.now += 1000;
  assert.equal(await sts.policyFor("fabrikam.example", signal), null);
  assert.equal(world.state.fetches, 1);
});

test("a new id brings the new policy; a known one is refreshed daily", async () => {
  await using world = await openWorld();
  await using sts = await world.open();
  await sts.policyFor("fabrikam.example", signal);
  Object.assign(world.published, { txt: ["v=STSv1; id=2;"], text: policyText.replace("enforce", "testing") });
  assert.equal((await sts.policyFor("fabrikam.example", signal))?.mode, "testing");
  world.published.text = policyText.replace("enforce", "none");
  assert.equal((await sts.policyFor("fabrikam.example", signal))?.mode, "testing");
  world.state.now += 86_400_001;
  // This one notices; the fetch is behind its back.
  assert.equal((await sts.policyFor("fabrikam.example", signal))?.mode, "testing");
  await until("it is refreshed", () => world.state.fetches === 3);
  await until("it holds", async () => (await sts.policyFor("fabrikam.example", signal))?.mode === "none");
});

test("what is not a proper policy, properly served, is none", async () => {
  const cases: readonly Partial<{ txt: readonly string[]; status: number; type: string; text: string }>[] = [
    { txt: [] },
    { txt: ["v=STSv1; id=1;", "v=STSv1; id=2;"] },
    { txt: ["v=STSv2; id=1;"] },
    { txt: ["v=STSv1; id=with-dash;"] },
    { txt: ["v=spf1 -all"] },
    { status: 301 },
    { status: 404 },
    { type: "text/html" },
    { text: "" },
    { text: policyText.replace("STSv1", "STSv2") },
    { text: policyText.replace("enforce", "maybe") },
    { text: policyText.replace("604800", "31557601") },
    { text: policyText.replace(/mx:.*\n/g, "") },
    { text: policyText + "x".repeat(70_000) },
    { text: policyText + "mx: a.example\n".repeat(1000) },
  ];
  for (const change of cases) {
    await using world = await openWorld();
    Object.assign(world.published, change);
    await using sts = await world.open();
    assert.equal(await sts.policyFor("fabrikam.example", signal), null, JSON.stringify(change).slice(0, 100));
    assert.deepEqual(world.troubles, []);
  }
});

test("a web server with another certificate says nothing", async () => {
  const other = await createServerCertificate(authority, ["www.fabrikam.example"]);
  await using world = await openWorld(() => other);
  await using sts = await world.open();
  assert.equal(await sts.policyFor("fabrikam.example", signal), null);
  assert.equal(world.state.fetches, 0);
});

test("a fetch that failed is not repeated for five minutes", async () => {
  await using world = await openWorld();
  world.published.status = 503;
  await using sts = await world.open();
  for (let i = 0; i < 3; i++) assert.equal(await sts.policyFor("fabrikam.example", signal), null);
  assert.equal(world.state.fetches, 1);
  world.state.now += 300_000;
  world.published.status = 200;
  assert.equal((await sts.policyFor("fabrikam.example", signal))?.mode, "enforce");
});

test("a damaged file is told, and no reason to stop", async () => {
  await using world = await openWorld();
  writeFileSync(world.file, '{"version":1,"policies":{"a.example":{"mode":"enf');
  {
    await using sts = await world.open();
    assert.equal(world.troubles.length, 1);
    assert.equal((await sts.policyFor("fabrikam.example", signal))?.mode, "enforce");
  }
  assert.equal(Object.keys((JSON.parse(readFileSync(world.file, "utf8")) as { policies: object }).policies).length, 1);
});

test("hosts fit as RFC 8461 §4.1 has it", () => {
  const mx = ["mail.example.com", "*.example.net", "Backup.Example.org."];
  const cases: readonly [string, boolean][] = [
    ["mail.example.com", true],
    ["example.com", false],
    ["a.mail.example.com", false],
    ["foo.example.net", true],
    ["example.net", false],
    ["a.b.example.net", false],
    ["backup.example.org", true],
    ["evilexample.net", false],
    ["", false],
  ];
  for (const [host, fits] of cases) assert.equal(allowsHost({ mx }, host), fits, host);
});

test("whatever is served, it is a policy or PolicyInvalid, and soon", async () => {
  const line = fc.oneof(fc.constantFrom("version: STSv1", "mode: enforce", "mx: a.example", "max_age: 1"), fc.string());
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 20 }), async (lines) => {
      const policy = await parsePolicy(lines.join("\n"), "1", 0).catch((error: unknown) => {
        assert.ok(error instanceof PolicyInvalid);
        return null;
      });
      if (policy !== null) assert.ok(["enforce", "testing", "none"].includes(policy.mode));
    }),
  );
});
