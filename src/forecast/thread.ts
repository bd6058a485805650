import { parentPort, workerData, type MessagePort } from "node:worker_threads";
import { computeForecast } from "./compute-forecast.ts";
import type { Forecast, ForecastInput } from "./forecast.ts";
import { improvementsOf } from "./improvements.ts";

/** The thread of one forecast: what it is asked comes as its data, what it tells are shares of the work, then the answer. */
export interface ForecastTask {
  readonly input: ForecastInput;
  /** Whether to find out what would make it faster. */
  readonly faster: boolean;
}

export type FromForecast = { readonly share: number } | { readonly forecast: Forecast };

/** The forecast itself is so much of the whole when changes are tried as well. */
const firstShare = 0.2;

const port = parentPort as MessagePort;
const { input, faster } = workerData as ForecastTask;
const tell = (message: FromForecast): void => port.postMessage(message);
const whole = faster ? firstShare : 1;
const forecast = computeForecast(input, (share) => tell({ share: share * whole }));
const found = faster ? improvementsOf(input, forecast, (share) => tell({ share: firstShare + share * (1 - firstShare) })) : [];
tell({ forecast: { ...forecast, faster: found } });
