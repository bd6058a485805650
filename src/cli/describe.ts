import type { Command } from "commander";
import { exitCodes } from "./exit-codes.ts";
import { buildProgram } from "./program.ts";

const helpWidth = 110;

/** docs/reference/cli.md: the help of every command as it is printed, and the exit codes. */
export async function describeCommands(): Promise<string> {
  const program = await buildProgram([], "all");
  const lines = [
    "# The command line",
    "",
    "In a checkout `bin/postern COMMAND …`, installed `postern COMMAND …`. Commands that ask something of a running gateway talk to it through the socket in its data",
    "directory (`--data`, `./.postern` unless said otherwise); only its owner can. *MSGID* is the id in our 250, or the Message-ID with or without angle brackets. The answer",
    "goes to standard output, everything else to standard error; `--json` gives every listing as JSON.",
    "",
    "## Exit codes",
    "",
    "By `sysexits.h` where they fit.",
    "",
    "| code | when |",
    "|---|---|",
    ...Object.values(exitCodes).map(({ code, meaning }) => `| ${code} | ${meaning} |`),
    "",
  ];
  for (const command of program.commands) {
    lines.push(`## postern ${command.name()}`, "", "```", helpOf(command), "```", "");
    for (const sub of command.commands) lines.push(`### postern ${command.name()} ${sub.name()}`, "", "```", helpOf(sub), "```", "");
  }
  return `${lines.join("\n").trimEnd()}\n`;
}

function helpOf(command: Command): string {
  let text = "";
  command
    .configureHelp({ helpWidth })
    .configureOutput({ writeOut: (piece) => void (text += piece), getOutHelpWidth: () => helpWidth, getOutHasColors: () => false });
  command.outputHelp();
  return text.trimEnd();
}
