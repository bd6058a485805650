import assert from "node:assert/strict";
import { test } from "node:test";
import type { CarryTraits } from "./carry.ts";
import { changesBy } from "./fidelity.ts";

const faithful: CarryTraits = { maxSize: null, takesNullReversePath: true, external: true, smtputf8: true };
const isAccepted = (domain: string): boolean => domain === "contoso.example";
const message = { reversePath: "scanner@contoso.example", authors: ["scanner@contoso.example"], replyTo: null, size: 1000 };
const rewriting: CarryTraits = { ...faithful, senderRule: "account", account: "hve@contoso.example", rewritesSender: true };

const brief = (traits: CarryTraits, facts: Parameters<typeof changesBy>[1] = message) =>
  changesBy(traits, facts, isAccepted).map(({ what, from, to }) => [what, from, to]);

test("a route that keeps everything changes nothing", () => {
  assert.deepEqual(brief(faithful), []);
});

test("a rewritten sender takes From and return path, and answers still find the author", () => {
  assert.deepEqual(brief(rewriting), [
    ["from", "scanner@contoso.example", "hve@contoso.example"],
    ["reply-to", null, "scanner@contoso.example"],
    ["return-path", "scanner@contoso.example", "hve@contoso.example"],
  ]);
  // Reply-To that is there stays.
  assert.deepEqual(
    brief(rewriting, { ...message, replyTo: "desk@contoso.example" }).map(([what]) => what),
    ["from", "return-path"],
  );
});

test("nothing is rewritten for the account itself", () => {
  assert.deepEqual(brief(rewriting, { ...message, reversePath: "HVE@contoso.example", authors: ["hve@contoso.example"] }), []);
});

test("a bounce address in the return path's place is told as one", () => {
  const sentence = (traits: CarryTraits) => changesBy({ ...faithful, ...traits }, message, isAccepted).map(({ text }) => text);
  const bounce: CarryTraits = { ...faithful, keepsReversePath: false, hearsBounces: true };
  assert.match(sentence(bounce).join("\n"), /becomes a bounce address.*is told to scanner@contoso\.example\.$/);
  assert.match(sentence({ ...bounce, hearsBounces: false }).join("\n"), /notifications of later hops go there/);
});

test("the rest: return path of the service, lost fields, size, transactions, Sent Items", () => {
  const traits: CarryTraits = {
    ...faithful,
    keepsReversePath: false,
    keepsHeaders: false,
    maxSize: 900,
    maxRecipients: 50,
    savesToSentItems: true,
    account: "app@contoso.example",
  };
  assert.deepEqual(brief(traits, { ...message, recipients: 120 }), [
    ["return-path", "scanner@contoso.example", null],
    ["headers", null, null],
    ["attachments", "1000", "900"],
    ["recipients", "120", "50"],
    ["sent-items", null, "app@contoso.example"],
  ]);
  const sentence = changesBy(traits, { ...message, recipients: 120 }, isAccepted).find(({ what }) => what === "recipients")?.text;
  assert.match(sentence ?? "", /in 3 transactions/);
});
