import { failure } from "../../src/mail/failure-codes.ts";
import { seededRandom } from "../../src/lib/seeded-random.ts";
import { openLedger, type Ledger } from "../../src/limits/ledger.ts";
import type { Reservation, ReservationOutcome } from "../../src/limits/limits.ts";
import type { JournalEntry, LimitJournal } from "../../src/limits/journal.ts";
import type { LimitRule } from "../../src/limits/rule.ts";
import { TestClock, TestJournal } from "../../src/limits/support.ts";
import { breaches, type Breach, type Sent } from "./judge.ts";
import { Chance, drawMail, drawRules, type Mail } from "./world.ts";

/**
 * One random schedule: rules, mail, one to eight workers whose attempts overlap, a service that answers late, refuses and says that it is
 * full, a journal whose writes take time, crashes that lose all that was not durable, orderly stops, starts of the machine, steps of the wall
 * clock, leaps of the sandbox's clock. What was sent is judged afterwards.
 */
export interface Played {
  readonly seed: number;
  readonly breaches: readonly Breach[];
  readonly admitted: number;
  readonly refused: number;
  readonly restarts: number;
  /** Anything else that is not as promised. */
  readonly faults: readonly string[];
}

/** A crash may leave mail on its way for so long. */
const lateMs = 30_000;

interface Event {
  readonly at: number;
  readonly run: () => void | Promise<void>;
}

interface Attempt {
  readonly mail: Mail;
  readonly reservation: Reservation;
  readonly sent: { -readonly [Key in keyof Sent]: Sent[Key] };
  readonly outcome: Omit<ReservationOutcome, "now">;
  /** It has waited for what it must. */
  isSent: boolean;
  /** Its process has ended, or it has. */
  isOver: boolean;
}

export async function play(seed: number): Promise<Played> {
  return new Schedule(seed).play();
}

class Schedule {
  readonly #seed: number;
  readonly #chance: Chance;
  readonly #clock = new TestClock();
  readonly #journal = new TestJournal();
  readonly #baseMs: number;
  readonly #isTight: boolean;
  readonly #rules: readonly LimitRule[];
  readonly #users: number;
  readonly #most: number;
  /** A write of the journal takes up to so long. */
  readonly #delayMs: number;
  readonly #sent: Sent[] = [];
  readonly #faults: string[] = [];
  readonly #events: Event[] = [];
  readonly #under = new Set<Attempt>();
  /** True time: what no clock shows. */
  #now = 0;
  #ledger: Ledger | null = null;
  /** On its way to the disk. */
  #writing: JournalEntry | null = null;
  #restarts = 0;
  readonly #crashAfter: number;
  /** Counts crashes and stops: what belongs to an earlier life does nothing. */
  #life = 0;
  #admitted = 0;
  #refused = 0;
  /** The wall clock's error when the anchor was last written: only the machine's start can bring it back. */
  #errorAtWrite = 0;
  #error = 0;

