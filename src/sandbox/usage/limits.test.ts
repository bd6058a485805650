import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { login, openRoom, sendMail } from "../../../test/support/room-client.ts";
import { openTestSandbox, type TestSandbox } from "../../../test/support/sandbox.ts";
import { SmtpDialog } from "../../../test/support/smtp-dialog.ts";
import { until } from "../../../test/support/until.ts";
import { credentials } from "../credentials.ts";
import type { Delivery } from "../messages/message.ts";
import type { SandboxFile } from "../options.ts";

/** A client at the gateway's address, whom the tenant's connector knows; every limit is one that a test can reach. */
const gateway = { addresses: { "127.0.0.1": "198.51.100.10" } };
const sender = "scanner@contoso.example";
const mailbox: string = credentials.mailbox;

const reason = "so that a test reaches it";
const services: NonNullable<SandboxFile["services"]> = {
  tenant: {
    "external-recipients": { value: 3, reason },
    "onmicrosoft-external-recipients": { value: 2, reason },
    "received-per-hour": { value: 4, reason },
    "received-per-hour-from-one": { value: 2, reason },
  },
  "smtp-auth": { "recipients-per-day": { value: 3, reason }, "messages-per-minute": { value: 2, reason } },
  hve: { "recipients-per-day": { value: 2, reason } },
};

async function relay(sandbox: TestSandbox, from: string, to: readonly string[]): Promise<string> {
  using dialog = await SmtpDialog.open(sandbox.port("tenant-mx"));
  await dialog.reply();
  await dialog.say("EHLO gateway.contoso.example");
  return await sendMail(dialog, from, to, "From: scanner@contoso.example\r\n\r\nhi\r\n");
}

async function byMailbox(sandbox: TestSandbox, to: readonly string[]): Promise<string> {
  using dialog = await openRoom(sandbox, "smtp-auth");
  assert.match(await login(dialog, mailbox, credentials.mailboxPassword), /^235 /);
  return await sendMail(dialog, mailbox, to);
}

/** What became of the newest message's recipients, once all is known. */
function deliveries(sandbox: TestSandbox, to: string): Promise<readonly Delivery[]> {
  return until(`deliveries of ${to}`, async () => {
    const [message] = await sandbox.messages(`?to=${to}`);
    return message?.deliveries?.every(({ status }) => status !== "queued") === true ? message.deliveries : undefined;
  });
}

async function reasonFor(sandbox: TestSandbox, to: string): Promise<string | null> {
  return (await deliveries(sandbox, to)).find(({ recipient }) => recipient === to)?.reason ?? null;
}

async function throttles(sandbox: TestSandbox): Promise<readonly (readonly [string, string, string, number, string | null])[]> {
  const { body } = await sandbox.call("GET", "/api/throttles");
  return body.map(({ service, account, limit, amount, reply }: Record<string, unknown>) => [service, account, limit, amount, reply]);
}

const tenantFull =
  "550 5.7.233 - Your message can't be sent because your tenant exceeded its daily limit for sending email to external recipients (tenant external recipient rate limit)";

