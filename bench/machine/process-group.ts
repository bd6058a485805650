import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { openCpuAccount, type CpuAccount } from "./cpu-account.ts";

export interface Memory {
  /** Shared pages counted once. */
  readonly pssBytes: number;
  /** Highest resident size that a process had since it began, added up over the processes. */
  readonly peakResidentBytes: number;
  readonly processes: number;
}

/** The processes of one peer: started here, measured together, and ended to the last one. */
export class ProcessGroup implements AsyncDisposable {
  readonly #account: CpuAccount;

  constructor(name: string) {
    this.#account = openCpuAccount(name);
  }

  get accounting(): string {
    return this.#account.kind;
  }

  spawn(command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const { joinFile } = this.#account;
    const child =
      joinFile === null
        ? spawn(command, args, options)
        : spawn("/bin/sh", ["-c", 'echo 0 >"$0"; exec "$@"', joinFile, command, ...args], options);
    if (child.pid !== undefined) this.#account.adopt(child.pid);
    return child;
  }

  /** A process that has left its parent, such as a daemon. */
  adopt(pid: number): void {
    this.#account.adopt(pid);
  }

  cpuSeconds(): number {
    return this.#account.seconds();
  }

  memory(): Memory {
    let [pss, peak, processes] = [0, 0, 0];
    for (const pid of this.#account.members()) {
      try {
        pss += kilobytes(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"), "Pss");
        peak += kilobytes(readFileSync(`/proc/${pid}/status`, "utf8"), "VmHWM");
        processes++;
      } catch {
        // It has just ended.
      }
    }
    return { pssBytes: pss, peakResidentBytes: peak, processes };
  }

  /** Samples until disposed; the peaks of the samples. */
  watchMemory(everyMs = 400): { readonly peak: () => Memory } & Disposable {
    let peak = this.memory();
    const sample = (): void => {
      const now = this.memory();
      peak = {
        pssBytes: Math.max(peak.pssBytes, now.pssBytes),
        peakResidentBytes: Math.max(peak.peakResidentBytes, now.peakResidentBytes),
        processes: Math.max(peak.processes, now.processes),
      };
    };
    const timer = setInterval(sample, everyMs);
    return { peak: () => (sample(), peak), [Symbol.dispose]: () => clearInterval(timer) };
  }

  /** SIGTERM to every member, SIGKILL to those that are still there `graceMs` later. */
  async end(graceMs = 5000): Promise<void> {
    const begun = performance.now();
    for (let told = false; this.#account.members().length > 0; told = true) {
      const late = performance.now() - begun > graceMs;
      if (performance.now() - begun > graceMs + 10_000) throw new Error("processes that do not end");
      if (!told || late) for (const pid of this.#account.members()) kill(pid, late ? "SIGKILL" : "SIGTERM");
      await delay(20);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    for (let tries = 0; !this.#account.remove() && tries < 100; tries++) await delay(10);
  }
}

function kilobytes(text: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0) * 1024;
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has just ended.
  }
}
