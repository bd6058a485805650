/**
 * The official client of ACS Email, unmodified, against the door: what it sends arrives, what the door refuses it understands, and what it was
 * told 202 for survives a crash. Every answer is held against the published OpenAPI document, where that lies beside the project.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { EmailClient, type EmailClientOptions, type EmailMessage } from "@azure/communication-email";
import PostalMime from "postal-mime";
import { createAuthority, createServerCertificate } from "../../src/lib/certificates.ts";
import { acsOpenApi } from "../support/acs-openapi.ts";
import { startForeignSmtpServer, type ForeignSmtpServer } from "../support/foreign-smtp-server.ts";
import { freePort } from "../support/free-port.ts";
import { GatewayProcess, type GatewayPlace } from "../support/gateway-process.ts";
import { scriptedAuthority, authorityTenant, type ScriptedAuthority } from "../support/scripted-authority.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const key = Buffer.from("the access key of the application").toString("base64");
const openApi = acsOpenApi();
const folder = temporaryFolder();
let outside: ForeignSmtpServer;
let authority: ScriptedAuthority;
let gateway: GatewayProcess;
let place: GatewayPlace;
let port: number;
let ca: string;

/** Answers that the client got, in order. */
const answers: { method: string; path: string; status: number; headers: Record<string, string>; body: unknown }[] = [];

before(async () => {
  outside = await startForeignSmtpServer({
    onRcptTo: ({ address }, _session, done) =>
      done(address.startsWith("nobody@") ? Object.assign(new Error("5.1.1 no such user"), { responseCode: 550 }) : null),
  });
  authority = await scriptedAuthority();
  port = await freePort();
  const root = await createAuthority("test authority");
  const { cert, key: privateKey } = await createServerCertificate(root, ["localhost"]);
  ca = root.cert;
  const write = (name: string, text: string) => writeFileSync(join(folder.path, name), text);
  write("cert.pem", cert);
  write("key.pem", privateKey);
  write("ca.pem", authority.ca);
  write("acs-key", key);
  place = { folder: folder.path, data: join(folder.path, "data"), config: join(folder.path, "postern.yaml"), port };
  writeConfig(false);
  gateway = await GatewayProcess.ready(place);
});

