// The filter of Winograd's algorithm: three taps become six points, packed into panels of columns. It is transformed
// once a run, by a kernel of its own.

import type { RowRange } from '../../graph/node.ts';
import type { KernelBuilder } from '../../kernel/builder.ts';
import { type Int, literal, plus, times } from '../../kernel/int.ts';
import type { Local } from '../../kernel/kernel.ts';
import { type Context, chunkIndex, createDraft, type DraftLaunch, lane, type Memory } from '../draft.ts';
import { eachColumnBlock, vectorAt } from './block.ts';
import { POINTS, TAPS, tapsOfPoint, transformTaps } from './winograd.ts';

/** A filter with three taps along x, in memory. */
export type FilterTaps = {
  readonly memory: Memory;
  readonly kernelRows: number;
  readonly channels: number;
  readonly columns: number;
  /** Index into the memory of a tap of (kernel row, channel), column. */
  readonly index: (row: number, tap: number, channel: Int, column: Int) => Int;
  /** Channels of a (kernel row, tap) that take part; the others are zeros. Absent: all. */
  readonly channelsOf?: (row: number, tap: number) => RowRange;
};

/**
 * The kernel that transforms a filter: (kernel row, tap, channel) × column → (panel, point, kernel row, channel) ×
 * column, in panels of `vectors` vectors of columns, the last one as `eachColumnBlock` joins it.
 */
export function transformFilter(
  context: Context,
  taps: FilterTaps,
  { vectors, joinsLast }: { readonly vectors: number; readonly joinsLast: boolean },
): { launch: DraftLaunch; memory: Memory } {
  const { kernelRows, channels, columns } = taps;
  const width = vectors * context.lanes;
  const memory: Memory = {
    label: 'transformed filter',
    elements: POINTS * kernelRows * channels * Math.ceil(columns / width) * width,
  };
  const draft = createDraft(context);
  const b = draft.builder;
  const source = draft.input(taps.memory);
  const target = draft.output(memory);
  const channel = chunkIndex(channels);
  for (let row = 0; row < kernelRows; row++) {
    const transform = (panel: Int, vectorsOfPanel: number, v: number, column: Int): void => {
      const weights = Array.from({ length: TAPS }, (_, tap) => {
        const value = b.load(source, taps.index(row, tap, channel, column));
        return withinChannels(b, value, channel, channelsOfTap(taps, row, tap), channels);
      });
      const points = transformTaps(b, weights as unknown as Parameters<typeof transformTaps>[1]);
      for (const [point, value] of points.entries()) {
        const filterRow = plus(literal(row * channels), channel);
        const at = filterAddress(taps, vectorsOfPanel * context.lanes, literal(point), filterRow, panel);
        b.store(target, plus(at, vectorAt(b.lanes, v)), value);
      }
    };
    eachColumnBlock(
      draft,
      columns,
      vectors,
      (first, counts) => {
        for (const [v, count] of counts.entries()) {
          const column = plus(plus(first, literal(v * b.lanes)), lane(count));
          transform(first, Math.max(vectors, counts.length), v, column);
        }
      },
      joinsLast,
    );
  }
  return { launch: draft.finish('winogradFilter', channels), memory };
}

/** Neighbouring points, and the range of rows (kernel row, channel) outside which their transformed filter is zero. */
export type PointRange = { readonly first: number; readonly count: number; readonly range: RowRange };

/** All points in order; neighbours with equal ranges are one entry. */
export function pointRanges(taps: FilterTaps): PointRange[] {
  const ranges: PointRange[] = [];
  for (let point = 0; point < POINTS; point++) {
    const range = rowsOfPoint(taps, tapsOfPoint(point));
    const last = ranges.at(-1);
    if (last !== undefined && last.range.join() === range.join())
      ranges[ranges.length - 1] = { ...last, count: last.count + 1 };
    else ranges.push({ first: point, count: 1, range });
  }
  return ranges;
}

/** From the first row to the last in which one of these taps takes part. */
function rowsOfPoint(filter: FilterTaps, taps: readonly number[]): RowRange {
  const { kernelRows, channels } = filter;
  let [first, last] = [kernelRows * channels, 0];
  for (let row = 0; row < kernelRows; row++) {
    for (const tap of taps) {
      const [start, end] = channelsOfTap(filter, row, tap);
      if (end <= start) continue;
      first = Math.min(first, row * channels + start);
      last = Math.max(last, row * channels + end);
    }
  }
  return [Math.min(first, last), last];
}

/** The channels of a (kernel row, tap) that take part; none if the end is not after the start. */
function channelsOfTap({ channels, channelsOf }: FilterTaps, row: number, tap: number): RowRange {
  const [start, end] = channelsOf?.(row, tap) ?? [0, channels];
  return [Math.max(0, start), Math.min(channels, end)];
}

/** Address of a row of a panel of the transformed filter; `panel` is its first column. */
export function filterAddress(taps: FilterTaps, width: number, point: Int, filterRow: Int, panel: Int): Int {
  const rows = taps.kernelRows * taps.channels;
  const row = plus(times(point, rows), filterRow);
  return plus(times(panel, POINTS * rows), times(row, width));
}

/** The value; zero if `channel` is outside the range. */
function withinChannels(
  b: KernelBuilder,
  value: Local,
  channel: Int,
  [start, end]: RowRange,
  channels: number,
): Local {
  const zero = b.literal(0);
  if (end <= start) return zero;
  const number = (): Local => b.index(channel);
  const above =
    start === 0
      ? value
      : b.operation('select', b.operation('lessInt', number(), b.literal(start, 'i32')), zero, value);
  return end === channels
    ? above
    : b.operation('select', b.operation('lessInt', number(), b.literal(end, 'i32')), above, zero);
}
