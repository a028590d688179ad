export type Cell = string | number;

/** Columns as wide as their content, numbers to the right. Lines end without spaces. */
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

/** Three digits that matter; a dash where nothing was measured. */
export function textOf(cell: Cell): string {
  if (typeof cell === "string") return cell;
  if (!Number.isFinite(cell)) return "-";
  const digits = Math.abs(cell) >= 100 || Number.isInteger(cell) ? 0 : Math.abs(cell) >= 10 ? 1 : 2;
  return cell.toFixed(digits);
}

/** `value / base`, as `1.25x`. */
export function ratioText(value: number, base: number): string {
  const ratio = value / base;
  return Number.isFinite(ratio) ? `${textOf(Number(ratio.toFixed(2)))}x` : "-";
}
