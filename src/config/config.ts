import { crossCheck } from "./cross-check.ts";
import { gatewaySchema, type GatewayConfig } from "./gateway-config.ts";
import { loadFile, parseConfig, type Loaded, type LoadOptions } from "./load.ts";

/** Reads the gateway's configuration; throws ConfigError with every fault. */
export function loadConfig(file: string, options?: LoadOptions): Loaded<GatewayConfig> {
  return loadFile(file, gatewaySchema, crossCheck, options);
}

/** The same from a text; `folder` is what relative paths start from. */
export function parseGatewayConfig(text: string, folder: string, options?: LoadOptions): Loaded<GatewayConfig> {
  return parseConfig(text, "postern.yaml", folder, gatewaySchema, crossCheck, options);
}

export { ConfigError, formatFault, type ConfigFault } from "./fault.ts";
export type { GatewayConfig } from "./gateway-config.ts";
