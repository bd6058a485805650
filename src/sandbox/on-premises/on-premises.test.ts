import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { login, openRoom, sendMail } from "../../../test/support/room-client.ts";
import { openTestSandbox } from "../../../test/support/sandbox.ts";
import { SmtpDialog } from "../../../test/support/smtp-dialog.ts";

const unable = "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain";

suite("Exchange on premises", () => {
  test("relays for allowed addresses only; the organisation's own mail for everybody", async () => {
    await using sandbox = await openTestSandbox({ onPremises: { relayFrom: ["192.0.2.0/24"] } });
    using stranger = await openRoom(sandbox, "on-premises");
    assert.equal(await sendMail(stranger, "scanner@contoso.example", ["ann@fabrikam.example"]), unable);
    assert.match(await sendMail(stranger, "ann@fabrikam.example", ["bob@contoso.example"]), /^250 /);
    await sandbox.call("PUT", "/api/addresses", { "127.0.0.1": "192.0.2.44" });
    using printer = await SmtpDialog.open(sandbox.port("on-premises"));
    await printer.reply();
    assert.match(await printer.say("EHLO printer.example"), /Hello \[192\.0\.2\.44\]/);
    assert.match(await sendMail(printer, "scanner@contoso.example", ["ann@fabrikam.example"]), /^250 /, "no TLS, no log-in");
    const [message] = await sandbox.messages("?service=on-premises");
    assert.deepEqual(message?.client, { address: "192.0.2.44", hello: "printer.example", tls: null });
    assert.equal(message?.account, undefined);
  });

  test("who logs in relays", async () => {
    await using sandbox = await openTestSandbox({ onPremises: { relayFrom: [], users: [{ name: "CONTOSO\\app", password: "p" }] } });
    using dialog = await openRoom(sandbox, "on-premises");
    assert.equal(await sendMail(dialog, "a@contoso.example", ["ann@fabrikam.example"]), unable);
    assert.equal(await login(dialog, "contoso\\app", "wrong"), "535 5.7.3 Authentication unsuccessful");
    assert.equal(await login(dialog, "contoso\\app", "p"), "235 2.7.0 Authentication successful");
    assert.match(await sendMail(dialog, "a@contoso.example", ["ann@fabrikam.example"]), /^250 /);
    using other = await openRoom(sandbox, "on-premises");
    assert.match(await other.say(`AUTH PLAIN ${Buffer.from("\0contoso\\app\0p").toString("base64")}`), /^235 /);
  });

  test("no password in the clear; sizes and recipients are options", async () => {
    await using sandbox = await openTestSandbox({ onPremises: { maxRecipients: 2, maxMessageSize: 1000 } });
    using dialog = await SmtpDialog.open(sandbox.port("on-premises"));
    await dialog.reply();
    const hello = await dialog.say("EHLO printer.example");
    assert.match(hello, /SIZE 1000\n/);
    assert.ok(!hello.includes("AUTH "), hello);
    assert.match(await dialog.say("AUTH LOGIN"), /^538 /);
    assert.match(await dialog.say("MAIL FROM:<a@contoso.example> SIZE=1001"), /^552 5\.3\.4 /);
    await dialog.say("MAIL FROM:<a@contoso.example>");
    for (const name of ["a", "b"]) assert.match(await dialog.say(`RCPT TO:<${name}@contoso.example>`), /^250 /);
    assert.match(await dialog.say("RCPT TO:<c@contoso.example>"), /^452 4\.5\.3 /);
  });
});
