/**
 * Columns as wide as their widest cell, two spaces between, no borders: what a terminal, grep and awk all take. The last column is never
 * padded, nor cut.
 */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, Math.min(cell.length, maxCell))));
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column === row.length - 1 ? cell : shorten(cell).padEnd(widths[column] ?? 0)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

const maxCell = 60;

function shorten(cell: string): string {
  return cell.length > maxCell ? `${cell.slice(0, maxCell - 1)}…` : cell;
}
