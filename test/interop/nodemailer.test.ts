/** Nodemailer, the client of most Node applications, against the door. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { createTransport } from "nodemailer";
import { app, DoorUnderTest, loopback, testCertificates } from "../support/smtp-door.ts";

suite("nodemailer", { timeout: 60_000 }, () => {
  let door: DoorUnderTest;
  let ca: string;
  before(async () => {
    const { server, authority } = await testCertificates();
    ca = authority.cert;
    door = await DoorUnderTest.open({
      listeners: [
        { name: "smtp", kind: "relay", tls: server },
        { name: "submission", kind: "submission", tls: server },
        { name: "submissions", kind: "submissions", tls: server },
      ],
      networks: [loopback],
      principals: [app],
      identityDeps: { tokens: { verify: () => Promise.resolve(null) } },
    });
  });
  after(() => door[Symbol.asyncDispose]());

  const at = (listener: string) => ({ host: "localhost", port: door.port(listener), tls: { ca } });
  const login = { user: "app", pass: "app-secret" };
  const letter = {
    from: "app@contoso.example",
    to: ["ada@contoso.example", "bob@fabrikam.example"],
    subject: "Grüße",
    text: ".\n..\nHi\n",
  };
  const last = () => door.submit.messages.at(-1) ?? assert.fail("nothing came");

  test("STARTTLS or TLS from the start, with a log-in", async () => {
    for (const options of [
      { ...at("submission"), requireTLS: true, auth: login },
      { ...at("submission"), requireTLS: true, auth: login, authMethod: "LOGIN" },
      { ...at("submissions"), secure: true, auth: login },
    ]) {
      const { accepted, response } = await createTransport(options).sendMail(letter);
      assert.deepEqual(accepted, letter.to);
      assert.match(response, /^250 2\.0\.0 Ok: queued as [0-9A-Z]{11}$/);
      assert.equal(last().draft.principal.name, "app");
      assert.match(last().content.toString(), /^Subject: =\?UTF-8\?Q\?Gr=C3=BC=C3=9Fe\?=\r$[^]*\r\n\r\n\.\r\n\.\.\r\nHi\r\n$/m);
    }
  });

  test("a pool sends many over few connections", async () => {
    const before = door.submit.messages.length;
    const pool = createTransport({ ...at("smtp"), pool: true, maxConnections: 3 });
    const attachment = { filename: "scan.pdf", content: Buffer.alloc(200_000, 7) };
    await Promise.all(Array.from({ length: 30 }, () => pool.sendMail({ ...letter, attachments: [attachment] })));
    pool.close();
    assert.equal(door.submit.messages.length, before + 30);
  });

  test("its DSN options arrive", async () => {
    const dsn = {
      id: "QQ+314",
      return: "headers" as const,
      notify: ["failure" as const, "delay" as const],
      recipient: "app@contoso.example",
    };
    await createTransport(at("smtp")).sendMail({ ...letter, dsn });
    const { envelope } = last().draft;
    assert.equal(envelope.ret, "HDRS");
    assert.equal(envelope.envid, "QQ+314");
    assert.deepEqual(envelope.recipients[0]?.notify, { never: false, success: false, failure: true, delay: true });
  });

  test("refusals keep our code and words", async () => {
    const refused = async (
      options: object,
      mail: object = letter,
    ): Promise<{ responseCode?: number; response?: string; code?: string }> => {
      try {
        await createTransport({ ...at("submission"), requireTLS: true, ...options }).sendMail(mail);
      } catch (error) {
        return error as object;
      }
      return assert.fail("it was taken");
    };
    const before = door.submit.messages.length;
    const wrong = await refused({ auth: { user: "app", pass: "wrong" } });
    assert.deepEqual([wrong.code, wrong.responseCode], ["EAUTH", 535]);
    // A token that is nobody's is refused, after the challenge with which XOAUTH2 tells an error.
    const token = await refused({ auth: { type: "OAuth2", user: "app", accessToken: "eyJ.not.ours" } });
    assert.deepEqual([token.code, token.responseCode], ["EAUTH", 535]);
    assert.doesNotMatch(token.response ?? "", /eyJ/);
    const anonymous = await refused({});
    assert.match(anonymous.response ?? "", /^530 5\.7\.0 /);
    const other = await refused({ auth: login }, { ...letter, from: "director@fabrikam.example" });
    assert.match(other.response ?? "", /^550 5\.7\.1 /);
    assert.equal(door.submit.messages.length, before);
    await assert.rejects(
      createTransport({ ...at("submission"), tls: { ca: [] }, requireTLS: true, auth: login }).sendMail(letter),
      /certificate/,
    );
  });
});
