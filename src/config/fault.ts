/** One thing that is wrong in a configuration file: where, what, and what to do about it. */
export interface ConfigFault {
  readonly severity: "error" | "warning";
  readonly file: string;
  /** From 1; 0 when the fault has no place in the file. */
  readonly line: number;
  readonly column: number;
  /** `listeners[0].port`; empty for the whole file. */
  readonly path: string;
  readonly text: string;
  readonly remedy: string;
}

/** Thrown by loadConfig with every fault, not only the first. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    super(faults.map(formatFault).join("\n"));
    this.faults = faults;
  }
}

export type Path = readonly (string | number)[];

export function formatPath(path: Path): string {
  return path.reduce<string>((text, part) => (typeof part === "number" ? `${text}[${part}]` : text === "" ? part : `${text}.${part}`), "");
}

/** `postern.yaml:12:5: listeners[0].port: must be at most 65535. Remedy` */
export function formatFault(fault: ConfigFault): string {
  const place = fault.line > 0 ? `${fault.file}:${fault.line}:${fault.column}` : fault.file;
  const path = fault.path === "" ? "" : ` ${fault.path}:`;
  return `${place}: ${fault.severity === "warning" ? "warning:" : "error:"}${path} ${fault.text}\n    ${fault.remedy}`;
}

/** The nearest of `known` to a mistyped word; null when none is near (more than a third of its letters differ). */
export function nearest(word: string, known: readonly string[]): string | null {
  let best: string | null = null;
  let least = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase(), least);
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** Optimal string alignment distance: a swap of neighbours counts once, as the hand makes it. Gives up at `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit || a.length > 64 || b.length > 64) return limit;
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min((above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (above[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, (before[j - 2] ?? 0) + 1);
      row.push(cost);
    }
    [before, above] = [above, row];
  }
  return Math.min(limit, above[b.length] ?? limit);
}
