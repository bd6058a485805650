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
 * recipients, a few times and in bounded space; nothing of it goes on as it is, what the sender is told is written by us; and nothing is
 * ever sent to whoever brought it, so that no loop and no backscatter can come of it.
 *
 * A report (RFC 3464) is one whoever sends it, with the null reverse-path or, against RFC 3464 §2, without. All else (automatic replies,
 * people who write to the Return-Path) is noted in the message's story and goes no further.
 */
export interface BounceDeskDeps {
  readonly addresses: Pick<BounceAddresses, "read">;
  readonly lateNews: LateNews;
  /** Counted by the composition root. */
  readonly returned: (result: ReturnResult) => void;
}

/** `report`: it told of recipients. `note`: it was no report that can be read. */
export type ReturnResult = "report" | "note" | Exclude<LateResult, "recorded">;

export function createBounceDesk({ addresses, lateNews, returned }: BounceDeskDeps) {
  return {
    check(address: string): FailureCode | null {
      const read = addresses.read(address);
      return read.ok ? null : read.code;
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

function describe(reversePath: string | null, content: Buffer): string {
  const { subject, autoSubmitted } = scanHeader(content, true);
  const what = autoSubmitted !== null && autoSubmitted !== "no" ? "an automatic message" : "a message that is no report";
  const named = subject === "" ? "" : `: "${cleanText(subject)}"`;
  return `${what} from ${cleanText(reversePath ?? "<>")} came to its bounce address${named}`;
}
