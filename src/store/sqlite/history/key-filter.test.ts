import assert from "node:assert/strict";
import { test } from "node:test";
import { matchesAddress } from "../../../mail/address.ts";
import { buildFilter, keysOf, keysOfQuery, mayHold } from "./key-filter.ts";
import type { Story } from "./story.ts";

const story = (i: number): Story =>
  ({
    id: i,
    messageIdField: `<${i}@x>`,
    reversePath: `Sender${i}@Contoso.example`,
    recipients: [{ address: `user${i}@fabrikam.example` }],
  }) as unknown as Story;

test("whatever a pattern matches is found through its key", () => {
  const filter = buildFilter(new Set(keysOf(story(7))));
  for (const pattern of ["sender7@contoso.example", "SENDER7@contoso.EXAMPLE", "@contoso.example", "contoso.example", "*.example", "*"]) {
    assert.ok(pattern === "*.example" || matchesAddress(pattern, "Sender7@Contoso.example"));
    for (const key of keysOfQuery({ sender: pattern, limit: 1 })) assert.ok(mayHold(filter, key), pattern);
  }
  const bounce = buildFilter(new Set(keysOf({ ...story(8), reversePath: null })));
  for (const key of keysOfQuery({ sender: "<>", limit: 1 })) assert.ok(mayHold(bounce, key));
});

test("what is not there is seldom looked for", () => {
  const keys = new Set<string>();
  for (let i = 0; i < 1024; i++) for (const key of keysOf(story(i))) keys.add(key);
  const filter = buildFilter(keys);
  for (const key of keys) assert.ok(mayHold(filter, key));
  let wrong = 0;
  for (let i = 10_000; i < 20_000; i++) if (mayHold(filter, `ruser${i}@fabrikam.example`)) wrong++;
  assert.ok(wrong < 100, `${wrong} of 10,000`);
});
