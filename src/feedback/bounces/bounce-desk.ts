import { LruMap } from "../../lib/lru.ts";
import { TokenBucket } from "../../lib/rate.ts";
import type { FailureCode } from "../../mail/failure-codes.ts";
import { refuse } from "../../mail/refusal.ts";
import type { LateFindings, LateNews, LateResult } from "../../queue/late-news.ts";
import { cleanText } from "../../wire/dsn/fields.ts";
import { readReport } from "../../wire/dsn/read-report.ts";
import { scanHeader } from "../../wire/mime/header-scan.ts";
import type { BounceAddresses } from "./bounce-addresses.ts";
import { interpretReport } from "./interpret-report.ts";

/**
 * Where mail is handed in that comes back to bounce addresses (the bounce listener's port, ingress/smtp/bounce-desk.ts).
 *
 * What comes in is a stranger's: whoever has seen a message knows its bounce address. So it can only speak about that message and those
 * recipients, a few times and in bounded space, and no faster than servers return it, wherever it comes from; nothing of it goes on as it is, what the sender is told is written by us; and nothing is
 * ever sent to whoever brought it, so that no loop and no backscatter can come of it.
 *
 * A report (RFC 3464) is one whoever sends it, with the null reverse-path or, against RFC 3464 §2, without. All else (automatic replies,
 * people who write to the Return-Path) is noted in the message's story and goes no further.
 */
export interface BounceDeskDeps {
  readonly addresses: Pick<BounceAddresses, "read">;
  readonly lateNews: LateNews;
  /** ms; wall time, for this is about load. */
  readonly now: () => number;
  /** Counted by the composition root. */
  readonly returned: (result: ReturnResult) => void;
}

/** `report`: it told of recipients. `note`: it was no report that can be read. */
export type ReturnResult = "report" | "note" | Exclude<LateResult, "recorded">;

export function createBounceDesk({ addresses, lateNews, now, returned }: BounceDeskDeps) {
  const buckets = new LruMap<number, TokenBucket>(maxBuckets);
  /** Of one message, for each report about it costs a look into the history, also when nothing in it is new. */
  const bucketOf = (messageId: number): TokenBucket => {
    const bucket = buckets.get(messageId) ?? new TokenBucket(rate.messages, rate.perMs, now());
    buckets.set(messageId, bucket);
    return bucket;
  };
  return {
    /** Whoever only asks, as servers do to verify a sender, uses up nothing. */
    check(address: string): FailureCode | null {
      const read = addresses.read(address);
      if (!read.ok) return read.code;
      return (buckets.peek(read.token.messageId)?.wait(now()) ?? 0) > 0 ? "bounce.rate-exceeded" : null;
    },
    async take({
      address,
      reversePath,
      content,
    }: {
      readonly address: string;
      readonly reversePath: string | null;
      readonly content: Buffer;
    }): Promise<{ readonly id: number }> {
      const read = addresses.read(address);
      if (!read.ok) throw refuse(read.code);
      const { token } = read;
      if (bucketOf(token.messageId).take(now()) > 0) throw refuse("bounce.rate-exceeded");
      const report = readReport(content);
      const result = await lateNews.record(token.messageId, ({ recipients }): LateFindings =>
        report === null ? { fates: [], note: describe(reversePath, content) } : interpretReport(report, token, recipients),
      );
      returned(result === "recorded" ? (report === null ? "note" : "report") : result);
      if (result === "forgotten") throw refuse("bounce.message-forgotten");
      return { id: token.messageId };
    },
  };
}

/** So many about one message at once, one for each of many recipients, then a third of a message a second. What is refused comes again. */
const rate = { messages: 200, perMs: 600_000 };
/** Messages that are remembered for it. */
const maxBuckets = 10_000;

function describe(reversePath: string | null, content: Buffer): string {
  const { subject, autoSubmitted } = scanHeader(content, true);
  const what = autoSubmitted !== null && autoSubmitted !== "no" ? "an automatic message" : "a message that is no report";
  const named = subject === "" ? "" : `: "${cleanText(subject)}"`;
  return `${what} from ${cleanText(reversePath ?? "<>")} came to its bounce address${named}`;
}
