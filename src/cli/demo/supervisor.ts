import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync, renameSync, statSync } from "node:fs";

/**
 * Keeps one child process running: starts it again when it dies, at once after a life that got as far as *ready*, with growing delays when
 * it did not, and gives up after several such deaths in a row.
 *
 * The child has a process group of its own, so that Ctrl-C reaches it once, through us; a pipe to us tells it when we are gone.
 */
export interface Supervised {
  readonly name: string;
  /** Resolves when it is ready for the first time; rejects when it has been given up. */
  readonly ready: Promise<void>;
  /** Rejects when it has been given up; never resolves. */
  readonly failed: Promise<never>;
  /** Ends it; resolves when it is gone. */
  stop(graceMs: number): Promise<void>;
}

export interface ChildPlan {
  readonly name: string;
  /** Arguments for `postern`. */
  readonly args: readonly string[];
  readonly logFile: string;
  readonly onRestart: (reason: string) => void;
}

export class GaveUp extends Error {
  override readonly name = "GaveUp";
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}

const delaysMs = [100, 500, 2000, 5000];
/** A child that becomes ready and dies soon, again and again, is broken too. */
const window = { ms: 60_000, deaths: 60 };
/** Exit codes that another start would not change: usage, no permission, configuration, a fault in the input. */
const hopeless: ReadonlySet<number> = new Set([64, 65, 66, 77, 78]);
const maxLogBytes = 20 * 1024 ** 2;

export function supervise(plan: ChildPlan): Supervised {
  const ready = Promise.withResolvers<void>();
  const failed = Promise.withResolvers<never>();
  // Both may reject before anybody listens.
  ready.promise.catch(() => undefined);
  failed.promise.catch(() => undefined);
  let child: ChildProcess | null = null;
  let stopping = false;
  let timer: NodeJS.Timeout | undefined;
  let unready = 0;
  const deaths: number[] = [];

  const giveUp = (reason: string, exitCode: number) => {
    const error = new GaveUp(`${plan.name} ${reason}; see ${plan.logFile}`, exitCode);
    ready.reject(error);
    failed.reject(error);
  };
  const start = () => {
    let wasReady = false;
    const log = openLogFile(plan.logFile);
    const running = spawn(process.execPath, [...process.execArgv, process.argv[1] as string, ...plan.args], {
      stdio: ["ignore", log, log, "ipc"],
      detached: true,
    });
    closeSync(log);
    child = running;
    running.on("message", (message) => {
      if ((message as { ready?: true }).ready !== true) return;
      wasReady = true;
      unready = 0;
      ready.resolve();
    });
    running.on("error", (error) => giveUp(`cannot be started (${error.message})`, 70));
    running.once("exit", (code, signal) => {
      if (child === running) child = null;
      if (stopping) return;
      const reason = signal === null ? `ended with exit code ${code}` : `was killed (${signal})`;
      if (!wasReady && code !== null && hopeless.has(code)) return giveUp(reason, code);
      const now = Date.now();
      deaths.push(now);
      while ((deaths[0] ?? now) < now - window.ms) deaths.shift();
      if (deaths.length > window.deaths) return giveUp(`died ${deaths.length} times in a minute`, 70);
      if (!wasReady && ++unready > delaysMs.length) return giveUp(`does not start: it ${reason}`, code ?? 70);
      plan.onRestart(reason);
      timer = setTimeout(start, wasReady ? 0 : delaysMs[unready - 1]);
    });
  };
  start();

  return {
    name: plan.name,
    ready: ready.promise,
    failed: failed.promise,
    async stop(graceMs) {
      stopping = true;
      clearTimeout(timer);
      const running = child;
      if (running === null || running.exitCode !== null || running.signalCode !== null) return;
      const gone = new Promise<void>((resolve) => running.once("exit", () => resolve()));
      running.kill("SIGTERM");
      const force = setTimeout(() => running.kill("SIGKILL"), graceMs);
      await gone;
      clearTimeout(force);
    },
  };
}

/** Appends; a log that has grown large is put aside first, replacing the one before it. */
function openLogFile(path: string): number {
  try {
    if (statSync(path).size > maxLogBytes) renameSync(path, `${path}.1`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  return openSync(path, "a", 0o600);
}
