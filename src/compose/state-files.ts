import { tokensFolder } from "../identity/tokens/refresh-token-store.ts";

/**
 * What of a data directory is state besides the store: files that are replaced whole, or a folder of such. A backup copies them and a restore
 * puts them back; what is encrypted stays so. Keys and configuration are not among them: the operator keeps those, and refers to them.
 */
export const pinsFile = "pins.json";
export const pausesFile = "pauses.json";
export const mtaStsFile = "mta-sts.json";
/** Made here, and of use to nobody without what was sent: without it mail that was sent before is refused when it comes back. */
export const bounceKeysFile = "bounce-keys.json";
export const reputationFile = "reputation.json";
export const usageHistoryFile = "usage-history.json";
export const stateFiles: readonly string[] = [
  pinsFile,
  reputationFile,
  usageHistoryFile,
  pausesFile,
  mtaStsFile,
  bounceKeysFile,
  tokensFolder,
];
