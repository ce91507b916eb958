// Products in groups: a group of columns meets its own share of the source's channels. Wide groups are walked one after
// the other, each a product like any other. Where a group has fewer columns than half a vector, as in a depthwise
// convolution, vectors lie across groups: each lane loads the input of its own group.

import type { Node } from '../../graph/node.ts';
import { type Int, literal, plus, times } from '../../kernel/int.ts';
import type { Local } from '../../kernel/kernel.ts';
import { type Context, chunkIndex, createDraft, type DraftLaunch } from '../draft.ts';
import {
  type Blocking,
  chooseBlocking,
  eachBlockOfPixels,
  eachChannelBlock,
  finishBlock,
  sumBlock,
  vectorAt,
  type Walk,
} from './block.ts';
import { createEpilogue } from './epilogue.ts';
import type { Phase, Product } from './geometry.ts';
import { groupOf, liesAcrossGroups, stageAcrossGroups } from './stage-groups.ts';
import { type StagedImage, stageImage } from './stage-image.ts';

/** Pixels of a block across groups: each has a load of its own for every multiply-add, so more of them save little. */
const PIXELS = 8;

/** The kernel of a product in groups; `sums` of its result over images and pixels are collected on the way. */
export function lowerGroupedProduct(
  context: Context,
  product: Product & { readonly groups: number },
  sums: readonly Node[],
): DraftLaunch[] {
  const draft = createDraft(context);
  const output = draft.output(context.memoryOf(product.result)!);
  const { images: chunks, groups } = product;
  const chunk = chunkIndex(chunks);
  const filter = draft.input(product.filter);
  const epilogue = createEpilogue(context, draft, { ...product, output, chunks, chunk }, sums);
  const walk = { draft, context, product, filter, epilogue, image: chunk };
  if (liesAcrossGroups(context.lanes, product.columns / groups)) walkAcrossGroups(walk, groups);
  else walkGroupByGroup(walk, groups);
  const combine = epilogue.finish();
  return [draft.finish(product.name, chunks, 1), ...combine];
}

function walkGroupByGroup(walk: Omit<Walk, 'staged'>, groups: number): void {
  const { draft, context, product, filter, image } = walk;
  const b = draft.builder;
  const columns = product.columns / groups;
  const zero = b.literal(0);
  const walkPhase = (staged: StagedImage, phase: Phase, group: Int): void => {
    const blocking = chooseBlocking(context, phase.size[1], columns);
    eachBlockOfPixels(draft, phase, blocking.pixels, (row, column, pixels) =>
      eachChannelBlock(draft, columns, blocking.vectors, (within, counts) => {
        const channel = plus(times(group, columns), within);
        const weight = (filterRow: Int, v: number): Local =>
          b.load(filter, plus(plus(times(filterRow, product.columns), channel), vectorAt(b.lanes, v)));
        const block = { phase, runs: phase.runs, row, column, pixels, channel, counts, weight };
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
    eachBlockOfPixels(draft, phase, blocking.pixels, (row, column, pixels) =>
      eachChannelBlock(draft, columns, blocking.vectors, (channel, counts) => {
        const block = { phase, row, column, pixels, channel, counts };
        const sums = sumAcross({ ...walk, staged }, block);
        const weight = (): Local => sums[0]![0]!;
        finishBlock(walk, { ...block, runs: phase.runs, weight }, sums);
      }),
    );
  }
}

/** Pixels in blocks of about equal size, of one vector each or, where they are few, of two. */
function blockingAcross(context: Context, width: number, columns: number): Blocking {
  // A phase may be empty: with more strides than pixels.
  const blocks = Math.max(1, Math.ceil(width / PIXELS));
  const pixels = Math.max(1, Math.ceil(width / blocks));
  const vectors = 2 * pixels + 3 <= context.registers && pixels < PIXELS && columns > context.lanes ? 2 : 1;
  return { pixels, vectors };
}

/** As `sumBlock`, with an input for every lane. */
function sumAcross(
  { draft, product, staged, filter }: Walk,
  {
    phase,
    row,
    column,
    pixels,
    channel,
    counts,
  }: {
    readonly phase: Phase;
    readonly row: Int;
    readonly column: Int;
    readonly pixels: number;
    readonly channel: Int;
    readonly counts: readonly number[];
  },
): Local[][] {
  const b = draft.builder;
  const zero = b.literal(0);
  const sums = Array.from({ length: pixels }, () => counts.map(() => b.accumulator(zero)));
  const vector = (v: number): Int => plus(channel, vectorAt(b.lanes, v));
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
          const y = plus(times(row, product.inputStep[0]), literal(run.dy));
          const x = plus(times(plus(column, literal(p)), product.inputStep[1]), literal(run.dx));
          for (const [v, weight] of weights.entries()) {
            const input = b.load(staged.slot, staged.address(y, x, plus(element, vector(v))));
            b.multiplyAdd(vectors[v]!, input, weight);
          }
        }
      },
      't',
    );
  }
  return sums;
}
