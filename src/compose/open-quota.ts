import type { QuotaControl } from "../admin/gateway.ts";
import type { GatewayConfig } from "../config/config.ts";
import type { PolicyClock } from "../lib/clock.ts";
import type { Dns } from "../lib/dns/dns.ts";
import type { LimitJournal } from "../limits/journal.ts";
import type { Ledger, LedgerOptions } from "../limits/ledger.ts";
import { LimitAlerts, type LimitAlert } from "../limits/limit-alerts.ts";
import { watchBulkSenders } from "./bulk-senders.ts";
import { openLimits, type OpenLimits } from "./open-limits.ts";
import type { ReputationBook } from "./open-reputation.ts";
import { openUsageHistory } from "./open-usage-history.ts";

export interface QuotaParts extends Pick<LedgerOptions, "onFreed"> {
  /** The limits are others, or an operator has corrected what is used. */
  readonly onChanged: () => void;
  readonly clock: PolicyClock;
  readonly journal: LimitJournal;
  readonly dns: Dns;
  readonly reputation: ReputationBook;
  readonly alert: (alert: LimitAlert) => void;
  /** @param where what of it */
  readonly onTrouble: (where: string, error: unknown) => void;
}

/** The account of what was sent, and what people see of it. Dispose after the last settlement. */
export interface OpenQuota extends AsyncDisposable, Pick<OpenLimits, "ledger" | "reconfigure"> {
  readonly control: QuotaControl;
}

/** Rejects when the journal cannot be read or written. */
export async function openQuota(config: GatewayConfig, dataDirectory: string, parts: QuotaParts): Promise<OpenQuota> {
  await using opening = new AsyncDisposableStack();
  const { clock, reputation, onTrouble } = parts;
  const now = (): number => clock.now();
  const alerts = new LimitAlerts({ now, tell: parts.alert });
  const watch = watchBulkSenders(config, {
    reputation,
    dns: parts.dns,
    now,
    warn: (warning) => alerts.bulkSender(warning),
    onTrouble: (error) => onTrouble("bulk senders", error),
  });
  const limits = opening.use(
    await openLimits(config, {
      clock,
      journal: parts.journal,
      ...(parts.onFreed === undefined ? {} : { onFreed: parts.onFreed }),
      onChanged: parts.onChanged,
      onThreshold: (crossing) => {
        watch(crossing);
        alerts.crossed(crossing);
      },
      onTrouble: (error) => onTrouble("limits", error),
    }),
  );
  const { ledger } = limits;
  const history = opening.use(
    await openUsageHistory(dataDirectory, {
      clock,
      samples: () => ledger.samples(),
      onTrouble: (error) => onTrouble("usage history", error),
    }),
  );
  const open = opening.move();
  return {
    ledger,
    reconfigure: (changed) => limits.reconfigure(changed),
    control: controlOf(ledger, {
      now,
      onChanged: parts.onChanged,
      alerts: () => alerts.list(),
      history: (query) => history.series(query),
      figures: (days) => reputation.figures(days),
    }),
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

interface Beside extends Pick<QuotaControl, "alerts" | "history" | "figures"> {
  readonly now: () => number;
  readonly onChanged: () => void;
}

function controlOf(ledger: Ledger, { now, onChanged, ...beside }: Beside): QuotaControl {
  return {
    ...beside,
    limits: (query) => ledger.limits(now(), query),
    async observe(rule, observed, counted) {
      if (!ledger.observe(rule, observed, counted)) return false;
      onChanged();
      await ledger.written();
      return true;
    },
    async forget(rule, counted) {
      const count = ledger.forget(rule, counted);
      if (count > 0) onChanged();
      await ledger.written();
      return count;
    },
  };
}
