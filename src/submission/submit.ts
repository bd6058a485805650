/**
 * Submission: the one way in. Whatever the door, a message passes here: its header is checked against who submits, what is missing is
 * added, routes are decided, and it becomes durable. `end` resolves with a receipt only after the commit.
 *
 * Small content stays in memory and goes into the message's row; content that outgrows `inRowBytes` is streamed to the store's segments as
 * it arrives, so that a message of any size costs a bounded amount of memory.
 */
import { refuse } from "../mail/refusal.ts";
import type { ContentWriter } from "../queue/store.ts";
import { scanHeader } from "../wire/mime/header-scan.ts";
import { PersonalArrival } from "./personal-arrival.ts";
import { prepare } from "./prepare.ts";
import { refusalOf } from "../queue/refusal-of.ts";
import { inRowBytes, type SubmitDeps } from "./submit-deps.ts";
import type { ContentFacts, Draft, Incoming, Receipt, Submit } from "./submission.ts";

/** The header section is looked for in so many bytes; what is longer is refused. */
const maxHeaderBytes = 256 * 1024;

export function createSubmit(deps: SubmitDeps): Submit {
  return (draft) => {
    // Checked before the content is taken, so that a full disk does not cost the client a transfer first.
    if (deps.store.freeBytes() <= 0) throw refuse("spool.full");
    return draft.principal.xsmtpapi === true ? new PersonalArrival(draft, deps) : new Arrival(draft, deps);
  };
}

class Arrival implements Incoming {
  readonly #draft: Draft;
  readonly #deps: SubmitDeps;
  readonly #pieces: Buffer[] = [];
  #inMemory = 0;
  /** How much must have come before the header's end is looked for: grows by half each time, or a flood of tiny pieces would cost its square. */
  #spillAt = inRowBytes + 1;
  #writer: ContentWriter | null = null;
  #head: Buffer | null = null;

  constructor(draft: Draft, deps: SubmitDeps) {
    this.#draft = draft;
    this.#deps = deps;
  }

  write(piece: Buffer): void | Promise<void> {
    if (this.#writer !== null) return this.#writer.write(piece);
    this.#pieces.push(piece);
    this.#inMemory += piece.length;
    if (this.#inMemory >= this.#spillAt) return this.#spill();
  }

  /** From here on the content goes to disk; its beginning is kept for the header. */
  #spill(): void | Promise<void> {
    const head = Buffer.concat(this.#pieces);
    if (head.length < maxHeaderBytes && scanHeader(head, false).end < 0) {
      // The header section is not complete yet: wait for it, up to its bound.
      this.#pieces.length = 0;
      this.#pieces.push(head);
      this.#spillAt = Math.min(maxHeaderBytes, Math.ceil(head.length * 1.5));
      return;
    }
    this.#head = head;
    this.#pieces.length = 0;
    this.#writer = this.#deps.store.openContent();
    return this.#writer.write(head);
  }

  abort(): void {
    this.#writer?.abort();
    this.#pieces.length = 0;
  }

  async end(facts: ContentFacts): Promise<Receipt> {
    const { deps, draft } = { deps: this.#deps, draft: this.#draft };
    const body = this.#writer === null ? (this.#pieces.length === 1 ? (this.#pieces[0] as Buffer) : Buffer.concat(this.#pieces)) : null;
    try {
      const header = scanHeader(this.#head ?? body ?? Buffer.alloc(0), this.#writer === null);
      const { message, addressed } = await prepare(draft, header, facts, () => this.#writer?.finish(), deps);
      if (draft.announce !== undefined) await draft.announce(message.id);
      await deps.queue.accept(message, body, addressed);
      return { id: message.id };
    } catch (error) {
      this.abort();
      throw refusalOf(error);
    }
  }
}
