import { mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Command } from "commander";
import { namedPorts, type DemoPorts } from "../../lib/ports.ts";
import { openControl } from "../control.ts";
import { prepareDirectory } from "../data-directory.ts";
import { demoAcsKey, demoPrincipal, demoSendGridKey } from "../demo/demo-config.ts";
import { portsFor, writeDemoConfigs, writeDemoFacts } from "../demo/demo-files.ts";
import { GaveUp, supervise, type Supervised } from "../demo/supervisor.ts";
import { CommandError } from "../exit-codes.ts";
import { withData, withExamples, wholeNumber } from "../options.ts";

interface Options {
  readonly data: string;
  readonly portOffset: number;
}

/** A little more than the gateway itself takes to drain. */
const graceMs = 30_000;
/** Ports that are opened today; the others of the table are kept free for what comes. */
const openedPorts: ReadonlySet<string> = new Set([
  "gateway.smtp",
  "gateway.bounce",
  "gateway.submission",
  "gateway.submissions",
  "gateway.console",
  "sandbox.mx",
  "sandbox.onPremises",
  "sandbox.internetMx",
  "sandbox.smtpAuth",
  "sandbox.hve",
  "sandbox.acsSmtp",
  "sandbox.sendgridSmtp",
  "sandbox.api",
  "sandbox.apiHttp",
  "sandbox.dns",
  "sandbox.ui",
]);

export default function define(command: Command): void {
  withData(command)
    .option("--port-offset <n>", "add to every port: a multiple of 100, at most 20000", wholeNumber(0, 1_000_000), 0)
    .action(async (options: Options) => await demo(options));
  withExamples(command, [
    ["postern demo", "gateway and sandbox, data in ./.postern"],
    ["postern demo --data /tmp/second --port-offset 100", "a second one beside it"],
    ["postern env", "ports, credentials and CA of the running demo"],
  ]);
  command.addHelpText("after", "\nEverything listens on loopback only. Ctrl-C ends both processes.");
}

async function demo({ data, portOffset }: Options): Promise<void> {
  const ports = portsFor(portOffset);
  prepareDirectory(data);
  await refuseSecond(data);
  await refuseTaken(ports);
  using _held = await holdDirectory(data);
  say(`data in ${data}`);
  const { ensureCertificates } = await import("../demo/certificates.ts");
  const certificates = await ensureCertificates(data);
  say(`certificate authority ${certificates.caFile}`);
  const configs = writeDemoConfigs(data, ports, certificates);
  say(`configurations ${configs.gateway} and ${configs.sandbox}`);
  writeDemoFacts(data, {
    pid: process.pid,
    portOffset,
    ...demoPrincipal,
    sendGridKey: demoSendGridKey,
    acsKey: demoAcsKey,
    authority: `https://localhost:${ports.sandbox.api}`,
    caFile: certificates.caFile,
  });
  const logs = join(data, "log");
  mkdirSync(logs, { recursive: true, mode: 0o700 });

  const children: Supervised[] = [];
  const ended = Promise.withResolvers<string>();
  process
    .on("SIGINT", () => ended.resolve("SIGINT"))
    .on("SIGTERM", () => ended.resolve("SIGTERM"))
    .on("SIGHUP", () => ended.resolve("SIGHUP"));
  const start = async (name: string, args: readonly string[]) => {
    const child = supervise({
      name,
      args,
      logFile: join(logs, `${name}.log`),
      onRestart: (reason) => say(`${name} ${reason}: starting it again`),
    });
    children.push(child);
    return await Promise.race([child.ready.then(() => true), ended.promise.then(() => false)]);
  };
  try {
    // Side by side: the gateway takes no mail until the sandbox has told it the time.
    const up = await Promise.all([
      start("sandbox", ["sandbox", "--config", configs.sandbox, "--data", data, "--port-offset", String(portOffset)]),
      start("gateway", ["serve", "--config", configs.gateway, "--data", data]),
    ]);
    if (up.every(Boolean)) {
      announce(data, ports, certificates.caFile);
      await Promise.race([ended.promise, ...children.map(({ failed }) => failed)]);
    }
  } catch (error) {
    if (!(error instanceof GaveUp)) throw error;
    process.stderr.write(`postern: ${error.message}\n`);
    process.exitCode = error.exitCode;
  } finally {
    say("stopping");
    // The gateway first: what is under way can still be relayed to the sandbox.
    for (const child of children.toReversed()) await child.stop(graceMs);
    say("stopped");
  }
  process.exit();
}

