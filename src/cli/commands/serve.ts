import { resolve } from "node:path";
import type { Command } from "commander";
import type { RunningGateway } from "../../admin/gateway.ts";
import { CommandError } from "../exit-codes.ts";
import { withData, withExamples } from "../options.ts";
import { readVersion } from "../version.ts";

interface Options {
  readonly config: string;
  readonly data: string;
}

/** Longest that running transactions may take to end after SIGTERM. */
const graceMs = 25_000;

export default function define(command: Command): void {
  withData(command)
    .option("-c, --config <file>", "configuration file", "postern.yaml")
    .action(async (options: Options) => await serve(options));
  withExamples(command, [
    ["postern serve -c /etc/postern/postern.yaml --data /var/lib/postern", "run; logs are JSON lines on standard output"],
    ["kill -HUP PID", "read the configuration again (or: postern reload)"],
    ["kill -TERM PID", "end: what is under way is finished, at most 25 s"],
  ]);
}

async function serve(options: Options): Promise<void> {
  const [{ loadConfig }, { configFault }, { openLog }, { recordFacts }, { startGateway }] = await Promise.all([
    import("../../config/config.ts"),
    import("../config-fault.ts"),
    import("../../lib/log.ts"),
    import("../../admin/facts.ts"),
    import("../../main.ts"),
  ]);
  const file = resolve(options.config);
  const read = () => {
    try {
      return loadConfig(file);
    } catch (error) {
      throw configFault(error);
    }
  };
  const { config, warnings } = read();
  await using output = openLog(config.log.level);
  const { log, lines } = output;
  // A bug that nobody caught ends the process; what led to it must be in the log.
  process.on("uncaughtExceptionMonitor", (error) => {
    log.fatal({ error }, "fault");
    lines.flush();
  });
  for (const { line, path, text, remedy } of warnings) log.warn({ file, line, path, text, remedy }, "configuration-warning");
  const namesIn = ({ principals: list }: typeof config) => new Set(list.map(({ name }) => name.toLowerCase()));
  let principals = namesIn(config);
  const facts = recordFacts(output, (name) => principals.has(name.toLowerCase()));
  await using ending = endings();
  const { prepareDirectory } = await import("../data-directory.ts");
  prepareDirectory(options.data);
  const starting = startGateway(config, {
    facts,
    dataDirectory: options.data,
    version: readVersion(),
    readConfig: async (now) => {
      const { config: again } = loadConfig(file, { now });
      principals = namesIn(again);
      return again;
    },
  });
  let started: RunningGateway | null = null;
  void ending.asked.then((reason) => {
    if (started !== null) return;
    // Asked to end before it has begun: nothing was accepted, so there is nothing to finish.
    facts.stopping(reason);
    lines.flush();
    process.exit(0);
  });
  const gateway = await starting.catch((error: unknown) => {
    throw startFault(error);
  });
  started = gateway;
  const onHangUp = () => {
    gateway.reload().then(
      (report) => {
        if (!report.ok || report.needsRestart.length > 0) log.warn(report, "reload");
      },
      (error: unknown) => log.error({ error }, "fault"),
    );
  };
  process.on("SIGHUP", onHangUp);
  process.send?.({ ready: true });
  log.info({ pid: process.pid }, "ready");
  await lines.drain();
  const end = await Promise.race([ending.asked, gateway.failed]);
  process.off("SIGHUP", onHangUp);
  if (end instanceof Error) {
    // The store cannot be trusted any more: end at once, without a further write; a supervisor starts a new process.
    log.fatal({ error: end }, "store-failed");
    lines.flush();
    process.exit(74);
  }
  facts.stopping(end);
  await gateway.stop(graceMs);
  log.info({}, "stopped");
  await lines.drain();
  // Nothing is left to do; a forgotten timer of a library must not keep the process.
  process.exit(0);
}

/** Resolves with the reason to end: a signal, or the end of the demo that started this process. A second signal ends at once. */
export function endings(): AsyncDisposable & { readonly asked: Promise<string> } {
  const { promise, resolve: settle } = Promise.withResolvers<string>();
  let times = 0;
  const onSignal = (signal: NodeJS.Signals) => {
    if (++times > 1) process.exit(75);
    settle(signal);
  };
  const onDisconnect = () => settle("parent gone");
  process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
  process.on("disconnect", onDisconnect);
  return {
    asked: promise,
    [Symbol.asyncDispose]: async () => {
      process.off("SIGTERM", onSignal).off("SIGINT", onSignal).off("disconnect", onDisconnect);
    },
  };
}

/** What keeps a gateway from starting, with the exit code that fits. */
export function startFault(error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "EADDRINUSE" || code === "EADDRNOTAVAIL" || code === "EACCES") {
    const { address, port } = error as { address?: string; port?: number };
    if (port !== undefined) {
      const reason =
        code === "EADDRINUSE"
          ? "is taken by another program"
          : code === "EACCES"
            ? "needs more rights than this user has"
            : "is not an address of this machine";
      return new CommandError(code === "EACCES" ? "noPermission" : "unavailable", `cannot listen: ${address ?? ""}:${port} ${reason}`, {
        cause: error,
      });
    }
  }
  const name = (error as Error).name;
  if (/not a database|malformed|corrupt/i.test((error as Error).message)) {
    return new CommandError(
      "data",
      `the store is damaged (${(error as Error).message}): put a backup in its place with postern restore --replace`,
      { cause: error },
    );
  }
  if (name === "StoreUnusable") {
    const { message } = error as Error;
    return new CommandError(message.includes("in use") ? "unavailable" : "config", message, { cause: error });
  }
  if (name === "StoreFull" || name === "StoreFailed") return new CommandError("io", (error as Error).message, { cause: error });
  // What SQLite and the file system say when the disk fails before the store is open; its threads hand over no more than the text.
  const { message } = error as Error;
  if (/disk I\/O error|disk is full|unable to open database|readonly database|^(?:EIO|ENOSPC|EDQUOT|EROFS)\b/.test(message))
    return new CommandError("io", `the data directory cannot be used: ${message}`, { cause: error });
  if (name === "SocketPathTooLong") return new CommandError("cannotCreate", (error as Error).message, { cause: error });
  return error;
}
