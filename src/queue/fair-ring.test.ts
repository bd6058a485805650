import assert from "node:assert/strict";
import { test } from "node:test";
import { FairRing } from "./fair-ring.ts";
import { LaneBook } from "./lanes.ts";

const by = (candidates: readonly string[]) => ({ generation: "g1", candidates });

test("principals take turns, whatever the number of their lanes, and so do the lanes of one", () => {
  const book = new LaneBook();
  const lane = (principal: string, route: string) => book.find(principal, by([route]), "x.example");
  const ring = new FairRing();
  const [a1, a2, a3, b1] = [lane("a", "1"), lane("a", "2"), lane("a", "3"), lane("b", "1")];
  for (const each of [a1, a2, a3, b1]) ring.add(each);
  const turns = Array.from({ length: 8 }, () => ring.next());
  assert.deepEqual(
    turns.map((turn) => (turn === b1 ? "b1" : turn === a1 ? "a1" : turn === a2 ? "a2" : "a3")),
    ["a1", "b1", "a2", "b1", "a3", "b1", "a1", "b1"],
  );
});

test("a lane is in the ring once and leaves at once", () => {
  const book = new LaneBook();
  const ring = new FairRing();
  const lane = book.find("a", by(["r"]), "x.example");
  ring.add(lane);
  ring.add(lane);
  ring.delete(lane);
  assert.equal(ring.next(), undefined);
  assert.equal(ring.size, 0);
});

test("a lane's number is the same in every run and tells principals and routes apart", () => {
  const one = new LaneBook().find("app", by(["tenant"]), "contoso.example");
  const two = new LaneBook().find("app", by(["tenant"]), "contoso.example");
  assert.equal(one.id, two.id);
  const book = new LaneBook();
  const ids = [
    book.find("app", by(["tenant"]), "contoso.example"),
    book.find("app", by(["internet"]), "contoso.example"),
    book.find("app", by(["tenant", "internet"]), "contoso.example"),
    book.find("net:office", by(["tenant"]), "contoso.example"),
  ].map((lane) => lane.id);
  assert.equal(new Set(ids).size, 4);
  assert.equal(book.find("app", by(["tenant"]), "contoso.example").id, ids[0]);
});
