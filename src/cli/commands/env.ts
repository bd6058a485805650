import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Option, type Command } from "commander";
import type { StatusView } from "../../admin/contract.ts";
import { openControl } from "../control.ts";
import { readDemoFacts } from "../demo/demo-files.ts";
import { credentials } from "../../sandbox/credentials.ts";
import { CommandError } from "../exit-codes.ts";
import { withData, withExamples, withJson, type CommonOptions } from "../options.ts";
import { readSandboxValues } from "../sandbox-values.ts";

interface Options extends CommonOptions {
  readonly of?: "gateway" | "sandbox";
}

type Values = Record<string, string>;

export default function define(command: Command): void {
  withJson(withData(command))
    .addOption(new Option("--of <side>", "only the values of one side").choices(["gateway", "sandbox"]))
    .action(async (options: Options) => await printEnv(options));
  withExamples(command, [
    ["postern env", "NAME=value lines"],
    ["postern env --json --of sandbox", "the sandbox's alone, as JSON"],
    ["eval \"$(postern env | sed 's/^/export /')\"", "into a shell"],
  ]);
  command.addHelpText("after", "\nA name whose service does not run is absent.");
}

async function printEnv({ data, json, of }: Options): Promise<void> {
  const gateway = of === "sandbox" ? null : await gatewayValues(data);
  const sandbox = of === "gateway" ? null : readSandboxValues(data);
  if (gateway === null && sandbox === null) {
    throw new CommandError(
      "unavailable",
      `nothing runs in ${data}${of === undefined ? "" : ` as ${of}`}: start it, or name the right directory with --data`,
    );
  }
  const values: Values = { ...gateway, ...sandbox };
  const ca = join(data, "ca.pem");
  if (existsSync(ca)) values["CA_FILE"] = ca;
  if (json === true) process.stdout.write(`${JSON.stringify(values, null, 2)}\n`);
  else for (const [name, value] of Object.entries(values)) process.stdout.write(`${name}=${value}\n`);
}

/** null when no gateway answers. */
async function gatewayValues(data: string): Promise<Values | null> {
  const status = await openControl(data)
    .get<StatusView>("/api/status")
    .catch((error: unknown) => {
      if (error instanceof CommandError && error.exit === "unavailable") return null;
      throw error;
    });
  if (status === null) return null;
  const values: Values = {};
  const add = (name: string, kind: string) => {
    const listener = status.listeners.find((each) => each.kind === kind && each.ready);
    if (listener !== undefined) values[name] = authority(listener.address, listener.port);
  };
  add("GATEWAY_SMTP", "relay");
  add("GATEWAY_SUBMISSION", "submission");
  add("GATEWAY_SUBMISSIONS", "submissions");
  add("GATEWAY_BOUNCES", "bounce");
  const demo = readDemoFacts(data);
  if (demo !== null) {
    values["GATEWAY_USER"] = demo.user;
    values["GATEWAY_PASSWORD"] = demo.password;
    values["GATEWAY_FROM"] = demo.from;
  }
  values["GATEWAY_PID"] = String(status.pid);
  const api = (kind: string) => status.listeners.find((each) => each.kind === kind && each.ready);
  const [secure, plain] = [api("api-tls"), api("api")];
  // Certificates are for names.
  if (secure !== undefined)
    values["GATEWAY_API"] = `https://${authority(secure.address, secure.port).replace(/^(127\.0\.0\.1|\[::1\]):/, "localhost:")}`;
  if (plain !== undefined) values["GATEWAY_API_HTTP"] = `http://${authority(plain.address, plain.port)}`;
  if (demo !== null) values["GATEWAY_SENDGRID_KEY"] = demo.sendGridKey;
  if (demo !== null) {
    values["GATEWAY_ACS_KEY"] = demo.acsKey;
    values["GATEWAY_AUTHORITY"] = demo.authority;
    values["GATEWAY_TENANT_ID"] = credentials.tenantId;
    values["GATEWAY_CLIENT_ID"] = credentials.clientId;
    values["GATEWAY_CLIENT_SECRET"] = credentials.clientSecret;
  }
  const console = status.listeners.find((each) => each.kind === "http" && each.ready);
  if (console !== undefined) {
    values["GATEWAY_CONSOLE"] = `http://${authority(console.address, console.port)}`;
    values["GATEWAY_ADMIN_TOKEN"] = readFileSync(join(data, "admin-token"), "utf8").trim();
  }
  return values;
}

/** A wildcard address is reached by loopback. */
function authority(address: string, port: number): string {
  const host = address === "0.0.0.0" || address === "::" ? "127.0.0.1" : address;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
