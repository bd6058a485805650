/** Each profile of routes/smtp against the sandbox's room of that service, over real TLS: log-in, sender, message, probe. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { Dialer } from "../../src/lib/dial.ts";
import type { Dns } from "../../src/lib/dns/dns.ts";
import { systemResolver } from "../../src/lib/resolver.ts";
import { silentRouteLog } from "../../src/routes/route-log.ts";
import type { Route } from "../../src/routes/route.ts";
import type { ServiceRouteOptions } from "../../src/routes/smtp/service-options.ts";
import { createServiceRoute } from "../../src/routes/smtp/service-route.ts";
import { credentials } from "../../src/sandbox/credentials.ts";
import { openTestSandbox, type TestSandbox } from "../support/sandbox.ts";
import { never, only, told } from "../support/smtp-route.ts";
import { makeTransaction } from "../support/transactions.ts";

interface Row {
  readonly options: Omit<Partial<ServiceRouteOptions>, "kind"> & Pick<ServiceRouteOptions, "kind">;
  readonly room: string;
  readonly sender: string;
  readonly recipient: string;
}

const { mailbox, mailboxPassword, hveAccount, hvePassword, acsSmtpUser, acsSender, clientSecret, sendgridKey } = credentials;
const acs = acsSmtpUser.split(".");
const rows: readonly Row[] = [
  {
    options: { kind: "smtp-auth", auth: { user: mailbox, secret: mailboxPassword } },
    room: "smtp-auth",
    sender: mailbox,
    recipient: "eve@fabrikam.example",
  },
  {
    options: { kind: "hve", auth: { user: hveAccount, secret: hvePassword } },
    room: "hve",
    sender: hveAccount,
    recipient: "ann@contoso.example",
  },
  {
    options: { kind: "acs-smtp", auth: { user: acs.join("|"), secret: clientSecret } },
    room: "acs-smtp",
    sender: acsSender,
    recipient: "eve@fabrikam.example",
  },
  {
    options: {
      kind: "acs-smtp",
      auth: { resource: acs[0] ?? "", application: acs[1] ?? "", tenant: acs[2] ?? "", secret: clientSecret },
    },
    room: "acs-smtp",
    sender: acsSender,
    recipient: "eve@fabrikam.example",
  },
  {
    options: { kind: "sendgrid-smtp", auth: { user: "apikey", secret: sendgridKey } },
    room: "sendgrid-smtp",
    sender: "news@contoso.example",
    recipient: "eve@fabrikam.example",
  },
  { options: { kind: "smart-host" }, room: "on-premises", sender: "scanner@contoso.example", recipient: "ann@contoso.example" },
  { options: { kind: "direct-send" }, room: "tenant-mx", sender: "scanner@contoso.example", recipient: "ann@contoso.example" },
  { options: { kind: "connector" }, room: "tenant-mx", sender: "scanner@contoso.example", recipient: "ann@contoso.example" },
];

suite("routes to the sandbox's services", { timeout: 120_000 }, () => {
  let sandbox: TestSandbox;
  before(async () => {
    sandbox = await openTestSandbox();
  });
  after(() => sandbox?.[Symbol.asyncDispose]());

  const open = ({ options, room }: Row, more: Partial<ServiceRouteOptions> = {}): Route =>
    createServiceRoute(
      {
        name: options.kind,
        ...(options.kind === "smart-host" ? { hosts: ["localhost"] } : { host: "localhost" }),
        port: sandbox.port(room),
        ca: sandbox.ca,
        allowPrivate: true,
        helloName: "gateway.contoso.example",
        ...options,
        ...more,
      },
      {
        dialer: new Dialer(systemResolver),
        dns: {} as Dns,
        log: silentRouteLog,
        now: () => Date.parse("2026-11-21T12:00:00Z"),
        tokens: null,
        isAccepted: (domain) => domain === "contoso.example",
      },
    );
  const letter = (from: string, subject: string) =>
    `From: ${from}\r\nSubject: ${subject}\r\nDate: Sat, 21 Nov 2026 12:00:00 +0000\r\n\r\nbody\r\n`;

  rows.forEach((row, n) => {
    test(`${row.options.kind}, way ${n + 1}: the message arrives, the probe finds the way open`, async () => {
      await using route = open(row);
      const subject = `way ${n + 1}`;
      const transaction = makeTransaction({ from: row.sender, to: [row.recipient], text: letter(row.sender, subject) });
      const delivery = await route.deliver(transaction, never);
      assert.equal(told(only(delivery)), "relayed");
      const [first] = (await sandbox.messages(`?service=${row.room}`)).filter((message) => message.subject === subject);
      assert.equal(first?.mailFrom, row.sender);
      const found = await route.probe(never);
      assert.ok(found.ok, found.text);
    });
  });

  test("a sender that a service would refuse is refused before, in both ways of asking", async () => {
    const [smtpAuth, hve] = rows as [Row, Row];
    for (const row of [smtpAuth, hve]) {
      await using route = open(row);
      const transaction = makeTransaction({
        from: "boss@contoso.example",
        to: [row.recipient],
        text: letter("boss@contoso.example", "not I"),
      });
      assert.equal(told(only(await route.deliver(transaction, never))), "failed 7.1 route.sender-not-allowed message");
    }
    assert.deepEqual(
      (await sandbox.messages()).filter(({ subject }) => subject === "not I"),
      [],
    );
  });

  test("High Volume Email takes a rewritten sender, and the author can be answered", async () => {
    await using route = open(rows[1] as Row, { rewriteSender: true });
    const text = letter('"The Boss" <boss@contoso.example>', "rewritten");
    const transaction = makeTransaction({ from: "boss@contoso.example", to: ["ann@contoso.example"], text });
    assert.equal(told(only(await route.deliver(transaction, never))), "relayed");
    const [message] = (await sandbox.messages("?service=hve")).filter(({ subject }) => subject === "rewritten");
    assert.equal(message?.mailFrom, hveAccount);
    const raw = await (await fetch(`${sandbox.url}/api/messages/${message?.id ?? ""}/raw`)).text();
    assert.match(raw, /^From: "The Boss" <hve-scanner@contoso\.example>\r\nReply-To: "The Boss" <boss@contoso\.example>\r$/m);
  });
});
