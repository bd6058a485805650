import type { Anchor, JournalContents, JournalEntry, UsageMark } from "../../limits/journal.ts";
import type { Packed } from "./protocol.ts";

const kinds: readonly UsageMark["kind"][] = ["used", "foreign"];
const width = 6;

/** The order of the values is the order in which writer/usage-marks.ts takes them. */
export function packUsage(to: (number | string | null)[], { anchor, marks, replacesAll }: JournalEntry): void {
  to.push(JSON.stringify(anchor), anchor.at, replacesAll === true ? 1 : 0);
  for (const { chunk, counter, kind, units, settledAt, until } of marks)
    to.push(chunk, counter, kinds.indexOf(kind), units, settledAt, until);
}

export function unpackUsage(values: Packed): JournalContents {
  const marks: UsageMark[] = [];
  for (let i = 1; i < values.length; i += width) {
    const [chunk, counter, kind, units, settledAt, until] = values.slice(i, i + width) as [
      number,
      string,
      number,
      number,
      number | null,
      number | null,
    ];
    marks.push({ chunk, counter, kind: kinds[kind] as UsageMark["kind"], units, settledAt, until });
  }
  const anchor = values[0] as string | null;
  return { anchor: anchor === null ? null : (JSON.parse(anchor) as Anchor), marks };
}
