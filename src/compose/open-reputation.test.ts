import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { failure } from "../mail/failure-codes.ts";
import type { TraceRecord } from "../queue/archive.ts";
import type { QueueLog } from "../queue/queue-log.ts";
import type { Attempt, StoredMessage, StoredRecipient } from "../queue/store.ts";
import { openReputation } from "./open-reputation.ts";

const now = Date.parse("2026-11-21T12:00:00Z");
const recipient = { address: "bob@fabrikam.example" } as StoredRecipient;
const by = (route: string) => ({ route }) as Attempt;
const message = (given: Partial<StoredMessage>) => ({ author: "", reversePath: null, ...given }) as StoredMessage;

function silent(told: string[]): QueueLog {
  return new Proxy({} as QueueLog, {
    ownKeys: () => ["relayed", "failed", "heardLater"],
    getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
    get: (_, name) => () => told.push(String(name)),
  });
}

test("what the queue tells is counted by From domain and route, and is there after a restart", async () => {
  using folder = temporaryFolder();
  const parts = { now: () => now, onTrouble: assert.ifError };
  const told: string[] = [];
  {
    await using book = await openReputation(folder.path, parts);
    const log = book.counting(silent(told));
    log.relayed(message({ author: "a@contoso.example, b@other.example" }), recipient, by("acs"), "ok");
    log.relayed(message({ reversePath: "device@contoso.example" }), recipient, by("acs"), "ok");
    log.failed(message({ author: "a@contoso.example" }), recipient, by("acs"), failure("remote.no-such-recipient"));
    // Not the domain's doing: our own notifications, what nobody was asked about, what we refused.
    log.relayed(message({ dsnFor: 5 }), recipient, by("acs"), "ok");
    log.failed(message({ author: "a@contoso.example" }), recipient, null, failure("message.cancelled"));
    log.failed(message({ author: "a@contoso.example" }), recipient, by("acs"), failure("dns.no-such-domain"));
    const story = {
      author: "a@contoso.example",
      reversePath: null,
      attempts: [
        { route: "tenant", results: [{ n: 0, to: "queued" }] },
        { route: "acs", results: [{ n: 0, to: "relayed" }] },
      ],
    } as unknown as TraceRecord;
    log.heardLater(story, "bob@fabrikam.example", { n: 0, action: "failed", remote: "", text: "no such user" });
    log.heardLater(story, "bob@fabrikam.example", { n: 0, action: "delivered", remote: "", text: "" });
    book.complained("contoso.example", "acs");
    book.becameBulk("receivers.gmail-bulk", "contoso.example");
  }
  assert.deepEqual(
    told,
    ["relayed", "relayed", "failed", "relayed", "failed", "failed", "heardLater", "heardLater"],
    "each fact is told on",
  );
  await using again = await openReputation(folder.path, parts);
  const [figures, ...more] = again.figures();
  assert.deepEqual(
    [figures?.domain, figures?.route, figures?.relayed, figures?.failed, figures?.returned, figures?.complaints],
    ["contoso.example", "acs", 2, 1, 1, 1],
  );
  assert.deepEqual(more, []);
  assert.equal(again.bulkSince("receivers.gmail-bulk", "contoso.example"), "2026-11-21");
});

for (const text of [
  "",
  "{",
  "[]",
  "null",
  '{"pairs":[{}],"bulkSenders":[]}',
  '{"pairs":[{"domain":"a","route":"r","firstUse":1,"days":[[1,2,3,4]]}],"bulkSenders":[]}',
])
  test(`a file that holds ${JSON.stringify(text)} is told of, and harms nothing`, async () => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, "reputation.json"), text);
    const troubles: unknown[] = [];
    await using book = await openReputation(folder.path, { now: () => now, onTrouble: (error) => troubles.push(error) });
    assert.equal(troubles.length, 1);
    assert.deepEqual(book.figures(), []);
  });
