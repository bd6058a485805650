import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readEnforcementStatus } from "./enforcement-status.ts";

const understood = { rule: "tenant.external-recipients", observed: 4711, threshold: 22_059, enforced: true, blocked: false };

test("as Format-List prints it", () => {
  const text =
    "\r\nVerdict            : None\r\nEnforcementEnabled : True\r\nThreshold          : 22059\r\nObservedValue      : 4711\r\n\r\n";
  assert.deepEqual(readEnforcementStatus(text), understood);
  assert.deepEqual(readEnforcementStatus(text.replace("None", "Block")), { ...understood, blocked: true });
});

test("as ConvertTo-Json prints it, alone or in a list, with more in it", () => {
  const json = { ObservedValue: 4711, Threshold: 22_059, EnforcementEnabled: true, Verdict: "None", RunspaceId: "x" };
  assert.deepEqual(readEnforcementStatus(JSON.stringify(json, null, 2)), understood);
  assert.deepEqual(readEnforcementStatus(JSON.stringify([json])), understood);
  // Enumerations are numbers there, unless told otherwise.
  assert.deepEqual(readEnforcementStatus(JSON.stringify({ ...json, Verdict: 0 })), { ...understood, blocked: null });
  assert.deepEqual(readEnforcementStatus('{"observedValue":"4711","threshold":"22059"}'), { ...understood, enforced: null, blocked: null });
});

test("what is something else is told so", () => {
  assert.match(readEnforcementStatus("") as string, /no ObservedValue/);
  assert.match(readEnforcementStatus("{oops") as string, /not valid JSON/);
  assert.match(readEnforcementStatus("Threshold : many\nObservedValue : 5") as string, /no ObservedValue/);
  assert.match(readEnforcementStatus("Threshold : 5\nObservedValue : -5") as string, /no ObservedValue/);
  const two = [
    { ObservedValue: 1, Threshold: 2 },
    { ObservedValue: 3, Threshold: 4 },
  ];
  assert.match(readEnforcementStatus(JSON.stringify(two)) as string, /several limits/);
  assert.match(readEnforcementStatus("ObservedValue : 1\nThreshold : 2\n\nObservedValue : 3\nThreshold : 4") as string, /no ObservedValue/);
  assert.match(readEnforcementStatus("x".repeat(70_000)) as string, /too long/);
});

test("whatever is pasted: an answer or a sentence", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: "binary" }),
        fc.json(),
        fc.json().map((text) => `[${text}]`),
      ),
      (text) => {
        const read = readEnforcementStatus(text);
        assert.ok(typeof read === "string" || (Number.isSafeInteger(read.observed) && read.observed >= 0));
      },
    ),
  );
});
