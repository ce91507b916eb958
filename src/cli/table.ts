// Columns of text for terminals.

import { alignRow, widthsOf } from '../base/text-table.ts';

/** A table: the first column aligned to the left, the others to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = widthsOf(all);
  return all.map((row) => alignRow(row, widths, '  ')).join('\n');
}
