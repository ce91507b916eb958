// A block of accumulators of a product: how large it is, where blocks lie, what they sum, how they end.

import { type Int, literal, plus, times } from '../../kernel/int.ts';
import type { Local } from '../../kernel/kernel.ts';
import { type Context, type Draft, lane } from '../draft.ts';
import type { Epilogue } from './epilogue.ts';
import type { Phase, Product, Run } from './geometry.ts';
import type { StagedImage } from './stage-image.ts';

/** A block of accumulators: pixels of one row × vectors of channels. */
export type Blocking = { readonly pixels: number; readonly vectors: number };

/**
 * Chooses the block that costs least by a simple model: per step of the sum a block of P pixels and V vectors takes
 * P·V multiply-adds, P broadcasts and V loads; two of each kind run at a time, and fewer than 8 chains wait.
 *
 * @param fewest vectors, at least, if there are so many columns
 */
export function chooseBlocking(context: Context, width: number, columns: number, fewest = 1): Blocking {
  const total = Math.ceil(columns / context.lanes);
  let best: Blocking & { readonly cost: number } = { pixels: 1, vectors: 1, cost: Number.POSITIVE_INFINITY };
  for (let vectors = Math.min(fewest, total); vectors <= Math.min(4, total); vectors++) {
    for (let pixels = 1; pixels <= Math.min(width, 28); pixels++) {
      if (pixels * vectors + vectors + 1 > context.registers) continue;
      const cost = sizesOf(width, pixels).reduce(
        (sum, p) => sum + sizesOf(total, vectors).reduce((inner, v) => inner + blockCost(p, v), 0),
        0,
      );
      if (cost < best.cost - 1e-9) best = { pixels, vectors, cost };
    }
  }
  return { pixels: best.pixels, vectors: best.vectors };
}

function blockCost(pixels: number, vectors: number): number {
  const products = pixels * vectors;
  const loads = pixels + vectors;
  return Math.max(products / 2, loads / 2, 4) + 0.25 * vectors + 0.5;
}

/** `count` cut into blocks of `block` and a rest. */
function sizesOf(count: number, block: number): number[] {
  const sizes = new Array<number>(Math.floor(count / block)).fill(block);
  return count % block === 0 ? sizes : [...sizes, count % block];
}

/** Everything the loops need. */
export type Walk = {
  readonly draft: Draft;
  readonly context: Context;
  readonly product: Product;
  readonly staged: StagedImage;
  readonly filter: number;
  readonly epilogue: Epilogue;
  readonly image: Int;
};

/** Elements of the vector number `v` from a place on. */
export function vectorAt(lanes: number, v: number): Int {
  return plus(literal(v * lanes), lane(lanes));
}

/** Blocks of `block` pixels along each row, then the rest of the row. */
export function eachBlockOfPixels(
  { builder: b }: Draft,
  { size }: Phase,
  block: number,
  body: (row: Int, column: Int, pixels: number) => void,
): void {
  const [height, width] = size;
  const whole = Math.floor(width / block);
  b.loop(
    height,
    (row) => {
      b.loop(whole, (i) => body(row, times(i, block), block), 'x');
      if (width % block !== 0) body(row, literal(whole * block), width % block);
    },
    'y',
  );
}

/** Blocks of channel vectors; `counts` says how many lanes of each vector are in use. */
export function eachChannelBlock(
  draft: Draft,
  columns: number,
  vectors: number,
  body: (channel: Int, counts: readonly number[]) => void,
): void {
  const { lanes } = draft.builder;
  const whole = Math.floor(columns / (lanes * vectors));
  const full = new Array<number>(vectors).fill(lanes);
  if (whole <= 2) for (let i = 0; i < whole; i++) body(literal(i * lanes * vectors), full);
  else draft.builder.loop(whole, (i) => body(times(i, lanes * vectors), full), 'c');
  const rest = columns - whole * lanes * vectors;
  if (rest > 0) {
    const counts = Array.from({ length: Math.ceil(rest / lanes) }, (_, v) =>
      Math.min(lanes, rest - v * lanes),
    );
    body(literal(whole * lanes * vectors), counts);
  }
}

/** Where a block lies and what it sums. */
export type Block = {
  readonly phase: Phase;
  readonly runs: readonly Run[];
  readonly row: Int;
  readonly column: Int;
  readonly pixels: number;
  readonly channel: Int;
  /** Lanes in use of each vector of channels. */
  readonly counts: readonly number[];
  /** Vector `v` of a row of the filter matrix. */
  readonly weight: (filterRow: Int, v: number) => Local;
};

/** The block's accumulators [pixel][vector] after its runs. */
export function sumBlock(
  { draft, product, staged }: Walk,
  block: Block,
  initial: (pixel: number, v: number) => Local,
): Local[][] {
  const { row, column } = block;
  const b = draft.builder;
  const sums = Array.from({ length: block.pixels }, (_, p) =>
    block.counts.map((_count, v) => b.accumulator(initial(p, v))),
  );
  for (const run of block.runs) {
    b.loop(
      run.length,
      (t) => {
        const weights = block.counts.map((_, v) => block.weight(plus(t, literal(run.filterRow)), v));
        const element = plus(t, literal(run.start));
        for (const [p, vectors] of sums.entries()) {
          const y = plus(times(row, product.inputStep[0]), literal(run.dy));
          const x = plus(times(plus(column, literal(p)), product.inputStep[1]), literal(run.dx));
          const input = b.load(staged.slot, staged.address(y, x, element));
          for (const [v, weight] of weights.entries()) b.multiplyAdd(vectors[v]!, input, weight);
        }
      },
      't',
    );
  }
  return sums;
}

/** Visits the accumulators of a block. */
export function eachSum(
  sums: readonly (readonly Local[])[],
  body: (p: number, v: number, sum: Local) => void,
): void {
  for (const [p, vectors] of sums.entries()) for (const [v, sum] of vectors.entries()) body(p, v, sum);
}

/** Epilogue and stores of a block. */
export function finishBlock(
  { draft, epilogue, image, product: { outputStep } }: Omit<Walk, 'staged'>,
  { phase, row, column, channel: first, counts }: Block,
  block: readonly (readonly Local[])[],
): void {
  for (const [v, count] of counts.entries()) {
    const channel = plus(plus(first, literal(v * epilogue.lanes)), lane(count));
    const y = plus(times(row, outputStep[0]), literal(phase.offset[0]));
    const totals = draft.builder
      .interleaved(
        block.map((vectors, p) => () => {
          const x = plus(times(plus(column, literal(p)), outputStep[1]), literal(phase.offset[1]));
          return epilogue.store(vectors[v]!, [image, y, x, channel], count);
        }),
      )
      .reduce((a, b) => a.map((total, k) => epilogue.add(total, b[k]!)));
    epilogue.collect(channel, totals, count);
  }
}
