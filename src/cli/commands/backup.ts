import { resolve } from "node:path";
import type { Command } from "commander";
import type { BackupLine } from "../../admin/contract.ts";
import { formatSize } from "../../lib/units.ts";
import { openControl } from "../control.ts";
import { CommandError } from "../exit-codes.ts";
import { printJson } from "../output.ts";
import { withData, withExamples, withJson, type CommonOptions } from "../options.ts";

export default function define(command: Command): void {
  withJson(withData(command))
    .argument("<directory>", "where the copy goes: absent, or empty")
    .action(async (directory: string, options: CommonOptions) => await backup(resolve(directory), options));
  withExamples(command, [["postern backup /backup/postern-2026-11-21", "a consistent copy, while mail flows"]]);
}

async function backup(directory: string, { data, json }: CommonOptions): Promise<void> {
  let report: BackupLine["report"];
  let failed: BackupLine["error"];
  await openControl(data).stream("/api/backup", { directory }, (line) => {
    const { progress, report: done, error } = line as BackupLine;
    if (progress !== undefined && process.stderr.isTTY)
      process.stderr.write(`\r${progress.step}: ${progress.done} of ${progress.total}\u001b[K`);
    report = done ?? report;
    failed = error ?? failed;
  });
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
  if (failed !== undefined)
    throw new CommandError(
      failed.code === "EEXIST" || failed.code === "ENOTEMPTY" ? "cannotCreate" : "io",
      `the backup failed: ${failed.message}`,
    );
  if (report === undefined) throw new CommandError("io", "the gateway ended before the backup was complete");
  if (json === true) return printJson(report);
  process.stdout.write(`${report.messages} messages, ${report.files} files, ${formatSize(report.bytes)} in ${report.directory}\n`);
}
