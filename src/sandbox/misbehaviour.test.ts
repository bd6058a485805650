import assert from "node:assert/strict";
import { test } from "node:test";
import { SmtpDialog } from "../../test/support/smtp-dialog.ts";
import { openTestSandbox } from "../../test/support/sandbox.ts";
import { magicWords, slowMs } from "./smtp/magic.ts";

/** Magic addresses and faults, as a client meets them. */
async function hello(port: number): Promise<SmtpDialog> {
  const dialog = await SmtpDialog.open(port);
  assert.match(await dialog.reply(), /^220 /);
  assert.match(await dialog.say("EHLO client.example"), /^250-/);
  return dialog;
}

const answers: Readonly<Record<string, RegExp>> = {
  temperror: /^451 4\.3\.0 /,
  permerror: /^550 5\.3\.0 /,
  full: /^452 4\.2\.2 /,
  "550": /^550 5\.1\.1 /,
  "451": /^451 4\.3\.0 /,
  "421": /^421 4\.3\.2 /,
};

test("magic replies at MAIL, RCPT and the end of the data", async () => {
  await using sandbox = await openTestSandbox();
  const port = sandbox.port("internet-mx");
  for (const [word, answer] of Object.entries(answers)) {
    using mail = await hello(port);
    assert.match(await mail.say(`MAIL FROM:<${word}@anywhere.example>`), answer);
    using rcpt = await hello(port);
    await rcpt.say("MAIL FROM:<a@contoso.example>");
    assert.match(await rcpt.say("RCPT TO:<bob@fabrikam.example>"), /^250 /);
    assert.match(await rcpt.say(`RCPT TO:<${word}+7@fabrikam.example>`), answer);
    for (const [reversePath, recipient] of [
      ["a@contoso.example", `data-${word}@fabrikam.example`],
      [`data-${word}@contoso.example`, "bob@fabrikam.example"],
    ]) {
      using data = await hello(port);
      assert.match(await data.say(`MAIL FROM:<${reversePath}>`), /^250 /);
      assert.match(await data.say(`RCPT TO:<${recipient}>`), /^250 /);
      assert.match(await data.say("DATA"), /^354 /);
      assert.match(await data.say("Subject: x\r\n\r\nx\r\n."), new RegExp(`^${/\d{3}/.exec(answer.source)?.[0]} `));
      if (word === "421") await data.closed();
    }
    if (word !== "421") {
      // A bad recipient harms no other.
      assert.match(await rcpt.say("DATA"), /^354 /);
      assert.match(await rcpt.say(`Subject: ${word}\r\n\r\nx\r\n.`), /^250 /);
    } else await rcpt.closed();
  }
  const kept = await sandbox.messages();
  assert.deepEqual(
    kept.map(({ subject, rcptTo }) => [subject, rcptTo.join()]).sort(),
    Object.keys(answers)
      .filter((word) => word !== "421")
      .map((word) => [word, "bob@fabrikam.example"])
      .sort(),
  );
});

test("timeout never answers, and holds the connection until the client leaves", async () => {
  await using sandbox = await openTestSandbox();
  for (const lines of [["MAIL FROM:<timeout@contoso.example>"], ["MAIL FROM:<a@contoso.example>", "RCPT TO:<timeout@contoso.example>"]]) {
    using dialog = await hello(sandbox.port("tenant-mx"));
    for (const line of lines.slice(0, -1)) await dialog.say(line);
    // What is behind it in the pipeline waits as well; the only bytes we could get are an answer.
    dialog.send(`${lines.at(-1)}\r\nNOOP\r\n`);
    assert.equal(await quiet(dialog, 300), true);
    dialog.socket.end();
    await dialog.closed();
  }
});

test("slow answers late, data-slow after the data", async () => {
  await using sandbox = await openTestSandbox();
  await Promise.all(
    ["slow@contoso.example", "data-slow@contoso.example"].map(async (recipient) => {
      using dialog = await hello(sandbox.port("tenant-mx"));
      await dialog.say("MAIL FROM:<a@contoso.example>");
      const started = performance.now();
      assert.match(await dialog.say(`RCPT TO:<${recipient}>`), /^250 /);
      await dialog.say("DATA");
      assert.match(await dialog.say("Subject: slow\r\n\r\nx\r\n."), /^250 /);
      assert.ok(performance.now() - started >= slowMs - 50);
    }),
  );
  assert.equal((await sandbox.call("GET", "/api/messages")).body.length, 2);
});

test("drop cuts the connection; data-drop keeps the message, data-drop-lost does not", async () => {
  await using sandbox = await openTestSandbox();
  const port = sandbox.port("tenant-mx");
  for (const line of ["MAIL FROM:<drop@contoso.example>", "MAIL FROM:<drop-lost@contoso.example>"]) {
    using dialog = await hello(port);
    assert.equal(await dialog.say(line), "");
  }
  for (const word of ["data-drop", "data-drop-lost", "data-timeout"]) {
    using dialog = await hello(port);
    await dialog.say("MAIL FROM:<a@contoso.example>");
    assert.match(await dialog.say(`RCPT TO:<${word}@contoso.example>`), /^250 /);
    await dialog.say("DATA");
    dialog.send(`Subject: ${word}\r\n\r\nx\r\n.\r\n`);
    if (word === "data-timeout") {
      assert.equal(await quiet(dialog, 300), true);
      dialog.socket.end();
    }
    assert.equal(await dialog.reply(), "");
  }
  const kept = await sandbox.messages();
  assert.deepEqual(
    kept.map(({ subject }) => subject),
    ["data-drop"],
  );
});

