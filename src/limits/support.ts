import type { SteadyClock } from "../lib/steady-clock.ts";
import type { Anchor, JournalContents, JournalEntry, LimitJournal, UsageMark } from "./journal.ts";
import type { Ledger } from "./ledger.ts";
import type { Admission, AdmissionRequest, Reservation } from "./limits.ts";
import type { LimitRule } from "./rule.ts";

/** What the tests of the ledger share. */

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;

/** A rule of which only what is given is out of the ordinary: counted once for the route `main`, not paced, no shares. */
export function ruleOf(changes: Partial<LimitRule> & Pick<LimitRule, "amount" | "windowMs">): LimitRule {
  return {
    id: "test.limit",
    title: "Limit",
    unit: "recipients",
    routes: [{ name: "main", counted: "mailbox app@contoso.example" }],
    scope: [],
    countsRefused: false,
    burst: changes.amount,
    others: 0,
    shares: { transactional: 0, bulk: 0 },
    holds: true,
    fullCodes: [],
    source: "configuration",
    status: "configured",
    ...changes,
  };
}

export function requestOf(changes: Partial<AdmissionRequest> & Pick<AdmissionRequest, "now">): AdmissionRequest {
  return {
    route: "main",
    principal: "erp",
    priority: "transactional",
    sender: "app@contoso.example",
    reversePath: "app@contoso.example",
    recipients: ["bob@fabrikam.example"],
    external: changes.recipients?.length ?? 1,
    size: 4096,
    ...changes,
  };
}

/** A clock that only the test moves. */
export class TestClock implements SteadyClock {
  /** ms since the machine was started. */
  uptime = 1_000_000;
  /** What the wall clock says at the start of the machine. */
  wall = Date.UTC(2026, 10, 21);
  boot = "first";

  now(): number {
    return this.wall + this.uptime;
  }

  steady(): number {
    return this.uptime;
  }
}

/** A journal in memory. */
export class TestJournal implements LimitJournal {
  marks = new Map<number, UsageMark>();
  anchor: Anchor | null = null;

  load(): Promise<JournalContents> {
    return Promise.resolve({ anchor: this.anchor, marks: [...this.marks.values()] });
  }

  write(entry: JournalEntry): Promise<void> {
    this.anchor = entry.anchor;
    if (entry.replacesAll === true) this.marks.clear();
    for (const mark of entry.marks) {
      if (mark.units === 0) this.marks.delete(mark.chunk);
      else this.marks.set(mark.chunk, mark);
    }
    for (const [chunk, { until }] of this.marks) if (until !== null && until <= entry.anchor.at) this.marks.delete(chunk);
    return Promise.resolve();
  }
}

export function reservationOf(admission: Admission): Reservation {
  if (!admission.ok) throw new Error(`refused by ${admission.limit.id}, not before ${admission.notBefore}`);
  return admission.reservation;
}

export function refusalOf(admission: Admission): Admission & { ok: false } {
  if (admission.ok) throw new Error("admitted");
  return admission;
}

/** The attempt went well. */
export function relayed(ledger: Ledger, admission: Admission, taken: number, now: number): void {
  ledger.settle(reservationOf(admission), { now, taken, refused: 0, asked: true });
}
