/**
 * Mail that the outside world takes and returns later, through the demo: it leaves from a bounce address, what comes back is a foreign
 * notification over real SMTP, and the sender reads of it with Python.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { postern } from "../support/cli.ts";
import { DemoWorld } from "../support/demo-world.ts";
import { skipUnless } from "../support/programs.ts";
import { SmtpDialog } from "../support/smtp-dialog.ts";
import { until } from "../support/until.ts";

interface Record {
  readonly name: string;
  readonly type: string;
  readonly value: string;
}

suite("what comes back", { timeout: 180_000 }, () => {
  let world: DemoWorld;
  before(async () => (world = await DemoWorld.open()));
  after(() => world[Symbol.asyncDispose]());

  const letter = (subject: string) => `From: app@contoso.example\r\nSubject: ${subject}\r\n\r\nbody\r\n`;
  const heard = (id: string, what: string) =>
    until(`${id} was ${what}`, async () => {
      const { events, story } = await world.trace(id);
      return events.some((event) => event.what === what) && story;
    });
  /** The reply to RCPT at the bounce listener. */
  async function knock(address: string): Promise<string> {
    using dialog = await SmtpDialog.open(world.port("GATEWAY_BOUNCES"));
    await dialog.reply();
    await dialog.say("EHLO mx.fabrikam.example");
    await dialog.say("MAIL FROM:<>");
    return await dialog.say(`RCPT TO:<${address}>`);
  }

  test("a message that is returned later is seen in trace and why, and told to its sender", { skip: skipUnless("python3") }, async () => {
    const id = await world.submit({ to: ["bounce-550+late@fabrikam.example"], content: letter("Late") });
    const story = await heard(id, "bounced");
    const bounced = "by mx.fabrikam.example: 550 5.1.1 The sandbox was asked to answer 550";
    assert.ok(
      story.some((line) => line.endsWith(`Bounced later: ${bounced}`)),
      story.join("\n"),
    );
    assert.ok(story.some((line) => line.includes("relayed: the next hop took it over") && line.endsWith(`It bounced later ${bounced}`)));
    const why = await world.run("why", id);
    assert.match(why.stdout, /Bounced later: by mx\.fabrikam\.example: 550 5\.1\.1/);
    assert.match(why.stdout, /The return path app@contoso\.example becomes a bounce address/);

    const report = await world.report("app@contoso.example", "Undeliverable: Late");
    assert.deepEqual(report.defects, []);
    const [, recipient] = report.blocks;
    assert.deepEqual(
      ["final-recipient", "action", "status", "remote-mta", "diagnostic-code"].map((name) =>
        recipient?.find(([each]) => each.toLowerCase() === name)?.[1].replace(/^(\w+); ?/, "$1;"),
      ),
      [
        "rfc822;bounce-550+late@fabrikam.example",
        "failed",
        "5.1.1",
        "dns;mx.fabrikam.example",
        "smtp;550 5.1.1 The sandbox was asked to answer 550",
      ],
    );
    assert.equal(report.returnedSubject, "Late");
  });

  test("it leaves from a bounce address of its own, and the outside world's checks pass", async () => {
    await world.submit({ to: ["bob+verp@fabrikam.example"], content: letter("one") });
    await world.submit({ to: ["bob+verp@fabrikam.example"], content: letter("two") });
    const [one, two] = [await world.arrived("bob+verp@fabrikam.example", "one"), await world.arrived("bob+verp@fabrikam.example", "two")];
    for (const { mailFrom } of [one, two]) assert.match(mailFrom, /^b\+[a-z2-7]{40}@bounce\.contoso\.example$/);
    assert.notEqual(one.mailFrom, two.mailFrom);
    const checked = await until("the verdict", async () => {
      const [message] = await world.sandbox<{ authentication?: { spf: string; dmarc: string } }[]>(
        "GET",
        "/api/messages?to=bob%2Bverp@fabrikam.example",
      );
      return message?.authentication;
    });
    assert.deepEqual([checked.spf, checked.dmarc], ["pass", "pass"]);
  });

  test("of several recipients only the one that came back is told of; NOTIFY=NEVER is heard, and told to nobody", async () => {
    const id = await world.submit({
      to: ["bounce-full+quiet@outlook.example NOTIFY=NEVER", "bounce-full+loud@outlook.example", "bob+fine@outlook.example"],
      content: letter("Several"),
    });
    await heard(id, "dsn-sent");
    await world.arrived("app@contoso.example", "Undeliverable: Several");
    const { events } = await world.trace(id);
    // The sandbox honours NOTIFY: of the first nothing comes back.
    assert.deepEqual(
      events.map(({ what, text }) => `${what} ${text}`),
      ["bounced by mx.fabrikam.example: 550 5.2.2 Mailbox full", "dsn-sent failure notification to app@contoso.example"],
    );
  });

  test("the bounce listener takes its own addresses until they expire, and nothing else", async () => {
    await world.submit({ to: ["bob+knock@fabrikam.example"], content: letter("knock") });
    const { mailFrom } = await world.arrived("bob+knock@fabrikam.example", "knock");
    assert.match(await knock(mailFrom), /^250/);
    assert.match(await knock(mailFrom.toUpperCase()), /^250/);
    const forged = mailFrom.replace(/(.)@/, (_, last: string) => `${last === "a" ? "b" : "a"}@`);
    for (const address of [forged, "bob@fabrikam.example", "app@contoso.example", "postmaster", "x@bounce.contoso.example"])
      assert.match(await knock(address), /^550 5\.1\.1 Only returned mail is taken here/, address);
    await world.advance("16d");
    assert.match(await knock(mailFrom), /^550 5\.1\.1 This return address has expired/);
  });

  test("postern dns prints what the demo's name server publishes", async () => {
    const { stdout } = await postern(["dns", "contoso.example", "--json", "-c", join(world.data, "gateway.yaml")]);
    const bounce = (JSON.parse(stdout) as Record[]).filter(({ name }) => name === "bounce.contoso.example");
    const published = await world.sandbox<{ records: Record[] }>("GET", "/api/dns");
    for (const { name, type, value } of bounce)
      assert.ok(
        published.records.some((each) => each.name === name && each.type === type && each.value === value.replace(/\.$/, "")),
        `${name} ${type} ${value}`,
      );
    assert.equal(bounce.length, 2);
  });

  test("it is counted", async () => {
    const metrics = await (await fetch(`${world.env("GATEWAY_CONSOLE")}/metrics`)).text();
    assert.match(metrics, /^postern_returned_total\{result="report"\} [1-9]/m);
    assert.match(metrics, /^postern_returned_total\{result="forgotten"\} 0$/m);
  });
});
