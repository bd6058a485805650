import type { CountedTraffic } from "../limits/counted-traffic.ts";
import type { LimitUnit } from "../limits/rule.ts";
import type { LedgerSnapshot } from "../limits/snapshot.ts";
import type { Priority } from "../mail/priority.ts";
import type { LaneBacklog } from "../queue/archive.ts";
import type { RouteTraits } from "../routes/route.ts";
import type { RejectionReason } from "../routing/decide.ts";
import type { RoutingOptions } from "../routing/options.ts";
import type { Pin } from "../routing/pins.ts";
import type { Overrides } from "../services/profile-as-of.ts";

/** When mail that is not sent yet would be out, and by which ways: what is asked, what it is reckoned from, and the answer. Times are policy-clock ms. */
export interface ForecastQuestion {
  readonly to: readonly Addressees[];
  /** null: `<>`. */
  readonly from: string | null;
  readonly principal: string;
  readonly priority: Priority;
  /** Bytes of each message, with what we add. */
  readonly size: number;
  /** Recipients that share a message. */
  readonly perMessage: number;
  /** When it is handed over, all at once; not before now. */
  readonly startsAt: number;
}

export interface Addressees {
  /** An address; or `@domain`: each another one there. Lower case. */
  readonly to: string;
  readonly count: number;
}

/** Everything that a forecast depends on, as data that may go to another thread. */
export interface ForecastInput {
  readonly now: number;
  readonly question: ForecastQuestion;
  /** With the account of single recipients that are named in the question. */
  readonly ledger: LedgerSnapshot;
  readonly traffic: CountedTraffic;
  readonly overrides: Overrides;
  readonly routing: RoutingOptions;
  readonly pins: readonly Pin[];
  readonly routes: readonly ForecastRoute[];
  readonly backlog: readonly LaneBacklog[];
}

export interface ForecastRoute {
  readonly name: string;
  readonly traits: RouteTraits;
  /** ms of an attempt, as measured; null: nothing was sent by it yet. */
  readonly meanMs: number | null;
  readonly circuit: "closed" | "open" | "paused";
  /** When an open circuit is tried next. */
  readonly retryAt: number;
}

export interface Forecast {
  readonly startsAt: number;
  readonly recipients: { readonly internal: number; readonly external: number };
  readonly firstOutAt: number | null;
  /** When the last one is out; null: not all within the horizon, or at all. */
  readonly lastOutAt: number | null;
  /** Recipients that are not out by the horizon. */
  readonly left: number;
  readonly horizonAt: number;
  /** For whom there is no way. */
  readonly unroutable: readonly Unroutable[];
  readonly routes: readonly RouteForecast[];
  readonly limits: readonly LimitForecast[];
  readonly cost: Cost;
  readonly backlog: { readonly recipients: number; readonly left: number; readonly lastOutAt: number | null };
  readonly faster: readonly Improvement[];
}

export interface Unroutable {
  readonly to: string;
  readonly count: number;
  readonly reasons: readonly { readonly route: string; readonly reason: RejectionReason }[];
}

export interface RouteForecast {
  readonly route: string;
  readonly internal: number;
  readonly external: number;
  readonly transactions: number;
  readonly lastOutAt: number;
  /** Recipients of the backlog that go by it meanwhile. */
  readonly backlog: number;
  /** US dollars; 0: in the licence; null: not known. */
  readonly costUsd: number | null;
  /** ms of an attempt. */
  readonly attemptMs: number;
  readonly isMeasured: boolean;
}

/** A limit that mail has to wait for. */
export interface LimitForecast {
  readonly id: string;
  readonly title: string;
  /** `mailbox scanner@contoso.example` */
  readonly counted: string;
  readonly unit: LimitUnit;
  readonly amount: number;
  readonly windowMs: number;
  readonly routes: readonly string[];
  readonly from: number;
  readonly until: number;
  readonly waitedMs: number;
}

export interface Cost {
  /** US dollars, of what is known. */
  readonly usd: number;
  /** Recipients that go by a route whose price is not known. */
  readonly unknown: number;
}

/** What would make it faster: the same forecast with one thing changed. */
export interface Improvement {
  readonly change: Change;
  readonly lastOutAt: number;
  readonly savedMs: number;
  readonly cost: Cost;
}

export type Change =
  | { readonly kind: "licences"; readonly from: number; readonly to: number }
  | { readonly kind: "account"; readonly like: string }
  | { readonly kind: "route"; readonly route: string; readonly rules: readonly string[] }
  | { readonly kind: "resume"; readonly route: string }
  | { readonly kind: "per-message"; readonly from: number; readonly to: number };
