import assert from "node:assert/strict";
import { test } from "node:test";
import { SmtpDialog } from "../../../test/support/smtp-dialog.ts";
import { skipUnless } from "../../../test/support/programs.ts";
import { runProgram } from "../../../test/support/run-program.ts";
import { openTestSandbox, type TestSandbox } from "../../../test/support/sandbox.ts";
import { until } from "../../../test/support/until.ts";
import type { SandboxMessage } from "../messages/message.ts";

/** A client at the gateway's address: the demo tenant's connector knows it. */
const gateway = { addresses: { "127.0.0.1": "198.51.100.10" } };

async function send(sandbox: TestSandbox, service: string, from: string, to: readonly string[], author = from): Promise<string> {
  using dialog = await SmtpDialog.open(sandbox.port(service));
  await dialog.reply();
  await dialog.say("EHLO gateway.contoso.example");
  assert.match(await dialog.say(`MAIL FROM:<${from}> RET=HDRS ENVID=e1`), /^250 /);
  for (const address of to) assert.match(await dialog.say(`RCPT TO:<${address}>`), /^250 /, address);
  assert.match(await dialog.say("DATA"), /^354 /);
  return await dialog.say(
    `From: <${author}>\r\nTo: <ann@fabrikam.example>\r\nSubject: Gr=?utf-8?q?=C3=BC?=\r\nMessage-ID: <1@contoso.example>\r\n` +
      "Date: Fri, 27 Nov 2026 10:00:00 +0000\r\n\r\nHello\r\n.",
  );
}

/** The newest message of the query that fulfils the condition, when it does. */
function message(sandbox: TestSandbox, query: string, condition: (message: SandboxMessage) => boolean): Promise<SandboxMessage> {
  return until("message", async () => (await sandbox.messages(query)).find(condition));
}

const settled = ({ deliveries }: SandboxMessage): boolean => deliveries?.every(({ status }) => status !== "queued") === true;

test("what a connector relays leaves signed, from Exchange Online's address, and passes outside", async () => {
  await using sandbox = await openTestSandbox(gateway);
  await send(sandbox, "tenant-mx", "scanner@contoso.example", ["ann@fabrikam.example", "bob@contoso.example"]);
  const { deliveries } = await message(sandbox, "?service=tenant-mx", settled);
  assert.deepEqual(deliveries, [
    {
      recipient: "ann@fabrikam.example",
      to: "internet",
      status: "delivered",
      address: "203.0.113.13",
      mailFrom: "scanner@contoso.example",
      authentication: { spf: "pass", dkim: "pass", dmarc: "pass", signedBy: ["contoso.example"] },
      reason: null,
    },
    {
      recipient: "bob@contoso.example",
      to: "mailbox",
      status: "delivered",
      address: null,
      mailFrom: "scanner@contoso.example",
      authentication: null,
      reason: null,
    },
  ]);
  // One record for one message.
  assert.equal((await sandbox.messages()).length, 1);
});

test("what arrives outside is checked: the gateway's own address passes, a stranger's does not", async () => {
  await using sandbox = await openTestSandbox();
  await send(sandbox, "internet-mx", "alerts@contoso.example", ["ann@fabrikam.example"]);
  const checked = ({ authentication }: SandboxMessage): boolean => authentication !== undefined;
  const own = await message(sandbox, "?service=internet-mx", checked);
  assert.deepEqual(own.authentication, { spf: "pass", dkim: "none", dmarc: "pass", signedBy: [] });
  assert.equal(own.verdict, "accepted");
  await sandbox.call("DELETE", "/api/messages");
  await sandbox.call("PUT", "/api/addresses", { "127.0.0.1": "203.0.113.99" });
  await send(sandbox, "internet-mx", "alerts@contoso.example", ["ann@fabrikam.example"]);
  const stranger = await message(sandbox, "?service=internet-mx", checked);
  assert.deepEqual(stranger.authentication, { spf: "fail", dkim: "none", dmarc: "fail", signedBy: [] });
});

test("consumer services refuse bulk mail without SPF and DKIM while the rules are on", async () => {
  await using sandbox = await openTestSandbox();
  await sandbox.call("PUT", "/api/edge", { bulkSenderRules: true });
  const outlook = await send(sandbox, "internet-mx", "news@contoso.example", ["ann@outlook.example"]);
  assert.match(outlook, /^550 5\.7\.515 Access denied, sending domain contoso\.example does not meet the required authentication level\./);
  assert.match(outlook, /Spf= Pass , Dkim= Fail , DMARC= Pass/);
  assert.match(await send(sandbox, "internet-mx", "news@contoso.example", ["ann@gmail.example"]), /^550 5\.7\.26 /);
  assert.match(await send(sandbox, "internet-mx", "news@contoso.example", ["ann@fabrikam.example"]), /^250 /);
  assert.equal((await sandbox.messages()).length, 1);
});

