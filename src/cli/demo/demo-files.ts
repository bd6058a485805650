import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { demoPorts, offsetsCollide, type DemoPorts } from "../../lib/ports.ts";
import { CommandError } from "../exit-codes.ts";
import type { DemoCertificates } from "./certificates.ts";

/** What the demo keeps in its data directory besides the gateway's state: its configuration, and what `postern env` tells of it. */
export interface DemoFacts {
  readonly pid: number;
  readonly portOffset: number;
  readonly user: string;
  readonly password: string;
  readonly from: string;
  readonly caFile: string;
}

/** Fixed and public: a demo is reachable from this machine alone. */
export const demoPrincipal = { user: "app", password: "app-secret", from: "app@contoso.example" } as const;

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

/** Writes DIR/gateway.yaml and what it refers to; returns its path. */
export function writeGatewayConfig(dataDirectory: string, ports: DemoPorts, certificates: DemoCertificates): string {
  const path = join(dataDirectory, "gateway.yaml");
  writeFileSync(join(dataDirectory, "app-password"), `${demoPrincipal.password}\n`, { mode: 0o600 });
  writeFileSync(path, gatewayYaml(ports, certificates), { mode: 0o600 });
  return path;
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

function gatewayYaml({ gateway, sandbox }: DemoPorts, { caFile, gateway: tls }: DemoCertificates): string {
  const quoted = (text: string) => JSON.stringify(text);
  const certificate = `{ cert: { file: ${quoted(tls.certFile)} }, key: { file: ${quoted(tls.keyFile)} } }`;
  return `# Written by \`postern demo\` at each start: changes here are lost. Copy it to begin a configuration of your own.
hostname: gateway.contoso.example
postmaster: postmaster@contoso.example

listeners:
  - { name: smtp, kind: relay, address: 127.0.0.1, port: ${gateway.smtp}, tls: ${certificate} }
  - { name: submission, kind: submission, address: 127.0.0.1, port: ${gateway.submission}, tls: ${certificate} }
  - { name: submissions, kind: submissions, address: 127.0.0.1, port: ${gateway.submissions}, tls: ${certificate} }

networks:
  - { name: loopback, addresses: [127.0.0.0/8, "::1"], reversePaths: ["@contoso.example"], listeners: [smtp] }

principals:
  - { name: ${demoPrincipal.user}, password: { file: app-password }, reversePaths: ["@contoso.example"] }

routes:
  - name: tenant
    kind: smtp
    host: 127.0.0.1
    port: ${sandbox.mx}
    tls: required
    serverName: localhost
    ca: { file: ${quoted(caFile)} }
    allowPrivate: true
  - name: internet
    kind: smtp
    host: 127.0.0.1
    port: ${sandbox.internetMx}
    tls: opportunistic
    allowPrivate: true

routing:
  acceptedDomains: [contoso.example, contoso.onmicrosoft.example]
  rules:
    - { name: internal, when: { class: internal }, routes: [tenant] }
    - { name: external, routes: [internet] }

http:
  console: { address: 127.0.0.1, port: ${gateway.console} }

# The demo follows the sandbox's clock, so that hours of retries can be seen in seconds.
clock: { follow: "http://127.0.0.1:${sandbox.ui}" }
`;
}
