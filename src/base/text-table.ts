// Columns of text, for terminals.

type Row = readonly string[];

/** Characters that terminals draw two columns wide: East Asian scripts, wide forms, emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f680}-\u{1faff}\u{20000}-\u{3fffd}]/u;

/** Columns that a text takes in a terminal: none for a combining mark, two for a wide character. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text)
    if (!/[\p{Mn}\p{Me}\p{Cf}]/u.test(character)) width += WIDE.test(character) ? 2 : 1;
  return width;
}

/** The width that each column needs. */
export function widthsOf(rows: readonly Row[]): number[] {
  return rows[0]!.map((_, column) => Math.max(...rows.map((row) => displayWidth(row[column]!))));
}

/** A row in columns of given widths, `gap` between them: the first aligned to the left, the others to the right. */
export function alignRow(row: Row, widths: readonly number[], gap: string): string {
  const cells = row.map((cell, column) => {
    const blanks = ' '.repeat(Math.max(0, widths[column]! - displayWidth(cell)));
    return column === 0 ? `${cell}${blanks}` : `${blanks}${cell}`;
  });
  return cells.join(gap).trimEnd();
}
