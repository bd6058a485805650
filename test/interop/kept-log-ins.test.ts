import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createTransport } from "nodemailer";
import type { Identity } from "../../src/identity/identity.ts";
import { IdSource } from "../../src/lib/ids.ts";
import type { Transaction } from "../../src/routes/route.ts";
import { createSubmit } from "../../src/submission/submit.ts";
import { openQueueWorld, testOptions, type QueueWorld } from "../support/queue-world.ts";
import { relayed, ScriptedRoute } from "../support/scripted-route.ts";
import { DoorUnderTest, testCertificates } from "../support/smtp-door.ts";

/** A sender changes nothing but the host: its log-in, its X-SMTPAPI field, its one message to inside and outside. */
suite("log-ins and messages as senders had them, over real sessions", { timeout: 120_000 }, () => {
  const key = "SG.shop.0123456789abcdefghijklmnopqrstuvwxyz";
  const slowKey = "SG.slow.0123456789abcdefghijklmnopqrstuvwxyz";
  const client = "5a9db0c5-0000-4000-8000-00000000a001.5a9db0c5-0000-4000-8000-c0070c0e0000";
  const principals = [
    {
      name: "shop",
      reversePaths: ["@contoso.example"],
      recipients: ["@fabrikam.example"],
      logins: [{ user: "apikey", key }],
      xsmtpapi: true,
    },
    {
      name: "slow",
      reversePaths: ["@contoso.example"],
      logins: [{ user: "apikey", key: slowKey }],
      xsmtpapi: true,
      rate: { messages: 4, perMs: 3_600_000 },
    },
    { name: "acs", reversePaths: ["@contoso.example"], logins: [{ user: `contoso-acs.${client}`, password: "client secret" }] },
  ];

  async function open(
    routes: readonly ScriptedRoute[],
    rules?: Parameters<typeof openQueueWorld>[0]["rules"],
    maxContentInMemory?: number,
  ) {
    const { authority, server } = await testCertificates();
    const world = await openQueueWorld({ routes, ...(rules === undefined ? {} : { rules }) });
    const { queue, opened, clock } = world;
    const ids = new IdSource(() => clock.now(), opened.store.lastId);
    const submit = (rates: Identity) =>
      createSubmit({
        queue,
        store: opened.store,
        clock,
        ids,
        hostname: "gateway.contoso.example",
        postmaster: "postmaster@contoso.example",
        options: testOptions,
        rates,
      });
    const door = await DoorUnderTest.open({
      listeners: [{ name: "submission", kind: "submission", tls: server }],
      principals,
      submit,
      ...(maxContentInMemory === undefined ? {} : { door: { maxContentInMemory } }),
    });
    const mailer = (user: string, pass: string, method: "PLAIN" | "LOGIN") =>
      createTransport({
        host: "localhost",
        port: door.port("submission"),
        requireTLS: true,
        tls: { ca: authority.cert },
        auth: { user, pass },
        authMethod: method,
      });
    const end = async () => {
      await door[Symbol.asyncDispose]();
      await world[Symbol.asyncDispose]();
    };
    return { world, door, mailer, [Symbol.asyncDispose]: end };
  }

  const bytesOf = async ({ content }: Transaction): Promise<string> => {
    const pieces: Uint8Array[] = [];
    for await (const piece of content.stream()) pieces.push(piece);
    return Buffer.concat(pieces).toString("latin1");
  };
  const recipientsOf = ({ recipients }: Transaction) => recipients.map(({ address }) => address);
  const next = () => new ScriptedRoute("next", () => relayed);
  const mail = { from: "shop@contoso.example", to: "ann@fabrikam.example, bob@fabrikam.example", subject: "hello", text: "Hello." };
  const withApi = (api: unknown) => ({ ...mail, headers: { "X-SMTPAPI": { prepared: true, value: JSON.stringify(api) } } });
  const whenIdle = (world: QueueWorld) => world.queue.dispatcher.atRest();

  test("apikey with PLAIN and LOGIN, an ACS user name with either separator; a wrong key is refused", async () => {
    const route = next();
    await using one = await open([route]);
    await one.mailer("apikey", key, "PLAIN").sendMail(mail);
    await one.mailer("apikey", key, "LOGIN").sendMail(mail);
    const acs = { ...mail, from: "app@contoso.example" };
    await one.mailer(`contoso-acs.${client}`, "client secret", "LOGIN").sendMail(acs);
    await one.mailer(`contoso-acs|${client.replace(".", "|")}`, "client secret", "LOGIN").sendMail(acs);
    await whenIdle(one.world);
    assert.equal(route.transactions.length, 4);
    await assert.rejects(one.mailer("apikey", `${key}x`, "PLAIN").sendMail(mail), /535/);
  });

  test("each person of X-SMTPAPI gets a message of their own, and the field stays here", async () => {
    const route = next();
    await using one = await open([route]);
    const to = ["eve@fabrikam.example", "Zoe Zed <zoe@fabrikam.example>"];
    await one
      .mailer("apikey", key, "PLAIN")
      .sendMail({ ...withApi({ to, category: "news", unique_args: { order: 7 } }), cc: "cc@fabrikam.example" });
    await whenIdle(one.world);
    assert.deepEqual(route.transactions.map(recipientsOf).toSorted(), [["eve@fabrikam.example"], ["zoe@fabrikam.example"]]);
    for (const transaction of route.transactions) {
      const text = await bytesOf(transaction);
      const [address] = recipientsOf(transaction);
      assert.match(text, new RegExp(`^To: .*${address}`, "m"));
      // Neither the field nor anybody else.
      assert.doesNotMatch(text, /x-smtpapi|ann@|bob@|cc@|news/i);
      assert.equal(
        [...text.matchAll(/(eve|zoe)@fabrikam/g)].every(([found]) => address?.startsWith(found) === true),
        true,
      );
      assert.match(text, /\r\n\r\nHello\.\r\n/);
    }
  });

  test("what is not supported, and who may not be written to, is refused and nothing is sent", async () => {
    const route = next();
    await using one = await open([route]);
    const shop = one.mailer("apikey", key, "PLAIN");
    await assert.rejects(shop.sendMail(withApi({ sub: { "-name-": ["Ann"] } })), /55\d.*asks for sub/);
    await assert.rejects(shop.sendMail(withApi({ to: ["eve@fabrikam.example", "eve@elsewhere.example"] })), /55\d/);
    await assert.rejects(shop.sendMail(withApi({ to: ["eve@fabrikam.example\r\nBcc: x@fabrikam.example"] })), /55\d/);
    await assert.rejects(shop.sendMail(withApi({ send_at: Math.floor(one.world.clock.now() / 1000) + 73 * 3600 })), /55\d.*72 hours/);
    await whenIdle(one.world);
    assert.equal(route.transactions.length, 0);
  });

  const persons = (count: number) => Array.from({ length: count }, (_, n) => `p${n}@fabrikam.example`);

  test("each message that X-SMTPAPI makes counts for the rate; what the rate never allows is refused for good", async () => {
    const route = next();
    await using one = await open([route]);
    const slow = one.mailer("apikey", slowKey, "PLAIN");
    await assert.rejects(slow.sendMail(withApi({ to: persons(5) })), /55\d 5\.5\.3 .*makes 5 messages.*allows 4 at once/);
    // The refused one counted as the one message that it was.
    await slow.sendMail(withApi({ to: persons(2) }));
    await assert.rejects(slow.sendMail(withApi({ to: persons(2) })), /45\d 4\.7\.0 .*makes 2 messages.*too many for now/);
    await whenIdle(one.world);
    assert.equal(route.transactions.length, 2);
    one.door.clock.set(one.door.clock.now() + 3_600_000);
    await slow.sendMail(withApi({ to: persons(4) }));
    await whenIdle(one.world);
    assert.equal(route.transactions.length, 6);
  });

  test("the copies of X-SMTPAPI count for the door's memory: it waits while others have what there is", async () => {
    const route = next();
    await using one = await open([route], undefined, 100_000);
    const text = "x".repeat(70).concat("\r\n").repeat(250);
    const send = () => one.mailer("apikey", key, "PLAIN").sendMail({ ...withApi({ to: persons(10) }), text });
    // Somebody else is in the middle of a message.
    one.door.door.contentInMemory += 50_000;
    await assert.rejects(send(), /45\d 4\.4\.5 /);
    assert.equal(one.door.door.contentInMemory, 50_000);
    one.door.door.contentInMemory = 0;
    await send();
    assert.equal(one.door.door.contentInMemory, 0);
    await whenIdle(one.world);
    assert.equal(route.transactions.length, 10);
  });

  test("copies too large for a row go to disk and come out whole", async () => {
    const route = next();
    await using one = await open([route]);
    const text = "y".repeat(70).concat("\r\n").repeat(1000);
    await one.mailer("apikey", key, "PLAIN").sendMail({ ...withApi({ to: persons(3) }), text });
    await whenIdle(one.world);
    assert.equal(route.transactions.length, 3);
    for (const transaction of route.transactions) {
      const bytes = await bytesOf(transaction);
      assert.match(bytes, new RegExp(`^To: ${recipientsOf(transaction)[0]}\r\n\r\n`, "m"));
      assert.ok(bytes.includes(text.slice(0, -2)));
    }
  });

  test("send_at waits until its time", async () => {
    const route = next();
    await using one = await open([route]);
    await one.mailer("apikey", key, "PLAIN").sendMail(withApi({ send_at: Math.floor(one.world.clock.now() / 1000) + 3600 }));
    await one.world.advance(3_500_000);
    assert.equal(route.transactions.length, 0);
    await one.world.advance(200_000);
    assert.deepEqual(route.transactions.map(recipientsOf), [["ann@fabrikam.example", "bob@fabrikam.example"]]);
  });

  test("one message to inside and outside is split by route and by recipients, and no Bcc leaks", async () => {
    const inside = new ScriptedRoute("hve", () => relayed, { external: false, maxRecipients: 2 });
    const outside = new ScriptedRoute("smtp-auth", () => relayed);
    await using one = await open(
      [inside, outside],
      [
        { name: "inside", when: { class: "internal" }, routes: ["hve"] },
        { name: "rest", routes: ["smtp-auth"] },
      ],
    );
    await one.mailer(`contoso-acs.${client}`, "client secret", "LOGIN").sendMail({
      from: "app@contoso.example",
      to: "a@contoso.example, b@contoso.example, out@fabrikam.example",
      bcc: "c@contoso.example, secret@fabrikam.example",
      subject: "hello",
      text: "Hello.",
    });
    await whenIdle(one.world);
    assert.deepEqual(inside.transactions.flatMap(recipientsOf).toSorted(), ["a@contoso.example", "b@contoso.example", "c@contoso.example"]);
    assert.equal(inside.transactions.length, 2, "two recipients in a transaction at most");
    assert.deepEqual(outside.transactions.flatMap(recipientsOf).toSorted(), ["out@fabrikam.example", "secret@fabrikam.example"]);
    for (const transaction of [...inside.transactions, ...outside.transactions])
      assert.doesNotMatch(await bytesOf(transaction), /secret@|c@contoso|bcc/i);
  });
});
