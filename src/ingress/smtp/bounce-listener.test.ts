import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SmtpDialog } from "../../../test/support/smtp-dialog.ts";
import { app, DoorUnderTest, loopback, testCertificates, until, type DoorTestOptions } from "../../../test/support/smtp-door.ts";
import { refuse } from "../../mail/refusal.ts";
import type { BounceDesk, Returned } from "./bounce-desk.ts";

const bounces = { name: "bounces", kind: "bounce" } as const;
const ours = "b+token@bounce.contoso.example";

/** Takes one address and keeps what comes. */
class RecordingDesk implements BounceDesk {
  readonly taken: Returned[] = [];
  answer: () => Promise<{ id: number }> = async () => ({ id: 7 });

  check(address: string) {
    return address === ours ? null : address.startsWith("old") ? "bounce.address-expired" : "bounce.address-unknown";
  }

  async take(returned: Returned) {
    this.taken.push(returned);
    return this.answer();
  }
}

async function greeted(options: Partial<DoorTestOptions> = {}) {
  const desk = new RecordingDesk();
  const door = await DoorUnderTest.open({ listeners: [bounces], bounces: desk, ...options });
  const client = await SmtpDialog.open(door.port("bounces"));
  assert.match(await client.reply(), /^220 /);
  const hello = await client.say("EHLO mx.fabrikam.example");
  const close = async (): Promise<void> => {
    client[Symbol.dispose]();
    await door[Symbol.asyncDispose]();
  };
  return { desk, door, client, hello, [Symbol.asyncDispose]: close };
}

describe("the bounce listener", () => {
  test("takes a message to an address of ours, and says yes when the desk has", async () => {
    await using run = await greeted();
    const { client, desk, door } = run;
    const gate = Promise.withResolvers<{ id: number }>();
    desk.answer = () => gate.promise;
    assert.match(await client.say("MAIL FROM:<>"), /^250 /);
    assert.match(await client.say(`RCPT TO:<${ours}>`), /^250 /);
    assert.match(await client.say("DATA"), /^354/);
    client.send("Subject: sorry\r\n\r\n..dot\r\n.\r\nNOOP\r\n");
    const answer = client.reply();
    await until(() => desk.taken.length === 1);
    const early = await Promise.race([answer, new Promise((resolve) => setImmediate(() => resolve("nothing yet")))]);
    assert.equal(early, "nothing yet");
    gate.resolve({ id: 7 });
    assert.equal(await answer, "250 2.0.0 Ok: noted");
    assert.match(await client.reply(), /^250 /);
    assert.deepEqual(
      desk.taken.map(({ address, reversePath, content }) => [address, reversePath, content.toString()]),
      [[ours, null, "Subject: sorry\r\n\r\n.dot\r\n"]],
    );
    await door.fact("accepted  7 ");
    assert.equal(door.door.contentInMemory, 0);
    assert.equal(door.submit.messages.length, 0, "nothing went the way of mail that is sent");
  });

  test("refuses every other address, also for who is trusted or logs in elsewhere", async () => {
    await using run = await greeted({ networks: [loopback], principals: [app] });
    const { client, desk } = run;
    assert.match(await client.say("MAIL FROM:<app@contoso.example>"), /^250 /);
    assert.match(await client.say("RCPT TO:<bob@fabrikam.example>"), /^550 5\.1\.1 Only returned mail/);
    assert.match(await client.say("DATA"), /^5/);
    for (const [address, answer] of [
      ["postmaster", /^550 5\.1\.1 Only/],
      ["old@bounce.contoso.example", /^550 5\.1\.1 This return address has expired/],
      ["b+forged@bounce.contoso.example", /^550 5\.1\.1 Only/],
    ] as const) {
      await client.say("RSET");
      await client.say("MAIL FROM:<>");
      assert.match(await client.say(`RCPT TO:<${address}>`), answer);
    }
    assert.equal(desk.taken.length, 0);
  });

  test("one recipient a message: the second waits for a transaction of its own", async () => {
    await using run = await greeted();
    const { client } = run;
    await client.say("MAIL FROM:<>");
    assert.match(await client.say(`RCPT TO:<${ours}>`), /^250 /);
    assert.match(await client.say(`RCPT TO:<${ours}>`), /^452 4\.5\.3/);
  });

  test("no AUTH; TLS when there is a certificate, and no need of it", async () => {
    const { authority, server } = await testCertificates();
    await using run = await greeted({ listeners: [{ ...bounces, tls: server }], principals: [app] });
    const { client, hello, desk } = run;
    assert.doesNotMatch(hello, /AUTH/);
    assert.match(hello, /STARTTLS/);
    assert.match(hello, /SIZE 1048576/);
    assert.match(await client.say("STARTTLS"), /^220/);
    await client.startTls({ ca: authority.cert });
    assert.doesNotMatch(await client.say("EHLO mx.fabrikam.example"), /AUTH/);
    assert.match(await client.say("AUTH PLAIN AGFwcABhcHAtc2VjcmV0"), /^50/);
    await client.say("MAIL FROM:<>");
    await client.say(`RCPT TO:<${ours}>`);
    await client.say("DATA");
    assert.match(await client.say("x\r\n."), /^250/);
    assert.equal(desk.taken.length, 1);
  });

  test("bounds: size, rate, connections from one address", async () => {
    await using run = await greeted({
      listeners: [{ ...bounces, maxMessageSize: 1000, rate: { messages: 2, perMs: 3_600_000 }, maxConnectionsPerAddress: 2 }],
    });
    const { client, door, desk } = run;
    assert.match(await client.say("MAIL FROM:<> SIZE=1001"), /^552 5\.3\.4/);
    await client.say("MAIL FROM:<>");
    await client.say(`RCPT TO:<${ours}>`);
    await client.say("DATA");
    assert.match(await client.say(`${"x".repeat(1200)}\r\n.`), /^552 5\.3\.4/);
    assert.match(await client.say("MAIL FROM:<>"), /^250/);
    await client.say("RSET");
    assert.match(await client.say("MAIL FROM:<>"), /^451 4\.7\.0 Too much returned mail/);
    using second = await SmtpDialog.open(door.port("bounces"));
    assert.match(await second.reply(), /^220/);
    using third = await SmtpDialog.open(door.port("bounces"));
    assert.match(await third.reply(), /^421/);
    assert.equal(desk.taken.length, 0);
    assert.equal(door.door.contentInMemory, 0);
  });

  test("what the desk cannot keep is answered so that it comes again; a fault costs nobody the connection", async () => {
    await using run = await greeted();
    const { client, desk, door } = run;
    const give = async (): Promise<string> => {
      await client.say("MAIL FROM:<>");
      await client.say(`RCPT TO:<${ours}>`);
      await client.say("DATA");
      return client.say("x\r\n.");
    };
    desk.answer = () => Promise.reject(refuse("spool.full"));
    assert.match(await give(), /^452 4\.3\.1/);
    desk.answer = () => Promise.reject(new Error("a bug"));
    assert.match(await give(), /^451 4\.3\.0/);
    await door.fact("fault Error: a bug");
    desk.answer = async () => ({ id: 8 });
    assert.match(await give(), /^250/);
    assert.equal(door.door.contentInMemory, 0);
  });

  test("without a desk everything is refused", async () => {
    const door = await DoorUnderTest.open({ listeners: [bounces] });
    await using _door = door;
    using client = await SmtpDialog.open(door.port("bounces"));
    await client.reply();
    await client.say("EHLO x");
    await client.say("MAIL FROM:<>");
    assert.match(await client.say(`RCPT TO:<${ours}>`), /^550 5\.1\.1/);
  });
});
