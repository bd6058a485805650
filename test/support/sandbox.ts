import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAuthority, createServerCertificate } from "../../src/lib/certificates.ts";
import { sandboxPorts, type SandboxPorts } from "../../src/lib/ports.ts";
import type { SandboxMessage } from "../../src/sandbox/messages/message.ts";
import { sandboxOptions, type SandboxFact, type SandboxFile } from "../../src/sandbox/options.ts";
import { startSandbox, type Sandbox } from "../../src/sandbox/sandbox.ts";

export interface Answer {
  readonly status: number;
  /** JSON whose shape the test knows; it fails where the shape is another. */
  // eslint-disable-next-line typescript/no-explicit-any
  readonly body: any;
}

/** A sandbox of one test: free ports, a folder of its own. */
export interface TestSandbox extends AsyncDisposable {
  readonly folder: string;
  readonly facts: readonly SandboxFact[];
  readonly sandbox: Sandbox;
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** The certificate authority's PEM. */
  readonly ca: string;
  port(service: string): number;
  /** A request to the control API; the body is sent and read as JSON. */
  call(method: string, path: string, body?: unknown): Promise<Answer>;
  /** GET /api/messages: newest first. `query` is `?to=…`. */
  messages(query?: string): Promise<readonly SandboxMessage[]>;
  /** Stops the sandbox and starts another on the same folder. */
  restart(): Promise<void>;
}

const freePorts = Object.fromEntries(Object.keys(sandboxPorts).map((name) => [name, 0])) as SandboxPorts;

export async function openTestSandbox(file: SandboxFile = {}): Promise<TestSandbox> {
  const folder = await mkdtemp(join(tmpdir(), "postern-sandbox-"));
  const authority = await createAuthority("Test authority");
  const { cert, key } = await createServerCertificate(authority, ["localhost", "127.0.0.1"]);
  const tls = { certificateFile: join(folder, "server.pem"), keyFile: join(folder, "server.key") };
  await Promise.all([writeFile(tls.certificateFile, cert), writeFile(tls.keyFile, key)]);
  const facts: SandboxFact[] = [];
  const start = () =>
    startSandbox(sandboxOptions(file, { dataDirectory: join(folder, "sandbox"), tls, log: (fact) => facts.push(fact), ports: freePorts }));
  let sandbox = await start();
  const call = async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const answer = await fetch(`http://127.0.0.1:${sandbox.uiPort}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    return { status: answer.status, body: await answer.json() };
  };
  return {
    folder,
    facts,
    ca: authority.cert,
    get sandbox() {
      return sandbox;
    },
    get url() {
      return `http://127.0.0.1:${sandbox.uiPort}`;
    },
    port: (service) => sandbox.services.find((one) => one.service === service)?.port ?? 0,
    call,
    messages: async (query = "") => (await call("GET", `/api/messages${query}`)).body as readonly SandboxMessage[],
    async restart() {
      await sandbox[Symbol.asyncDispose]();
      sandbox = await start();
    },
    async [Symbol.asyncDispose]() {
      await sandbox[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
