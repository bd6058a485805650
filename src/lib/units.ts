/**
 * Durations and sizes as people write them (`90s 5m 4h 2d`, `10MB 64KB`), parsed once at the edge. Sizes are 1024-based, as mail limits are.
 */
const durationUnitsMs = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
} as const;
const sizeUnits = { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3, TB: 1024 ** 4 } as const;

export const durationPattern = "^[0-9]+(\\.[0-9]+)?(ms|s|m|h|d|w)$";
export const sizePattern = "^[0-9]+(\\.[0-9]+)?(B|KB|MB|GB|TB)?$";

/** Milliseconds; null when the text is not a duration. */
export function parseDuration(text: string): number | null {
  const match = /^(\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h|d|w)$/.exec(text.trim());
  if (match === null) return null;
  const value = Number(match[1]) * durationUnitsMs[match[2] as keyof typeof durationUnitsMs];
  return Number.isSafeInteger(Math.round(value)) ? Math.round(value) : null;
}

/** Bytes; null when the text is not a size. A number without unit is bytes; `80k` is 80KB. */
export function parseSize(text: string): number | null {
  const match = /^(\d{1,16}(?:\.\d{1,6})?)\s?(B|[KMGT]B?)?$/i.exec(text.trim());
  if (match === null) return null;
  const letter = match[2]?.charAt(0).toUpperCase() ?? "B";
  const unit = (letter === "B" ? "B" : `${letter}B`) as keyof typeof sizeUnits;
  const value = Math.round(Number(match[1]) * sizeUnits[unit]);
  return Number.isSafeInteger(value) ? value : null;
}

/** The largest unit that fits, at most one more below it: `2d 4h`, `90s` becomes `1m 30s`. For people. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  const units = [
    ["d", 86_400_000],
    ["h", 3_600_000],
    ["m", 60_000],
    ["s", 1000],
  ] as const;
  const parts: string[] = [];
  let rest = Math.round(ms / 1000) * 1000;
  for (const [name, unit] of units) {
    const count = Math.floor(rest / unit);
    rest -= count * unit;
    if (count > 0) parts.push(`${count}${name}`);
    if (parts.length === 2 || (parts.length === 1 && count === 0)) break;
  }
  return parts.join(" ");
}

/** `1.4 MB`. For people. */
export function formatSize(bytes: number): string {
  let unit: keyof typeof sizeUnits = "B";
  for (const [name, factor] of Object.entries(sizeUnits)) if (bytes >= factor) unit = name as keyof typeof sizeUnits;
  const value = bytes / sizeUnits[unit];
  return `${unit === "B" || value >= 100 ? Math.round(value) : value.toFixed(1)} ${unit}`;
}

/** ISO 8601 in UTC; times out of the calendar's range (`never`) become its end, so that no listing throws. */
export function isoTime(ms: number): string {
  return new Date(Math.min(Math.max(ms, -8.64e15), 253_402_300_799_999)).toISOString();
}
