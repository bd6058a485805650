import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { openLedger, type Ledger } from "../../src/limits/ledger.ts";
import type { AdmissionRequest, Reservation } from "../../src/limits/limits.ts";
import type { LimitRule, LimitUnit, ScopeKey } from "../../src/limits/rule.ts";
import { dayMs, hourMs, minuteMs, requestOf, ruleOf, TestClock } from "../../src/limits/support.ts";

/** What the ledger costs: an admission and its settlement with twenty rules in force, and the memory of a busy day. */

const shares = { transactional: 0.01, bulk: 0.1 };
const units: readonly LimitUnit[] = ["messages", "recipients", "external-recipients", "bytes", "requests"];
const windows = [minuteMs, hourMs, dayMs] as const;
const scopes: readonly (readonly ScopeKey[])[] = [["principal"], ["sender-domain"], ["recipient"], ["sender-recipient"]];
/** More than any round needs: what is measured is that limits are in force, not that they bind. */
const plenty = 1e12;
/** Attempts under way. */
const underWay = 100;

/** Twenty: sixteen that count all mail of the route, a quarter of them paced, and one for each way of counting apart. */
export const twentyRules: readonly LimitRule[] = Array.from({ length: 20 }, (_, i) =>
  ruleOf({
    id: `bench.${i}`,
    unit: units[i % units.length] as LimitUnit,
    amount: plenty,
    windowMs: windows[i % windows.length] as number,
    burst: i % 4 === 0 ? plenty / 2 : plenty,
    shares,
    scope: scopes[i - 16] ?? [],
  }),
);

/** As a tenant's mailbox has them; the amounts admit a million a day. */
export const publishedRules: readonly LimitRule[] = [
  ruleOf({ id: "mailbox.minute", unit: "messages", amount: 3000, windowMs: minuteMs, burst: 300, shares }),
  ruleOf({ id: "mailbox.day", amount: 1_100_000, windowMs: dayMs, burst: 110_000, shares }),
  ruleOf({ id: "tenant.day", unit: "external-recipients", amount: 1_100_000, windowMs: dayMs, shares }),
  ruleOf({ id: "principal.day", amount: 1_100_000, windowMs: dayMs, shares, scope: ["principal"] }),
  ruleOf({ id: "receiver.hour", unit: "messages", amount: 3600, windowMs: hourMs, shares, scope: ["recipient"] }),
  ruleOf({ id: "pair.hour", unit: "messages", amount: 1200, windowMs: hourMs, shares, scope: ["sender-recipient"] }),
];

/** Published nowhere, and the most that memory is asked for: each receiver's use is remembered for a day. */
export const receiverDay = ruleOf({ id: "receiver.day", unit: "messages", amount: 5000, windowMs: dayMs, shares, scope: ["recipient"] });

const journal = { load: () => Promise.resolve({ anchor: null, marks: [] }), write: () => Promise.resolve() };

export interface AdmissionRates {
  /** In a second of one processor. */
  readonly admissions: number;
  readonly withSettlements: number;
}

/** The journal takes everything at once; its writing is the store's cost. */
export async function measureAdmissions(count: number, receivers: number): Promise<AdmissionRates> {
  const clock = new TestClock();
  const ledger = await openLedger({ rules: twentyRules, clock, journal });
  const requests = Array.from({ length: receivers }, (_, i) => requestOf({ now: 0, recipients: [addressOf(i)] }));
  const outcome = { now: 0, taken: 1, refused: 0, asked: true };
  const given: Reservation[] = [];
  const run = async (upTo: number): Promise<{ readonly admitting: number; readonly all: number }> => {
    let [admitting, all] = [0, 0];
    for (let i = 0; i < upTo; i += underWay) {
      clock.uptime += 0.001 * underWay;
      const begun = processorSeconds();
      for (let k = i; k < i + underWay; k++) given.push(admitted(ledger, requests[k % receivers] as AdmissionRequest));
      const between = processorSeconds();
      for (const reservation of given) ledger.settle(reservation, outcome);
      all += processorSeconds() - begun;
      admitting += between - begun;
      given.length = 0;
      // The journal's writes are heard of.
      await Promise.resolve();
    }
    return { admitting, all };
  };
  await run(count / 4);
  const { admitting, all } = await run(count);
  return { admissions: count / admitting, withSettlements: count / all };
}

/** Heap that a ledger holds after a day in which `recipients` were sent to, evenly over the day and over `receivers`, one a message. */
export async function heapAfterDay(recipients: number, receivers: number, rules: readonly LimitRule[]): Promise<number> {
  const collect = collector();
  const clock = new TestClock();
  const addresses = Array.from({ length: receivers }, (_, i) => addressOf(i));
  collect();
  const before = process.memoryUsage().heapUsed + process.memoryUsage().external;
  const ledger = await openLedger({ rules, clock, journal });
  for (let i = 0; i < recipients; i++) {
    clock.uptime += dayMs / recipients;
    const request = requestOf({ now: clock.now(), recipients: [addresses[(i * 7919) % receivers] as string] });
    ledger.settle(admitted(ledger, request), { now: request.now, taken: 1, refused: 0, asked: true });
    if (i % underWay === 0) await Promise.resolve();
  }
  collect();
  const heapBytes = process.memoryUsage().heapUsed + process.memoryUsage().external - before;
  const [first] = ledger.usage(clock.now()).filter(({ rule }) => rule.id === "tenant.day");
  if ((first?.used ?? 0) < recipients * 0.99) throw new Error(`only ${first?.used} of ${recipients} are counted`);
  return heapBytes;
}

function admitted(ledger: Ledger, request: AdmissionRequest): Reservation {
  const admission = ledger.admit(request);
  if (!admission.ok) throw new Error(`refused by ${admission.limit.id}`);
  return admission.reservation;
}

function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function addressOf(number: number): string {
  return `user${number}@fabrikam${number % 100}.example`;
}

function collector(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}
