import { generateKeyPairSync } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dkimRecord } from "../../domains/dkim/dkim-record.ts";
import { demoPorts, offsetsCollide, type DemoPorts } from "../../lib/ports.ts";
import { CommandError } from "../exit-codes.ts";
import type { DemoCertificates } from "./certificates.ts";
import { demoDkim, demoSecrets, gatewayYaml, sandboxYaml } from "./demo-config.ts";

/** What the demo keeps in its data directory besides the gateway's state: its configuration, and what `postern env` tells of it. */
export interface DemoFacts {
  readonly pid: number;
  readonly portOffset: number;
  readonly user: string;
  readonly password: string;
  readonly from: string;
  /** For the SendGrid API. */
  readonly sendGridKey: string;
  /** For the ACS Email API: a key, and where tokens come from, without the tenant. */
  readonly acsKey: string;
  readonly authority: string;
  readonly caFile: string;
}

/** The ports for an offset; refuses one with which demos would collide. */
export function portsFor(offset: number): DemoPorts {
  const ports = demoPorts(offset);
  if (typeof ports === "string") throw new CommandError("usage", ports);
  // Against the demo without offset, whether it runs now or later; others are found by their open ports.
  const collision = offset === 0 ? null : offsetsCollide(0, offset);
  if (collision !== null) {
    const [theirs, ours] = collision.names;
    throw new CommandError(
      "usage",
      `with the port offset ${offset} ${ours} would be ${collision.port}, which is ${theirs} of the demo without offset; choose another offset`,
    );
  }
  return ports;
}

/** Writes DIR/gateway.yaml and DIR/sandbox.yaml and what they refer to; returns their paths. */
export function writeDemoConfigs(
  dataDirectory: string,
  ports: DemoPorts,
  certificates: DemoCertificates,
): { readonly gateway: string; readonly sandbox: string } {
  const write = (name: string, text: string) => {
    const path = join(dataDirectory, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  for (const [name, secret] of Object.entries(demoSecrets)) write(name, `${secret}\n`);
  return {
    gateway: write("gateway.yaml", gatewayYaml(ports, certificates)),
    sandbox: write("sandbox.yaml", sandboxYaml(ports, certificates, dkimRecord(demoKey(dataDirectory)))),
  };
}

/** The demo's own DKIM key: made once. */
function demoKey(dataDirectory: string): string {
  const path = join(dataDirectory, demoDkim.file);
  if (!existsSync(path)) {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    writeFileSync(path, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
  }
  return readFileSync(path, "utf8");
}

export function writeDemoFacts(dataDirectory: string, facts: DemoFacts): void {
  writeFileSync(join(dataDirectory, "demo.json"), `${JSON.stringify(facts, null, 2)}\n`, { mode: 0o600 });
}

/** null when the directory is not a demo's. */
export function readDemoFacts(dataDirectory: string): DemoFacts | null {
  try {
    return JSON.parse(readFileSync(join(dataDirectory, "demo.json"), "utf8")) as DemoFacts;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT" || (error as NodeJS.ErrnoException).code === "ENOTDIR") return null;
    throw error;
  }
}
