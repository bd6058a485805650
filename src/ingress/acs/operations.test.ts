import assert from "node:assert/strict";
import { test } from "node:test";
import { messageIdFieldOf } from "./operation-id.ts";
import type { OperationRecord, OperationRecords } from "./operation-record.ts";
import { Operations } from "./operations.ts";

const [named, unknown] = ["11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"];
const record: OperationRecord = { id: 7, principal: "app", door: "acs", receivedAt: 5, recipients: [] };
const field = messageIdFieldOf(named, "app", "gateway.example");

/** An archive that tells what it was asked. `many`: too many to be looked through at once. */
function archive(many: boolean): { readonly records: OperationRecords; readonly asked: string[] } {
  const asked: string[] = [];
  const records: OperationRecords = {
    byId: (id) => Promise.resolve(asked.push(`id ${id}`) > 0 && id === 7 ? record : null),
    byEnding: (ending, since) => Promise.resolve(asked.push(`all ${ending} ${since}`) > 0 && many ? null : new Map([[field, 7]])),
    byMessageId: (asking) => Promise.resolve(asked.push("field") > 0 && asking === field ? [record] : []),
  };
  return { records, asked };
}

test("what came before a restart is looked through once; new ids cost nothing from then on", async () => {
  const { records, asked } = archive(false);
  const operations = new Operations(records, "gateway.example");
  assert.equal(await operations.find(unknown, "app", 3), null);
  assert.equal((await operations.find(named, "app", 4))?.id, 7);
  assert.equal(await operations.find(named, "shop", 4), null, "another principal's");
  operations.remember(unknown, "app", 7);
  assert.equal((await operations.find(unknown, "app", 4))?.id, 7);
  assert.deepEqual(asked, ["all .acs@gateway.example> 3", "id 7", "id 7"]);
});

test("when it is too much for that, each id is looked for", async () => {
  const { records, asked } = archive(true);
  const operations = new Operations(records, "gateway.example");
  assert.equal((await operations.find(named, "app", 3))?.id, 7);
  assert.equal(await operations.find(unknown, "app", 3), null);
  assert.deepEqual(asked, ["all .acs@gateway.example> 3", "field", "field"]);
});

test("a status may be older than what is looked through", async () => {
  const { records, asked } = archive(false);
  assert.equal((await new Operations(records, "gateway.example").find(named, "app"))?.id, 7);
  assert.deepEqual(asked, ["field"]);
});
