import type { BacklogSample, LaneBacklog } from "../queue/archive.ts";
import type { BatchContext } from "./own-batches.ts";
import { largestTransaction, transactionsOf } from "./own-batches.ts";
import type { MailBatch } from "./mail-batch.ts";

/** Kinds of mail that one lane's backlog is told apart into; what is rarer counts as the most frequent one. */
const maxKinds = 8;

/** Messages of the sample that are alike for rules and limits. */
interface Kind {
  readonly first: BacklogSample;
  messages: number;
  recipients: number;
  bytes: number;
}

/** What waits already, routed anew as it will be when it is claimed. What no route takes any more waits for an operator, and for nothing else. */
export function backlogBatches(backlog: readonly LaneBacklog[], context: BatchContext): readonly MailBatch[] {
  const batches: MailBatch[] = [];
  for (const { due, samples } of backlog) {
    const kinds = kindsOf(samples);
    const sampled = kinds.reduce((sum, { recipients }) => sum + recipients, 0);
    for (const kind of kinds) {
      const make = batchMaker(kind, context);
      if (make === null) continue;
      // Each due time's share in whole recipients, so that together they are the kind's share of all.
      let [before, given] = [0, 0];
      for (const [at, recipients] of due) {
        before += (recipients * kind.recipients) / sampled;
        const share = Math.round(before) - given;
        given += share;
        if (share > 0) batches.push(...make(at, share));
      }
    }
  }
  return batches;
}

function batchMaker(
  { first, messages, recipients, bytes }: Kind,
  context: BatchContext,
): ((at: number, recipients: number) => readonly MailBatch[]) | null {
  const { principal, priority = "transactional", reversePath, author, dsnFor, smtputf8, domain } = first;
  const size = Math.round(bytes / messages);
  const decision = context.router.decide({
    principal,
    reversePath,
    authors: author === "" ? [] : author.split(", "),
    recipientDomain: domain,
    size,
    dsn: dsnFor !== undefined,
    smtputf8: smtputf8 === true,
  });
  if (decision.candidates.length === 0) return null;
  const lane = context.lanes.find({ principal, priority }, decision, domain);
  const message = { author, reversePath, principal, ...(dsnFor === undefined ? {} : { dsnFor }) };
  const perMessage = Math.max(1, Math.round(recipients / messages));
  const most = largestTransaction(lane, context);
  const same = { isOwn: false, lane, message, size, to: `@${domain}`, isExternal: decision.recipientClass === "external" };
  return (at, count) => {
    const whole = Math.floor(count / perMessage);
    const rest = count % perMessage;
    return [...(whole > 0 ? transactionsOf(whole, perMessage, most) : []), ...(rest > 0 ? transactionsOf(1, rest, most) : [])].map(
      ([transactions, each]) => ({ ...same, at, transactions, recipients: each }),
    );
  };
}

function kindsOf(samples: readonly BacklogSample[]): readonly Kind[] {
  const kinds = new Map<string, Kind>();
  for (const sample of samples) {
    const { principal, priority, reversePath, author, dsnFor, smtputf8, domain } = sample;
    const key = JSON.stringify([principal, priority, reversePath, author, dsnFor !== undefined, smtputf8, domain]);
    const kind = kinds.get(key);
    if (kind === undefined) kinds.set(key, { first: sample, messages: 1, recipients: sample.recipients, bytes: sample.size });
    else {
      kind.messages++;
      kind.recipients += sample.recipients;
      kind.bytes += sample.size;
    }
  }
  const sorted = [...kinds.values()].sort((a, b) => b.recipients - a.recipients);
  const [most] = sorted;
  for (const { messages, recipients, bytes } of sorted.splice(maxKinds)) {
    (most as Kind).messages += messages;
    (most as Kind).recipients += recipients;
    (most as Kind).bytes += bytes;
  }
  return sorted;
}
