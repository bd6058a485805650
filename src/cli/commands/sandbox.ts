import { rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { portsFor } from "../demo/demo-files.ts";
import { withData, withExamples, wholeNumber } from "../options.ts";
import { prepareDirectory } from "../data-directory.ts";
import { CommandError } from "../exit-codes.ts";
import { addSandboxHve } from "../sandbox-hve.ts";
import { addSandboxMail } from "../sandbox-mail.ts";
import { endings, startFault } from "./serve.ts";

interface Options {
  readonly config?: string;
  readonly data: string;
  readonly portOffset: number;
}

export default function define(command: Command): void {
  withData(command)
    .option("-c, --config <file>", "configuration file; without one everything has its default")
    .option("--port-offset <n>", "add to every port", wholeNumber(0, 20_000), 0)
    .action(async (options: Options) => await runSandbox(options));
  withExamples(command, [
    ["postern sandbox", "run it; the page with its mail is at http://127.0.0.1:8026/"],
    ["postern env --of sandbox", "what clients need to reach it"],
  ]);
  addSandboxMail(command);
  addSandboxHve(command);
}

async function runSandbox(options: Options): Promise<void> {
  const [
    { openLog },
    { startSandbox },
    { sandboxOptions },
    { sandboxEnvironment },
    { loadSandboxConfig },
    { configFault },
    { ensureCertificates },
    { lockDirectory },
  ] = await Promise.all([
    import("../../lib/log.ts"),
    import("../../sandbox/sandbox.ts"),
    import("../../sandbox/options.ts"),
    import("../../sandbox/environment.ts"),
    import("../../config/sandbox-config.ts"),
    import("../config-fault.ts"),
    import("../demo/certificates.ts"),
    import("../../store/sqlite/directory-lock.ts"),
  ]);
  const ports = portsFor(options.portOffset).sandbox;
  const load = () => {
    try {
      return loadSandboxConfig(options.config === undefined ? null : resolve(options.config)).config;
    } catch (error) {
      throw configFault(error);
    }
  };
  const file = load();
  // Within a demo the sandbox lies in DIR/sandbox, and authority and certificates beside it.
  const folder = join(options.data, "sandbox");
  prepareDirectory(folder);
  using _lock = lock(() => lockDirectory(folder));
  const certificates = await ensureCertificates(options.data);
  await using output = openLog("info");
  const { log } = output;
  await using ending = endings();
  const sandbox = await startSandbox(
    sandboxOptions(file, {
      dataDirectory: folder,
      tls: { certificateFile: certificates.sandbox.certFile, keyFile: certificates.sandbox.keyFile },
      ports,
      log: ({ event, ...facts }) => (event === "sandbox.fault" ? log.error(facts, event) : log.info(facts, event)),
    }),
  ).catch((error: unknown) => {
    if ((error as Error).name === "TenantFault") throw new CommandError("config", (error as Error).message, { cause: error });
    throw startFault(error);
  });
  writeFileSync(join(folder, "env.json"), JSON.stringify({ ...sandboxEnvironment(sandbox), CA_FILE: certificates.caFile }, null, 2), {
    mode: 0o600,
  });
  process.send?.({ ready: true });
  await output.lines.drain();
  await ending.asked;
  rmSync(join(folder, "env.json"), { force: true });
  await sandbox[Symbol.asyncDispose]();
  await output.lines.drain();
  process.exit(0);
}

function lock(take: () => Disposable): Disposable {
  try {
    return take();
  } catch (error) {
    throw startFault(error);
  }
}
