import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { replyText } from "../../mail/reply.ts";
import { catalogue } from "../../services/catalogue.ts";
import { matchReply } from "../../services/match-reply.ts";
import type { ServiceKind, Stage } from "../../services/service.ts";
import { classifyReply } from "./classify.ts";

type Row = readonly [service: ServiceKind, stage: Stage, reply: string, expected: string];

/**
 * The published texts, copied by hand from the pages that publish them, and what each has to mean: transient or permanent, our code, what waits.
 * The class column of Microsoft's catalogue of non-delivery reports (limits are quotas and never permanent; log-ins pause the route) decides.
 */
const rows: readonly Row[] = readFileSync(join(import.meta.dirname, "known-replies.txt"), "utf8")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"))
  .map((line): Row => {
    const [where = "", reply = "", expected = ""] = line.split(" | ");
    const [service, stage] = where.split(" ") as [ServiceKind, Stage];
    assert.ok(service in catalogue && /^\d{3} ./.test(reply) && expected !== "", line);
    return [service, stage, reply, expected];
  });

for (const [service, stage, text, expected] of rows) {
  test(`${service}, ${stage}: ${text.slice(0, 90)}: ${expected}`, () => {
    const reply = { code: Number(text.slice(0, 3)), lines: [text.slice(4)] };
    const { permanent, code, scope } = classifyReply(stage, reply, catalogue[service].replies);
    assert.equal(`${permanent ? "permanent" : "transient"} ${code} ${scope}`, expected);
  });
}

test("a quota or a log-in never fails mail for good, whatever its reply says and whoever sends", () => {
  for (const { kind, replies } of Object.values(catalogue)) {
    for (const { example, code, stages } of replies) {
      if (!code.startsWith("quota.") && !code.startsWith("route.")) continue;
      const told = classifyReply(stages?.[0] ?? "content", example, replies);
      assert.equal(told.permanent, false, `${kind}: ${example.code} ${example.lines[0]}`);
    }
  }
});

for (const { kind, replies } of Object.values(catalogue)) {
  test(`${kind}: every known reply is found by its own example, and says where it stands`, () => {
    for (const row of replies) {
      const stages = row.stages ?? (["greeting", "auth", "mail", "rcpt", "data", "content"] as const);
      assert.ok(
        stages.some((stage) => matchReply(replies, stage, row.example) === row),
        replyText(row.example),
      );
      assert.ok(row.source.length > 3);
    }
  });
}

test("a text of a hundred thousand characters is read in no time", () => {
  const reply = { code: 550, lines: [`5.7.1 client host ${"blocked client host ".repeat(5000)}`] };
  const began = performance.now();
  for (const { replies } of Object.values(catalogue)) matchReply(replies, "rcpt", reply);
  assert.ok(performance.now() - began < 1000);
});

test("patterns take linear time on long hostile replies", () => {
  const pieces = fc.constantFrom(
    "client host ",
    "blocked ",
    "STOREDRV.Submission",
    "federated STS ",
    "a",
    " ",
    "[",
    "organization configuration ",
    "5.7.1 ",
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 5000 }), fc.constantFrom(...Object.values(catalogue)), (words, { replies }) => {
      const began = performance.now();
      classifyReply("content", { code: 550, lines: [words.join("")] }, replies);
      // A quadratic pattern takes seconds on 50 KB; a bound this far off does not depend on the machine.
      assert.ok(performance.now() - began < 5000);
    }),
    { numRuns: 30 },
  );
});
