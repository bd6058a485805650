import { countedTraffic } from "../config/counted-traffic.ts";
import type { GatewayConfig } from "../config/config.ts";
import type { Clock } from "../lib/clock.ts";
import type { LimitRule } from "../limits/rule.ts";
import { rulesAsOf } from "../limits/rules-as-of.ts";
import { dayMs } from "../services/counted.ts";
import { overrideValues, readOverrides } from "../services/overrides.ts";

type Counted = Pick<GatewayConfig, "routes" | "tenant" | "limits" | "routing" | "services">;

/** The limits in force, told anew when the policy clock's day or a reload changes them. Days begin at 00:00 UTC, as the catalogue's do. */
export class RulesInForce implements Disposable {
  readonly #clock: Clock;
  readonly #changed: (rules: readonly LimitRule[]) => void;
  #config: Counted;
  #list: readonly LimitRule[];
  #timer: Disposable;

  constructor(config: Counted, clock: Clock, changed: (rules: readonly LimitRule[]) => void) {
    this.#config = config;
    this.#clock = clock;
    this.#changed = changed;
    this.#list = rulesOn(config, clock.now());
    this.#timer = this.#atNextDay();
  }

  get list(): readonly LimitRule[] {
    return this.#list;
  }

  /** Returns whether anything is different. */
  reconfigure(config: Counted): boolean {
    this.#config = config;
    return this.#look();
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }

  #atNextDay(): Disposable {
    const now = this.#clock.now();
    return this.#clock.at((Math.floor(now / dayMs) + 1) * dayMs, () => {
      this.#timer = this.#atNextDay();
      this.#look();
    });
  }

  #look(): boolean {
    const list = rulesOn(this.#config, this.#clock.now());
    if (JSON.stringify(list) === JSON.stringify(this.#list)) return false;
    this.#list = list;
    this.#changed(list);
    return true;
  }
}

function rulesOn(config: Counted, now: number): readonly LimitRule[] {
  return rulesAsOf(countedTraffic(config), new Date(now).toISOString().slice(0, 10), overrideValues(readOverrides(config.services)));
}
