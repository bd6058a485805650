/**
 * What `Get-LimitsEnforcementStatus` says of the tenant's external recipients: the count that Microsoft enforces by, other senders
 * included. As JSON (`… | ConvertTo-Json`) or as text (`… | Format-List`). The names of its fields are published; how it prints them is
 * not, so both forms are taken with any order, case and further fields (unverified).
 */
export interface EnforcementStatus {
  /** Id of the limit: what the ledger is told of. */
  readonly rule: "tenant.external-recipients";
  /** External recipients of the last 24 hours. */
  readonly observed: number;
  /** The limit, as Microsoft has it. */
  readonly threshold: number;
  /** Mail beyond it is refused; null: not told. */
  readonly enforced: boolean | null;
  /** It is refused now; null: not told. */
  readonly blocked: boolean | null;
}

/** Characters: its output has some hundred. */
const maxLength = 65_536;

/** Returns what it says, or why it cannot be understood: one sentence. */
export function readEnforcementStatus(text: string): EnforcementStatus | string {
  if (text.length > maxLength) return "This is too long for the output of Get-LimitsEnforcementStatus.";
  const records = /^\s*[[{]/.test(text) ? jsonRecords(text) : [listRecord(text)];
  if (records === null) return "This is not valid JSON.";
  const [found, ...more] = records.flatMap((record) => statusOf(record) ?? []);
  if (found === undefined)
    return "There is no ObservedValue and Threshold in it: paste the output of Get-LimitsEnforcementStatus | Format-List.";
  if (more.length > 0) return "It tells of several limits: paste the one of the external recipients.";
  return found;
}

type Fields = ReadonlyMap<string, unknown>;

function jsonRecords(text: string): readonly Fields[] | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const records: readonly unknown[] = Array.isArray(value) ? value : [value];
  return records
    .filter((record): record is object => typeof record === "object" && record !== null)
    .map((record) => new Map(Object.entries(record).map(([name, each]) => [name.toLowerCase(), each])));
}

function listRecord(text: string): Fields {
  const fields = new Map<string, unknown>();
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).trim().toLowerCase();
    // A second record would say something else: none is believed then.
    if (colon > 0) fields.set(name, fields.has(name) ? null : line.slice(colon + 1).trim());
  }
  return fields;
}

function statusOf(fields: Fields): EnforcementStatus | null {
  const observed = count(fields.get("observedvalue"));
  const threshold = count(fields.get("threshold"));
  if (observed === null || threshold === null) return null;
  const verdict = fields.get("verdict");
  return {
    rule: "tenant.external-recipients",
    observed,
    threshold,
    enforced: flag(fields.get("enforcementenabled")),
    blocked: typeof verdict === "string" ? /^block$/i.test(verdict) : null,
  };
}

function count(value: unknown): number | null {
  const number = typeof value === "string" && /^\d{1,12}(\.0+)?$/.test(value) ? Number(value) : value;
  return typeof number === "number" && Number.isSafeInteger(number) && number >= 0 ? number : null;
}

function flag(value: unknown): boolean | null {
  if (typeof value === "boolean") return value;
  return typeof value === "string" && /^(true|false)$/i.test(value) ? value.toLowerCase() === "true" : null;
}
