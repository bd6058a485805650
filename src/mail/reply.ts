/** What an SMTP peer said, verbatim. */
export interface Reply {
  /** 200 to 599. */
  readonly code: number;
  /** The text of each line, without code, separator and line end; at least one line, which may be empty. */
  readonly lines: readonly string[];
}

/** One line for people and logs: `550 5.1.1 no such user`. */
export function replyText(reply: Reply): string {
  return `${reply.code} ${reply.lines.join(" ")}`.trimEnd();
}
