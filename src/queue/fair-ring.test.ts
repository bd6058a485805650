import assert from "node:assert/strict";
import { test } from "node:test";
import { FairRing } from "./fair-ring.ts";
import { LaneBook, type Lane } from "./lanes.ts";

const by = (candidates: readonly string[]) => ({ generation: "g1", candidates, recipientClass: "internal" as const });

test("principals take turns, whatever the number of their lanes, and so do the lanes of one", () => {
  const book = new LaneBook();
  const lane = (principal: string, route: string) => book.find({ principal }, by([route]), "x.example");
  const ring = new FairRing();
  const [a1, a2, a3, b1] = [lane("a", "1"), lane("a", "2"), lane("a", "3"), lane("b", "1")];
  for (const each of [a1, a2, a3, b1]) ring.add(each);
  const turns = Array.from({ length: 8 }, () => {
    const lane = ring.first() as Lane;
    ring.served(lane);
    return lane;
  });
  assert.deepEqual(
    turns.map((turn) => (turn === b1 ? "b1" : turn === a1 ? "a1" : turn === a2 ? "a2" : "a3")),
    ["a1", "b1", "a2", "b1", "a3", "b1", "a1", "b1"],
  );
});

test("a lane is in the ring once and leaves at once", () => {
  const book = new LaneBook();
  const ring = new FairRing();
  const lane = book.find({ principal: "a" }, by(["r"]), "x.example");
  ring.add(lane);
  ring.add(lane);
  assert.deepEqual([ring.size, ring.lanes], [1, 1]);
  ring.delete(lane);
  ring.delete(lane);
  assert.equal(ring.first(), undefined);
  assert.deepEqual([ring.size, ring.lanes], [0, 0]);
});

test("who is looked at but not served keeps its place", () => {
  const book = new LaneBook();
  const ring = new FairRing();
  for (const principal of ["a", "b"]) ring.add(book.find({ principal }, by(["r"]), "x.example"));
  const first = ring.first();
  assert.equal(ring.first(), first);
  assert.equal(ring.take(), first);
  assert.equal(ring.first()?.principal, "b");
  assert.equal(ring.has("a"), false);
});

test("a lane's number is the same in every run and tells principals and routes apart", () => {
  const one = new LaneBook().find({ principal: "app" }, by(["tenant"]), "contoso.example");
  const two = new LaneBook().find({ principal: "app" }, by(["tenant"]), "contoso.example");
  assert.equal(one.id, two.id);
  const book = new LaneBook();
  const ids = [
    book.find({ principal: "app" }, by(["tenant"]), "contoso.example"),
    book.find({ principal: "app" }, by(["internet"]), "contoso.example"),
    book.find({ principal: "app" }, by(["tenant", "internet"]), "contoso.example"),
    book.find({ principal: "net:office" }, by(["tenant"]), "contoso.example"),
  ].map((lane) => lane.id);
  assert.equal(new Set(ids).size, 4);
  assert.equal(book.find({ principal: "app" }, by(["tenant"]), "contoso.example").id, ids[0]);
});

test("priorities, routes for failures only, and classes of recipients where limits tell them apart make lanes of their own", () => {
  const routes = by(["hve", "smtp-auth"]);
  const kinds = [
    { message: { principal: "app" }, decision: routes },
    { message: { principal: "app", priority: "bulk" as const }, decision: routes },
    { message: { principal: "app" }, decision: { ...routes, recipientClass: "external" as const } },
    { message: { principal: "app" }, decision: { ...routes, fallbacks: ["smtp-auth"] } },
  ];
  const book = new LaneBook((route) => route === "smtp-auth");
  const lanes = kinds.map(({ message, decision }) => book.find(message, decision, "x.example"));
  assert.equal(new Set(lanes.map(({ id }) => id)).size, 4);
  for (const [n, { message, decision }] of kinds.entries()) {
    // Its description says all of it.
    const { id, description } = lanes[n] as Lane;
    const restored = new LaneBook().restore(id, description);
    assert.equal(book.isLaneOf(restored, message, decision), true);
    for (const [m, lane] of lanes.entries()) assert.equal(book.isLaneOf(lane, message, decision), m === n);
  }
  const unlimited = new LaneBook();
  const [one, , external] = kinds.map(({ message, decision }) => unlimited.find(message, decision, "x.example"));
  assert.equal(one, external, "without limits both share transactions");
});

test("what waits in a lane of both classes leaves it when a limit comes into force", () => {
  const old = new LaneBook().restore(17, { principal: "app", generation: "g1", routes: ["hve"], bucket: 3 });
  assert.equal(new LaneBook().isLaneOf(old, { principal: "app" }, by(["hve"])), true);
  assert.equal(new LaneBook(() => true).isLaneOf(old, { principal: "app" }, by(["hve"])), false);
});
