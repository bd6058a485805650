import { LruMap } from "../../lib/lru.ts";
import { messageIdEnding, messageIdFieldOf, messageIdOf } from "./operation-id.ts";
import type { OperationRecord, OperationRecords } from "./operation-record.ts";

/** A client's own id is remembered for so long at least: MS asks for no time; an `Idempotency-Key` elsewhere is kept as long. */
export const remembersMs = 24 * 3_600_000;

/** Ids whose message is known without a look at the archive. */
const maxKnown = 100_000;

/**
 * Finds the message of an operation, for the principal that sent it and nobody else.
 *
 * Durable without a store of its own: our ids hold the message's id, and what came with a client's id has a Message-ID made of it, committed with
 * the message. The map only spares the look.
 */
export class Operations {
  readonly #records: OperationRecords;
  readonly #hostname: string;
  readonly #known = new LruMap<string, number>(maxKnown);
  /** What came with clients' ids before this process began; asked for when the first id is not known. */
  #earlier: Promise<ReadonlyMap<string, number> | null> | null = null;
  /** Requests under way with a client's id: another one with it waits for the first. */
  readonly #underWay = new Map<string, Promise<unknown>>();

  constructor(records: OperationRecords, hostname: string) {
    this.#records = records;
    this.#hostname = hostname;
  }

  /** @param since policy-clock ms; absent: as far back as the history goes, at the price of a look through what waits */
  async find(operationId: string, principal: string, since?: number): Promise<OperationRecord | null> {
    const field = messageIdFieldOf(operationId, principal, this.#hostname);
    let id = this.#known.get(key(operationId, principal)) ?? messageIdOf(operationId, principal);
    if (id === null && since !== undefined && this.#known.size < maxKnown) {
      const earlier = await this.#loadEarlier(since);
      id = earlier?.get(field) ?? null;
      // Everything since then is in one of the two maps.
      if (id === null && earlier !== null) return null;
    }
    // Whoever has seen a Message-ID can send another message with it: that is not this operation.
    const records = id === null ? await this.#records.byMessageId(field, since) : [await this.#records.byId(id)];
    return records.find((record) => record?.principal === principal && record.door === "acs") ?? null;
  }

  #loadEarlier(since: number): Promise<ReadonlyMap<string, number> | null> {
    this.#earlier ??= this.#records.byEnding(messageIdEnding(this.#hostname), since).catch((error: unknown) => {
      this.#earlier = null;
      throw error;
    });
    return this.#earlier;
  }

  remember(operationId: string, principal: string, messageId: number): void {
    this.#known.set(key(operationId, principal), messageId);
  }

  /** Runs one at a time for each id of a principal. */
  async alone<T>(operationId: string, principal: string, work: () => Promise<T>): Promise<T> {
    const name = key(operationId, principal);
    for (let other = this.#underWay.get(name); other !== undefined; other = this.#underWay.get(name)) await other.catch(() => undefined);
    const own = work();
    this.#underWay.set(name, own);
    try {
      return await own;
    } finally {
      this.#underWay.delete(name);
    }
  }
}

function key(operationId: string, principal: string): string {
  return `${operationId} ${principal}`;
}
