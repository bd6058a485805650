import { Option, type Command } from "commander";
import { CommandError } from "../exit-codes.ts";
import { printJson } from "../output.ts";
import { withData, withExamples, withJson, type CommonOptions } from "../options.ts";

interface Options extends CommonOptions {
  readonly of: "gateway" | "sandbox";
}

export default function define(command: Command): void {
  withJson(withData(command))
    .argument("[file]", "configuration file", "postern.yaml")
    .addOption(new Option("--of <side>", "what the file configures").choices(["gateway", "sandbox"]).default("gateway"))
    .action(async (file: string, options: Options) => await checkConfig(file, options));
  withExamples(command, [
    ["postern check-config /etc/postern/postern.yaml", "every fault with line, column and remedy; exit code 78 when there is one"],
    ["postern check-config --json postern.yaml", "for an editor or a pipeline"],
  ]);
}

async function checkConfig(file: string, { json, of }: Options): Promise<void> {
  const [{ ConfigError, formatFault }, { configFault }] = await Promise.all([
    import("../../config/fault.ts"),
    import("../config-fault.ts"),
  ]);
  try {
    const { warnings } =
      of === "gateway"
        ? (await import("../../config/config.ts")).loadConfig(file)
        : (await import("../../config/sandbox-config.ts")).loadSandboxConfig(file);
    if (json === true) return printJson({ ok: true, faults: warnings });
    for (const warning of warnings) process.stdout.write(`${formatFault(warning)}\n`);
    process.stdout.write(
      `${file}: ${warnings.length === 0 ? "no faults" : `no errors, ${warnings.length} ${warnings.length === 1 ? "warning" : "warnings"}`}\n`,
    );
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const errors = error.faults.filter(({ severity }) => severity === "error").length;
    if (json === true) printJson({ ok: false, faults: error.faults });
    else if (errors > 1 || error.faults[0]?.line !== 0) for (const fault of error.faults) process.stdout.write(`${formatFault(fault)}\n`);
    const ending = configFault(error) as CommandError;
    throw ending.exit === "noInput"
      ? ending
      : new CommandError("config", `${file}: ${errors} ${errors === 1 ? "error" : "errors"}`, { cause: error });
  }
}
