// The order of a product's loops for a filter that no near cache holds: panel by panel.

import { type Int, literal, plus, times } from '../../kernel/int.ts';
import { type Local, SCRATCH } from '../../kernel/kernel.ts';
import { type Context, createDraft, type DraftLaunch, type Memory, shareItems } from '../draft.ts';
import {
  chooseBlocking,
  eachBlockOfPixels,
  eachChannelBlock,
  eachSum,
  finishBlock,
  sumBlock,
  vectorAt,
  type Walk,
} from './block.ts';
import { type Phase, type Product, rowsBefore } from './geometry.ts';
import { loadRow } from './prefetch.ts';
import { type ImageSource, stageImage } from './stage-image.ts';

/** Filters of more bytes are walked panel by panel. */
const PANEL_BYTES = 128 * 1024;
/** Pixels that a panel must serve to be worth copying. */
const PANEL_PIXELS = 32;
/** Vectors of channels of a panel: several, so that the pixels are read seldom. */
const PANEL_VECTORS = 4;
/** Rows of a panel that stays in a near cache. */
const PANEL_ROWS = 512;
/** Chunks that are enough, and the fewest channels of one: it brings the pixels along for itself. */
const CHUNKS = 8;
const SHARE_CHANNELS = 512;
/** Rows that one chunk copies into panels. */
const PACKED_ROWS = 16;

/** True for a filter that no near cache holds, where a panel of it serves enough pixels to be worth copying. */
export function isWorthPanels({ columns, phases }: Product): boolean {
  const [phase, ...others] = phases;
  if (phase === undefined || phase.runs.length === 0 || others.length > 0) return false;
  const bytes = 4 * filterRowsOf(phase).count * columns;
  return bytes > PANEL_BYTES && phase.size[0] * phase.size[1] >= PANEL_PIXELS;
}

/** Shares of the channels, each a chunk for every image, so that there are chunks enough for many threads. */
export function channelShares({ columns, images }: Product, { width }: Panels): number {
  let shares = 1;
  while (images * shares < CHUNKS && columns / (2 * shares) >= SHARE_CHANNELS) shares *= 2;
  return columns % (shares * width) === 0 ? shares : 1;
}

/** A filter (a stack of them: as one) cut into panels of channels, each with its rows, from `first` on, consecutive. */
export type Panels = {
  readonly memory: Memory;
  readonly width: number;
  readonly first: number;
  readonly rows: number;
  readonly launch: DraftLaunch;
};

/** The kernel that cuts a filter into panels: (row, column) → (panel, row, column within the panel). */
export function packPanels(context: Context, product: Product, phase: Phase): Panels {
  const { stack } = product;
  const { first, count: rows } =
    stack === undefined ? filterRowsOf(phase) : { first: 0, count: stack.count * stack.rows };
  const vectors = Math.min(PANEL_VECTORS, Math.ceil(product.columns / context.lanes));
  const width = vectors * context.lanes;
  const panels = Math.ceil(product.columns / width);
  const memory: Memory = { label: 'panels of a filter', elements: panels * rows * width };
  const draft = createDraft(context);
  const b = draft.builder;
  const source = draft.input(product.filter);
  const target = draft.output(memory);
  const chunks = shareItems(b, rows, PACKED_ROWS, (from, items) =>
    b.loop(
      items,
      (i) => {
        const row = plus(from, i);
        eachChannelBlock(draft, product.columns, vectors, (channel, counts) => {
          for (const v of counts.keys()) {
            const at = plus(times(plus(row, literal(first)), product.columns), channel);
            const value = b.load(source, plus(at, vectorAt(b.lanes, v)));
            b.store(target, plus(panelRow(channel, row, rows, width), vectorAt(b.lanes, v)), value);
          }
        });
      },
      'k',
    ),
  );
  return { memory, width, first, rows, launch: draft.finish('packPanels', chunks) };
}

/** Where a row of the panel that begins at `channel` begins. */
function panelRow(channel: Int, row: Int, rows: number, width: number): Int {
  return plus(times(channel, rows), times(row, width));
}

/** Some of a product's channels. */
export type Channels = { readonly first: Int; readonly count: number };

/**
 * Channels outside: each panel serves all pixels. High panels come in parts, and with each part what it meets of the
 * pixels: the part of a panel and the parts of the pixels stay in a near cache, the sums wait in scratch memory.
 */
export function walkPanels(
  walk: Omit<Walk, 'staged'>,
  phase: Phase,
  panels: Panels,
  channels: Channels,
): void {
  const { draft, context, product, image } = walk;
  const { width } = panels;
  const b = draft.builder;
  const vectors = width / b.lanes;
  const { pixels } = chooseBlocking(context, phase.size[1], product.columns, vectors);
  const { first: firstRow, count: rows } = filterRowsOf(phase);
  // In the panels, where the first of these rows lies.
  const before = plus(rowsBefore(product, image), literal(firstRow - panels.first));
  // Only a run of channels of one pixel is cut: a part of it is a run of the same pixel.
  const [run] = phase.runs;
  const isOfOnePixel = phase.runs.length === 1 && run!.start + run!.length <= product.source.size[2];
  const height = isOfOnePixel ? Math.min(rows, PANEL_ROWS) : rows;
  const parts = Math.ceil(rows / height);
  const pixelCount = phase.size[0] * phase.size[1];
  const elements = pixelCount * Math.ceil(channels.count / width) * width;
  const waiting = parts > 1 ? b.reserve(elements) : 0;
  const zero = b.literal(0);
  const part = (start: Int, count: number, { isFirst, isLast }: Ends): void => {
    const source = parts === 1 ? product.source : partOf(product.source, phase.runs[0]!.start, start, count);
    const staged = stageImage(context, draft, source, image);
    const runs =
      parts === 1
        ? phase.runs.map((run) => ({ ...run, filterRow: run.filterRow - firstRow }))
        : phase.runs.map((run) => ({ ...run, start: 0, length: count, filterRow: 0 }));
    eachChannelBlock(draft, channels.count, vectors, (within, counts) => {
      const channel = plus(channels.first, within);
      const rowAt = (row: Int): Int => panelRow(channel, plus(plus(start, row), before), panels.rows, width);
      const walked = { slot: walk.filter, bytes: 4 * count * width };
      const weight = (row: Int, v: number): Local => loadRow(b, walked, rowAt, row, v);
      eachBlockOfPixels(draft, phase, pixels, (row, column, size) => {
        const sumAt = (p: number, v: number): Int => {
          const pixel = plus(plus(times(row, phase.size[1]), column), literal(p));
          const place = plus(times(within, pixelCount), times(pixel, width));
          return plus(plus(literal(waiting), place), vectorAt(b.lanes, v));
        };
        const block = { phase, runs, row, column, pixels: size, channel, counts, weight };
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

/** Whether a part is the first of its panels, or the last. */
type Ends = { readonly isFirst: boolean; readonly isLast: boolean };

/** Elements `first` + `start` on of every pixel, `count` of them. */
function partOf(source: ImageSource, first: number, start: Int, count: number): ImageSource {
  const [height, width] = source.size;
  const from = plus(literal(first), start);
  return {
    ...source,
    size: [height, width, count],
    index: (image, row, column, channel) => source.index(image, row, column, plus(from, channel)),
  };
}

/** The rows of the filter that the runs meet. */
function filterRowsOf({ runs }: Phase): { readonly first: number; readonly count: number } {
  const first = Math.min(...runs.map((run) => run.filterRow));
  return { first, count: Math.max(...runs.map((run) => run.filterRow + run.length)) - first };
}
