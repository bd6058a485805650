import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createTransport } from "nodemailer";
import { IdSource } from "../../src/lib/ids.ts";
import type { Transaction } from "../../src/routes/route.ts";
import { createSubmit } from "../../src/submission/submit.ts";
import { openQueueWorld, testOptions, type QueueWorld } from "../support/queue-world.ts";
import { relayed, ScriptedRoute } from "../support/scripted-route.ts";
import { DoorUnderTest, testCertificates } from "../support/smtp-door.ts";

/** A sender changes nothing but the host: its log-in, its X-SMTPAPI field, its one message to inside and outside. */
suite("log-ins and messages as senders had them, over real sessions", { timeout: 120_000 }, () => {
  const key = "SG.shop.0123456789abcdefghijklmnopqrstuvwxyz";
  const client = "5a9db0c5-0000-4000-8000-00000000a001.5a9db0c5-0000-4000-8000-c0070c0e0000";
  const principals = [
    {
      name: "shop",
      reversePaths: ["@contoso.example"],
      recipients: ["@fabrikam.example"],
      logins: [{ user: "apikey", key }],
      xsmtpapi: true,
    },
    { name: "acs", reversePaths: ["@contoso.example"], logins: [{ user: `contoso-acs.${client}`, password: "client secret" }] },
  ];

  async function open(routes: readonly ScriptedRoute[], rules?: Parameters<typeof openQueueWorld>[0]["rules"]) {
    const { authority, server } = await testCertificates();
    const world = await openQueueWorld({ routes, ...(rules === undefined ? {} : { rules }) });
    const { queue, opened, clock } = world;
    const ids = new IdSource(() => clock.now(), opened.store.lastId);
    const submit = createSubmit({
      queue,
      store: opened.store,
      clock,
      ids,
      hostname: "gateway.contoso.example",
      postmaster: "postmaster@contoso.example",
      options: testOptions,
    });
    const door = await DoorUnderTest.open({ listeners: [{ name: "submission", kind: "submission", tls: server }], principals, submit });
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
    return { world, mailer, [Symbol.asyncDispose]: end };
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
