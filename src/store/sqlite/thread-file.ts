import type { ResourceLimits } from "node:worker_threads";

/** The file of a thread of this folder, beside this one: `.ts` in a checkout, `.js` in a package. */
export function threadFile(name: "writer" | "reader" | "maintenance"): URL {
  return new URL(`./${name}/thread${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);
}

/** Garbage of a batch is short-lived and small; the default lets each thread gather some tens of MB of it. */
export const threadLimits: ResourceLimits = { maxYoungGenerationSizeMb: 8 };
