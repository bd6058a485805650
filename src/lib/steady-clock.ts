import { readFileSync } from "node:fs";
import { uptime } from "node:os";
import type { PolicyClock } from "./clock.ts";

/**
 * Time that passes evenly: it counts what elapses, whatever somebody does to the machine's wall clock meanwhile. For accounts that a wrong
 * step must not empty. A move of the policy clock in the sandbox is meant, so it counts.
 */
export interface SteadyClock {
  /** Policy time, ms since 1970; steps with the wall clock. */
  now(): number;
  /** ms since the machine was started, by its monotonic clock, plus the offset of the policy clock. Comparable as long as `boot` is the same. */
  steady(): number;
  /** Names this start of the machine; empty: not known, so that nothing can be compared over a restart of the process. */
  readonly boot: string;
}

export function steadyClock(policy: PolicyClock): SteadyClock {
  // CLOCK_BOOTTIME once, then the process's monotonic clock: reading the former each time costs a system call.
  const startedAt = uptime() * 1000 - performance.now();
  return {
    now: () => policy.now(),
    steady: () => startedAt + performance.now() + policy.offset,
    boot: bootId(),
  };
}

function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    // Not Linux.
    return "";
  }
}
