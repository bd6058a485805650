import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openControl, type Control } from "../../src/cli/control.ts";
import { freePort } from "./free-port.ts";

const program = join(import.meta.dirname, "../../src/cli/postern.ts");
/** Longest wait for a start or an end: a bound for a test that would hang. A traced start takes several times as long as a plain one. */
const patienceMs = 30_000;

/** A place for a gateway: its configuration, data directory and ports, used again by each process that is started in it. */
export interface GatewayPlace {
  readonly folder: string;
  readonly data: string;
  readonly config: string;
  readonly port: number;
}

export interface PlaceOptions {
  /** Port on loopback of the only route's next hop. */
  readonly sink: number;
  /** The route takes nothing: what is accepted stays queued. */
  readonly paused?: boolean;
  readonly freeSpaceReserve?: string;
  readonly maxConnections?: number;
  /** Elsewhere than in `folder`. */
  readonly data?: string;
}

export async function prepareGateway(folder: string, options: PlaceOptions): Promise<GatewayPlace> {
  const { data = join(folder, "data"), sink, paused = false, freeSpaceReserve = "1MB", maxConnections = 10 } = options;
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const config = join(folder, "postern.yaml");
  const [port, console] = [await freePort(), await freePort()];
  writeFileSync(
    config,
    `hostname: gateway.contoso.example
postmaster: postmaster@contoso.example
listeners:
  - { name: smtp, kind: relay, address: 127.0.0.1, port: ${port} }
networks:
  - { name: loopback, addresses: [127.0.0.0/8], reversePaths: ["@contoso.example"] }
routes:
  - { name: sink, kind: smtp, host: 127.0.0.1, port: ${sink}, allowPrivate: true, tls: none, maxConnections: ${maxConnections}, paused: ${paused} }
routing:
  acceptedDomains: [contoso.example]
  rules:
    - { name: all, routes: [sink] }
queue: { freeSpaceReserve: ${freeSpaceReserve}, retry: { first: 1s, factor: 1, longest: 1s, jitter: 0 } }
http: { console: { address: 127.0.0.1, port: ${console} } }
`,
  );
  return { folder, data, config, port };
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One run of `postern serve`, alone or under a program that is given in front (strace). */
export class GatewayProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #place: GatewayPlace;
  readonly ended: Promise<Ended>;
  /** Resolves with false when the process ended before it was ready. */
  readonly ready: Promise<boolean>;
  /** Standard output and standard error: log lines, and what ended it. */
  log = "";
  #exit: Ended | null = null;

  private constructor(place: GatewayPlace, child: ChildProcess) {
    this.#place = place;
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) stream?.setEncoding("utf8").on("data", (text: string) => (this.log += text));
    this.ended = once(child, "close").then(
      ([code, signal]) => (this.#exit = { code: code as number | null, signal: signal as Ended["signal"] }),
    );
    this.ready = Promise.race([once(child, "message").then(() => true), this.ended.then(() => false)]);
  }

  /** `before`: a program and its arguments that run the gateway. */
  static start(place: GatewayPlace, { before = [] }: { readonly before?: readonly string[] } = {}): GatewayProcess {
    const [file, ...args] = [
      ...before,
      process.execPath,
      "--disable-warning=ExperimentalWarning",
      program,
      ...["serve", "--config", place.config, "--data", place.data],
    ] as [string, ...string[]];
    // A group of its own, so that a tracer and what it traces die together. The channel ends the gateway when the test's process is gone.
    const child = spawn(file, args, { cwd: place.folder, detached: true, stdio: ["ignore", "pipe", "pipe", "ipc"] });
    return new GatewayProcess(place, child);
  }

  /** Starts one and waits until it takes mail; throws with its log when it does not. */
  static async ready(place: GatewayPlace, options: { readonly before?: readonly string[] } = {}): Promise<GatewayProcess> {
    const gateway = GatewayProcess.start(place, options);
    if (await within(gateway.ready, "the gateway's start", gateway)) return gateway;
    await gateway[Symbol.asyncDispose]();
    throw new Error(`the gateway did not start:\n${gateway.log}`);
  }

  get exit(): Ended | null {
    return this.#exit;
  }

  get control(): Control {
    return openControl(this.#place.data);
  }

  /** As a crash: no warning, nothing flushed. */
  async kill(): Promise<Ended> {
    if (this.#exit === null && this.#child.pid !== undefined) {
      try {
        process.kill(-this.#child.pid, "SIGKILL");
      } catch {
        // Gone in this moment.
      }
    }
    return within(this.ended, "the end after SIGKILL", this);
  }

  /** Kills only what is traced: the tracer then writes down the end and ends itself. */
  async killTraced(): Promise<Ended> {
    const pid = Number(/"pid":(\d+)/.exec(this.log)?.[1]);
    if (!(pid > 1)) throw new Error(`no process id in the log:\n${this.log}`);
    process.kill(pid, "SIGKILL");
    return within(this.ended, "the end after SIGKILL", this);
  }

  /** As an operator: what is under way ends first. */
  async stop(): Promise<Ended> {
    if (this.#exit === null) this.#child.kill("SIGTERM");
    return within(this.ended, "the end after SIGTERM", this);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

async function within<T>(promise: Promise<T>, what: string, gateway: GatewayProcess): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${patienceMs} ms\n${gateway.log.slice(-4000)}`)), patienceMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
