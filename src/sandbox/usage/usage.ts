import { Pace } from "./pace.ts";
import { Throttles } from "./throttles.ts";
import { UsageSlots } from "./usage-slots.ts";
import { UsageWindow, type UsageLine, type WindowAbout } from "./usage-window.ts";

/**
 * What accounts have used up of the published limits, for all rooms; and what was refused or held up for it.
 *
 * Counting is brute force on purpose: every use is kept with its moment until it has left the window, and summed up when asked, so that it can
 * be held against the cleverer counting of whoever is tested. Moments are of the policy clock. A service need not count a message in the moment
 * in which it takes it: `momentOf` says when it does, up to `lateMs` later. POST /api/reset clears it.
 */
export class Usage {
  readonly throttles = new Throttles();
  readonly #windows: UsageWindow[] = [];
  readonly #slots: UsageSlots[] = [];
  readonly #paces: Pace[] = [];
  readonly #cleared: (() => void)[] = [];
  readonly #lateMs: number;
  readonly #random: () => number;

  /** @param random 0 up to 1. */
  constructor(lateMs = 0, random: () => number = Math.random) {
    this.#lateMs = lateMs;
    this.#random = random;
  }

  /** A sliding window: uses count for `ms` after their moment. */
  window(about: WindowAbout): UsageWindow {
    const window = new UsageWindow(about);
    this.#windows.push(window);
    return window;
  }

  /** What is held at the same time, such as connections. Survives a reset: who is there stays there. */
  slots(service: string, what: string, limit: (now: number) => number): UsageSlots {
    const slots = new UsageSlots(service, what, limit);
    this.#slots.push(slots);
    return slots;
  }

  /** A rate that delays. */
  pace(most: (now: number) => number, ms: number): Pace {
    const pace = new Pace(most, ms);
    this.#paces.push(pace);
    return pace;
  }

  /**
   * When a message that is taken now is counted, for windows of an hour and more. What is counted by the minute is answered in the dialogue,
   * so it is counted at once.
   */
  momentOf(now: number): number {
    return this.#lateMs === 0 ? now : now + Math.floor(this.#random() * this.#lateMs);
  }

  /** By service and what, as the listing calls them. Several windows may count the same, an hour and a minute for instance. */
  find(service: string, what: string): readonly UsageWindow[] {
    return this.#windows.filter(({ about }) => about.service === service && about.what === what);
  }

  /** Everything that is counted, whether it is used or not. */
  get names(): readonly string[] {
    return [...new Set(this.#windows.map(({ about }) => `${about.service} ${about.what}`))];
  }

  /** What else a reset forgets. */
  onClear(clear: () => void): void {
    this.#cleared.push(clear);
  }

  list(now: number): readonly UsageLine[] {
    return [...this.#windows.flatMap((window) => window.lines(now)), ...this.#slots.flatMap((slots) => slots.lines(now))];
  }

  clear(): void {
    for (const each of [...this.#windows, ...this.#paces, this.throttles]) each.clear();
    for (const clear of this.#cleared) clear();
  }
}
