import type { ContentFacts, Draft, Incoming, Receipt, Submit } from "../../src/submission/submission.ts";

/** A message that a door handed in. */
export interface Submitted {
  readonly draft: Draft;
  readonly content: Buffer;
  readonly facts: ContentFacts;
}

/** The port of submission, in memory: what a door hands in is kept for a test to look at. Nothing is durable. */
export class RecordingSubmit {
  readonly messages: Submitted[] = [];
  /** Messages begun and not ended. */
  open = 0;
  aborted = 0;
  /** Thrown by `end` when set. */
  refusal: Error | null = null;
  /** Awaited by `write` when set: a disk that is slow. */
  writeGate: Promise<void> | null = null;
  /** Awaited by `end` when set. */
  endGate: Promise<void> | null = null;
  #lastId = 0;

  readonly submit: Submit = (draft) => new Recorded(this, draft);

  nextId(): number {
    return ++this.#lastId;
  }
}

class Recorded implements Incoming {
  readonly #to: RecordingSubmit;
  readonly #draft: Draft;
  readonly #pieces: Buffer[] = [];

  constructor(to: RecordingSubmit, draft: Draft) {
    this.#to = to;
    this.#draft = draft;
    to.open++;
  }

  write(piece: Buffer): void | Promise<void> {
    this.#pieces.push(piece);
    if (this.#to.writeGate !== null) return this.#to.writeGate;
  }

  async end(facts: ContentFacts): Promise<Receipt> {
    this.#to.open--;
    if (this.#to.endGate !== null) await this.#to.endGate;
    if (this.#to.refusal !== null) throw this.#to.refusal;
    const id = this.#to.nextId();
    await this.#draft.announce?.(id);
    this.#to.messages.push({ draft: this.#draft, content: Buffer.concat(this.#pieces), facts });
    return { id };
  }

  abort(): void {
    this.#to.open--;
    this.#to.aborted++;
  }
}
