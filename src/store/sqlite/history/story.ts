import type { TraceRecord, TraceSummary } from "../../../queue/archive.ts";
import type { RecipientState, TraceEvent } from "../../../queue/store.ts";

/** A message's story as it is stored: a TraceRecord with what else its row had; or something heard after the end. */
export interface Story extends TraceRecord {
  readonly leadingDots?: true;
  readonly eightBit?: true;
  readonly late?: TraceEvent;
}

export function recordOf({ leadingDots: _dots, eightBit: _eight, late: _late, ...record }: Story): TraceRecord {
  return record;
}

/** Stories of one message, joined; null when there is none but late ones. */
export function joinLate(stories: readonly Story[]): TraceRecord | null {
  const closed = stories.find(({ late }) => late === undefined);
  if (closed === undefined) return null;
  // One that is on its way from the queue to the history is seen in both.
  const late = new Map(stories.flatMap((story) => (story.late === undefined ? [] : [[JSON.stringify(story.late), story.late] as const])));
  const record = recordOf(closed);
  return late.size === 0 ? record : { ...record, events: [...record.events, ...late.values()] };
}

export function summaryOf(story: Story): TraceSummary {
  const states: Partial<Record<RecipientState, number>> = {};
  for (const { state } of story.recipients) states[state] = (states[state] ?? 0) + 1;
  const { id, receivedAt, reversePath, recipients, subject, messageIdField } = story;
  return { id, receivedAt, sender: reversePath, recipients: recipients.length, subject, messageIdField, states };
}
