// Columns of text, for terminals.

type Row = readonly string[];

/** The width that each column needs. */
export function widthsOf(rows: readonly Row[]): number[] {
  return rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
}

/** A row in columns of given widths, `gap` between them: the first aligned to the left, the others to the right. */
export function alignRow(row: Row, widths: readonly number[], gap: string): string {
  const cells = row.map((cell, column) =>
    column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!),
  );
  return cells.join(gap).trimEnd();
}
