/** A fact's value for people: `10,000`, `35 MB`, `yes`, `none`, `USD 0.000042 a recipient`. */
export function formatValue(value: unknown, unit?: string): string {
  if (value === null || value === undefined) return "none";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number")
    return unit === "bytes" ? formatBytes(value) : `${formatNumber(value)}${unit === undefined ? "" : ` ${unit}`}`;
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map((each) => formatValue(each, unit)).join(", ");
  const entries = Object.entries(value as Record<string, unknown>);
  const { perRecipientUsd, perMegabyteUsd, upToSeats } = value as Record<string, unknown>;
  if (upToSeats === null) return "all tenants";
  if (typeof upToSeats === "number")
    return upToSeats === 0 ? "trial tenants" : `trial tenants and those of up to ${formatNumber(upToSeats)} seats`;
  if (typeof perRecipientUsd === "number" && typeof perMegabyteUsd === "number")
    return `USD ${formatNumber(perRecipientUsd)} a recipient${perMegabyteUsd === 0 ? "" : ` and ${formatNumber(perMegabyteUsd)} a megabyte`}`;
  return entries.map(([name, each]) => `${name} ${formatValue(each)}`).join(", ");
}

function formatBytes(bytes: number): string {
  return bytes % 1_048_576 === 0 ? `${formatNumber(bytes / 1_048_576)} MB` : `${formatNumber(bytes)} bytes`;
}

/** With the English grouping, whatever the machine's language is. */
function formatNumber(value: number): string {
  const text = value < 1 ? value.toFixed(9).replace(/\.?0+$/, "") : String(value);
  const [whole = "", fraction] = text.split(".");
  const grouped = whole.replace(/\B(?=(?:\d{3})+$)/g, ",");
  return fraction === undefined || fraction === "" ? grouped : `${grouped}.${fraction}`;
}
