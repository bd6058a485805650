import type { Counter } from "./counter.ts";
import type { JournalContents, UsageMark } from "./journal.ts";
import type { RuleBook } from "./route-plan.ts";

/** What was under way when a run was cut off may still reach the service so long after the next one has begun. */
const lateMs = 30_000;
/** A mark whose rule nobody knows any more is kept so long, in case it comes back. */
const strangerMs = 31 * 86_400_000;
/** Marks of one counter at an orderly stop. */
const maxMarks = 64;

/** What an earlier run has used by rules that nobody knows now, by counter: they may come back. */
export type Strangers = Map<string, readonly UsageMark[]>;

/**
 * Brings back what an earlier run has used. Open chunks count as used up and settled now, and so does what may have been used without a
 * mark. `renewed`: marks that are to be written anew.
 */
export function restore(
  book: RuleBook,
  { anchor, marks }: JournalContents,
  now: number,
): { readonly renewed: readonly UsageMark[]; readonly strangers: Strangers } {
  const settledNow = Math.ceil(now + lateMs);
  const renewed: UsageMark[] = [];
  const strangers: Strangers = new Map();
  for (const [text, ofCounter] of Map.groupBy(marks, (mark) => mark.counter)) {
    const counter = counterOf(book, text, now);
    const until = Math.ceil(counter === null ? settledNow + strangerMs : counter.rule.expiryAfter(settledNow));
    const open = ofCounter.filter(({ settledAt }) => settledAt === null).map((mark) => ({ ...mark, settledAt: settledNow, until }));
    renewed.push(...open);
    const all = [...ofCounter.filter(({ settledAt }) => settledAt !== null), ...open];
    if (counter === null) strangers.set(text, all);
    else fill(counter, all, now);
  }
  for (const rule of book.rules) {
    const units = anchor?.floors[rule.rule.id] ?? 0;
    if (units > 0) rule.assume(units, rule.expiryAfter(settledNow));
  }
  for (const set of book.sets) for (const counter of set.counters()) counter.assume();
  return { renewed, strangers };
}

/** Other rules hold: some may have been known to an earlier run. */
export function recognize(book: RuleBook, strangers: Strangers, now: number): void {
  for (const [text, marks] of strangers) {
    const counter = counterOf(book, text, now);
    if (counter === null) continue;
    fill(counter, marks, now);
    strangers.delete(text);
  }
}

/** Everything that counts, or would if its rule were in force, exactly: for an orderly stop. */
export function exactMarks(book: RuleBook, strangers: Strangers, now: number, nextId: () => number): UsageMark[] {
  const marks = [...strangers.values()].flat().filter(({ until }) => until !== null && until > now);
  for (const set of book.knownSets()) {
    const { rule } = set;
    if (rule.windowMs === 0) continue;
    // A unit that settled then is found to expire when it does.
    const countsMs = rule.expiryAfter(0);
    for (const counter of set.counters()) {
      if (now >= counter.nextExpiry) counter.expire(now);
      const mark = (kind: UsageMark["kind"], units: number, settledAt: number): void => {
        const at = Math.ceil(settledAt);
        if (units > 0)
          marks.push({ chunk: nextId(), counter: counter.journalKey, kind, units, settledAt: at, until: Math.ceil(rule.expiryAfter(at)) });
      };
      for (const [until, units] of counter.expiries(maxMarks)) mark("used", units, until - countsMs);
      mark("used", counter.held, now + lateMs);
      if (counter.strain !== null) mark("foreign", Math.ceil(counter.strain.foreignAt(now)), now);
    }
  }
  return marks;
}

function counterOf(book: RuleBook, text: string, now: number): Counter | null {
  const [id, party, key, recipient] = JSON.parse(text) as [string, string, string, string];
  return book.set(id, party)?.counter(key, recipient, now) ?? null;
}

function fill(counter: Counter, marks: readonly UsageMark[], now: number): void {
  const { rule } = counter;
  for (const { chunk, kind, units, settledAt } of marks.toSorted((a, b) => (a.settledAt ?? 0) - (b.settledAt ?? 0))) {
    const at = settledAt as number;
    if (kind === "foreign") {
      counter.strained().setForeign(units, at, rule.windowMs);
      counter.foreignMark = chunk;
    } else if (rule.expiryAfter(at) > now) counter.add(rule.expiryAfter(at), units, 0);
  }
}
