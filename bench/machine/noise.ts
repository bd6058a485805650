import { cores, machineTimes } from "./machine.ts";

/**
 * What others, the kernel's own threads among them, take of the machine while something is measured. `accounts` give the seconds that the
 * parties to the measurement have used so far.
 */
export function listenForNoise(...accounts: readonly (() => number)[]): { share(generatorSeconds: number): number } {
  const known = (): number => accounts.reduce((sum, seconds) => sum + seconds(), ownSeconds());
  const [timesBefore, knownBefore, begun] = [machineTimes(), known(), performance.now()];
  return {
    /** Of all processors, 0 to 1; `generatorSeconds` were used by a generator that has ended. */
    share(generatorSeconds) {
      const after = machineTimes();
      const busy = after.busySeconds - timesBefore.busySeconds + after.stolenSeconds - timesBefore.stolenSeconds;
      const others = busy - (known() - knownBefore) - generatorSeconds;
      return Math.max(0, others / (((performance.now() - begun) / 1000) * cores));
    },
  };
}

function ownSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