after(async () => {
  await gateway[Symbol.asyncDispose]();
  await authority[Symbol.asyncDispose]();
  await outside[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

function writeConfig(paused: boolean): void {
  const login = new URL(authority.url);
  writeFileSync(
    place.config,
    `hostname: gateway.contoso.example
postmaster: postmaster@contoso.example
listeners: [{ name: smtp, kind: relay, port: 0 }]
networks: [{ name: loopback, addresses: [127.0.0.0/8], reversePaths: ["@contoso.example"] }]
principals:
  - name: app
    acsKeys: [{ file: acs-key }]
    tokens: [{ application: 11111111-1111-4111-8111-111111111111 }]
    reversePaths: ["@contoso.example"]
tokens:
  authorities: [{ authority: "${authority.url}", tenant: ${authorityTenant}, audiences: ["https://communication.azure.com"], ca: { file: ca.pem } }]
network: { allowPrivate: true, hosts: { "${login.hostname}:443": "127.0.0.1:${authority.port}" } }
routes:
  - { name: next, kind: smtp, host: 127.0.0.1, port: ${outside.port}, allowPrivate: true, tls: none, paused: ${paused} }
routing: { acceptedDomains: [contoso.example], rules: [{ name: all, routes: [next] }] }
queue: { freeSpaceReserve: 1MB }
http:
  console: { enabled: false }
  listeners: [{ name: api, port: ${port}, tls: { cert: { file: cert.pem }, key: { file: key.pem } } }]
`,
  );
}

type ClientOptions = EmailClientOptions;

function options(): ClientOptions {
  return {
    tlsOptions: { ca },
    retryOptions: { maxRetries: 0 },
    additionalPolicies: [
      {
        position: "perRetry",
        policy: {
          name: "record",
          async sendRequest(request: { url: string; method: string }, next: (request: never) => Promise<Recorded>) {
            const response = await next(request as never);
            const { pathname } = new URL(request.url);
            const body: unknown = JSON.parse(response.bodyAsText ?? "null");
            answers.push({ method: request.method, path: pathname, status: response.status, headers: response.headers.toJSON(), body });
            return response;
          },
        },
      },
    ],
  } as unknown as ClientOptions;
}

interface Recorded {
  readonly status: number;
  readonly bodyAsText?: string | null;
  readonly headers: { toJSON(): Record<string, string> };
}

function client(accessKey = key): EmailClient {
  return new EmailClient(`endpoint=https://localhost:${port}/;accesskey=${accessKey}`, options());
}

function letter(subject: string, ...to: readonly string[]): EmailMessage {
  return {
    senderAddress: "app@contoso.example",
    content: { subject, plainText: "Hello" },
    recipients: { to: to.map((address) => ({ address })) },
  };
}

function inQueue(): Promise<{ readonly totals: { readonly accepted: number } }> {
  return gateway.control.get("/api/status");
}

suite("the official client", { timeout: 120_000 }, () => {
  test("sends with text, HTML, an inline image and an attachment, and waits until it is passed on", async () => {
    const poller = await client().beginSend({
      ...letter("Grüße", "ann@fabrikam.example"),
      content: { subject: "Grüße", plainText: "Hällo", html: '<p>Hällo</p><img src="cid:logo">' },
      recipients: {
        to: [{ address: "ann@fabrikam.example", displayName: "Ann Ä" }],
        cc: [{ address: "bob@fabrikam.example" }],
        bcc: [{ address: "carl@fabrikam.example" }],
      },
      replyTo: [{ address: "help@contoso.example" }],
      headers: { "X-Campaign": "autumn" },
      attachments: [
        { name: "logo.png", contentType: "image/png", contentInBase64: "AAECAw==", contentId: "logo" },
        { name: "big.bin", contentType: "application/octet-stream", contentInBase64: Buffer.alloc(3_000_000, 7).toString("base64") },
      ],
    });
    const result = await poller.pollUntilDone();
    assert.equal(result.status, "Succeeded");
    assert.deepEqual(outside.envelopes.at(-1)?.to, ["ann@fabrikam.example", "bob@fabrikam.example", "carl@fabrikam.example"]);
    const mail = await PostalMime.parse(outside.contents.at(-1) ?? "");
    assert.deepEqual([mail.subject, mail.to?.[0]?.name, mail.bcc], ["Grüße", "Ann Ä", undefined]);
    assert.deepEqual(mail.attachments.map(({ filename, content }) => [filename, (content as ArrayBuffer).byteLength]).sort(), [
      ["big.bin", 3_000_000],
      ["logo.png", 4],
    ]);
  });

  test("sends with a token of Entra", async () => {
    const token = await authority.sign(
      { appid: "11111111-1111-4111-8111-111111111111", oid: "a", sub: "a", idtyp: "app", tid: authorityTenant },
      { audience: "https://communication.azure.com" },
    );
    const credential = { getToken: () => Promise.resolve({ token, expiresOnTimestamp: Date.now() + 600_000 }) };
    const withToken = new EmailClient(`https://localhost:${port}/`, credential, options());
    const poller = await withToken.beginSend(letter("By token", "ann@fabrikam.example"));
    assert.equal((await poller.pollUntilDone()).status, "Succeeded");
    const stranger = { getToken: () => Promise.resolve({ token: `${token}x`, expiresOnTimestamp: Date.now() + 600_000 }) };
    await assert.rejects(
      new EmailClient(`https://localhost:${port}/`, stranger, options()).beginSend(letter("x", "ann@fabrikam.example")),
      {
        statusCode: 401,
      },
    );
  });

  test("learns that a message failed", async () => {
    // The first look may already tell it.
    const sending = async () => (await client().beginSend(letter("To nobody", "nobody@fabrikam.example"))).pollUntilDone();
    await assert.rejects(sending(), /failed|Email was dropped/i);
    assert.equal((answers.at(-1)?.body as { status: string } | undefined)?.status, "Failed");
  });

  test("understands each refusal", async () => {
    const other = Buffer.from("some other key").toString("base64");
    await assert.rejects(client(other).beginSend(letter("x", "ann@fabrikam.example")), { statusCode: 401, code: "Unauthorized" });
    await assert.rejects(client().beginSend(letter("x", "ann@fabrikam.example, bob@fabrikam.example")), {
      statusCode: 400,
      code: "InvalidEmailAddress",
    });
    await assert.rejects(client().beginSend({ ...letter("x", "ann@fabrikam.example"), senderAddress: "ceo@elsewhere.example" }), {
      statusCode: 403,
      code: "Forbidden",
    });
    const tooLarge = { name: "a", contentType: "text/plain", contentInBase64: Buffer.alloc(9_000_000).toString("base64") };
    await assert.rejects(client().beginSend({ ...letter("x", "ann@fabrikam.example"), attachments: [tooLarge] }), {
      statusCode: 413,
      code: "RequestEntityTooLarge",
    });
  });

  test("an Operation-Id sent again is the same message; what was answered 202 is there after kill -9, with its status", async () => {
    await gateway.stop();
    writeConfig(true);
    gateway = await GatewayProcess.ready(place);
    const operationId = randomUUID();
    const before = (await inQueue()).totals.accepted;
    const named = await client().beginSend(letter("Once", "ann@fabrikam.example"), { operationId });
    const unnamed = await client().beginSend(letter("Unnamed", "bob@fabrikam.example"));
    await gateway.kill();
    gateway = await GatewayProcess.ready(place);
    assert.equal((await inQueue()).totals.accepted, before + 2);
    const again = await client().beginSend(letter("Once", "ann@fabrikam.example"), { operationId });
    assert.equal((await inQueue()).totals.accepted, before + 2);
    await assert.rejects(client().beginSend(letter("Another", "ann@fabrikam.example"), { operationId }), { statusCode: 409 });
    for (const poller of [named, unnamed, again]) {
      await poller.poll();
      assert.equal(poller.getOperationState().status, "running");
    }
    await gateway.stop();
    writeConfig(false);
    gateway = await GatewayProcess.ready(place);
    for (const poller of [named, unnamed, again]) assert.equal((await poller.pollUntilDone()).status, "Succeeded");
    assert.equal(outside.contents.filter((content) => content.includes("Subject: Once\r\n")).length, 1);
  });

  test(
    "every answer is as the published document says",
    { skip: openApi === null ? "the published specification does not lie beside the project" : false },
    () => {
      assert(openApi !== null);
      assert(answers.length > 15);
      const faults = answers.flatMap(({ method, path, status, headers, body }) =>
        openApi.faults(method, path, status, headers, body).map((fault) => `${method} ${path} ${status}: ${fault}`),
      );
      assert.deepEqual(faults, []);
    },
  );

  test(
    "the published example of a request is taken",
    { skip: openApi === null ? "the published specification does not lie beside the project" : false },
    async () => {
      const message = openApi?.example("SendEmail")["emailMessage"] as EmailMessage;
      const poller = await client().beginSend({ ...message, senderAddress: "abc@contoso.example" });
      assert.equal((await poller.pollUntilDone()).status, "Succeeded");
      assert.equal(outside.envelopes.at(-1)?.to.length, 6);
    },
  );
});