suite("limits of a tenant", () => {
  test("connector and mailbox count together to the outside; what stays inside does not", async () => {
    await using sandbox = await openTestSandbox({ ...gateway, services });
    await relay(sandbox, sender, ["a@fabrikam.example", "b@fabrikam.example", "ann@contoso.example"]);
    assert.equal(await reasonFor(sandbox, "b@fabrikam.example"), null);
    assert.match(await byMailbox(sandbox, ["c@fabrikam.example"]), /^250 /);
    assert.equal(await reasonFor(sandbox, "c@fabrikam.example"), null);
    assert.match(await relay(sandbox, sender, ["d@fabrikam.example"]), /^250 /);
    assert.equal(await reasonFor(sandbox, "d@fabrikam.example"), tenantFull);
    assert.match(await byMailbox(sandbox, ["e@fabrikam.example"]), /^250 /);
    assert.equal(await reasonFor(sandbox, "e@fabrikam.example"), tenantFull);
    assert.deepEqual(await throttles(sandbox), [
      ["tenant", "contoso.example", "external-recipients", 3, tenantFull],
      ["tenant", "contoso.example", "external-recipients", 3, tenantFull],
    ]);
    await sandbox.call("POST", "/api/clock", { advance: "24h" });
    await relay(sandbox, sender, ["f@fabrikam.example"]);
    assert.equal(await reasonFor(sandbox, "f@fabrikam.example"), null);
    await sandbox.call("POST", "/api/reset");
    assert.deepEqual(await throttles(sandbox), []);
  });

  test("High Volume Email, ACS, SendGrid and one's own server do not count", async () => {
    await using sandbox = await openTestSandbox({ ...gateway, services });
    using acs = await openRoom(sandbox, "acs-smtp");
    await login(acs, credentials.acsSmtpUser, credentials.clientSecret);
    const many = ["1", "2", "3", "4", "5"].map((name) => `${name}@fabrikam.example`);
    assert.match(await sendMail(acs, "noreply@notify.contoso.example", many), /^250 /);
    using sendgrid = await openRoom(sandbox, "sendgrid-smtp");
    await login(sendgrid, "apikey", credentials.sendgridKey);
    assert.match(await sendMail(sendgrid, sender, many), /^250 /);
    const { body } = await sandbox.call("GET", "/api/usage?service=tenant");
    assert.deepEqual(body, []);
  });

  test("a trial tenant hears a text of its own", async () => {
    const trial = { "external-recipients-trial": { value: 2, reason } };
    await using sandbox = await openTestSandbox({ ...gateway, services: { tenant: trial } });
    await sandbox.call("PATCH", "/api/tenant", { trial: true });
    await relay(sandbox, sender, ["a@fabrikam.example", "b@fabrikam.example", "c@fabrikam.example"]);
    assert.match(
      (await reasonFor(sandbox, "c@fabrikam.example")) ?? "",
      /^550 5\.7\.232 - Your message can't be sent because your trial tenant /,
    );
  });

  test("onmicrosoft senders: two here, and the others go on", async () => {
    await using sandbox = await openTestSandbox({ ...gateway, services });
    const to = ["a@fabrikam.example", "b@fabrikam.example", "c@fabrikam.example"];
    await relay(sandbox, "app@contoso.onmicrosoft.example", to);
    assert.match((await reasonFor(sandbox, "c@fabrikam.example")) ?? "", /^550 5\.7\.236 /);
    await relay(sandbox, sender, ["d@fabrikam.example"]);
    assert.equal(await reasonFor(sandbox, "d@fabrikam.example"), null);
  });

  test("refuseTenantAt data: at the end of the data, for the whole message, and none of it counts", async () => {
    await using sandbox = await openTestSandbox({ ...gateway, services, limits: { refuseTenantAt: "data" } });
    const refused = /^550 5\.7\.233 - /;
    assert.match(await relay(sandbox, sender, ["a@fabrikam.example", "b@fabrikam.example"]), /^250 /);
    assert.match(await relay(sandbox, sender, ["c@fabrikam.example", "d@fabrikam.example"]), refused);
    assert.match(await byMailbox(sandbox, ["c@fabrikam.example", "d@fabrikam.example"]), refused);
    assert.match(await byMailbox(sandbox, ["c@fabrikam.example"]), /^250 /);
    assert.equal(await reasonFor(sandbox, "c@fabrikam.example"), null);
    assert.match(await relay(sandbox, sender, ["e@fabrikam.example", "ann@contoso.example"]), refused);
    assert.match(await relay(sandbox, "", ["e@fabrikam.example"]), /^550 5\.7\.64 /, "by address nobody relays without a sender");
    assert.equal((await sandbox.messages()).length, 2);
  });
});

suite("what a mailbox receives in an hour", () => {
  test("from one sender and from all, whichever way it comes", async () => {
    await using sandbox = await openTestSandbox({ ...gateway, services });
    const ann = "ann@contoso.example";
    const pair = "550 5.2.121 Recipient's per hour message receive limit from specific sender exceeded";
    const all = "550 5.2.122 The recipient has exceeded their limit for the number of messages they can receive per hour.";
    assert.match(await byMailbox(sandbox, [ann]), /^250 /);
    await deliveries(sandbox, ann);
    assert.match(await relay(sandbox, mailbox, [ann]), /^250 /, "by the connector");
    assert.equal(await relay(sandbox, mailbox, [ann]), pair);
    assert.match(await byMailbox(sandbox, [ann, "bob@contoso.example"]), /^250 /);
    assert.equal((await deliveries(sandbox, "bob@contoso.example"))[0]?.reason, pair);
    assert.equal((await deliveries(sandbox, "bob@contoso.example"))[1]?.reason, null);
    await sandbox.call("PUT", "/api/addresses", {});
    assert.match(await relay(sandbox, "x@fabrikam.example", [ann]), /^250 /, "from outside");
    assert.match(await relay(sandbox, sender, [ann]), /^250 /, "by Direct Send");
    assert.equal(await relay(sandbox, "y@fabrikam.example", [ann]), all);
    assert.deepEqual(
      (await throttles(sandbox)).map(([service, account, limit]) => [service, account, limit]),
      [
        ["mailbox", `${mailbox} > ${ann}`, "received-from-one"],
        ["mailbox", `${mailbox} > ${ann}`, "received-from-one"],
        ["mailbox", ann, "received"],
      ],
    );
    await sandbox.call("POST", "/api/clock", { advance: "1h" });
    assert.match(await relay(sandbox, "y@fabrikam.example", [ann]), /^250 /);
  });
});

