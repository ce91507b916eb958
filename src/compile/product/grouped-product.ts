// Products in groups: a group of columns sums over its own share of the source's channels. Wide groups are computed one
// after the other, each as a product of its own. If a group has fewer columns than half a vector, as in a depthwise
// convolution, vectors span groups: each lane loads the input of its own group.

import type { Node } from '../../graph/node.ts';
import { type Int, literal, plus, times } from '../../kernel/int.ts';
import type { Local } from '../../kernel/kernel.ts';
import {
  type Context,
  chunkIndex,
  createDraft,
  type DraftLaunch,
  eachVector,
  type Memory,
  shareItems,
} from '../draft.ts';
import { registerTuning, tuning } from '../tuning.ts';
import {
  type Blocking,
  chooseBlocking,
  eachBlockOfPixels,
  eachColumnBlock,
  finishBlock,
  sumBlock,
  vectorAt,
  type Walk,
} from './block.ts';
import { createEpilogue } from './epilogue.ts';
import type { Phase, Product } from './geometry.ts';
import { loadRow } from './prefetch.ts';
import { groupOf, spansGroups, stageAcrossGroups } from './stage-groups.ts';
import { type StagedImage, stageImage } from './stage-image.ts';

/** The kernels of a product in groups. They also compute `sums`, sums of its result over images and pixels. */
export function lowerGroupedProduct(
  context: Context,
  product: Product & { readonly groups: number },
  sums: readonly Node[],
): DraftLaunch[] {
  const draft = createDraft(context);
  const output = draft.output(context.memoryOf(product.result)!);
  const { images: chunks, groups } = product;
  const chunk = chunkIndex(chunks);
  const isSpanning = spansGroups(context.lanes, product.columns / groups);
  const packed = isSpanning ? undefined : packGroups(context, product, groups);
  const filter = draft.input(packed?.memory ?? product.filter);
  const epilogue = createEpilogue(context, draft, { ...product, output, chunks, chunk }, sums);
  const walk = { draft, context, product, filter, epilogue, image: chunk };
  if (isSpanning) walkAcrossGroups(walk, groups);
  else walkGroupByGroup(walk, groups);
  const combine = epilogue.finish();
  const launch = draft.finish(product.name, chunks, 1);
  return packed === undefined ? [launch, ...combine] : [packed.launch, launch, ...combine];
}

/** Rows of the weight matrix, and of each group's share of it. */
const rowsOf = ({ filter, columns }: Product): number => filter.elements / columns;

/** The kernel that packs the matrix of each group: (row, group, column) → (group, row, column). */
function packGroups(
  context: Context,
  product: Product,
  groups: number,
): { readonly memory: Memory; readonly launch: DraftLaunch } {
  const columns = product.columns / groups;
  const rows = rowsOf(product);
  const memory: Memory = { label: 'filter in groups', elements: product.filter.elements };
  const draft = createDraft(context);
  const b = draft.builder;
  const source = draft.input(product.filter);
  const target = draft.output(memory);
  const chunks = shareItems(b, rows, tuning.packedRows, (first, items) =>
    b.loop(groups, (group) =>
      b.loop(items, (i) => {
        const row = plus(first, i);
        eachVector(b, columns, (column, count) => {
          const from = plus(plus(times(row, product.columns), times(group, columns)), column);
          const to = plus(times(plus(times(group, rows), row), columns), column);
          b.store(target, to, b.load(source, from), count);
        });
      }),
    ),
  );
  return { memory, launch: draft.finish('packGroups', chunks) };
}

