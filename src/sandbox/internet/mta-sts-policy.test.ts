import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePolicy } from "mailauth/lib/mta-sts.js";
import { skipUnless } from "../../../test/support/programs.ts";
import { runProgram } from "../../../test/support/run-program.ts";
import { openTestSandbox } from "../../../test/support/sandbox.ts";

test("outlook.example has a policy where RFC 8461 says, and mailauth reads it", { skip: skipUnless("curl") }, async () => {
  await using sandbox = await openTestSandbox();
  const port = sandbox.port("api");
  const get = async (name: string, path: string): Promise<string> => {
    const address = `${name}:${port}`;
    // The certificate of a test has no such name; the demo's has.
    const args = ["-sk", "--resolve", `${address}:127.0.0.1`, "-w", "%{http_code} %{content_type}\n", `https://${address}${path}`];
    return (await runProgram("curl", args)).stdout;
  };
  const answer = await get("mta-sts.outlook.example", "/.well-known/mta-sts.txt");
  assert.match(answer, /\n200 text\/plain\n$/);
  const policy = parsePolicy(answer.slice(0, answer.lastIndexOf("200 text/plain")));
  assert.deepEqual(
    { mode: policy.mode, mx: policy.mx, maxAge: policy.maxAge },
    { mode: "enforce", mx: ["mx.outlook.example"], maxAge: 604_800 },
  );
  assert.match(await get("mta-sts.outlook.example", "/other"), /^404 /);
  assert.match(await get("mta-sts.gmail.example", "/.well-known/mta-sts.txt"), /421 /);
});
