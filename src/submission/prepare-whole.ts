import type { NewMessage } from "../queue/admission.ts";
import type { HeaderScan } from "../wire/mime/header-scan.ts";
import { prepare } from "./prepare.ts";
import type { ContentFacts, Draft } from "./submission.ts";
import { inRowBytes, type SubmitDeps } from "./submit-deps.ts";

/** A message whose content is all there. */
export interface Whole {
  readonly draft: Draft;
  readonly header: HeaderScan;
  /** The content, in order. */
  readonly pieces: readonly Buffer[];
  readonly facts: ContentFacts;
  readonly event?: NewMessage["event"];
}

/**
 * Ready to be accepted, with others in one commit. A small content stays in memory and goes into the message's row; a larger one is on the
 * disk afterwards, and what `undo` gets takes it back when the commit does not come.
 *
 * @throws Refusal
 */
export async function prepareWhole(
  { draft, header, pieces, facts, event }: Whole,
  undo: (() => void)[],
  deps: SubmitDeps,
): Promise<NewMessage> {
  const inRow = facts.size <= inRowBytes;
  const store = async () => {
    const writer = deps.store.openContent();
    undo.push(() => writer.abort());
    for (const piece of pieces) if (piece.length > 0) await writer.write(piece);
    return writer.finish();
  };
  const prepared = await prepare(draft, header, facts, () => (inRow ? undefined : store()), deps);
  return {
    ...prepared,
    body: inRow ? (pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces)) : null,
    ...(draft.notBefore === undefined ? {} : { notBefore: draft.notBefore }),
    ...(event === undefined ? {} : { event }),
  };
}
