import assert from "node:assert/strict";
import { test } from "node:test";
import { openTurns } from "../queue/turn.ts";
import { gatesOf } from "./gates-of.ts";

const limit = (id: string) => ({ id, counted: "tenant", amount: 10, used: 10, windowMs: 1000 });

test("what one limit holds is told once, and what another holds apart", () => {
  const turns = openTurns();
  assert.deepEqual(gatesOf(turns), []);
  const close = (number: 0 | 1 | 2 | 3, id: string, until: number) =>
    Object.assign(turns[number].gate, { isClosed: true, since: 1, until, limit: limit(id) });
  close(0, "day", 50);
  close(1, "day", 50);
  close(3, "external", 90);
  assert.deepEqual(
    gatesOf(turns).map(({ priority, recipients, until, limit: { id } }) => [priority, recipients, until, id]),
    [
      ["transactional", "all", 50, "day"],
      ["bulk", "external", 90, "external"],
    ],
  );
  close(1, "day", 60);
  assert.equal(gatesOf(turns).length, 3);
  turns[0].gate.isClosed = false;
  assert.equal(gatesOf(turns)[0]?.recipients, "external");
});