function announce(data: string, { gateway, sandbox }: DemoPorts, caFile: string): void {
  const token = readFileSync(join(data, "admin-token"), "utf8").trim();
  const at = (port: number) => `127.0.0.1:${port}`;
  const rows: readonly (readonly [string, string])[] = [
    ["SMTP relay", `${at(gateway.smtp)}  from loopback, as anyone @contoso.example`],
    ["submission", `${at(gateway.submission)}  STARTTLS, user ${demoPrincipal.user}, password ${demoPrincipal.password}`],
    ["submissions", `${at(gateway.submissions)}  TLS, the same user`],
    ["APIs", `http://${at(gateway.api)}, https://localhost:${gateway.apiTls}  ACS Email and SendGrid's mail/send`],
    ["bounces", `${at(gateway.bounce)}  what bounce.contoso.example takes back`],
    ["console", `http://${at(gateway.console)}/login?token=${token}`],
    ["tenant MX", `${at(sandbox.mx)}  contoso.example, emulated`],
    ["SMTP AUTH, HVE", `${at(sandbox.smtpAuth)}, ${at(sandbox.hve)}  smtp.office365.com and smtp.hve.mx.microsoft, emulated`],
    ["ACS, SendGrid", `${at(sandbox.acsSmtp)}, ${at(sandbox.sendgridSmtp)}  by SMTP, emulated`],
    ["Entra", `https://localhost:${sandbox.api}  tokens, emulated`],
    ["name server", `${at(sandbox.dns)}  the tenant's zones and the outside world's`],
    ["internet MX", `${at(sandbox.internetMx)}  fabrikam.example, outlook.example, gmail.example, emulated`],
    ["sandbox", `http://${at(sandbox.ui)}/  received mail, faults, clock`],
    ["CA", caFile],
  ];
  for (const [name, value] of rows) process.stdout.write(`  ${name.padEnd(14)} ${value}\n`);
  // Sources run in a checkout only, where the program is called by its launcher.
  const program = import.meta.filename.endsWith(".ts") ? "bin/postern" : "postern";
  say(
    `try: ${program} send --from ${demoPrincipal.from} --to bob@fabrikam.example --subject Hello --text Hi${data === join(process.cwd(), ".postern") ? "" : ` --data ${quoted(data)}`}`,
  );
  process.stdout.write("ready\n");
}

/** As a shell reads it in one piece. */
function quoted(path: string): string {
  return /^[\w./@%+=:,-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

function say(text: string): void {
  process.stdout.write(`postern demo: ${text}\n`);
}

async function refuseSecond(data: string): Promise<void> {
  const status = await openControl(data)
    .get<{ pid: number }>("/api/status")
    .catch(() => null);
  if (status !== null)
    throw new CommandError(
      "unavailable",
      `a gateway runs in ${data} already (process ${status.pid}); choose another directory with --data`,
    );
}

/** Two demos that start at once would each take what the other writes: ports, certificates, configuration. */
async function holdDirectory(data: string): Promise<Disposable> {
  const { lockDirectory } = await import("../../store/sqlite/directory-lock.ts");
  try {
    return lockDirectory(data, "demo-lock.sqlite");
  } catch (error) {
    if ((error as Error).name !== "StoreUnusable") throw error;
    throw new CommandError("unavailable", `another demo starts or runs in ${data}; choose another directory with --data`, { cause: error });
  }
}

async function refuseTaken(ports: DemoPorts): Promise<void> {
  for (const { name, port } of namedPorts(ports)) {
    if (openedPorts.has(name) && !(await isFree(port))) {
      throw new CommandError("unavailable", `port ${port} (${name}) is taken, perhaps by another demo; choose another --port-offset`);
    }
  }
}

async function isFree(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host: "127.0.0.1", port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
