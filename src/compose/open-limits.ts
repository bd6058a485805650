import type { GatewayConfig } from "../config/config.ts";
import type { PolicyClock } from "../lib/clock.ts";
import { steadyClock } from "../lib/steady-clock.ts";
import type { LimitJournal } from "../limits/journal.ts";
import { openLedger, type Ledger, type LedgerOptions } from "../limits/ledger.ts";
import { RulesInForce } from "./rules-in-force.ts";

export interface LimitsParts extends Pick<LedgerOptions, "onThreshold" | "onFreed"> {
  readonly clock: PolicyClock;
  readonly journal: LimitJournal;
  /** Other rules hold from now on. */
  readonly onChanged?: () => void;
  /** The account goes on in memory; a crash would find it as it was written last. */
  readonly onTrouble: (error: unknown) => void;
}

/** The account of what was sent, by the rules of the configuration and of the day. Dispose after the last settlement. */
export interface OpenLimits extends AsyncDisposable {
  readonly ledger: Ledger;
  /** Applies what a reload has changed of `tenant`, `limits` or the accepted domains; returns whether that was anything. */
  reconfigure(config: Parameters<RulesInForce["reconfigure"]>[0]): boolean;
}

/** Rejects when the journal cannot be read or written: mail that was sent may not be forgotten. */
export async function openLimits(config: GatewayConfig, { clock, onTrouble, onChanged, ...rest }: LimitsParts): Promise<OpenLimits> {
  const rules = new RulesInForce(config, clock, (list) => {
    void ledger.setRules(list).catch(onTrouble);
    onChanged?.();
  });
  const ledger = await openLedger({ ...rest, rules: rules.list, clock: steadyClock(clock) }).catch((error: unknown) => {
    rules[Symbol.dispose]();
    throw error;
  });
  return {
    ledger,
    reconfigure: (changed) => rules.reconfigure(changed),
    async [Symbol.asyncDispose]() {
      rules[Symbol.dispose]();
      await ledger[Symbol.asyncDispose]();
    },
  };
}
