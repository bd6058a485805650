import { readFileSync, statfsSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { setTimeout as delay } from "node:timers/promises";

/** What the whole machine has done since it was started. */
export interface MachineTimes {
  readonly busySeconds: number;
  readonly idleSeconds: number;
  /** Taken by other guests of the host. */
  readonly stolenSeconds: number;
}

export function machineTimes(): MachineTimes {
  // proc_stat(5): user nice system idle iowait irq softirq steal
  const line = /^cpu +(.*)$/m.exec(readFileSync("/proc/stat", "utf8"))?.[1] ?? "";
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = line
    .split(" ")
    .map((n) => Number(n) / 100);
  return { busySeconds: user + nice + system + irq + softirq, idleSeconds: idle + iowait, stolenSeconds: steal };
}

/** Waits, at most `longestMs`, until nobody uses more than a tenth of the processors, so that others' bursts do not fall into a round. */
export async function quiet(longestMs: number, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + longestMs;
  for (;;) {
    const before = machineTimes();
    await delay(250, undefined, { signal });
    const after = machineTimes();
    const busy = after.busySeconds - before.busySeconds + after.stolenSeconds - before.stolenSeconds;
    const all = busy + after.idleSeconds - before.idleSeconds;
    if (busy < 0.1 * all || performance.now() > deadline) return;
  }
}

export function describeMachine(): string {
  const model = cpus()[0]?.model ?? "unknown processor";
  return `${cpus().length} × ${model}, ${(totalmem() / 2 ** 30).toFixed(0)} GB, Linux ${release()}, Node.js ${process.version}`;
}

export const cores = cpus().length;

export function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/** Where a sync means nothing. */
export function isInMemory(folder: string): boolean {
  // statfs(2): TMPFS_MAGIC, RAMFS_MAGIC
  return [0x01021994, 0x858458f6].includes(statfsSync(folder).type);
}
