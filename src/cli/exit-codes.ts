/** Exit codes by sysexits.h; docs/reference/cli.md quotes this table. */
export const exitCodes = {
  ok: { code: 0, meaning: "done" },
  failed: { code: 1, meaning: "done, but the answer is no (nothing found, a probe failed)" },
  usage: { code: 64, meaning: "the command was not understood" },
  data: { code: 65, meaning: "the input is not what it should be, or a message was refused for good" },
  noInput: { code: 66, meaning: "an input file does not exist or cannot be read" },
  noUser: { code: 67, meaning: "sendmail: a recipient does not exist or may not be written to" },
  unavailable: { code: 69, meaning: "nothing runs in the data directory, or a port is taken" },
  software: { code: 70, meaning: "a fault of Postern" },
  cannotCreate: { code: 73, meaning: "a file or directory cannot be written, or holds something else" },
  io: { code: 74, meaning: "the disk or the connection failed on the way" },
  tempFail: { code: 75, meaning: "not now: try again later" },
  noPermission: { code: 77, meaning: "not allowed: permissions or credentials" },
  config: { code: 78, meaning: "the configuration is faulty" },
} as const;

export type ExitName = keyof typeof exitCodes;

/** Ends a command with a message on standard error and an exit code; thrown from however deep. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exit: ExitName;

  constructor(exit: ExitName, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exit = exit;
  }

  get exitCode(): number {
    return exitCodes[this.exit].code;
  }
}
