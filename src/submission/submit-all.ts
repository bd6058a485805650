import { refuse } from "../mail/refusal.ts";
import type { NewMessage } from "../queue/admission.ts";
import { refusalOf } from "../queue/refusal-of.ts";
import { scanHeader } from "../wire/mime/header-scan.ts";
import { ContentScanner } from "../wire/smtp/content-scanner.ts";
import { prepareWhole } from "./prepare-whole.ts";
import type { ContentFacts, SubmitAll } from "./submission.ts";
import { maxTogetherBytes, type SubmitDeps } from "./submit-deps.ts";

/**
 * Several messages that belong together, as an API takes them in one request: all are accepted in one commit, or none is. They are made one
 * after the other; of each only what goes into its row stays in memory until the commit, and that much is asked for.
 */
export function createSubmitAll(deps: SubmitDeps): SubmitAll {
  return async (messages, more) => {
    if (deps.store.freeBytes() <= 0) throw refuse("spool.full");
    const undo: (() => void)[] = [];
    const accepted: NewMessage[] = [];
    let bytes = 0;
    try {
      for await (const { draft, content, event } of messages) {
        bytes += content.length;
        if (bytes > maxTogetherBytes) throw refuse("submission.too-large", { text: "The messages of this request are too large together" });
        const { maxMessageSize } = draft.principal;
        if (maxMessageSize !== undefined && content.length > maxMessageSize) throw refuse("submission.too-large");
        const { pieces, facts } = looked(content);
        const message = await prepareWhole(
          {
            draft,
            header: scanHeader(content, true),
            pieces,
            facts,
            ...(event === undefined ? {} : { event: { at: deps.clock.now(), ...event } }),
          },
          undo,
          deps,
        );
        if (message.body !== null && !more(message.body.length)) throw refuse("system.busy");
        accepted.push(message);
      }
      await deps.queue.acceptAll(accepted);
      return accepted.map(({ message: { id } }) => ({ id }));
    } catch (error) {
      for (const back of undo) back();
      throw refusalOf(error);
    }
  };
}

/** What the SMTP door learns as content comes in: its facts, each line ended by CR LF. */
function looked(content: Buffer): { readonly pieces: readonly Buffer[]; readonly facts: ContentFacts } {
  const scanner = new ContentScanner(false, "normalise");
  const pieces: Buffer[] = [];
  let at = 0;
  while (at < content.length) {
    at = scanner.scan(content, at, content.length);
    if (scanner.piece !== null) pieces.push(scanner.piece);
  }
  const end = scanner.finish();
  if (end !== null) pieces.push(end);
  const { size, leadingDots, eightBit } = scanner;
  return { pieces, facts: { size, leadingDots, eightBit } };
}
