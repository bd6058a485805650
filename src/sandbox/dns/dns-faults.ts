import { Type, type Static } from "typebox";
import { matchesDomain } from "../../mail/address.ts";
import { canonicalName, recordTypes, type RecordType } from "./record.ts";

/** A name server that misbehaves on order: the first fault that fits acts, one with `times` is gone after so many acts. */
export const DnsFaultSchema = Type.Object(
  {
    name: Type.String({ maxLength: 255, description: "A name, `*.contoso.example` for the names below it, or `*`." }),
    type: Type.Optional(
      Type.Union(
        recordTypes.map((type) => Type.Literal(type)),
        { description: "Absent: each." },
      ),
    ),
    answer: Type.Union(
      [
        Type.Literal("servfail"),
        Type.Literal("refused"),
        Type.Literal("nxdomain"),
        Type.Literal("timeout"),
        Type.Literal("truncated"),
        Type.Literal("garbage"),
      ],
      { description: "timeout: no answer at all; truncated: over UDP always “ask by TCP”; garbage: bytes that are no answer." },
    ),
    times: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000, description: "Absent: until removed." })),
  },
  { additionalProperties: false },
);
export type DnsFault = Static<typeof DnsFaultSchema>;

export const maxDnsFaults = 1000;

export class DnsFaults {
  #faults: { readonly fault: DnsFault; left: number }[] = [];

  set(faults: readonly DnsFault[]): void {
    this.#faults = faults.map((fault) => ({ fault, left: fault.times ?? Infinity }));
  }

  list(): readonly DnsFault[] {
    return this.#faults.map(({ fault, left }) => (left === Infinity ? fault : { ...fault, times: left }));
  }

  /** Counts the act. */
  find(name: string, type: RecordType | "ANY"): DnsFault["answer"] | null {
    const wanted = canonicalName(name);
    const found = this.#faults.find(
      ({ fault }) => (fault.type === undefined || fault.type === type) && matchesDomain(canonicalName(fault.name), wanted),
    );
    if (found === undefined) return null;
    found.left--;
    if (found.left <= 0) this.#faults = this.#faults.filter((one) => one !== found);
    return found.fault.answer;
  }
}
