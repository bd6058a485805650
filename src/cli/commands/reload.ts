import type { Command } from "commander";
import type { ReloadView } from "../../admin/contract.ts";
import { openControl } from "../control.ts";
import { CommandError } from "../exit-codes.ts";
import { printJson } from "../output.ts";
import { withData, withExamples, withJson, type CommonOptions } from "../options.ts";

export default function define(command: Command): void {
  withJson(withData(command)).action(async ({ data, json }: CommonOptions) => {
    const report = await openControl(data).post<ReloadView>("/api/reload");
    if (json === true) printJson(report);
    else if (report.ok) {
      process.stdout.write(`${report.applied.length === 0 ? "nothing changed" : `in force: ${report.applied.join(", ")}`}\n`);
      if (report.needsRestart.length > 0) process.stdout.write(`changed, but only after a restart: ${report.needsRestart.join(", ")}\n`);
    }
    if (!report.ok) throw new CommandError("config", `nothing was changed:\n${report.faults.join("\n")}`);
  });
  withExamples(command, [["postern reload", "apply a changed configuration without dropping a connection"]]);
}
