import assert from "node:assert/strict";
import { test } from "node:test";
import { explainOutlooks } from "./explain-outlook.ts";

test("each route is told with price, limits and changes, in order, then what was set aside", () => {
  const none = { maxRecipients: null, maxSize: null, changes: [] };
  assert.deepEqual(
    explainOutlooks([
      {
        ...none,
        route: "hve",
        place: 1,
        costUsd: 0.000042,
        maxRecipients: 50,
        maxSize: 10 * 1024 ** 2,
        changes: [{ text: "From a becomes b." }],
      },
      { ...none, route: "mailbox", place: 2, costUsd: 0 },
      { ...none, route: "old", place: null, costUsd: null },
    ]),
    [
      '1. "hve": USD 0.000042 for each recipient; takes up to 50 recipients in a transaction and 10.0 MB.',
      "  From a becomes b.",
      '2. "mailbox": no price for each message.',
      "  The message arrives as it is.",
      'Set aside "old": price not known.',
      "  The message arrives as it is.",
    ],
  );
});