suite("limits of accounts", () => {
  test("a mailbox's day ends at submission, or with a notification", async () => {
    await using sandbox = await openTestSandbox({ services });
    const four = ["a", "b", "c", "d"].map((name) => `${name}@contoso.example`);
    assert.match(await byMailbox(sandbox, four), /^554 5\.2\.0 STOREDRV\.Submission\.Exception:SubmissionQuotaExceededException/);
    assert.match(await byMailbox(sandbox, four.slice(1)), /^250 /);

    await using later = await openTestSandbox({ services, limits: { refuseMailboxAt: "notification" } });
    assert.match(await byMailbox(later, four), /^250 /);
    assert.equal(
      await reasonFor(later, "a@contoso.example"),
      "550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients",
    );
    await until("its notification", async () => (await later.messages(`?to=${mailbox}`)).length === 1);
    assert.match(await byMailbox(later, four.slice(1)), /^250 /);
    assert.equal(await reasonFor(later, "b@contoso.example"), null);
  });

  test("beyond the outbound spam policy the mailbox is blocked until the next day, or for good", async () => {
    await using sandbox = await openTestSandbox();
    const policy = async (outbound: object) => {
      assert.equal((await sandbox.call("PATCH", "/api/tenant/policies", { outbound })).status, 200);
    };
    const blocked = /^550 5\.1\.8 Access denied, bad outbound sender/;
    const [inside, outside] = ["a@contoso.example", "a@fabrikam.example"];
    await sandbox.call("POST", "/api/clock", { now: new Date(Math.ceil(Date.now() / 86_400_000) * 86_400_000 + 3_600_000).toISOString() });
    await policy({ recipientLimitExternalPerHour: 1, actionWhenThresholdReached: "Alert" });
    for (let count = 0; count < 2; count++) assert.match(await byMailbox(sandbox, [outside]), /^250 /, "nobody but an administrator hears");
    await sandbox.call("POST", "/api/clock", { advance: "1h" });
    await policy({ recipientLimitInternalPerHour: 2, actionWhenThresholdReached: "BlockUserForToday" });
    assert.match(await byMailbox(sandbox, [outside, inside, inside]), /^250 /);
    assert.match(await byMailbox(sandbox, [outside]), blocked);
    await sandbox.call("POST", "/api/clock", { advance: "2h" });
    assert.match(await byMailbox(sandbox, [inside]), blocked, "the hour is over, the day is not");
    await sandbox.call("POST", "/api/clock", { advance: "20h" });
    await policy({ recipientLimitExternalPerHour: 0, recipientLimitPerDay: 2, actionWhenThresholdReached: "BlockUser" });
    assert.match(await byMailbox(sandbox, [inside, outside, outside]), blocked);
    await sandbox.call("POST", "/api/clock", { advance: "48h" });
    assert.match(await byMailbox(sandbox, [inside]), blocked);
    assert.deepEqual(
      (await throttles(sandbox)).map(([, , limit, amount]) => [limit, amount]),
      [
        ["policy-external-per-hour", 1],
        ["policy-per-day", 2],
      ],
    );
    await sandbox.call("POST", "/api/reset");
    await policy({ recipientLimitPerDay: 0 });
    assert.match(await byMailbox(sandbox, [inside]), /^250 /);
  });

  test("what a mailbox sends too fast waits, and the log says how long", async () => {
    await using sandbox = await openTestSandbox({ services });
    for (const name of ["a", "b", "c"]) assert.match(await byMailbox(sandbox, [`${name}@contoso.example`]), /^250 /);
    const { body } = await sandbox.call("GET", `/api/throttles?account=${mailbox}`);
    assert.deepEqual(
      body.map(({ limit, amount, reply }: Record<string, unknown>) => [limit, amount, reply]),
      [["messages", 2, null]],
    );
    assert.ok(body[0].delayMs > 50_000 && body[0].delayMs <= 60_000);
  });

  test("a limit of High Volume Email, where there is one", async () => {
    await using sandbox = await openTestSandbox({ services });
    using dialog = await openRoom(sandbox, "hve");
    await login(dialog, credentials.hveAccount, credentials.hvePassword);
    const send = (to: readonly string[]) => sendMail(dialog, credentials.hveAccount, to);
    assert.match(await send(["a@contoso.example", "b@contoso.example", "c@contoso.example"]), /^550 5\.1\.90 /);
    assert.match(await send(["a@contoso.example", "b@contoso.example"]), /^250 /);
    assert.match(await send(["a@contoso.example"]), /^550 5\.1\.90 /);
    assert.equal((await throttles(sandbox)).length, 2);
  });

  test("SendGrid without a plan: 100 mails a day for 60 days", async () => {
    await using sandbox = await openTestSandbox();
    const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
    await sandbox.call("PATCH", "/api/tenant/sendgrid", { trialSince: yesterday });
    using dialog = await openRoom(sandbox, "sendgrid-smtp");
    await login(dialog, "apikey", credentials.sendgridKey);
    const send = (count: number) =>
      sendMail(
        dialog,
        sender,
        Array.from({ length: count }, (_, n) => `r${n}@fabrikam.example`),
      );
    const exceeded = /^451 Authentication failed: Maximum credits exceeded/;
    assert.match(await send(99), /^250 /);
    assert.match(await send(2), exceeded);
    assert.match(await send(1), /^250 /);
    assert.match(await send(1), exceeded);
    await sandbox.call("POST", "/api/clock", { advance: "1d" });
    assert.match(await send(1), /^250 /);
    await sandbox.call("POST", "/api/clock", { advance: "59d" });
    assert.match(await send(1), exceeded);
    assert.deepEqual(
      (await throttles(sandbox)).map(([service, , limit, amount]) => [service, limit, amount]),
      [
        ["sendgrid-smtp", "trial-mails", 100],
        ["sendgrid-smtp", "trial-mails", 100],
        ["sendgrid-smtp", "trial-mails", 0],
      ],
    );
  });

  test("a message may be counted some seconds after it was taken", async () => {
    await using sandbox = await openTestSandbox({ services, limits: { lateMs: 5000, seed: 7 } });
    for (const name of ["a", "b", "c"]) assert.match(await byMailbox(sandbox, [`${name}@contoso.example`]), /^250 /);
    const begin = Date.now();
    const used = async (): Promise<number> =>
      (await sandbox.call("GET", "/api/usage?service=smtp-auth")).body.find(({ what }: { what: string }) => what === "recipients")?.used ??
      0;
    await sandbox.call("POST", "/api/clock", { now: new Date(begin + 86_400_000).toISOString() });
    const left = await used();
    assert.ok(left > 0, `${left} of three still count a day after the last was taken`);
    await sandbox.call("POST", "/api/clock", { advance: "5s" });
    assert.equal(await used(), 0);
  });
});

