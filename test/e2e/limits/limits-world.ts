import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { credentials } from "../../../src/sandbox/credentials.ts";
import type { SandboxMessage } from "../../../src/sandbox/messages/message.ts";
import type { SandboxFile } from "../../../src/sandbox/options.ts";
import { freePort } from "../../support/free-port.ts";
import { GatewayProcess, type GatewayPlace } from "../../support/gateway-process.ts";
import { openTestSandbox, type TestSandbox } from "../../support/sandbox.ts";
import { SmtpDialog } from "../../support/smtp-dialog.ts";
import { readStoredQueue } from "../../support/stored-queue.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { findToken, formatToken } from "../../support/token-message.ts";

/** What `services` says in postern.yaml and in sandbox.yaml alike: values that a test can reach. */
export type Values = Readonly<Record<string, Readonly<Record<string, number>>>>;

export interface Throttled {
  readonly time: string;
  readonly service: string;
  readonly account: string;
  readonly limit: string;
  readonly amount: number;
  readonly reply: string | null;
  readonly delayMs: number | null;
}

export interface Mail {
  /** Six letters or digits: the stream it belongs to. */
  readonly run: string;
  readonly n: number;
  readonly from: string;
  readonly to: readonly string[];
  readonly bulk?: boolean;
}

const hve = credentials.hveAccount;
const secondMailbox = "reports@contoso.example";
const connections = 16;

/**
 * A gateway process with a route of each kind to a sandbox that counts by itself, both on the sandbox's clock. Two mailboxes may send as
 * scanner@, so that their routes can share its mail.
 */
export class LimitsWorld implements AsyncDisposable {
  readonly sandbox: TestSandbox;
  readonly place: GatewayPlace;
  /** `token recipient` of all that was accepted. */
  readonly accepted = new Set<string>();
  /** `token recipient` of what was leased when the gateway was killed. */
  readonly leased = new Set<string>();
  /** How often the clock stopped to let what fell due run. */
  steps = 0;
  readonly #folder: ReturnType<typeof temporaryFolder>;
  #gateway: GatewayProcess;

  private constructor(folder: ReturnType<typeof temporaryFolder>, sandbox: TestSandbox, place: GatewayPlace, gateway: GatewayProcess) {
    this.#folder = folder;
    this.sandbox = sandbox;
    this.place = place;
    this.#gateway = gateway;
  }

  static async open(values: Values, file: SandboxFile = {}): Promise<LimitsWorld> {
    await using opening = new AsyncDisposableStack();
    const folder = opening.use(temporaryFolder());
    const reason = "so that a test reaches it";
    const services = Object.fromEntries(
      Object.entries(values).map(([service, facts]) => [
        service,
        Object.fromEntries(Object.entries(facts).map(([name, value]) => [name, { value, reason }])),
      ]),
    );
    const sandbox = opening.use(
      await openTestSandbox({
        // The gateway's address: the tenant's connector knows it.
        addresses: { "127.0.0.1": "198.51.100.10" },
        ...file,
        services,
        limits: { refuseTenantAt: "data", ...file.limits },
      }),
    );
    for (const address of [credentials.mailbox, secondMailbox])
      assert.equal(
        (
          await sandbox.call("PUT", `/api/tenant/mailboxes/${address}`, {
            password: credentials.mailboxPassword,
            sendAs: ["scanner@contoso.example"],
          })
        ).status,
        200,
      );
    const data = join(folder.path, "data");
    const place: GatewayPlace = { folder: folder.path, data, config: join(folder.path, "postern.yaml"), port: await freePort() };
    for (const [name, secret] of [
      ["mailbox-password", credentials.mailboxPassword],
      ["hve-password", credentials.hvePassword],
      ["acs-secret", credentials.clientSecret],
      ["sendgrid-key", credentials.sendgridKey],
      ["ca.pem", sandbox.ca],
    ] as const)
      writeFileSync(join(folder.path, name), secret, { mode: 0o600 });
    writeFileSync(place.config, gatewayYaml(sandbox, place.port, JSON.stringify(services)));
    const world = new LimitsWorld(folder, sandbox, place, await GatewayProcess.ready(place));
    opening.move();
    return world;
  }

  get gateway(): GatewayProcess {
    return this.#gateway;
  }

  /** Accepts messages, on a few connections. */
  async send(mails: readonly Mail[]): Promise<void> {
    const queue = mails.values();
    await Promise.all(
      Array.from({ length: connections }, async () => {
        using dialog = await SmtpDialog.open(this.place.port);
        await dialog.reply();
        await dialog.say("EHLO client.contoso.example");
        for (const mail of queue) await this.#say(dialog, mail);
      }),
    );
  }

  async now(): Promise<number> {
    return Date.parse((await this.sandbox.call("GET", "/api/clock")).body.now);
  }

  /** Plays on to a moment of the policy clock. */
  async playTo(at: number): Promise<void> {
    const { status, body } = await this.sandbox.call("POST", "/api/clock", { now: new Date(at).toISOString() });
    assert.equal(status, 200, JSON.stringify(body));
    this.steps += body.steps as number;
    assert.deepEqual(body.late, [], `the gateway came to rest\n${this.#gateway.log.slice(-2000)}`);
  }

