import assert from "node:assert/strict";
import { test } from "node:test";
import { openTestSandbox, type TestSandbox } from "../../../test/support/sandbox.ts";
import { SmtpDialog } from "../../../test/support/smtp-dialog.ts";

async function keywords(sandbox: TestSandbox, service: string): Promise<readonly (readonly string[])[]> {
  using dialog = await SmtpDialog.open(sandbox.port(service));
  await dialog.reply();
  const hello = async () =>
    (await dialog.say("EHLO client.example"))
      .split("\n")
      .map((line) => line.slice(4))
      .slice(1);
  const plain = await hello();
  await dialog.say("STARTTLS");
  await dialog.startTls({ ca: sandbox.ca });
  return [plain, await hello()];
}

test("what a service lists in EHLO can be said in sandbox.yaml: order, what is left out, what is added", async () => {
  await using sandbox = await openTestSandbox({
    ehlo: {
      hve: ["STARTTLS", "SIZE", "AUTH LOGIN", "BINARYMIME", "XVERP x"],
      "tenant-mx": ["SIZE 1000", "STARTTLS", "AUTH"],
    },
  });
  assert.deepEqual(await keywords(sandbox, "hve"), [
    ["STARTTLS", "SIZE 10485760", "BINARYMIME", "XVERP x"],
    ["SIZE 10485760", "AUTH LOGIN", "BINARYMIME", "XVERP x"],
  ]);
  // The MX has no AUTH at all: it is not offered by writing it.
  assert.deepEqual(await keywords(sandbox, "tenant-mx"), [["SIZE 1000", "STARTTLS"], ["SIZE 1000"]]);
  const [, own] = await keywords(sandbox, "smtp-auth");
  assert.ok(own?.includes("AUTH LOGIN XOAUTH2"), "others have their own");
});
