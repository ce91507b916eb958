// How a weight matrix is cut into the tiles of a chip. Rows beyond one tile give partial sums that are converted
// and added digitally; columns beyond one tile only need more tiles.

import { assertNever } from '../base/errors.ts';
import type { RowRange } from '../graph/node.ts';
import type { Tile } from './hardware.ts';
import type { MatrixSize } from './mapping.ts';

/** A weight matrix on tiles. */
export type Tiling = {
  /** Half-open, in order; they cover every row once. */
  readonly rowRanges: readonly RowRange[];
  /** Half-open, in order; they cover every column once. */
  readonly columnRanges: readonly RowRange[];
  /** Number of tiles used: row ranges times column ranges. With an unlimited tile, one for each group. */
  readonly tileCount: number;
  /** Share of the crosspoints of those tiles that hold a weight, 0 … 1. */
  readonly utilisation: number;
};

/**
 * Cuts a matrix into as few tiles as it needs, of as equal size as possible.
 *
 * @param groups of a convolution: inputs of one group do not drive another, so each has tiles of its own for its columns
 */
export function tileMatrix(
  { rows, columns, groups = 1 }: MatrixSize & { readonly groups?: number },
  tile: Tile,
): Tiling {
  const perGroup = columns / groups;
  const ofGroups = (ranges: readonly RowRange[]): RowRange[] =>
    Array.from({ length: groups }, (_, group) =>
      ranges.map(([start, end]): RowRange => [start + group * perGroup, end + group * perGroup]),
    ).flat();
  switch (tile.kind) {
    case 'unlimited': {
      const columnRanges = ofGroups([[0, perGroup]]);
      return { rowRanges: [[0, rows]], columnRanges, tileCount: columnRanges.length, utilisation: 1 };
    }
    case 'limited': {
      const rowRanges = equalRanges(rows, tile.rows);
      const columnRanges = ofGroups(equalRanges(perGroup, tile.columns));
      const tileCount = rowRanges.length * columnRanges.length;
      const utilisation = (rows * columns) / (tileCount * tile.rows * tile.columns);
      return { rowRanges, columnRanges, tileCount, utilisation };
    }
    default:
      return assertNever(tile);
  }
}

/** The larger ones, by one, come last. */
function equalRanges(size: number, limit: number): RowRange[] {
  const count = Math.ceil(size / limit);
  const least = Math.floor(size / count);
  const edge = (k: number): number => k * least + Math.max(0, k - (count - (size % count)));
  return Array.from({ length: count }, (_, k) => [edge(k), edge(k + 1)] as const);
}
