import assert from "node:assert/strict";
import { test } from "node:test";
import { failure } from "../mail/failure-codes.ts";
import type { Outcome } from "../mail/outcome.ts";
import { expiredFailure, judge, type JudgementFacts } from "./settlement.ts";
import type { StoredMessage, StoredRecipient } from "./store.ts";

const message = { id: 1, receivedAt: 0, expiresAt: 100_000_000 } as StoredMessage;
const recipient: StoredRecipient = { n: 2, address: "a@b.example", lane: 1, decision: "d", attempts: 0, notBefore: 0 };
const facts: JudgementFacts = {
  now: 1000,
  options: {
    lifetimeMs: 1,
    retry: { firstMs: 60_000, factor: 2, longestMs: 3_600_000, jitter: 0 },
    delayNoticeMs: 0,
    missingHeaders: "add",
    maxHops: 50,
    freeSpaceReserve: 0,
    dsnReturn: 0,
  },
  traits: { inDoubt: "retry" },
  routeRetryAt: 31_000,
  random: 0.5,
};
const delayed = (changes: Partial<Extract<Outcome, { action: "delayed" }>> = {}): Outcome => ({
  action: "delayed",
  failure: failure("remote.mailbox-full"),
  ...changes,
});

test("a delay of the recipient waits by the schedule and counts the attempt", () => {
  const { settlement } = judge(message, { ...recipient, attempts: 2 }, delayed(), facts);
  assert.deepEqual(
    { to: settlement.to, notBefore: settlement.notBefore, attempts: settlement.attempts },
    { to: "queued", notBefore: 1000 + 240_000, attempts: 3 },
  );
});

test("the next hop's own hint wins over the schedule", () => {
  assert.equal(judge(message, recipient, delayed({ notBefore: 5000 }), facts).settlement.notBefore, 5000);
});

test("trouble of the route waits for the route, not by the message's schedule", () => {
  const outcome = delayed({ failure: failure("network.connect") });
  assert.equal(judge(message, { ...recipient, attempts: 9 }, outcome, facts).settlement.notBefore, 31_000);
});

test("no wait goes beyond the end of the lifetime; an attempt after it expires, with the last cause's words and status", () => {
  const soon = { ...message, expiresAt: 30_000 };
  assert.equal(judge(soon, recipient, delayed(), facts).settlement.notBefore, 30_000);
  const { settlement, failure: reason } = judge(soon, recipient, delayed(), { ...facts, now: 30_000 });
  assert.equal(settlement.to, "expired");
  assert.equal(reason?.code, "message.expired");
  assert.equal(reason?.detail, "2.2");
  assert.ok(reason?.permanent);
});

test("doubt is kept where the route must not repeat, and repeated where it may", () => {
  const outcome = delayed({ failure: failure("route.answer-lost"), inDoubt: true });
  assert.equal(judge(message, recipient, outcome, { ...facts, traits: { inDoubt: "wait" } }).settlement.to, "inDoubt");
  assert.equal(judge(message, recipient, outcome, facts).settlement.to, "queued");
});

test("an expiry without any cause says so in its own words", () => {
  assert.equal(expiredFailure(undefined).detail, "4.7");
});
