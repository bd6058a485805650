import { Worker, type ResourceLimits } from "node:worker_threads";
import type { Forecast, ForecastInput } from "./forecast.ts";
import type { ForecastTask, FromForecast } from "./thread.ts";

export interface RunOptions {
  /** Whether to find out what would make it faster; each change costs a simulation. */
  readonly faster: boolean;
  readonly signal: AbortSignal;
  /** @param share of the work that is done, 0 to 1 */
  readonly onProgress?: (share: number) => void;
}

const limits: ResourceLimits = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 64 };

/** Computes a forecast in a thread of its own, so that nothing else waits. Rejects when the signal aborts, or when it needs too much memory. */
export async function runForecast(input: ForecastInput, { faster, signal, onProgress }: RunOptions): Promise<Forecast> {
  signal.throwIfAborted();
  // The package ships .js, a clone runs .ts.
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const workerData: ForecastTask = { input, faster };
  const worker = new Worker(new URL(`./thread.${extension}`, import.meta.url), {
    name: "forecast",
    workerData,
    env: {},
    stdin: false,
    resourceLimits: limits,
  });
  const { promise, resolve, reject } = Promise.withResolvers<Forecast>();
  const abort = (): void => reject(signal.reason as Error);
  signal.addEventListener("abort", abort, { once: true });
  worker.on("message", (message: FromForecast) => {
    if ("forecast" in message) resolve(message.forecast);
    else onProgress?.(message.share);
  });
  worker.on("error", reject);
  worker.on("exit", () => reject(new Error("the forecast's thread ended early")));
  try {
    return await promise;
  } finally {
    signal.removeEventListener("abort", abort);
    await worker.terminate();
  }
}
