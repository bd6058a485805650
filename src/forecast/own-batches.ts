import type { Limits } from "../limits/limits.ts";
import { domainOf } from "../mail/address.ts";
import type { Lane, LaneBook } from "../queue/lanes.ts";
import type { RouteTraits } from "../routes/route.ts";
import type { Router } from "../routing/decide.ts";
import type { ForecastQuestion, Unroutable } from "./forecast.ts";
import type { MailBatch } from "./mail-batch.ts";

/** What decides which lane mail is in and how it is split. */
export interface BatchContext {
  readonly router: Router;
  readonly lanes: LaneBook;
  readonly limits: Pick<Limits, "largestTransaction">;
  readonly routes: ReadonlyMap<string, RouteTraits>;
}

/** Lanes that a principal's mail to many domains falls into: as many as lanes.ts has buckets, and each may have its first attempts under way. */
const manyDomains = 64;

/** The mail that is asked about, as the gateway would route and split it. */
export function ownBatches(
  question: ForecastQuestion,
  context: BatchContext,
): { readonly batches: readonly MailBatch[]; readonly unroutable: readonly Unroutable[] } {
  const batches: MailBatch[] = [];
  const unroutable: Unroutable[] = [];
  const { from, principal, priority, size, perMessage, startsAt } = question;
  const message = { author: from ?? "", reversePath: from, principal };
  for (const { to, count } of question.to) {
    const domain = domainOf(to);
    const decision = context.router.decide({
      principal,
      reversePath: from,
      ...(from === null ? {} : { authors: [from] }),
      recipientDomain: domain,
      ...(to.startsWith("@") ? {} : { recipient: to }),
      size,
      dsn: false,
      smtputf8: false,
    });
    if (decision.candidates.length === 0) {
      unroutable.push({ to, count, reasons: decision.rejected.map(({ route, reason }) => ({ route, reason })) });
      continue;
    }
    const lane = laneOf(context, { principal, priority }, decision);
    const isExternal = decision.recipientClass === "external";
    const most = largestTransaction(lane, context);
    for (const [transactions, recipients] of portionsOf(count, perMessage, most))
      batches.push({ at: startsAt, isOwn: true, lane, message, size, to, isExternal, transactions, recipients });
  }
  return { batches, unroutable };
}

/** Of mail to many domains one lane stands for all: it may have as many attempts under way as they. */
function laneOf({ lanes }: BatchContext, message: Parameters<LaneBook["find"]>[0], decision: Parameters<LaneBook["find"]>[1]): Lane {
  const lane = lanes.find(message, decision, "");
  if (decision.recipientClass === "external") lane.window = Math.max(lane.window, manyDomains);
  return lane;
}

/** As queue.ts has it: what every route of the lane takes at once, and what every limit of theirs has room for. */
export function largestTransaction({ routes }: Pick<Lane, "routes">, context: BatchContext): number {
  let most = Infinity;
  for (const name of routes)
    most = Math.min(most, context.routes.get(name)?.maxRecipients ?? Infinity, context.limits.largestTransaction(name));
  return Math.max(1, most);
}

/** So many recipients, as transactions alike. */
function* portionsOf(count: number, perMessage: number, most: number): Generator<readonly [transactions: number, recipients: number]> {
  const messages = Math.floor(count / perMessage);
  if (messages > 0) yield* transactionsOf(messages, perMessage, most);
  if (count % perMessage > 0) yield* transactionsOf(1, count % perMessage, most);
}

export function* transactionsOf(
  messages: number,
  recipients: number,
  most: number,
): Generator<readonly [transactions: number, recipients: number]> {
  if (recipients <= most) yield [messages, recipients];
  else {
    yield [messages * Math.floor(recipients / most), most];
    if (recipients % most > 0) yield [messages, recipients % most];
  }
}
