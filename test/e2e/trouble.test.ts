/**
 * What goes wrong on the other side, by magic recipients and faults of the sandbox, and what comes of it hours and days later on its clock:
 * retries, notifications as a foreign program reads them, expiry, second copies.
 */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { DemoWorld, type Report } from "../support/demo-world.ts";
import { skipUnless } from "../support/programs.ts";
import { runProgram } from "../support/run-program.ts";
import { until } from "../support/until.ts";

const letter = (subject: string): string => `From: app@contoso.example\r\nSubject: ${subject}\r\n\r\nThe body of ${subject}.\r\n`;

const field = (block: Report["blocks"][number] | undefined, name: string): string | undefined =>
  block?.find(([each]) => each.toLowerCase() === name)?.[1];

suite("trouble on the other side", { timeout: 180_000, skip: skipUnless("python3") }, () => {
  let world: DemoWorld;
  before(async () => (world = await DemoWorld.open()));
  after(() => world[Symbol.asyncDispose]());

  /** The message's trace once no recipient is on its way any more. */
  const settled = (id: string) =>
    until(`${id} has come to rest`, async () => {
      const trace = await world.trace(id);
      return trace.recipients.every(({ state, attempts }) => state !== "leased" && (state !== "queued" || attempts > 0)) && trace;
    });
  const fault = (to: string, at: string, action: object, times: number) =>
    world.sandbox("POST", "/api/faults", { match: { rcptTo: to, at }, action, times });

  test("a temporary refusal is tried again until it ends", async () => {
    await fault("late@fabrikam.example", "rcpt", { reply: "450 4.2.1 The mailbox is busy" }, 2);
    const id = await world.submit({ to: ["late@fabrikam.example"], content: letter("late") });
    const first = await settled(id);
    assert.equal(first.recipients[0]?.state, "queued");
    assert.equal(first.recipients[0]?.status, "4.2.1");
    assert.match((await world.run("queue")).stdout, new RegExp(`${id}.*queued +1 .*450 4\\.2\\.1 The mailbox is busy`));
    assert.deepEqual(await world.received("late@fabrikam.example"), []);

    await world.advance("10m");
    await world.arrived("late@fabrikam.example", "late");
    const { recipients, attempts, events, story } = await settled(id);
    assert.deepEqual([recipients[0]?.state, recipients[0]?.attempts], ["relayed", 3]);
    assert.deepEqual(
      attempts.map(({ results }) => results[0]?.state),
      ["queued", "queued", "relayed"],
    );
    assert.deepEqual(events, []);
    assert.equal(story.filter((line) => /delayed 4\.2\.1: "450 4\.2\.1 The mailbox is busy"/.test(line)).length, 2);
    assert.equal(await world.waiting(), 0);
  });

  test("a refusal for good is told to the sender, and harms no other recipient", async () => {
    const id = await world.submit({
      from: "sales@contoso.example",
      to: ["550+roof@fabrikam.example", "ok@fabrikam.example", "permerror@contoso.example"],
      content: letter("Offer").replace("app@", "sales@"),
    });
    await world.arrived("ok@fabrikam.example", "Offer");
    const { recipients } = await settled(id);
    assert.deepEqual(
      recipients.map(({ state, status }) => [state, status]),
      [
        ["failed", "5.1.1"],
        ["relayed", undefined],
        ["failed", "5.3.0"],
      ],
    );
    // Two next hops, two attempts: each tells of its own.
    await until("both notifications", async () => (await world.received("sales@contoso.example")).length === 2);
    const [message] = (await world.received("sales@contoso.example")).filter(({ mailFrom }) => mailFrom === "");
    assert.ok(message, "notifications come from the null reverse-path");
    const reports = [];
    for (const each of await world.received("sales@contoso.example")) {
      const content = await world.content(each);
      const { stdout } = await runProgram("python3", ["test/support/read-report.py"], { input: content });
      reports.push(JSON.parse(stdout) as Report);
    }
    for (const report of reports) {
      assert.deepEqual(report.defects, []);
      assert.equal(report.reportType, "delivery-status");
      assert.deepEqual(report.types, ["text/plain", "message/delivery-status", "text/rfc822-headers"]);
      assert.equal(field(report.blocks[0], "reporting-mta"), "dns; gateway.contoso.example");
      assert.equal(report.header["auto-submitted"], "auto-replied");
      assert.match(report.header["to"] ?? "", /sales@contoso\.example/);
      assert.equal(report.returnedSubject, "Offer");
      assert.match(report.text, /NOT delivered/);
    }
    const outside = reports.find(({ text }) => text.includes("fabrikam"));
    assert.equal(field(outside?.blocks[1], "final-recipient"), "rfc822; 550+roof@fabrikam.example");
    assert.equal(field(outside?.blocks[1], "action"), "failed");
    assert.equal(field(outside?.blocks[1], "status"), "5.1.1");
    assert.match(field(outside?.blocks[1], "diagnostic-code") ?? "", /^smtp; 550 5\.1\.1 /);
    assert.match(outside?.text ?? "", /550\+roof@fabrikam\.example\s+What happened: .*\s+What you can do: /);
  });

  test("NOTIFY, RET, ENVID and ORCPT, as smtplib gives them", async () => {
    const script = `
import smtplib, sys
with smtplib.SMTP("127.0.0.1", int(sys.argv[1]), timeout=20) as smtp:
    for sender, notify, ret in (("never", "NEVER", "FULL"), ("success", "SUCCESS", "FULL"), ("hdrs", "FAILURE", "HDRS"), ("whole", "FAILURE,DELAY", "FULL")):
        smtp.sendmail(f"{sender}@contoso.example", ["550@fabrikam.example"],
            f"From: {sender}@contoso.example\\r\\nSubject: {sender}\\r\\n\\r\\nThe body.\\r\\n",
            mail_options=[f"RET={ret}", "ENVID=QQ+2B314"],
            rcpt_options=[f"NOTIFY={notify}", "ORCPT=rfc822;Bob+2BRoof@fabrikam.example"])
`;
    const { code, stderr } = await runProgram("python3", ["-c", script, String(world.port("GATEWAY_SMTP"))]);
    assert.equal(code, 0, stderr);
    const headers = await world.report("hdrs@contoso.example", "Undeliverable: hdrs");
    const full = await world.report("whole@contoso.example", "Undeliverable: whole");
    for (const { blocks } of [headers, full]) {
      assert.equal(field(blocks[0], "original-envelope-id"), "QQ+314");
      assert.equal(field(blocks[1], "original-recipient"), "rfc822; Bob+Roof@fabrikam.example");
      assert.equal(field(blocks[1], "final-recipient"), "rfc822; 550@fabrikam.example");
    }
    assert.equal(headers.types[2], "text/rfc822-headers");
    assert.equal(full.types[2], "message/rfc822");
    assert.match(full.returnedBody ?? "", /^The body\.\r?\n$/);
    // Both failed, and the one who asked for success only, or for nothing, was not told.
    for (const sender of ["never", "success"]) {
      const [entry] = await world.json<{ id: string }[]>("trace", "--from", `${sender}@contoso.example`);
      const { recipients, events } = await settled(entry?.id ?? "");
      assert.deepEqual([recipients[0]?.state, events], ["failed", []], sender);
      assert.deepEqual(await world.received(`${sender}@contoso.example`), [], sender);
    }
  });

  test("after four hours the sender is told of the delay, once; after two days that it is over", async () => {
    const waiting = await world.submit({
      from: "slowly@contoso.example",
      to: ["temperror@fabrikam.example"],
      content: letter("slowly").replace("app@", "slowly@"),
    });
    const quiet = await world.submit({
      from: "quiet@contoso.example",
      to: ["temperror@fabrikam.example NOTIFY=FAILURE"],
      content: letter("quiet").replace("app@", "quiet@"),
    });
    await settled(waiting);
    await settled(quiet);
    await world.advance("3h");
    assert.deepEqual(await world.received("slowly@contoso.example"), []);
    await world.advance("3h");
    const delay = await world.report("slowly@contoso.example", "Delayed: slowly");
    assert.equal(field(delay.blocks[1], "action"), "delayed");
    assert.equal(field(delay.blocks[1], "status"), "4.3.0");
    assert.match(field(delay.blocks[1], "will-retry-until") ?? "", /2026/);
    assert.match(delay.text, /still trying|not.*yet|keep trying/i);
    await world.advance("40h");
    assert.equal((await world.received("slowly@contoso.example")).length, 1);
    assert.equal(await world.waiting(), 2);
    await world.advance("3h");
    const failure = await world.report("slowly@contoso.example", "Undeliverable: slowly");
    assert.equal(field(failure.blocks[1], "action"), "failed");
    assert.match(field(failure.blocks[1], "status") ?? "", /^5\./);
    assert.match(field(failure.blocks[1], "diagnostic-code") ?? "", /451 4\.3\.0/);
    await world.report("quiet@contoso.example", "Undeliverable: quiet");
    assert.equal((await world.received("quiet@contoso.example")).length, 1);
    const { recipients, events, story } = await world.trace(waiting);
    assert.equal(recipients[0]?.state, "expired");
    assert.deepEqual(
      events.map(({ what }) => what),
      ["dsn-sent", "dsn-sent"],
    );
    assert.ok(story.some((line) => /given up after 2d and \d\d attempts/.test(line)));
    assert.equal(await world.waiting(), 0);
  });

  test("an answer that was lost is asked for again, at the price of a second copy", async () => {
    await fault("twice@fabrikam.example", "data", { drop: true, keep: true }, 1);
    await fault("once@fabrikam.example", "data", { drop: true, keep: false }, 1);
    const ids = [];
    for (const name of ["twice", "once"]) ids.push(await world.submit({ to: [`${name}@fabrikam.example`], content: letter(name) }));
    for (const id of ids) {
      const { recipients } = await settled(id);
      assert.deepEqual([recipients[0]?.state, recipients[0]?.code], ["queued", "route.answer-lost"]);
    }
    await world.advance("10m");
    const [twice = "", once = ""] = ids;
    for (const id of ids) assert.equal((await settled(id)).recipients[0]?.state, "relayed");
    assert.equal((await world.received("twice@fabrikam.example")).length, 2);
    assert.equal((await world.received("once@fabrikam.example")).length, 1);
    assert.match(
      (await world.run("trace", twice)).stdout,
      /delayed 4\.4\.2: "No answer from the next hop, which may have taken the message/,
    );
    assert.match(
      (await world.run("trace", once)).stdout,
      /delayed 4\.4\.2: "No answer from the next hop, which may have taken the message/,
    );
  });

  test("a notification that nobody takes is held for the operator, and no notification answers another", async () => {
    const id = await world.submit({ from: "data-550@contoso.example", to: ["ok@contoso.example"], content: letter("refused sender") });
    assert.equal((await settled(id)).recipients[0]?.state, "failed");
    // The notification goes to data-550@contoso.example, where it is refused as well.
    const [held, ...others] = await until("the notification is held", async () => {
      const waiting = await world.json<{ id: string; from: string; subject: string; recipients: { state: string }[] }[]>("queue");
      return waiting[0]?.recipients[0]?.state === "held" && waiting;
    });
    assert.deepEqual(others, []);
    assert.deepEqual([held?.from, held?.subject], ["<>", "Undeliverable: refused sender"]);
    assert.match((await world.run("trace", held?.id ?? "")).stdout, /held for the postmaster/);
    assert.equal((await world.run("queue", "drop", held?.id ?? "", "--yes")).code, 0);
    assert.equal(await world.waiting(), 0);
  });
});
