import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { removeHalfWritten, replaceFile } from "../lib/replace-file.ts";
import { Reputation, type ReputationDump, type ReputationFigures } from "../limits/reputation.ts";
import { domainOf } from "../mail/address.ts";
import type { TraceRecord } from "../queue/archive.ts";
import type { QueueLog } from "../queue/queue-log.ts";
import { dayMs } from "../services/counted.ts";
import { reputationFile } from "./state-files.ts";

export interface ReputationParts {
  /** Policy-clock ms. */
  readonly now: () => number;
  readonly onTrouble: (error: unknown) => void;
}

/** Figures, not accounts: a crash may cost the last minutes of them, and a file that cannot be read costs no start. */
export async function openReputation(dataDirectory: string, parts: ReputationParts): Promise<ReputationBook> {
  const path = join(dataDirectory, reputationFile);
  removeHalfWritten(path);
  let dump: ReputationDump | null = null;
  try {
    dump = readDump(await readFile(path, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") parts.onTrouble(error);
  }
  return new ReputationBook(path, new Reputation(dump), parts);
}

const writeEveryMs = 5 * 60_000;

export class ReputationBook implements AsyncDisposable {
  readonly #path: string;
  readonly #reputation: Reputation;
  readonly #parts: ReputationParts;
  readonly #timer: NodeJS.Timeout;
  #writing: Promise<void> = Promise.resolve();

  constructor(path: string, reputation: Reputation, parts: ReputationParts) {
    this.#path = path;
    this.#reputation = reputation;
    this.#parts = parts;
    this.#timer = setInterval(() => void this.#write(), writeEveryMs).unref();
  }

  /** The last `days` days, 90 at most. */
  figures(days?: number): readonly ReputationFigures[] {
    return this.#reputation.figures(this.#today, days);
  }

  /** Somebody complained of mail from this domain that had left by this route. */
  complained(domain: string, route: string): void {
    this.#reputation.count(domain, route, this.#today, "complaint");
  }

  becameBulk(rule: string, domain: string): void {
    this.#reputation.becameBulk(rule, domain, this.#today);
  }

  /** Day, `2027-01-15`; null: it is none. */
  bulkSince(rule: string, domain: string): string | null {
    const day = this.#reputation.bulkSince(rule, domain);
    return day === null ? null : new Date(day * dayMs).toISOString().slice(0, 10);
  }

  /** The same log, which counts what it is told. Our own notifications are nobody's reputation. */
  counting(log: QueueLog): QueueLog {
    return {
      ...log,
      relayed: (message, recipient, attempt, text) => {
        log.relayed(message, recipient, attempt, text);
        if (message.dsnFor === undefined) this.#reputation.count(fromDomain(message), attempt.route, this.#today, "relayed");
      },
      failed: (message, recipient, attempt, failure) => {
        log.failed(message, recipient, attempt, failure);
        if (attempt !== null && failure.origin === "remote" && message.dsnFor === undefined)
          this.#reputation.count(fromDomain(message), attempt.route, this.#today, "failed");
      },
      heardLater: (story, address, fate) => {
        log.heardLater(story, address, fate);
        const route = fate.action === "failed" && story.dsnFor === undefined ? routeOf(story, fate.n) : null;
        if (route !== null) this.#reputation.count(fromDomain(story), route, this.#today, "returned");
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#write();
  }

  get #today(): number {
    return Math.floor(this.#parts.now() / dayMs);
  }

  #write(): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      if (!this.#reputation.isChanged) return;
      try {
        await replaceFile(this.#path, JSON.stringify(this.#reputation.dump(this.#today)));
      } catch (error) {
        this.#parts.onTrouble(error);
      }
    });
    return this.#writing;
  }
}

/** Of the first author; where there is none, of the reverse-path. */
function fromDomain({ author, reversePath }: Pick<TraceRecord, "author" | "reversePath">): string {
  const comma = author.indexOf(",");
  return domainOf(author === "" ? (reversePath ?? "") : comma < 0 ? author : author.slice(0, comma));
}

/** By which a recipient was relayed; null: it was not. */
function routeOf({ attempts }: TraceRecord, n: number): string | null {
  return attempts.findLast(({ results }) => results.some((result) => result.n === n && result.to === "relayed"))?.route ?? null;
}

/** @throws Error for what is none of our making */
function readDump(text: string): ReputationDump {
  const dump = JSON.parse(text) as Partial<ReputationDump> | null;
  const { pairs, bulkSenders } = dump ?? {};
  const whole = (each: unknown): boolean => Number.isSafeInteger(each) && (each as number) >= 0;
  const sound =
    Array.isArray(pairs) &&
    Array.isArray(bulkSenders) &&
    (pairs as readonly ReputationDump["pairs"][number][]).every(
      ({ domain, route, firstUse, days }) =>
        typeof domain === "string" &&
        typeof route === "string" &&
        whole(firstUse) &&
        Array.isArray(days) &&
        (days as readonly unknown[]).every((day) => Array.isArray(day) && day.length === 5 && (day as readonly unknown[]).every(whole)),
    ) &&
    (bulkSenders as readonly ReputationDump["bulkSenders"][number][]).every(
      ({ rule, domain, day }) => typeof rule === "string" && typeof domain === "string" && whole(day),
    );
  if (!sound) throw new Error(`${reputationFile} does not hold figures; they begin anew`);
  return dump as ReputationDump;
}
