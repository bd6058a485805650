import { execFile } from "node:child_process";
import { closeSync, mkdirSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { CannotMeasure } from "../cannot-measure.ts";
import { freePort, portOpens } from "../load/ports.ts";
import { ProcessGroup } from "../machine/process-group.ts";
import type { Mode, Peer } from "./peer.ts";

export interface PosternOptions {
  /** Holds the spool and the log. */
  readonly folder: string;
  readonly port: number;
  readonly signal: AbortSignal;
  /** Starts go on with the spool as it is; else each finds an empty one. */
  readonly keepSpool: boolean;
  /** Limits in force that never bind; absent: the published ones. */
  readonly limits?: number;
}

const root = join(import.meta.dirname, "../..");
const run = promisify(execFile);
const startsWithinMs = 120_000;
const endsWithinMs = 30_000;

/** Runs `bench/gateway`: Postern as an operator starts it, every default on. */
export class Postern implements Peer {
  readonly name = "Postern";
  readonly port: number;
  readonly group: ProcessGroup;
  /** Configuration and data directory. */
  readonly spool: string;
  /** From the execution of the start script until connections were accepted, at the last start. */
  startedWithinMs = Number.NaN;
  readonly #options: PosternOptions;

  static async open(name: string, options: Omit<PosternOptions, "port">): Promise<Postern> {
    return new Postern(name, { ...options, port: await freePort() });
  }

  private constructor(name: string, options: PosternOptions) {
    this.#options = options;
    this.port = options.port;
    this.group = new ProcessGroup(name);
    this.spool = join(options.folder, name);
  }

  async start(mode: Mode): Promise<void> {
    if (!this.#options.keepSpool) this.clear();
    mkdirSync(this.spool, { recursive: true });
    const log = `${this.spool}.log`;
    const output = openSync(log, "w");
    const begun = performance.now();
    const child = this.group.spawn(join(root, "bench/gateway"), [], {
      stdio: ["ignore", output, output],
      env: {
        ...process.env,
        PORT: String(this.port),
        SPOOL: this.spool,
        ...(mode.kind === "held" ? { HELD: "1" } : { HELD: "", SINK: String(mode.sinkPort) }),
        LIMITS: this.#options.limits === undefined ? "" : String(this.#options.limits),
        SIGNED: mode.kind === "signed" ? String(mode.dnsPort) : "",
      },
    });
    closeSync(output);
    const { promise: ended, reject } = Promise.withResolvers<never>();
    ended.catch(() => undefined);
    child.once("exit", (code) => reject(new CannotMeasure(`Postern has ended with ${code}: see ${log}`)));
    await Promise.race([portOpens(this.port, startsWithinMs, this.#options.signal), ended]);
    this.startedWithinMs = performance.now() - begun;
  }

  async stop(): Promise<void> {
    await this.group.end(endsWithinMs);
    if (!this.#options.keepSpool) this.clear();
  }

  /** Removes what is stored. Not while it runs. */
  clear(): void {
    rmSync(this.spool, { recursive: true, force: true });
  }

  async queued(): Promise<number> {
    return Number(await this.#command("queue", "--count"));
  }

  async purge(): Promise<void> {
    await this.#command("queue", "drop", "--all", "--yes");
  }

  async #command(...args: readonly string[]): Promise<string> {
    const { stdout } = await run(join(root, "bin/postern"), [...args, "--data", this.spool], { signal: this.#options.signal });
    return stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.group[Symbol.asyncDispose]();
    this.clear();
  }
}
