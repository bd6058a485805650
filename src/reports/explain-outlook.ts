import { formatSize } from "../lib/units.ts";

/** What a route would do to a message; routing/outlook.ts makes them. */
export interface OutlookFacts {
  readonly route: string;
  readonly place: number | null;
  readonly costUsd: number | null;
  readonly maxRecipients: number | null;
  readonly maxSize: number | null;
  readonly changes: readonly { readonly text: string }[];
}

export function explainOutlooks(outlooks: readonly OutlookFacts[]): readonly string[] {
  const lines: string[] = [];
  for (const { route, place, costUsd, maxRecipients, maxSize, changes } of outlooks) {
    const limits = [
      ...(maxRecipients === null ? [] : [`${maxRecipients} recipients in a transaction`]),
      ...(maxSize === null ? [] : [formatSize(maxSize)]),
    ];
    const facts = [tellCost(costUsd), ...(limits.length === 0 ? [] : [`takes up to ${limits.join(" and ")}`])].join("; ");
    lines.push(`${place === null ? "Set aside" : `${place}.`} "${route}": ${facts}.`);
    if (changes.length === 0) lines.push("  The message arrives as it is.");
    for (const { text } of changes) lines.push(`  ${text}`);
  }
  return lines;
}

function tellCost(usd: number | null): string {
  if (usd === null) return "price not known";
  if (usd === 0) return "no price for each message";
  // Prices are for a million recipients: fewer places would show nothing.
  return `USD ${usd.toFixed(8).replace(/0+$/, "")} for each recipient`;
}
