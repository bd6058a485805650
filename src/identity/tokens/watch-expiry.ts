import type { TokenLog } from "./cached-source.ts";
import type { TokenSource } from "./token-source.ts";

const dayMs = 86_400_000;
const everyMs = 3_600_000;
/** Days before its end on which a secret or certificate is spoken of; 0: it has ended. */
const warnings = [30, 7, 1, 0] as const;

/** Tells 30, 7 and 1 days ahead, and when it has happened, that what an identity logs in with ends; each once for each end. Wall time. */
export function watchExpiry(
  sources: readonly TokenSource[],
  log: Pick<TokenLog, "credentialExpires">,
  now: () => number,
): Disposable & { look(): void } {
  const told = new Map<string, { readonly expiresAt: number; readonly days: number }>();
  const look = () => {
    for (const source of sources) {
      const { name, credentialExpiresAt: expiresAt } = source.status();
      if (expiresAt === null) continue;
      const left = (expiresAt - now()) / dayMs;
      const days = warnings.findLast((days) => left <= days);
      if (days === undefined) continue;
      const before = told.get(name);
      if (before?.expiresAt === expiresAt && before.days <= days) continue;
      told.set(name, { expiresAt, days });
      log.credentialExpires(name, expiresAt, Math.max(0, Math.floor(left)));
    }
  };
  look();
  const timer = setInterval(look, everyMs).unref();
  return { look, [Symbol.dispose]: () => clearInterval(timer) };
}