test("a bounce that was asked for comes back as a notification that Python reads", { skip: skipUnless("python3") }, async () => {
  await using sandbox = await openTestSandbox();
  await send(sandbox, "tenant-mx", "scanner@contoso.example", ["bounce-full@contoso.example", "bob@contoso.example"]);
  const { id, rcptTo, service } = await message(sandbox, "?from=%3C%3E", () => true);
  assert.deepEqual([rcptTo, service], [["scanner@contoso.example"], "tenant-mx"]);
  const text = await (await fetch(`${sandbox.url}/api/messages/${id}/raw`)).text();
  const { stdout, stderr } = await runProgram("python3", ["-c", readNotification], { input: text });
  assert.deepEqual(
    JSON.parse(stdout),
    {
      from: "Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@contoso.example>",
      subject: "Undeliverable: Grü",
      type: "delivery-status",
      parts: ["text/plain", "message/delivery-status", "text/rfc822-headers"],
      envid: "e1",
      recipients: [
        { final: "rfc822;bounce-full@contoso.example", action: "failed", status: "5.2.2", diagnostic: "smtp;550 5.2.2 Mailbox full" },
      ],
    },
    stderr,
  );
});

const readNotification = `
import email, email.policy, json, sys
m = email.message_from_string(sys.stdin.read(), policy=email.policy.default)
parts = list(m.iter_parts())
groups = parts[1].get_payload()
print(json.dumps({"from": m["from"], "subject": str(m["subject"]), "type": m.get_param("report-type"),
  "parts": [p.get_content_type() for p in parts], "envid": groups[0]["original-envelope-id"],
  "recipients": [{"final": g["final-recipient"], "action": g["action"], "status": g["status"], "diagnostic": g["diagnostic-code"]} for g in groups[1:]]}))
`;

test("a hundred external recipients a day from onmicrosoft addresses, and no more", async () => {
  await using sandbox = await openTestSandbox(gateway);
  const from = "app@contoso.onmicrosoft.example";
  const many = Array.from({ length: 100 }, (_, index) => `user${index}@fabrikam.example`);
  await send(sandbox, "tenant-mx", from, [...many, "one-more@fabrikam.example", "bob@contoso.example"]);
  const first = await message(sandbox, "?service=tenant-mx&to=one-more@fabrikam.example", settled);
  const bounced = first.deliveries?.filter(({ status }) => status === "bounced");
  assert.deepEqual(
    bounced?.map(({ recipient, to, reason }) => [recipient, to, reason]),
    [
      [
        "one-more@fabrikam.example",
        "nowhere",
        "550 5.7.236 Your message can't be sent because your tenant has exceeded its daily limit for sending email to external recipients from your tenant's onmicrosoft.com domains",
      ],
    ],
  );
  assert.equal((await message(sandbox, "?from=%3C%3E", () => true)).rcptTo[0], from);
  // A day later there is room again, and other domains of the tenant were never concerned.
  await send(sandbox, "tenant-mx", "scanner@contoso.example", ["other@fabrikam.example"]);
  assert.equal((await message(sandbox, "?to=other@fabrikam.example", settled)).deliveries?.[0]?.status, "delivered");
  await sandbox.call("POST", "/api/clock", { advance: "24h" });
  await send(sandbox, "tenant-mx", from, ["next@fabrikam.example"]);
  assert.equal((await message(sandbox, "?to=next@fabrikam.example", settled)).deliveries?.[0]?.status, "delivered");
});

test("a message with more signatures than anybody checks is not looked at, and the next one is", async () => {
  await using sandbox = await openTestSandbox();
  const signature = "DKIM-Signature: v=1; a=rsa-sha256; d=contoso.example; s=selector1; h=from; bh=AAAA; b=AAAA\r\n";
  using dialog = await SmtpDialog.open(sandbox.port("internet-mx"));
  await dialog.reply();
  await dialog.say("EHLO x.example");
  await dialog.say("MAIL FROM:<a@fabrikam.example>");
  await dialog.say("RCPT TO:<hostile@fabrikam.example>");
  await dialog.say("DATA");
  assert.match(await dialog.say(`${signature.repeat(400)}From: <a@fabrikam.example>\r\n\r\nx\r\n.`), /^250 /);
  await send(sandbox, "internet-mx", "alerts@contoso.example", ["ann@fabrikam.example"]);
  const checked = ({ authentication }: SandboxMessage): boolean => authentication !== undefined;
  const hostile = await message(sandbox, "?to=hostile@fabrikam.example", checked);
  assert.deepEqual(hostile.authentication, { spf: "none", dkim: "permerror", dmarc: "permerror", signedBy: [] });
  assert.equal((await message(sandbox, "?to=ann@fabrikam.example", checked)).authentication?.spf, "pass");
});
