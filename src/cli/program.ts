/**
 * The command line: parsing, help, and how a command ends.
 *
 * Promises: `--help` everywhere; usage faults exit 64, everything else as exit-codes.ts says; standard output carries only the answer,
 * standard error everything else; a short command costs little more than the start of Node (only its own file is imported).
 */
import { basename } from "node:path";
import { Command, CommanderError } from "commander";
import { CommandError, exitCodes } from "./exit-codes.ts";
import { commands } from "./registry.ts";
import { readVersion } from "./version.ts";

export async function main(argv: readonly string[]): Promise<void> {
  // Whatever is written from here on may hold mail (SQLite makes its files as the mask lets it): nobody else's business, wherever it lies.
  process.umask(process.umask() | 0o077);
  // `postern queue | head` ends quietly when head has enough.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : exitCodes.io.code));
  try {
    const words = asSendmail(argv);
    if (words !== null) return await (await import("./sendmail/run-sendmail.ts")).runSendmail(words);
    const program = await buildProgram(argv);
    await program.parseAsync(argv);
  } catch (error) {
    process.exitCode = report(error);
  }
}

/**
 * The arguments when it is sendmail that was called, `postern sendmail …` or a link of that name: its options follow rules of their own, older
 * than any that a library for command lines knows.
 */
function asSendmail([, file = "", command, ...rest]: readonly string[]): readonly string[] | null {
  if (command === "sendmail" && rest[0] !== "--help") return rest;
  const given = command === undefined ? [] : [command, ...rest];
  switch (basename(file)) {
    case "sendmail":
      return given;
    case "mailq":
      return ["-bp", ...given];
    case "newaliases":
      return ["-bi", ...given];
    default:
      return null;
  }
}

/** The program with the one command loaded that `argv` names; with all of them for `load: "all"`. */
export async function buildProgram(argv: readonly string[], load: "named" | "all" = "named"): Promise<Command> {
  const program = new Command("postern");
  program
    .description("Outbound mail gateway for organisations that live in Microsoft 365.")
    .option("-V, --version", "print the version and exit")
    .helpOption("-h, --help", "print help and exit")
    .on("option:version", () => {
      process.stdout.write(`postern ${readVersion()}\n`);
      process.exit(0);
    })
    .helpCommand("help [command]", "show the help of a command")
    .showSuggestionAfterError()
    .exitOverride()
    .addHelpText(
      "after",
      "\nExamples:\n  postern demo                       try everything on this machine\n  postern trace MSGID                where is my mail?\n  postern serve -c postern.yaml      run the gateway\n\nEvery command has --help.",
    );
  const named = argv.slice(2).filter((word) => !word.startsWith("-"));
  for (const entry of commands) {
    const command = program
      .command(entry.name)
      .description(entry.summary)
      .exitOverride()
      .showHelpAfterError(`(postern ${entry.name} --help shows how)`);
    if (load === "all" || entry.name === named[0] || (named[0] === "help" && entry.name === named[1]))
      (await entry.load()).default(command);
  }
  return program;
}

/** Says what went wrong and returns the exit code. */
function report(error: unknown): number {
  if (error instanceof CommanderError) {
    // Help and version were printed already; other faults too, by commander.
    return error.exitCode === 0 ? 0 : exitCodes.usage.code;
  }
  if (error instanceof CommandError) {
    process.stderr.write(`postern: ${error.message}\n`);
    return error.exitCode;
  }
  const code = (error as NodeJS.ErrnoException | null)?.code;
  const known = code === undefined ? undefined : systemFaults[code];
  if (known !== undefined) {
    process.stderr.write(`postern: ${(error as Error).message}\n`);
    return exitCodes[known].code;
  }
  process.stderr.write(`postern: a fault of Postern: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return exitCodes.software.code;
}

const systemFaults: Readonly<Record<string, keyof typeof exitCodes>> = {
  ENOENT: "noInput",
  EISDIR: "noInput",
  ENOTDIR: "noInput",
  EACCES: "noPermission",
  EPERM: "noPermission",
  EEXIST: "cannotCreate",
  ENOTEMPTY: "cannotCreate",
  EROFS: "cannotCreate",
  ENOSPC: "io",
  EIO: "io",
  EADDRINUSE: "unavailable",
};