test("every magic word is tried above", () => {
  assert.deepEqual([...magicWords].sort(), ["drop", "drop-lost", "full", "permerror", "slow", "temperror", "timeout"]);
});

test("a fault acts as often as asked, for what it fits", async () => {
  await using sandbox = await openTestSandbox();
  const { status, body: fault } = await sandbox.call("POST", "/api/faults", {
    match: { service: "tenant-mx", mailFrom: "@contoso.example", rcptTo: "bob@contoso.example", at: "rcpt" },
    action: { reply: "451 4.7.500 Server busy" },
    times: 2,
  });
  assert.equal(status, 201);
  assert.deepEqual((await sandbox.call("GET", "/api/faults")).body, [fault]);
  using dialog = await hello(sandbox.port("tenant-mx"));
  await dialog.say("MAIL FROM:<a@contoso.example>");
  assert.match(await dialog.say("RCPT TO:<eve@contoso.example>"), /^250 /);
  assert.equal(await dialog.say("RCPT TO:<bob@contoso.example>"), "451 4.7.500 Server busy");
  await dialog.say("RSET");
  await dialog.say("MAIL FROM:<a@fabrikam.example>");
  assert.match(await dialog.say("RCPT TO:<bob@contoso.example>"), /^250 /);
  await dialog.say("RSET");
  await dialog.say("MAIL FROM:<a@contoso.example>");
  assert.match(await dialog.say("RCPT TO:<bob@contoso.example>"), /^451 /);
  assert.match(await dialog.say("RCPT TO:<bob@contoso.example>"), /^250 /);
  assert.deepEqual((await sandbox.call("GET", "/api/faults")).body, []);
});

test("faults at connect, MAIL and the data", async () => {
  await using sandbox = await openTestSandbox();
  const port = sandbox.port("internet-mx");
  await sandbox.call("POST", "/api/faults", { match: { at: "connect" }, action: { reply: "421 4.3.2 Service not available" }, times: 1 });
  {
    using dialog = await SmtpDialog.open(port);
    assert.match(await dialog.reply(), /^421 4\.3\.2 Service not available/);
    await dialog.closed();
  }
  await sandbox.call("POST", "/api/faults", { match: { at: "connect" }, action: { drop: true }, times: 1 });
  {
    using dialog = await SmtpDialog.open(port);
    assert.equal(await dialog.reply(), "");
  }
  const { body } = await sandbox.call("POST", "/api/faults", { match: { at: "mail", mailFrom: "<>" }, action: { delayMs: 200 } });
  await sandbox.call("POST", "/api/faults", {
    match: { at: "data", rcptTo: "@gmail.example" },
    action: { reply: "550 5.7.26 Unauthenticated" },
  });
  using dialog = await hello(port);
  const started = performance.now();
  assert.match(await dialog.say("MAIL FROM:<>"), /^250 /);
  assert.ok(performance.now() - started >= 190);
  await dialog.say("RCPT TO:<bob@fabrikam.example>");
  await dialog.say("RCPT TO:<bob@gmail.example>");
  await dialog.say("DATA");
  assert.equal(await dialog.say("Subject: x\r\n\r\n."), "550 5.7.26 Unauthenticated");
  assert.equal((await sandbox.call("DELETE", `/api/faults/${body.id}`)).status, 200);
  assert.equal((await sandbox.call("DELETE", `/api/faults/${body.id}`)).status, 404);
  assert.deepEqual((await sandbox.call("DELETE", "/api/faults")).body, { deleted: 1 });
});

test("a fault that is not well-formed is refused", async () => {
  await using sandbox = await openTestSandbox();
  const match = { at: "rcpt" };
  for (const fault of [
    {},
    { match },
    { match, action: {} },
    { match: { at: "helo" }, action: { drop: true } },
    { match, action: { drop: true, reply: "550 x" } },
    { match, action: { reply: "250 fine" } },
    { match, action: { reply: "550 x\r\n220 y" } },
    { match: { ...match, sender: "x" }, action: { drop: true } },
    { match, action: { drop: true }, times: "3" },
    { match, action: { drop: true }, probability: 2 },
  ]) {
    const { status, body } = await sandbox.call("POST", "/api/faults", fault);
    assert.equal(status, 400, JSON.stringify(fault));
    assert.equal(body.error.code, "request.invalid");
  }
  assert.deepEqual((await sandbox.call("GET", "/api/faults")).body, []);
});

/** Whether nothing comes for so long. The absence of an answer can only be shown by waiting. */
function quiet(dialog: SmtpDialog, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(true), ms);
    dialog.socket.once("data", () => {
      clearTimeout(timer);
      resolve(false);
    });
  });
}
