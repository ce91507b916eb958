// Products with a filter too large to be loaded anew for every block of pixels: it is packed into panels of columns,
// and the loops go panel by panel, as in a blocked matrix product (GEMM).

import { type Int, literal, plus, times } from '../../kernel/int.ts';
import { type Local, SCRATCH } from '../../kernel/kernel.ts';
import { type Context, createDraft, type DraftLaunch, type Memory, shareItems } from '../draft.ts';
import { registerTuning, tuning } from '../tuning.ts';
import {
  chooseBlocking,
  eachBlockOfPixels,
  eachColumnBlock,
  eachSum,
  finishBlock,
  sumBlock,
  vectorAt,
  type Walk,
} from './block.ts';
import { type Phase, type Product, rowsBefore } from './geometry.ts';
import { loadRow } from './prefetch.ts';
import { type ImageSource, stageImage } from './stage-image.ts';

/** True for a large filter, if enough pixels use a panel for packing to pay. */
export function isWorthPanels({ columns, phases }: Product): boolean {
  const [phase, ...others] = phases;
  if (phase === undefined || phase.runs.length === 0 || others.length > 0) return false;
  const bytes = 4 * filterRowsOf(phase).count * columns;
  return bytes > tuning.panelBytes && phase.size[0] * phase.size[1] >= tuning.panelPixels;
}

/** Shares of the columns, each a chunk of every image, so that there are enough chunks for many threads. */
export function columnShares({ columns, images }: Product, { width }: Panels): number {
  let shares = 1;
  while (images * shares < tuning.productChunks && columns / (2 * shares) >= tuning.shareColumns) shares *= 2;
  return columns % (shares * width) === 0 ? shares : 1;
}

/** A packed filter: panels of `width` columns, each with its rows from `first` on. A stack is packed as one matrix. */
export type Panels = {
  readonly memory: Memory;
  readonly width: number;
  readonly first: number;
  readonly rows: number;
  readonly launch: DraftLaunch;
};

/** The kernel that packs a filter: (row, column) → (panel, row, column within the panel). */
export function packPanels(context: Context, product: Product, phase: Phase): Panels {
  const { stack } = product;
  const { first, count: rows } =
    stack === undefined ? filterRowsOf(phase) : { first: 0, count: stack.count * stack.rows };
  const vectors = Math.min(registerTuning(context).panelVectors, Math.ceil(product.columns / context.lanes));
  const width = vectors * context.lanes;
  const panels = Math.ceil(product.columns / width);
  const memory: Memory = { label: 'panels of a filter', elements: panels * rows * width };
  const draft = createDraft(context);
  const b = draft.builder;
  const source = draft.input(product.filter);
  const target = draft.output(memory);
  const chunks = shareItems(b, rows, tuning.packedRows, (from, items) =>
    b.loop(
      items,
      (i) => {
        const row = plus(from, i);
        eachColumnBlock(draft, product.columns, vectors, (column, counts) => {
          for (const v of counts.keys()) {
            const at = plus(times(plus(row, literal(first)), product.columns), column);
            const value = b.load(source, plus(at, vectorAt(b.lanes, v)));
            b.store(target, plus(panelRow(column, row, rows, width), vectorAt(b.lanes, v)), value);
          }
        });
      },
      'k',
    ),
  );
  return { memory, width, first, rows, launch: draft.finish('packPanels', chunks) };
}

/** Address of a row of the panel that begins at `column`. */
function panelRow(column: Int, row: Int, rows: number, width: number): Int {
  return plus(times(column, rows), times(row, width));
}

/** A share of a product's columns. */
export type ColumnShare = { readonly first: Int; readonly count: number };

/**
 * Columns in the outer loops: each panel is used for all pixels. The rows are summed in parts, so that a part of a
 * panel and the elements of the pixels that it meets stay in the L2 cache; partial sums are kept in scratch memory.
 */
