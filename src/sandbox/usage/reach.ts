import type { Tenant } from "../tenant/tenant.ts";

/**
 * Which tenants a limit had reached on a day: the roll-outs by licences, copied by hand from the announcements, so that they can be held
 * against what others make of the catalogue. `licences`: the largest tenant that the step reaches.
 */
interface Step {
  readonly from: string;
  readonly licences: number;
}

/** MS Exchange Team blog 4372797 and MC1023294: trial tenants and those of one seat first; other sources have other days in the middle. */
const external: readonly Step[] = [
  { from: "2025-02-24", licences: 1 },
  { from: "2025-04-03", licences: 25 },
  { from: "2025-04-10", licences: 200 },
  { from: "2025-04-17", licences: 500 },
  { from: "2025-05-01", licences: Infinity },
];

/** MS Exchange Team blog 4446167, MC1143991, MC1302901: trial tenants first. */
const onmicrosoft: readonly Step[] = [
  { from: "2025-10-15", licences: -1 },
  { from: "2025-12-01", licences: 2 },
  { from: "2026-01-07", licences: 10 },
  { from: "2026-02-02", licences: 50 },
  { from: "2026-03-02", licences: 200 },
  { from: "2026-04-01", licences: 2000 },
  { from: "2026-05-04", licences: 10_000 },
  { from: "2026-06-01", licences: Infinity },
];

const steps = { external, onmicrosoft } as const;

export function isReached(limit: keyof typeof steps, { trial, licences }: Tenant, day: string): boolean {
  return steps[limit].some((step) => step.from <= day && (trial || licences <= step.licences));
}
