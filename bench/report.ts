import { judge, type Goal, type Row } from "./goals.ts";
import type { Spread } from "./statistics.ts";

/** The result as a table in Markdown, aligned for a terminal. */
export function formatTable(rows: readonly Row[]): string {
  const head = ["what", "Postern", "Postfix", "ratio, median (min–max)", "at least", "aim", "verdict"];
  const body = rows.map((row) => [
    row.what,
    `${figure(row.postern.median, row.unit)}${row.ratio === undefined ? ` (${figure(row.postern.min)}–${figure(row.postern.max)})` : ""}`,
    row.postfix === undefined ? "" : figure(row.postfix.median, row.unit),
    row.ratio === undefined ? "" : spread(row.ratio),
    row.goal === undefined ? "" : bound(row.goal, row.goal.atLeast, row.unit),
    row.goal === undefined ? "" : bound(row.goal, row.goal.aim, row.unit),
    judge(row),
  ]);
  const widths = head.map((title, column) => Math.max(...[head, ...body].map((cells) => (cells[column] ?? title).length)));
  const line = (cells: readonly string[]): string => `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [line(head), `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`, ...body.map(line)].join("\n");
}

export function formatRemarks(rows: readonly Row[]): string {
  return rows.flatMap(({ what, remarks }) => remarks.map((remark) => `${what}: ${remark}`)).join("\n");
}

function spread({ median, min, max }: Spread): string {
  return `${median.toFixed(2)} × (${min.toFixed(2)}–${max.toFixed(2)})`;
}

function bound(goal: Goal, value: number, unit: Row["unit"]): string {
  return goal.of === "ratio" ? `${value} ×` : `${value} ${unit}`;
}

function figure(value: number, unit?: Row["unit"]): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  const text = value.toFixed(digits);
  return unit === undefined ? text : unit.endsWith("/s") ? `${text}/s` : `${text} ${unit}`;
}