export function walkPanels(
  walk: Omit<Walk, 'staged'>,
  phase: Phase,
  panels: Panels,
  share: ColumnShare,
): void {
  const { draft, context, product, image } = walk;
  const { width } = panels;
  const b = draft.builder;
  const vectors = width / b.lanes;
  const { pixels } = chooseBlocking(context, phase.size[1], product.columns, vectors);
  const { first: firstRow, count: rows } = filterRowsOf(phase);
  // Number of the first of these rows within a panel.
  const before = plus(rowsBefore(product, image), literal(firstRow - panels.first));
  // Rows are cut only if they are one run within one pixel: then each part is a run of the same pixel.
  const [run] = phase.runs;
  const isOfOnePixel = phase.runs.length === 1 && run!.start + run!.length <= product.source.size[2];
  const height = isOfOnePixel ? Math.min(rows, tuning.panelRows) : rows;
  const parts = Math.ceil(rows / height);
  const pixelCount = phase.size[0] * phase.size[1];
  const elements = pixelCount * Math.ceil(share.count / width) * width;
  const waiting = parts > 1 ? b.reserve(elements) : 0;
  const zero = b.literal(0);
  const part = (start: Int, count: number, { isFirst, isLast }: Ends): void => {
    const source = parts === 1 ? product.source : partOf(product.source, phase.runs[0]!.start, start, count);
    const staged = stageImage(context, draft, source, image);
    const runs =
      parts === 1
        ? phase.runs.map((run) => ({ ...run, filterRow: run.filterRow - firstRow }))
        : phase.runs.map((run) => ({ ...run, start: 0, length: count, filterRow: 0 }));
    eachColumnBlock(draft, share.count, vectors, (within, counts) => {
      const column = plus(share.first, within);
      const rowAt = (row: Int): Int => panelRow(column, plus(plus(start, row), before), panels.rows, width);
      const walked = { slot: walk.filter, bytes: 4 * count * width };
      const weight = (row: Int, v: number): Local => loadRow(b, walked, rowAt, row, v);
      eachBlockOfPixels(draft, phase, pixels, (y, x, size) => {
        const sumAt = (p: number, v: number): Int => {
          const pixel = plus(plus(times(y, phase.size[1]), x), literal(p));
          const place = plus(times(within, pixelCount), times(pixel, width));
          return plus(plus(literal(waiting), place), vectorAt(b.lanes, v));
        };
        const block = { phase, runs, y, x, pixels: size, column, counts, weight };
        const initial = (p: number, v: number): Local => (isFirst ? zero : b.load(SCRATCH, sumAt(p, v)));
        const sums = sumBlock({ ...walk, staged }, block, initial);
        if (isLast) finishBlock(walk, block, sums);
        else eachSum(sums, (p, v, sum) => b.store(SCRATCH, sumAt(p, v), sum));
      });
    });
  };
  const lastCount = rows - (parts - 1) * height;
  if (parts === 1) {
    part(literal(0), lastCount, { isFirst: true, isLast: true });
    return;
  }
  part(literal(0), height, { isFirst: true, isLast: false });
  b.loop(
    parts - 2,
    (k) => part(plus(times(k, height), literal(height)), height, { isFirst: false, isLast: false }),
    'k',
  );
  part(literal((parts - 1) * height), lastCount, { isFirst: false, isLast: true });
}

/** Whether a part is the first or the last of the rows. */
type Ends = { readonly isFirst: boolean; readonly isLast: boolean };

/** Of every pixel, `count` elements from `first` + `start` on. */
function partOf(source: ImageSource, first: number, start: Int, count: number): ImageSource {
  const [height, width] = source.size;
  const from = plus(literal(first), start);
  return {
    ...source,
    size: [height, width, count],
    index: (image, y, x, channel) => source.index(image, y, x, plus(from, channel)),
  };
}

/** The rows of the filter that the runs meet. */
function filterRowsOf({ runs }: Phase): { readonly first: number; readonly count: number } {
  const first = Math.min(...runs.map((run) => run.filterRow));
  return { first, count: Math.max(...runs.map((run) => run.filterRow + run.length)) - first };
}
