/**
 * Every service at once, through the demo: a scanner says one message to 2525, and it goes inside by High Volume Email and outside by SMTP
 * AUTH with a token; others go by ACS, SendGrid, Direct Send, on-premises and directly. The outside world's verdict is a foreign verifier's
 * (mailauth), and `why` tells each decision.
 */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { DemoWorld } from "../support/demo-world.ts";
import { skipUnless } from "../support/programs.ts";
import { runProgram } from "../support/run-program.ts";
import { until } from "../support/until.ts";

interface Why {
  readonly recipients: readonly {
    readonly address: string;
    readonly decision: { readonly rule: string; readonly candidates: readonly string[] };
  }[];
}

interface Checked {
  readonly spf: string;
  readonly dkim: string;
  readonly dmarc: string;
}

interface Listed {
  readonly service: string;
  readonly authentication?: Checked;
  readonly deliveries?: readonly { readonly recipient: string; readonly authentication: Checked | null }[];
}

suite("every service, through the demo", { timeout: 180_000 }, () => {
  let world: DemoWorld;
  before(async () => (world = await DemoWorld.open()));
  after(() => world[Symbol.asyncDispose]());

  const letter = (from: string, name: string) => `From: ${from}\r\nSubject: ${name}\r\n\r\nscan\r\n`;

  /** What the outside world thought of it: checked after the reply, so it may take a moment. */
  async function verdict(recipient: string): Promise<Checked> {
    return await until(`the verdict on mail to ${recipient}`, async () => {
      const response = await fetch(`${world.env("SANDBOX_UI")}/api/messages?to=${encodeURIComponent(recipient)}`);
      const [message] = (await response.json()) as Listed[];
      return (
        message?.authentication ?? message?.deliveries?.find((delivery) => delivery.recipient === recipient)?.authentication ?? undefined
      );
    });
  }

  test("a scanner's message: inside by HVE, outside by SMTP AUTH with OAuth, each explained", async () => {
    const from = world.env("SANDBOX_HVE_ACCOUNT");
    const id = await world.submit({ from, to: ["ann+both@contoso.example", "bob+both@fabrikam.example"], content: letter(from, "both") });
    assert.equal((await world.arrived("ann+both@contoso.example")).service, "hve");
    assert.equal((await world.arrived("bob+both@fabrikam.example")).service, "smtp-auth");
    const { recipients } = await world.json<Why>("why", id);
    assert.deepEqual(
      recipients.map(({ address, decision }) => [address, decision.rule, decision.candidates]),
      [
        ["ann+both@contoso.example", "scanners inside by HVE", ["hve"]],
        ["bob+both@fabrikam.example", "scanners outside by SMTP AUTH", ["smtp-auth"]],
      ],
    );
    const { stdout } = await world.run("why", id);
    assert.match(stdout, /USD 0\.000042 for each recipient/);
    assert.match(stdout, /Sent Items of app@contoso\.example/);
    const { spf, dkim, dmarc } = await verdict("bob+both@fabrikam.example");
    assert.deepEqual({ spf, dkim, dmarc }, { spf: "pass", dkim: "pass", dmarc: "pass" });
  });

  for (const [what, from, to, service] of [
    ["ACS", "noreply@notify.contoso.example", "bob+acs@fabrikam.example", "acs-smtp"],
    ["SendGrid", "scanner+sendgrid@contoso.example", "bob+sg@fabrikam.example", "sendgrid-smtp"],
    ["Direct Send", "scanner+direct-send@contoso.example", "ann+ds@contoso.example", "tenant-mx"],
    ["an on-premises server", "scanner+on-premises@contoso.example", "ann+op@contoso.example", "on-premises"],
    ["the tenant's MX as a connector", "app@contoso.example", "ann+mx@contoso.example", "tenant-mx"],
    ["direct MX", "app@contoso.example", "bob+mx@fabrikam.example", "internet-mx"],
    ["direct MX under MTA-STS", "app@contoso.example", "bob+mx@outlook.example", "internet-mx"],
  ] as const) {
    test(`by ${what}`, async () => {
      await world.submit({ from, to: [to], content: letter(from, service) });
      const message = await world.arrived(to);
      assert.equal(message.service, service);
      if (!to.endsWith("@contoso.example")) {
        const { spf, dkim, dmarc } = await verdict(to);
        assert.deepEqual({ spf, dkim, dmarc }, { spf: "pass", dkim: "pass", dmarc: "pass" });
      }
    });
  }

  test("a sender that no route may use is told so at the door", async () => {
    const from = "boss@notify.contoso.example";
    await assert.rejects(
      world.submit({ from, to: ["bob@fabrikam.example"], content: letter(from, "no") }),
      /550 5\.7\.1 .*noreply@notify\.contoso\.example/,
    );
  });

  test("doctor finds nothing wrong with any route", async () => {
    const { code, stdout } = await world.run("doctor");
    assert.equal(code, 0, stdout);
    assert.match(stdout, /logged in as app@contoso\.example/);
  });

  test("the name server of the demo answers dig", { skip: skipUnless("dig") }, async () => {
    const [host = "", port = ""] = world.env("SANDBOX_DNS").split(":");
    const { stdout } = await runProgram("dig", ["+short", `@${host}`, "-p", port, "MX", "fabrikam.example"]);
    assert.equal(stdout, "10 mx.fabrikam.example.\n");
  });
});