  constructor(seed: number) {
    this.#seed = seed;
    this.#chance = new Chance(seededRandom(seed));
    const chance = this.#chance;
    this.#baseMs = chance.of([1000, 10_000, 60_000, 3_600_000]);
    // Half of them send more than one rule allows and crash early or while something is written: there most is to be forgotten.
    this.#isTight = chance.is(0.5);
    this.#users = this.#isTight ? 1 : chance.of([2, 5, 50]);
    this.#most = chance.of([3, 10, 50]);
    const rules = drawRules(chance, this.#baseMs, this.#isTight ? chance.of([2, 10, 40]) : chance.of([5, 30, 200, 1000]));
    this.#rules = this.#isTight ? rules.slice(0, 1) : rules;
    this.#crashAfter = chance.whole(1, 10);
    this.#delayMs = chance.of([0, 5, this.#baseMs / 50]);
  }

  async play(): Promise<Played> {
    const chance = this.#chance;
    await this.#start();
    const workers = chance.whole(1, 8);
    for (let number = 0; number < workers; number++) this.#after(chance.below(this.#baseMs / 10), () => this.#work());
    const length = this.#baseMs * chance.of([2, 4, 8]);
    for (let count = chance.whole(0, 4); count > 0; count--) this.#after(chance.below(length), () => this.#disturb());
    if (this.#isTight) this.#after(this.#baseMs * 10 ** -chance.below(4), () => this.#restart(false));
    for (let steps = 0; steps < 1500; steps++) {
      const next = this.#takeNext();
      if (next === null || next.at > length) break;
      this.#move(next.at - this.#now);
      await next.run();
      await settled();
    }
    for (const attempt of this.#under) if (attempt.isSent) this.#sent.push(attempt.sent);
    return {
      seed: this.#seed,
      breaches: breaches(this.#rules, this.#sent),
      admitted: this.#admitted,
      refused: this.#refused,
      restarts: this.#restarts,
      faults: this.#faults,
    };
  }

  #after(ms: number, run: () => void | Promise<void>): void {
    this.#events.push({ at: this.#now + Math.max(0, ms), run });
  }

  #takeNext(): Event | null {
    let best = -1;
    for (let i = 0; i < this.#events.length; i++)
      if (best < 0 || (this.#events[i] as Event).at < (this.#events[best] as Event).at) best = i;
    return best < 0 ? null : (this.#events.splice(best, 1)[0] ?? null);
  }

  #move(ms: number): void {
    this.#now += ms;
    this.#clock.uptime += ms;
  }

  /** The journal as one process has it: a write is durable after a while, and one that is gone writes no more. */
  #journalOf(life: number): LimitJournal {
    const chance = this.#chance;
    const gone = new Promise<never>(() => undefined);
    return {
      load: () => this.#journal.load(),
      write: async (entry) => {
        if (life !== this.#life) return gone;
        this.#writing = entry;
        if (this.#isTight && chance.is(0.02))
          this.#after(chance.below(this.#delayMs), () => (life === this.#life ? this.#restart(false) : undefined));
        if (this.#delayMs > 0) await new Promise<void>((resolve) => this.#after(chance.below(this.#delayMs), resolve));
        if (life !== this.#life) return gone;
        return this.#write(entry);
      },
    };
  }

  async #write(entry: JournalEntry): Promise<void> {
    this.#writing = null;
    this.#errorAtWrite = this.#error;
    await this.#journal.write(entry);
  }

  async #start(): Promise<void> {
    const life = ++this.#life;
    const opening = openLedger({ rules: this.#rules, clock: this.#clock, journal: this.#journalOf(life) });
    let ledger: Ledger | null = null;
    opening.then(
      (opened) => (ledger = opened),
      (error: unknown) => this.#faults.push(String(error)),
    );
    await settled();
    if (ledger === null) {
      // The first write takes time; nobody asks before.
      void opening.then((opened) => {
        if (life === this.#life) this.#ledger = opened;
      });
    } else this.#ledger = ledger;
  }

  #work(again = false): void {
    const chance = this.#chance;
    const ledger = this.#ledger;
    if (ledger === null) return this.#after(chance.below(this.#baseMs / 10), () => this.#work());
    const mail = drawMail(chance, this.#users, this.#most, this.#isTight);
    const now = this.#clock.now();
    const admission = ledger.admit({ ...mail, now, again });
    if (!admission.ok) {
      this.#refused++;
      const wait = admission.notBefore - now;
      if (!(wait > 0 && Number.isFinite(wait))) this.#faults.push(`not before ${admission.notBefore}, asked at ${now}`);
      // As a rule it obeys; at times it asks early, or with other mail.
      const pause = chance.is(0.3) ? chance.below(wait) : Math.min(wait, this.#baseMs * 3);
      return this.#after(chance.is(0.2) ? chance.below(this.#baseMs / 20) : pause, () => this.#work(true));
    }
    this.#admitted++;
    // Just when something was used that needed no mark.
    if (this.#isTight && this.#admitted === this.#crashAfter) this.#after(chance.below(this.#baseMs / 20), () => this.#restart(false));
    const attempt = this.#attemptOf(mail, admission.reservation);
    this.#under.add(attempt);
    const { ready } = admission;
    if (ready === null) this.#send(attempt);
    else
      ready.then(
        () => this.#send(attempt),
        (error: unknown) => this.#faults.push(String(error)),
      );
  }

  #attemptOf(mail: Mail, reservation: Reservation): Attempt {
    const chance = this.#chance;
    const asked = chance.is(0.95);
    const goesWell = chance.is(0.75);
    const recipients = mail.recipients.map((address) => ({
      address,
      fate: goesWell ? ("taken" as const) : chance.of(["taken", "refused", "untried"] as const),
    }));
    const count = (fate: string): number => recipients.filter((recipient) => asked && recipient.fate === fate).length;
    const notTaken = recipients.flatMap(({ fate }, position) => (asked && fate === "taken" ? [] : [position]));
    const isFull = asked && !goesWell && chance.is(0.2);
    return {
      mail,
      reservation,
      sent: { ...mail, isExternal: mail.external > 0, reservedAt: this.#now, endedAt: Infinity, closedAt: Infinity, asked, recipients },
      outcome: {
        asked,
        taken: count("taken"),
        refused: count("refused"),
        ...(notTaken.length === 0 ? {} : { notTaken }),
        ...(isFull ? { full: { failure: failure("quota.mailbox"), positions: notTaken } } : {}),
      },
      isSent: false,
      isOver: false,
    };
  }

  #send(attempt: Attempt): void {
    const chance = this.#chance;
    if (attempt.isOver) return;
    attempt.isSent = true;
    const latency = chance.is(this.#isTight ? 0 : 0.05)
      ? chance.below(this.#baseMs * 1.5)
      : chance.below(this.#baseMs / chance.of([5, 50, 500]));
    this.#after(latency, () => {
      if (attempt.isOver) return;
      this.#ledger?.settle(attempt.reservation, { ...attempt.outcome, now: this.#clock.now() });
      this.#record(attempt, this.#now);
      this.#after(chance.is(0.5) ? 0 : chance.below(this.#baseMs / 20), () => this.#work());
    });
  }

  #record(attempt: Attempt, endedAt: number): void {
    attempt.isOver = true;
    this.#under.delete(attempt);
    if (attempt.isSent) this.#sent.push({ ...attempt.sent, endedAt, closedAt: Math.min(endedAt, this.#now) });
  }

  async #disturb(): Promise<void> {
    const chance = this.#chance;
    switch (chance.of(["crash", "crash", "stop", "step", "leap", "rules"] as const)) {
      case "crash":
        return this.#restart(false);
      case "stop":
        return this.#restart(true);
      case "step":
        return this.#step(chance.below(4 * 86_400_000) - 2 * 86_400_000);
      case "leap":
        // The service lives by the same clock.
        return this.#move(chance.below(this.#baseMs * 2));
      case "rules":
        return void this.#ledger?.setRules(this.#rules).catch((error: unknown) => this.#faults.push(String(error)));
    }
  }

  #step(ms: number): void {
    this.#clock.wall += ms;
    this.#error += ms;
  }

  async #restart(inOrder: boolean): Promise<void> {
    const chance = this.#chance;
    if (this.#ledger === null) return;
    if (inOrder) {
      let isClosed = false;
      const closing = this.#ledger[Symbol.asyncDispose]();
      closing.then(
        () => (isClosed = true),
        (error: unknown) => this.#faults.push(String(error)),
      );
      this.#ledger = null;
      // Workers are sent home; what is under way is cut off.
      for (const attempt of this.#under) this.#record(attempt, this.#now + chance.below(lateMs));
      for (let i = 0; i < 50 && !isClosed; i++) {
        const next = this.#takeNext();
        if (next === null) break;
        this.#move(Math.max(0, next.at - this.#now));
        await next.run();
        await settled();
      }
    } else {
      for (const attempt of this.#under) this.#record(attempt, this.#now + chance.below(lateMs));
      // What was on its way may have arrived; nobody was told.
      if (this.#writing !== null && chance.is(0.5)) await this.#write(this.#writing);
    }
    this.#ledger = null;
    this.#writing = null;
    this.#life++;
    this.#restarts++;
    this.#events.length = 0;
    this.#move(chance.is(0.7) ? chance.below(this.#baseMs / 20) : chance.below(this.#baseMs));
    if (chance.is(0.3)) this.#step(chance.below(4 * 86_400_000) - 2 * 86_400_000);
    if (chance.is(0.3)) this.#bootAnew();
    await this.#start();
    for (let workers = chance.whole(1, 8); workers > 0; workers--) this.#after(0, () => this.#work());
    if (chance.is(0.6)) this.#after(chance.below(this.#baseMs), () => this.#disturb());
  }

  /** Nothing but the wall clock tells how long the machine was off: one that went ahead meanwhile cannot be found out, so it does not here. */
  #bootAnew(): void {
    const error = Math.min(this.#error, this.#errorAtWrite);
    this.#clock.wall += error - this.#error + this.#clock.uptime - 1000;
    this.#error = error;
    this.#clock.uptime = 1000;
    this.#clock.boot = `boot ${this.#life}`;
  }
}

/** Lets promises that are kept be heard of. */
async function settled(): Promise<void> {
  for (let i = 0; i < 12; i++) await Promise.resolve();
}
