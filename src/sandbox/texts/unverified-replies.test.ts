import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { openTestSandbox } from "../../../test/support/sandbox.ts";
import { unverifiedReplies } from "./unverified-replies.ts";

test("the reference lists every reply that can be replaced, with its text", async () => {
  const reference = await readFile(new URL("../../../docs/reference/sandbox-sending-services.md", import.meta.url), "utf8");
  for (const [name, { text, about }] of Object.entries(unverifiedReplies))
    assert.ok(reference.includes(`| \`${name}\` | \`${text}\` | ${about} |`), name);
});

test("only they can be replaced, and only by replies", async () => {
  for (const { text } of Object.values(unverifiedReplies)) assert.match(text, /^[45]\d\d ./);
  await using sandbox = await openTestSandbox({ replies: { "hve-billing": "451 4.7.1 pay first: [status]" } });
  assert.equal((await sandbox.call("GET", "/readyz")).status, 200);
});
