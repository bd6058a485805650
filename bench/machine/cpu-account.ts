/**
 * What a set of processes has used of the processors, those that have ended included: Postfix starts a process for a hundred messages.
 *
 * A control group of its own counts exactly (v1 `cpuacct`, else v2). Where none can be made, times are added up from /proc: each living
 * process of the tree and the children it has waited for, in ticks of 10 ms.
 */
import { mkdirSync, readFileSync, readdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";

export interface CpuAccount {
  readonly kind: string;
  seconds(): number;
  /** Living processes. */
  members(): readonly number[];
  /** File that a process writes 0 to in order to become a member; null: children of members are members. */
  readonly joinFile: string | null;
  /** A process that is a member with all its children, where there is no control group. */
  adopt(pid: number): void;
  /** Whether nothing of it is left on the machine; not while a member that has ended is still known to the kernel. */
  remove(): boolean;
}

export function openCpuAccount(name: string): CpuAccount {
  const own = `postern-bench-${process.pid}-${name}`;
  const groups = [
    { kind: "cgroup v1 cpuacct", root: "/sys/fs/cgroup/cpuacct", file: "cpuacct.usage", parse: (text: string) => Number(text) / 1e9 },
    { kind: "cgroup v2", root: "/sys/fs/cgroup", file: "cpu.stat", parse: parseCpuStat },
    { kind: "cgroup v2", root: "/sys/fs/cgroup/unified", file: "cpu.stat", parse: parseCpuStat },
  ];
  for (const { kind, root, file, parse } of groups) {
    const directory = join(root, own);
    try {
      mkdirSync(directory);
      readFileSync(join(directory, file));
      return {
        kind,
        joinFile: join(directory, "cgroup.procs"),
        seconds: () => parse(readFileSync(join(directory, file), "utf8")),
        members: () => readFileSync(join(directory, "cgroup.procs"), "utf8").split("\n").filter(Boolean).map(Number),
        adopt: () => undefined,
        remove: () => removeGroup(directory),
      };
    } catch {
      removeGroup(directory);
    }
  }
  return new ProcessTree();
}

function parseCpuStat(text: string): number {
  return Number(/^usage_usec (\d+)$/m.exec(text)?.[1] ?? Number.NaN) / 1e6;
}

function removeGroup(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "EBUSY";
  }
}

const ticksPerSecond = 100;

class ProcessTree implements CpuAccount {
  readonly kind = "/proc";
  readonly joinFile = null;
  readonly #roots = new Set<number>();

  adopt(pid: number): void {
    this.#roots.add(pid);
  }

  seconds(): number {
    let ticks = 0;
    for (const { own, waitedFor } of this.#tree()) ticks += own + waitedFor;
    return ticks / ticksPerSecond;
  }

  members(): readonly number[] {
    return this.#tree().map(({ pid }) => pid);
  }

  #tree(): readonly ProcessTimes[] {
    const all = new Map<number, ProcessTimes>();
    for (const entry of readdirSync("/proc")) {
      const times = /^\d+$/.test(entry) ? processTimes(Number(entry)) : null;
      if (times !== null) all.set(times.pid, times);
    }
    const belongs = (pid: number): boolean => this.#roots.has(pid) || (all.has(pid) && belongs((all.get(pid) as ProcessTimes).parent));
    return [...all.values()].filter(({ pid }) => belongs(pid));
  }

  remove(): boolean {
    return true;
  }
}

export interface ProcessTimes {
  readonly pid: number;
  readonly parent: number;
  /** Ticks of the process, with its threads. */
  readonly own: number;
  /** Ticks of its children that have ended. */
  readonly waitedFor: number;
}

/** null when there is no such process any more. */
export function processTimes(pid: number | "self"): ProcessTimes | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // proc(5): the name is in brackets and may contain anything.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const field = (n: number): number => Number(fields[n - 3]);
    return { pid: Number.parseInt(text, 10), parent: field(4), own: field(14) + field(15), waitedFor: field(16) + field(17) };
  } catch {
    return null;
  }
}

/** Seconds of those children of this process that have ended. */
export function endedChildrenSeconds(): number {
  return (processTimes("self")?.waitedFor ?? Number.NaN) / ticksPerSecond;
}
