import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { createAuthority, createServerCertificate } from "../../src/lib/certificates.ts";
import { DnsServer } from "../support/dns-server.ts";
import { startForeignSmtpServer, type ForeignSmtpServer } from "../support/foreign-smtp-server.ts";
import { freePort } from "../support/free-port.ts";
import { GatewayProcess, type GatewayPlace } from "../support/gateway-process.ts";
import { SmtpDialog } from "../support/smtp-dialog.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/until.ts";

/** A gateway as somebody would configure it, with every name from a name server of the test's, and the internet on loopback. */
describe("directly to mail servers", () => {
  const folder = temporaryFolder();
  const cleanUp = new AsyncDisposableStack();
  const place: GatewayPlace & { port: number } = {
    folder: folder.path,
    data: join(folder.path, "data"),
    config: join(folder.path, "postern.yaml"),
    port: 0,
  };
  let gateway: GatewayProcess;
  let fabrikam: ForeignSmtpServer;
  let plain: ForeignSmtpServer;
  let policies = 0;

  before(async () => {
    const authority = await createAuthority("Test");
    const certificate = await createServerCertificate(authority, [
      "mx.fabrikam.example",
      "mta-sts.fabrikam.example",
      "mta-sts.strict.example",
    ]);
    fabrikam = cleanUp.use(await startForeignSmtpServer(certificate));
    plain = cleanUp.use(await startForeignSmtpServer());
    const dns = cleanUp.use(
      await DnsServer.withZone({
        "fabrikam.example MX": [{ preference: 10, exchange: "mx.fabrikam.example" }],
        "strict.example MX": [{ preference: 10, exchange: "mx.strict.example" }],
        "plain.example MX": [{ preference: 10, exchange: "mx.plain.example" }],
        "null.example MX": [{ preference: 0, exchange: "." }],
        "inside.example MX": [{ preference: 0, exchange: "mx.inside.example" }],
        "mx.inside.example A": ["127.0.0.1"],
        "_mta-sts.fabrikam.example TXT": ["v=STSv1; id=20261127;"],
        "_mta-sts.strict.example TXT": ["v=STSv1; id=20261127;"],
      }),
    );
    const web = createServer(certificate, (request, response) => {
      policies++;
      const domain = request.headers.host?.replace("mta-sts.", "") ?? "";
      response.writeHead(200, { "content-type": "text/plain" }).end(`version: STSv1\nmode: enforce\nmx: mx.${domain}\nmax_age: 86400\n`);
    });
    web.listen(0, "127.0.0.1");
    await once(web, "listening");
    cleanUp.defer(() => (web.closeAllConnections(), void web.close()));
    place.port = await freePort();
    const { port: webPort } = web.address() as AddressInfo;
    writeFileSync(join(folder.path, "ca.pem"), authority.cert);
    writeFileSync(
      place.config,
      `hostname: gateway.contoso.example
postmaster: postmaster@contoso.example
listeners: [{ name: smtp, kind: relay, port: ${place.port} }]
networks: [{ name: loopback, addresses: [127.0.0.0/8], reversePaths: ["@contoso.example"] }]
network:
  dns: { servers: ["127.0.0.1:${dns.port}"] }
  ca: { file: ca.pem }
  hosts:
    "mx.fabrikam.example:25": "127.0.0.1:${fabrikam.port}"
    "mx.strict.example:25": "127.0.0.1:${plain.port}"
    "mx.plain.example:25": "127.0.0.1:${plain.port}"
    "mta-sts.fabrikam.example": "127.0.0.1:${webPort}"
    "mta-sts.strict.example": "127.0.0.1:${webPort}"
routes: [{ name: direct, kind: mx, ca: { file: ca.pem } }]
routing: { acceptedDomains: [contoso.example], rules: [{ name: all, routes: [direct] }] }
http: { console: { enabled: false } }
`,
    );
    gateway = await GatewayProcess.ready(place);
  });
  after(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await cleanUp.disposeAsync();
    folder[Symbol.dispose]();
  });

  async function send(...to: readonly string[]): Promise<string> {
    using client = await SmtpDialog.open(place.port);
    await client.reply();
    await client.say("EHLO app.contoso.example");
    await client.say("MAIL FROM:<app@contoso.example>");
    for (const recipient of to) await client.say(`RCPT TO:<${recipient}>`);
    await client.say("DATA");
    const reply = await client.say(
      "From: app@contoso.example\r\nTo: you@example\r\nSubject: x\r\nDate: Fri, 27 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@x>\r\n\r\nx\r\n.",
    );
    return /queued as (\S+)/.exec(reply)?.[1] ?? assert.fail(reply);
  }

  interface Trace {
    readonly recipients: readonly { readonly address: string; readonly state: string }[];
    readonly attempts: readonly { readonly remote: string; readonly security?: string }[];
    readonly story: readonly string[];
  }

  const traced = async (id: string, attempts: number): Promise<Trace> =>
    until(`${attempts} attempts at ${id}`, async () => {
      const trace = await gateway.control.get<Trace>(`/api/messages/${id}`);
      return trace.attempts.length >= attempts ? trace : null;
    });

  test("a message for four domains: protected by MTA-STS, plain, refused by a null MX, kept from the inside", async () => {
    const id = await send("a@fabrikam.example", "b@plain.example", "c@null.example", "d@inside.example");
    const { recipients, attempts, story } = await traced(id, 4);
    assert.deepEqual(
      recipients.map(({ address, state }) => `${address} ${state}`),
      ["a@fabrikam.example relayed", "b@plain.example relayed", "c@null.example failed", "d@inside.example failed"],
    );
    // Each destination has an attempt of its own.
    assert.deepEqual(attempts.map(({ remote, security }) => `${remote} ${security}`).sort(), [
      "mx.fabrikam.example:25 mta-sts",
      "mx.inside.example:25 undefined",
      "mx.plain.example:25 plain",
      "null.example undefined",
    ]);
    const told = story.join("\n");
    assert.match(told, /certificate verified as the destination's MTA-STS policy demands/);
    assert.match(told, /without encryption: the next hop does not offer it/);
    assert.match(told, /The domain null.example takes no mail at all. \(5.1.10, dns.null-mx\)/);
    assert.match(told, /127\.0\.0\.1, where no mail server for others can be/);
    assert.equal(plain.contents.length, 1);
  });

  test("a server that does not keep its domain's policy gets nothing", async () => {
    const id = await send("e@strict.example");
    const { recipients, story } = await traced(id, 1);
    assert.equal(recipients[0]?.state, "queued");
    assert.match(story.join("\n"), /4\.7\.321, tls\.not-offered/);
    assert.equal(plain.contents.length, 1);
  });

  test("a policy that was known holds after a crash, and is not fetched again", async () => {
    const before = policies;
    // It is written a second after it was learned.
    await until("the policies are on disk", () => /strict.example/.test(readPolicies()));
    await gateway.kill();
    gateway = await GatewayProcess.ready(place);
    const { attempts } = await traced(await send("f@fabrikam.example"), 1);
    assert.equal(attempts[0]?.security, "mta-sts");
    assert.equal(policies, before);
  });

  test("no trouble of a destination is the route's", async () => {
    const { routes } = await gateway.control.get<{ routes: readonly { circuit: string; relayedBy: Record<string, number> }[] }>(
      "/api/routes",
    );
    assert.equal(routes[0]?.circuit, "closed");
    assert.equal(routes[0]?.relayedBy["mta-sts"], 1);
  });

  function readPolicies(): string {
    return existsSync(join(place.data, "mta-sts.json")) ? readFileSync(join(place.data, "mta-sts.json"), "utf8") : "";
  }
});
