// The order of a product's loops for a filter that no near cache holds: panel by panel.

import { type Context, createDraft, type DraftLaunch, lane, type Memory, shareItems } from './draft.ts';
import { type Int, literal, plus, times } from './int.ts';
import { type Local, SCRATCH } from './loop.ts';
import {
  chooseBlocking,
  eachBlockOfPixels,
  eachChannelBlock,
  eachSum,
  finishBlock,
  sumBlock,
  vectorAt,
  type Walk,
} from './product-block.ts';
import type { Phase, Product } from './product-geometry.ts';

/** Filters of more bytes are walked panel by panel. */
const PANEL_BYTES = 128 * 1024;
/** Pixels that a panel must serve to be worth copying. */
const PANEL_PIXELS = 32;
/** Vectors of channels of a panel: several, so that the pixels are read seldom. */
const PANEL_VECTORS = 4;
/** Rows of a panel that stays in a near cache. */
const PANEL_ROWS = 512;
/** Rows that one chunk copies into panels. */
const PACKED_ROWS = 16;

/** True for a filter that no near cache holds, where a panel of it serves enough pixels to be worth copying. */
export function isWorthPanels({ columns, phases }: Product): boolean {
  const [phase, ...others] = phases;
  if (phase === undefined || phase.runs.length === 0 || others.length > 0) return false;
  const bytes = 4 * filterRowsOf(phase).count * columns;
  return bytes > PANEL_BYTES && phase.size[0] * phase.size[1] >= PANEL_PIXELS;
}

/** A filter cut into panels of channels, each with its rows consecutive. */
export type Panels = { readonly memory: Memory; readonly width: number; readonly launch: DraftLaunch };

/** The kernel that cuts a filter into panels: (row, column) → (panel, row, column within the panel). */
export function packPanels(context: Context, product: Product, phase: Phase): Panels {
  const { first, count: rows } = filterRowsOf(phase);
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
  return { memory, width, launch: draft.finish('packPanels', chunks) };
}

/** Where a row of the panel that begins at `channel` begins. */
function panelRow(channel: Int, row: Int, rows: number, width: number): Int {
  return plus(times(channel, rows), times(row, width));
}

/**
 * Channels outside: each panel serves all pixels. A high panel comes in parts, between which the sums wait in scratch
 * memory, so that a part stays in a near cache.
 */
export function walkPanels(walk: Walk, phase: Phase, { width }: Panels): void {
  const { draft, context, product } = walk;
  const b = draft.builder;
  const vectors = width / b.lanes;
  const { pixels } = chooseBlocking(context, phase.size[1], product.columns, vectors);
  const { first: firstRow, count: rows } = filterRowsOf(phase);
  // Only a product without a kernel, of one run, is cut: parts of a run are runs.
  const height = phase.runs.length === 1 ? Math.min(rows, PANEL_ROWS) : rows;
  const parts = Math.ceil(rows / height);
  const elements = phase.size[0] * phase.size[1] * width;
  const waiting = parts > 1 ? b.reserve(elements) : 0;
  const zero = b.literal(0);
  const relative = phase.runs.map((run) => ({ ...run, filterRow: run.filterRow - firstRow }));
  eachChannelBlock(draft, product.columns, vectors, (channel, counts) => {
    const part = (start: Int, count: number, isLast: boolean): void => {
      const weight = (row: Int, v: number): Local =>
        b.load(walk.filter, plus(panelRow(channel, plus(start, row), rows, width), vectorAt(b.lanes, v)));
      const runs = parts === 1 ? relative : [{ ...relative[0]!, length: count }];
      eachBlockOfPixels(draft, phase, pixels, (row, column, size) => {
        const sumAt = (p: number, v: number): Int => {
          const pixel = plus(plus(times(row, phase.size[1]), column), literal(p));
          return plus(plus(literal(waiting), times(pixel, width)), vectorAt(b.lanes, v));
        };
        const block = { phase, runs, start, row, column, pixels: size, channel, counts, weight };
        const sums = sumBlock(walk, block, (p, v) => (parts === 1 ? zero : b.load(SCRATCH, sumAt(p, v))));
        if (isLast) finishBlock(walk, block, sums);
        else eachSum(sums, (p, v, sum) => b.store(SCRATCH, sumAt(p, v), sum));
      });
    };
    if (parts > 1) {
      const at = (i: Int): Int => plus(plus(literal(waiting), times(i, b.lanes)), lane(b.lanes));
      b.loop(elements / b.lanes, (i) => b.store(SCRATCH, at(i), zero), 'z');
    }
    b.loop(parts - 1, (k) => part(times(k, height), height, false), 'k');
    part(literal((parts - 1) * height), rows - (parts - 1) * height, true);
  });
}

/** The rows of the filter that the runs meet. */
function filterRowsOf({ runs }: Phase): { readonly first: number; readonly count: number } {
  const first = Math.min(...runs.map((run) => run.filterRow));
  return { first, count: Math.max(...runs.map((run) => run.filterRow + run.length)) - first };
}
