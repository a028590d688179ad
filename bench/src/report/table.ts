export type Cell = string | number;

/**
 * Returns a text table. Columns are as wide as their content, numbers are aligned to the right, and lines
 * have no trailing spaces.
 */
export function tableOf(heads: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const cells = [heads, ...rows.map((row) => row.map(textOf))];
  const widths = heads.map((_, column) =>
    Math.max(...cells.map((row) => (row[column] ?? "").length)),
  );
  const isNumeric = heads.map((_, column) => rows.some((row) => typeof row[column] === "number"));
  const lines = cells.map((row) =>
    row
      .map((cell, column) =>
        isNumeric[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd(),
  );
  return lines.join("\n");
}

/** Returns a number with three significant digits, or a dash if it was not measured. */
export function textOf(cell: Cell): string {
  if (typeof cell === "string") return cell;
  if (!Number.isFinite(cell)) return "-";
  const digits = Math.abs(cell) >= 100 || Number.isInteger(cell) ? 0 : Math.abs(cell) >= 10 ? 1 : 2;
  return cell.toFixed(digits);
}

/** Returns `value / base`, for example `1.25x`. */
export function ratioText(value: number, base: number): string {
  const ratio = value / base;
  return Number.isFinite(ratio) ? `${textOf(Number(ratio.toFixed(2)))}x` : "-";
}
