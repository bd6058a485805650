import { parseEnhancedStatus } from "../../mail/status.ts";
import type { FailureCode } from "../../mail/failure-codes.ts";
import type { KnownReply } from "../service.ts";
import type { Source } from "../sources.ts";

type Extras = Partial<Omit<KnownReply, "example" | "code" | "source">>;

/**
 * A row of a reply table. The example is the published text, `535 5.7.3 Authentication unsuccessful [host]`; its code and its status are what
 * a reply must have to fit, unless `extras` name others.
 */
export function known(example: string, code: FailureCode, { source }: Source, extras: Extras = {}): KnownReply {
  const reply = { code: Number(example.slice(0, 3)), lines: [example.slice(4)] };
  const status = parseEnhancedStatus(reply.lines[0] ?? "");
  return {
    example: reply,
    codes: [reply.code],
    ...(status === null ? {} : { details: [status.detail] }),
    code,
    source,
    status: "documented",
    ...extras,
  };
}
