import assert from "node:assert/strict";
import { test } from "node:test";
import { makeContent, makeTransaction } from "../../test/support/transactions.ts";
import type { Route } from "./route.ts";

/** An adapter with something behind it that takes everything. */
export interface RouteUnderTest extends AsyncDisposable {
  readonly route: Route;
  /** Contents taken so far, unstuffed, in any order. */
  received(): Promise<readonly Buffer[]>;
}

/** What every adapter promises by the port (route.ts). Each adapter's test calls this, then adds its own. */
export function testRoute(kind: string, make: () => Promise<RouteUnderTest>): void {
  const never = new AbortController().signal;

  test(`${kind}: an outcome for each recipient of the transaction and no other`, async () => {
    await using under = await make();
    const all = ["a@fabrikam.example", "b@fabrikam.example", "c@fabrikam.example"].map((address) => ({ address }));
    const transaction = { ...makeTransaction({ to: all }), recipients: all.slice(1) };
    const { outcomes, session } = await under.route.deliver(transaction, never);
    assert.deepEqual([...outcomes.keys()], all.slice(1));
    assert.ok(
      [...outcomes.keys()].every((key, i) => key === all[i + 1]),
      "the keys are the very objects",
    );
    for (const outcome of outcomes.values()) assert.equal(outcome.action, "relayed");
    assert.notEqual(session.remote, "");
  });

  const contents: readonly (readonly [what: string, text: string])[] = [
    ["plain text", "Subject: x\r\n\r\nbody\r\n"],
    ["lines that begin with dots", "Subject: x\r\n\r\n.\r\n..\r\n.a\r\nb.\r\n"],
    ["8-bit text", "Subject: x\r\n\r\nGrüße\r\n"],
    ["an empty body", "Subject: x\r\n\r\n"],
    ["200 KB with dots everywhere", `Subject: x\r\n\r\n${".dots\r\n.\r\n...and\r\n".repeat(10_000)}`],
  ];
  for (const [what, text] of contents) {
    for (const streamed of [false, true]) {
      test(`${kind}: passes on ${what}${streamed ? ", streamed" : ""} byte for byte`, async () => {
        await using under = await make();
        const transaction = makeTransaction({ text, streamed });
        const { outcomes } = await under.route.deliver(transaction, never);
        assert.deepEqual(
          [...outcomes.values()].map((outcome) => outcome.action),
          ["relayed"],
        );
        const [first, ...more] = await under.received();
        assert.equal(more.length, 0);
        assert.ok(first);
        assert.ok(first.equals(Buffer.from(`Received: by gateway.contoso.example\r\n${text}`)), "the content differs");
      });
    }
  }

  test(`${kind}: takes the null reverse-path`, async () => {
    await using under = await make();
    if (!under.route.traits.takesNullReversePath) return;
    const { outcomes } = await under.route.deliver(makeTransaction({ from: null }), never);
    assert.deepEqual(
      [...outcomes.values()].map((outcome) => outcome.action),
      ["relayed"],
    );
  });

  test(`${kind}: as many at a time as it says, twice over`, async () => {
    await using under = await make();
    const count = Math.min(under.route.traits.concurrency, 30) * 2;
    let next = 0;
    const worker = async () => {
      while (next < count) {
        const n = next++;
        const transaction = { ...makeTransaction({ id: n + 1 }), content: makeContent(`Subject: ${n}\r\n\r\n${"x".repeat(n)}\r\n`) };
        const { outcomes } = await under.route.deliver(transaction, never);
        assert.deepEqual(
          [...outcomes.values()].map((outcome) => outcome.action),
          ["relayed"],
        );
      }
    };
    await Promise.all(Array.from({ length: count / 2 }, worker));
    const subjects = (await under.received()).map((content) => /Subject: (\d+)/.exec(content.toString())?.[1]);
    assert.deepEqual(new Set(subjects), new Set(Array.from({ length: count }, (_, n) => `${n}`)));
    assert.equal(subjects.length, count);
  });

  test(`${kind}: a signal that has aborted rejects, and nothing is sent`, async () => {
    await using under = await make();
    const reason = new Error("stop");
    await assert.rejects(under.route.deliver(makeTransaction(), AbortSignal.abort(reason)), reason);
    assert.deepEqual(await under.received(), []);
  });

  test(`${kind}: probe finds the way open and sends nothing`, async () => {
    await using under = await make();
    const result = await under.route.probe(never);
    assert.equal(result.ok, true, result.text);
    assert.ok(result.steps.length > 0 && result.steps.every((step) => step.ok));
    assert.deepEqual(await under.received(), []);
  });
}