suite("other senders", () => {
  test("they use up what is shared, at once or evenly", async () => {
    await using sandbox = await openTestSandbox({ ...gateway, services });
    const foreign = { service: "tenant", what: "external-recipients" };
    assert.deepEqual((await sandbox.call("POST", "/api/usage", { ...foreign, units: 2 })).body, { taken: 2 });
    await relay(sandbox, sender, ["a@fabrikam.example", "b@fabrikam.example"]);
    assert.equal(await reasonFor(sandbox, "b@fabrikam.example"), tenantFull);
    const [line] = (await sandbox.call("GET", "/api/usage?service=tenant")).body;
    assert.deepEqual(line, { ...foreign, account: "contoso.example", used: 3, foreign: 2, limit: 3, window: 86_400 });
    assert.deepEqual((await sandbox.call("POST", "/api/usage", { ...foreign, units: 2 })).body, { taken: 0 });

    await sandbox.call("POST", "/api/clock", { advance: "25h" });
    const now = Date.parse((await sandbox.call("GET", "/api/clock")).body.now);
    const day = { from: new Date(now + 3_600_000).toISOString(), until: new Date(now + 86_400_000).toISOString() };
    assert.deepEqual((await sandbox.call("POST", "/api/usage", { ...foreign, perHour: 0.5, ...day })).body, { taken: null });
    assert.deepEqual((await sandbox.call("GET", "/api/usage?service=tenant")).body, []);
    await sandbox.call("POST", "/api/clock", { advance: "4h" });
    const [evenly] = (await sandbox.call("GET", "/api/usage?service=tenant")).body;
    assert.deepEqual([evenly.used, evenly.foreign], [2, 2]);
    const mine = { service: "smtp-auth", what: "recipients", account: mailbox };
    assert.deepEqual((await sandbox.call("POST", "/api/usage", { ...mine, units: 3 })).body, { taken: 3 });
    assert.match(await byMailbox(sandbox, ["a@contoso.example"]), /^554 5\.2\.0 /);
  });

  test("what is asked wrongly is told", async () => {
    await using sandbox = await openTestSandbox();
    const unknown = await sandbox.call("POST", "/api/usage", { service: "tenant", what: "stamps", units: 1 });
    assert.equal(unknown.status, 404);
    assert.match(unknown.body.error.message, /tenant external-recipients, .*smtp-auth recipients/);
    const known = { service: "tenant", what: "external-recipients" };
    for (const wrong of [{}, { units: 1, perHour: 1 }, { perHour: 1 }, { perHour: 1, until: "noon" }, { units: 0 }])
      assert.equal((await sandbox.call("POST", "/api/usage", { ...known, ...wrong })).status, 400, JSON.stringify(wrong));
  });
});