  /** Kills the gateway while the clock goes on to a moment, `afterMs` of wall time after the beginning, and starts another. */
  async killOnTheWayTo(at: number, afterMs: number): Promise<void> {
    const move = this.sandbox.call("POST", "/api/clock", { now: new Date(at).toISOString() });
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    await this.#gateway.kill();
    for (const key of readStoredQueue(this.place.data).leased) this.leased.add(key);
    await move;
    this.#gateway = await GatewayProcess.ready(this.place);
  }

  async throttles(): Promise<readonly Throttled[]> {
    return (await this.sandbox.call("GET", "/api/throttles")).body as readonly Throttled[];
  }

  /** How often the sandbox took each `token recipient`; notifications have no token and are left out. */
  async taken(): Promise<ReadonlyMap<string, number>> {
    const counts = new Map<string, number>();
    for (const { messageId, rcptTo } of await this.sandbox.messages()) {
      const token = findToken(messageId);
      if (token === null) continue;
      for (const recipient of rcptTo) counts.set(`${token} ${recipient}`, (counts.get(`${token} ${recipient}`) ?? 0) + 1);
    }
    return counts;
  }

  /** Moments at which the sandbox took recipients that `fits` picks, oldest first. */
  async moments(fits: (message: SandboxMessage, recipient: string) => boolean): Promise<readonly number[]> {
    return (await this.sandbox.messages())
      .flatMap((message) => message.rcptTo.filter((recipient) => fits(message, recipient)).map(() => Date.parse(message.receivedAt)))
      .toSorted((a, b) => a - b);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#gateway[Symbol.asyncDispose]();
    await this.sandbox[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }

  async #say(dialog: SmtpDialog, { run, n, from, to, bulk }: Mail): Promise<void> {
    const token = formatToken(run, n, 200);
    const commands = [`MAIL FROM:<${from}>`, ...to.map((recipient) => `RCPT TO:<${recipient}>`), "DATA"];
    dialog.send(`${commands.join("\r\n")}\r\n`);
    for (const command of commands) assert.match(await dialog.reply(), /^[23]/, command);
    dialog.send(
      `From: <${from}>\r\nTo: <${to[0]}>\r\nDate: Sat, 21 Nov 2026 12:00:00 +0000\r\nMessage-ID: <${token}@contoso.example>\r\n` +
        `${bulk === true ? "Precedence: bulk\r\n" : ""}Subject: ${token}\r\n\r\nHello\r\n.\r\n`,
    );
    assert.match(await dialog.reply(), /^250 /);
    for (const recipient of to) this.accepted.add(`${token} ${recipient}`);
  }
}

function gatewayYaml(sandbox: TestSandbox, port: number, services: string): string {
  const reach = (service: string) =>
    `host: 127.0.0.1, port: ${sandbox.port(service)}, allowPrivate: true, serverName: localhost, ca: { file: ca.pem }`;
  const mailbox = (name: string, user: string) =>
    `{ name: ${name}, kind: smtp-auth, ${reach("smtp-auth")}, auth: { user: ${user}, secret: { file: mailbox-password } }, senders: [scanner@contoso.example] }`;
  return `hostname: gateway.contoso.example
postmaster: postmaster@contoso.example
listeners: [{ name: smtp, kind: relay, address: 127.0.0.1, port: ${port} }]
networks:
  - { name: loopback, addresses: [127.0.0.0/8], reversePaths: ["@contoso.example", "@notify.contoso.example", "@contoso.onmicrosoft.example"] }
routes:
  - ${mailbox("auth-1", credentials.mailbox)}
  - ${mailbox("auth-2", secondMailbox)}
  - { name: relay, kind: connector, ${reach("tenant-mx")} }
  - { name: hve, kind: hve, ${reach("hve")}, auth: { user: ${hve}, secret: { file: hve-password } } }
  - { name: acs, kind: acs-smtp, ${reach("acs-smtp")}, auth: { user: ${credentials.acsSmtpUser}, secret: { file: acs-secret } }, senders: [${credentials.acsSender}] }
  - { name: sendgrid, kind: sendgrid-smtp, ${reach("sendgrid-smtp")}, auth: { user: apikey, secret: { file: sendgrid-key } }, senders: ["@contoso.example"], plan: { mails: 100, per: day } }
routing:
  acceptedDomains: [contoso.example, contoso.onmicrosoft.example]
  rules:
    - { name: scanner, when: { reversePaths: [scanner@contoso.example] }, routes: [auth-1, auth-2] }
    - { name: hve, when: { class: internal, reversePaths: [${hve}] }, routes: [hve] }
    - { name: acs, when: { reversePaths: ["@notify.contoso.example"] }, routes: [acs] }
    - { name: sendgrid, when: { reversePaths: [news@contoso.example] }, routes: [sendgrid] }
    - { name: all, routes: [relay] }
queue: { freeSpaceReserve: 1MB, lifetime: 20d, delayNotice: 19d, retry: { first: 1m, longest: 30m } }
tenant: { licences: 250, createdOn: 2019-03-01 }
services: ${services}
http: { console: { enabled: false } }
clock: { follow: "${sandbox.url}" }
`;
}
