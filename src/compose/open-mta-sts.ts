import { join } from "node:path";
import type { GatewayConfig } from "../config/config.ts";
import { MtaSts } from "../domains/mta-sts/mta-sts.ts";
import type { RouteLog } from "../routes/route-log.ts";
import type { Network } from "./open-network.ts";
import { mtaStsFile } from "./state-files.ts";

/** One for all routes of kind `mx`, so that each policy is fetched and kept once; null when none wants it. */
export async function openMtaSts(
  config: GatewayConfig,
  { dns, http }: Network,
  dataDirectory: string,
  now: () => number,
  log: RouteLog,
): Promise<MtaSts | null> {
  if (!config.routes.some((route) => route.kind === "mx" && route.mtaSts !== false)) return null;
  return MtaSts.open(join(dataDirectory, mtaStsFile), { dns, http, now, onTrouble: (where, error) => log.fault(where, error) });
}