function walkGroupByGroup(walk: Omit<Walk, 'staged'>, groups: number): void {
  const { draft, context, product, filter, image } = walk;
  const b = draft.builder;
  const columns = product.columns / groups;
  const rows = rowsOf(product);
  const walked = { slot: filter, bytes: 4 * rows * columns };
  const zero = b.literal(0);
  const walkPhase = (staged: StagedImage, phase: Phase, group: Int): void => {
    const blocking = chooseBlocking(context, phase.size[1], columns);
    eachBlockOfPixels(draft, phase, blocking.pixels, (y, x, pixels) =>
      eachColumnBlock(draft, columns, blocking.vectors, (within, counts) => {
        const column = plus(times(group, columns), within);
        const rowAt = (row: Int): Int => plus(times(plus(times(group, rows), row), columns), within);
        const weight = (row: Int, v: number): Local => loadRow(b, walked, rowAt, row, v);
        const block = { phase, runs: phase.runs, y, x, pixels, column, counts, weight };
        finishBlock(
          walk,
          block,
          sumBlock({ ...walk, staged }, block, () => zero),
        );
      }),
    );
  };
  b.loop(
    groups,
    (group) => {
      const staged = stageImage(context, draft, groupOf(product.source, groups, group), image);
      for (const phase of product.phases) walkPhase(staged, phase, group);
    },
    'g',
  );
}

function walkAcrossGroups(walk: Omit<Walk, 'staged'>, groups: number): void {
  const { draft, context, product, image } = walk;
  const { source, columns } = product;
  const staged = stageAcrossGroups(context, draft, { source, groups, columns }, image);
  for (const phase of product.phases) {
    const blocking = blockingAcross(context, phase.size[1], columns);
    eachBlockOfPixels(draft, phase, blocking.pixels, (y, x, pixels) =>
      eachColumnBlock(draft, columns, blocking.vectors, (column, counts) => {
        const block = { phase, y, x, pixels, column, counts };
        const sums = sumAcross({ ...walk, staged }, block);
        const weight = (): Local => sums[0]![0]!;
        finishBlock(walk, { ...block, runs: phase.runs, weight }, sums);
      }),
    );
  }
}

/** Blocks of pixels of about equal size, with one vector each, or two if a row has few pixels. */
function blockingAcross(context: Context, width: number, columns: number): Blocking {
  // A phase is empty if the stride exceeds the width.
  const { pixelsAcrossGroups: most } = registerTuning(context);
  const blocks = Math.max(1, Math.ceil(width / most));
  const pixels = Math.max(1, Math.ceil(width / blocks));
  const vectors = 2 * pixels + 3 <= context.registers && pixels < most && columns > context.lanes ? 2 : 1;
  return { pixels, vectors };
}

/** As `sumBlock`, with an input for every lane. */
function sumAcross(
  { draft, product, staged, filter }: Walk,
  {
    phase,
    y,
    x,
    pixels,
    column,
    counts,
  }: {
    readonly phase: Phase;
    readonly y: Int;
    readonly x: Int;
    readonly pixels: number;
    readonly column: Int;
    readonly counts: readonly number[];
  },
): Local[][] {
  const b = draft.builder;
  const zero = b.literal(0);
  const sums = Array.from({ length: pixels }, () => counts.map(() => b.accumulator(zero)));
  const vector = (v: number): Int => plus(column, vectorAt(b.lanes, v));
  for (const run of phase.runs) {
    b.loop(
      run.length,
      (t) => {
        const filterRow = plus(t, literal(run.filterRow));
        const element = times(plus(t, literal(run.start)), product.columns);
        const weights = counts.map((_, v) =>
          b.load(filter, plus(times(filterRow, product.columns), vector(v))),
        );
        for (const [p, vectors] of sums.entries()) {
          const inputY = plus(times(y, product.inputStep[0]), literal(run.dy));
          const inputX = plus(times(plus(x, literal(p)), product.inputStep[1]), literal(run.dx));
          for (const [v, weight] of weights.entries()) {
            const input = b.load(staged.slot, staged.address(inputY, inputX, plus(element, vector(v))));
            b.multiplyAdd(vectors[v]!, input, weight);
          }
        }
      },
      't',
    );
  }
  return sums;
}
