import { canonicalAddress } from "../../mail/address.ts";
import { failure, type FailureCode } from "../../mail/failure-codes.ts";
import type { Failure } from "../../mail/failure.ts";
import { replyText } from "../../mail/reply.ts";
import type { StatusDetail } from "../../mail/status.ts";
import type { LateAction, LateFate, LateFindings } from "../../queue/late-news.ts";
import { statusDetail } from "../../services/match-reply.ts";
import type { ReceivedReport, ReportedFate } from "../../wire/dsn/read-report.ts";
import { type BounceToken, isAbout } from "./bounce-token.ts";

export interface SentTo {
  readonly n: number;
  readonly address: string;
}

/**
 * What a report says about recipients of ours. The token vouches for whom it may speak: for the recipient of its transaction, or those of its
 * domain; whatever else the report names is noted and believed by nobody. A recipient that was forwarded comes back under another address:
 * where the token is about one recipient alone, it is that one.
 */
export function interpretReport(report: ReceivedReport, token: BounceToken, recipients: readonly SentTo[]): LateFindings {
  const vouched = recipients.filter(({ address }) => isAbout(token, address));
  const byAddress = new Map(vouched.map((recipient) => [canonicalAddress(recipient.address), recipient]));
  const [only, ...others] = vouched;
  const alone = others.length === 0 ? only : undefined;
  const fates: LateFate[] = [];
  const strangers: string[] = [];
  for (const fate of report.recipients) {
    const named = fate.addresses.flatMap((address) => byAddress.get(canonicalAddress(address)) ?? [])[0];
    const recipient = named ?? alone;
    if (recipient === undefined) strangers.push(fate.addresses[0] ?? "");
    else fates.push(fateOf(fate, recipient.n, named === undefined, report.reportingMta));
  }
  // A failure tells more than what the same report says of another place that the recipient was forwarded to.
  fates.sort((a, b) => Number(b.action === "failed") - Number(a.action === "failed"));
  if (strangers.length === 0) return { fates };
  const names = strangers.slice(0, 3).join(", ");
  return {
    fates,
    note: `a report about ${names}${strangers.length > 3 ? ` and ${strangers.length - 3} more` : ""}, to whom this was not sent`,
  };
}

function fateOf(fate: ReportedFate, n: number, forwarded: boolean, reportingMta: string | null): LateFate {
  const reason = fate.action === "failed" ? failureOf(fate) : null;
  const said = fate.reply === null ? fate.diagnostic : replyText(fate.reply);
  const text = said !== "" ? said : fate.detail === null ? fate.action : `${fate.action} (${fate.detail})`;
  return {
    n,
    action: actions[fate.action],
    remote: fate.remoteMta ?? reportingMta ?? "",
    text: forwarded ? `${text} (about ${fate.addresses.at(-1) ?? ""})` : text,
    ...(reason === null ? {} : { failure: reason }),
  };
}

/** An expanded list is in the hands of another system, like what was relayed. */
const actions: Readonly<Record<ReportedFate["action"], LateAction>> = {
  failed: "failed",
  delayed: "delayed",
  delivered: "delivered",
  relayed: "relayed",
  expanded: "relayed",
};

function failureOf({ detail, reply, diagnostic }: ReportedFate): Failure {
  const said = reply === null ? null : statusDetail(reply);
  const known = said ?? detail;
  const code = codeOf(known);
  return failure(code, {
    permanent: true,
    scope: "recipient",
    ...(known === null || known === "0.0" ? {} : { detail: known }),
    ...(reply === null ? {} : { reply }),
    ...(reply === null && diagnostic !== "" ? { text: diagnostic } : {}),
  });
}

/** RFC 3463 §3: what a status is about. */
function codeOf(detail: StatusDetail | null): FailureCode {
  const [subject, number] = (detail ?? "0.0").split(".");
  switch (subject) {
    case "1":
      return number === "1" || number === "10" || number === "6" ? "remote.no-such-recipient" : "remote.refused-recipient";
    case "2":
      return number === "2" ? "remote.mailbox-full" : number === "3" ? "remote.too-large" : "remote.refused-recipient";
    case "3":
      return number === "4" ? "remote.too-large" : "remote.refused-message";
    case "5":
    case "6":
      return "remote.refused-message";
    case "7":
      return "remote.refused-by-policy";
    default:
      return "remote.refused-recipient";
  }
}
