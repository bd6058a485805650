import { join } from "node:path";
import type { GatewayConfig } from "../config/config.ts";
import { BounceAddresses, type BounceDomain } from "../feedback/bounces/bounce-addresses.ts";
import { BounceKeys } from "../feedback/bounces/bounce-keys.ts";
import type { Clock } from "../lib/clock.ts";
import { bounceKeysFile } from "./state-files.ts";

/** What a day's token and a corrected clock may need beyond `validFor`. */
const slackMs = 2 * 86_400_000;

export interface Bounces extends Disposable {
  readonly addresses: BounceAddresses;
}

/** The bounce addresses of every domain that has them; null when none has. */
export async function openBounces(
  { domains }: Pick<GatewayConfig, "domains">,
  dataDirectory: string,
  clock: Clock,
  onTrouble: (error: unknown) => void,
): Promise<Bounces | null> {
  const wanted = domains.flatMap(({ name, bounces }): BounceDomain[] =>
    bounces === undefined ? [] : [{ author: name, domain: bounces.domain, validForMs: bounces.validForMs }],
  );
  if (wanted.length === 0) return null;
  const keepMs = Math.max(...wanted.map(({ validForMs }) => validForMs)) + slackMs;
  const keys = await BounceKeys.open({ path: join(dataDirectory, bounceKeysFile), clock, keepMs, onTrouble });
  return {
    addresses: new BounceAddresses(wanted, keys, () => clock.now()),
    [Symbol.dispose]: () => keys[Symbol.dispose](),
  };
}
