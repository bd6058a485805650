import { resolve } from "node:path";
import type { Command } from "commander";
import { prepareDirectory } from "../data-directory.ts";
import { printJson } from "../output.ts";
import { withData, withExamples, withJson, type CommonOptions } from "../options.ts";

interface Options extends CommonOptions {
  readonly replace?: true;
}

export default function define(command: Command): void {
  withJson(withData(command))
    .argument("<backup>", "directory that `postern backup` made")
    .option("--replace", "put what is in the data directory aside, in DIR/replaced-TIME")
    .action(async (backup: string, { data, json, replace }: Options) => {
      const { restoreBackup } = await import("../restore.ts");
      prepareDirectory(data);
      const report = await restoreBackup(resolve(backup), data, replace === true);
      if (json === true) return printJson(report);
      process.stdout.write(`${report.messages} ${report.messages === 1 ? "message waits" : "messages wait"} in ${data}
`);
      if (report.replaced !== null) process.stdout.write(`what was there before is in ${report.replaced}\n`);
      process.stdout.write(
        "What was relayed after the backup was made will be sent once more; look at `postern queue` after the start, or start with the routes paused.\n",
      );
    });
  withExamples(command, [
    ["postern restore /backup/postern-2026-11-21 --data /var/lib/postern", "into an empty directory; the gateway must be stopped"],
  ]);
}
