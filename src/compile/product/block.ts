// Register blocks of a product: their size, the loops over them, their sums, and their stores.

import { type Int, literal, plus, times } from '../../kernel/int.ts';
import type { Local } from '../../kernel/kernel.ts';
import { type Context, type Draft, lane } from '../draft.ts';
import { type RegisterTuning, registerTuning } from '../tuning.ts';
import type { Epilogue } from './epilogue.ts';
import type { Phase, Product, Run } from './geometry.ts';
import type { StagedImage } from './stage-image.ts';

/** Size of a register block: pixels of one image row × vectors of columns. */
export type Blocking = { readonly pixels: number; readonly vectors: number };

/**
 * The block of least cost in a simple model: per step of the sum a block of P pixels and V vectors takes P·V
 * multiply-adds, P broadcasts and V loads. So many of them run at a time as the machine's row of the tuning table says;
 * few accumulators wait for the latency of a multiply-add.
 *
 * @param fewest lower bound on the vectors, if there are as many
 */
export function chooseBlocking(context: Context, width: number, columns: number, fewest = 1): Blocking {
  const total = Math.ceil(columns / context.lanes);
  const row = registerTuning(context);
  let best: Blocking & { readonly cost: number } = { pixels: 1, vectors: 1, cost: Number.POSITIVE_INFINITY };
  for (let vectors = Math.min(fewest, total); vectors <= Math.min(row.mostVectors, total); vectors++) {
    for (let pixels = 1; pixels <= Math.min(width, row.mostPixels); pixels++) {
      if (pixels * vectors + vectors + 1 > context.registers) continue;
      const cost = sizesOf(width, pixels).reduce(
        (sum, p) => sum + sizesOf(total, vectors).reduce((inner, v) => inner + blockCost(row, p, v), 0),
        0,
      );
      if (cost < best.cost - 1e-9) best = { pixels, vectors, cost };
    }
  }
  return { pixels: best.pixels, vectors: best.vectors };
}

/** Cycles of a step of the sum, and those of its addresses and loop. */
function blockCost(row: RegisterTuning, pixels: number, vectors: number): number {
  return stepCycles(row, pixels, vectors) + 0.25 * vectors + 0.5;
}

/** Cycles of a step of the sums of a block of `height` broadcasts by `vectors` loads. */
export function stepCycles(
  { productsAtOnce, loadsAtOnce, latency }: RegisterTuning,
  height: number,
  vectors: number,
): number {
  return Math.max((height * vectors) / productsAtOnce, (height + vectors) / loadsAtOnce, latency);
}

/** Sizes of the blocks of `count` items: `block` each, and the remainder. */
function sizesOf(count: number, block: number): number[] {
  const sizes = new Array<number>(Math.floor(count / block)).fill(block);
  return count % block === 0 ? sizes : [...sizes, count % block];
}

/** What the loops over blocks need. */
export type Walk = {
  readonly draft: Draft;
  readonly context: Context;
  readonly product: Product;
  readonly staged: StagedImage;
  readonly filter: number;
  readonly epilogue: Epilogue;
  readonly image: Int;
};

/** Offset of the elements of vector number `v`. */
export function vectorAt(lanes: number, v: number): Int {
  return plus(literal(v * lanes), lane(lanes));
}

/** Blocks of `block` pixels along each image row, then the remainder of the row. */
export function eachBlockOfPixels(
  { builder: b }: Draft,
  { size }: Phase,
  block: number,
  body: (y: Int, x: Int, pixels: number) => void,
): void {
  const [height, width] = size;
  const whole = Math.floor(width / block);
  b.loop(
    height,
    (y) => {
      b.loop(whole, (i) => body(y, times(i, block), block), 'x');
      if (width % block !== 0) body(y, literal(whole * block), width % block);
    },
    'y',
  );
}

/**
 * Blocks of vectors of columns; `counts` has the lanes in use of each vector.
 *
 * @param joinsLast a last block of one vector becomes a part of the one before
 */
export function eachColumnBlock(
  draft: Draft,
  columns: number,
  vectors: number,
  body: (column: Int, counts: readonly number[]) => void,
  joinsLast = false,
): void {
  const { lanes } = draft.builder;
  const isJoined = joinsLast && columns > lanes * vectors && Math.ceil(columns / lanes) % vectors === 1;
  const whole = Math.floor(columns / (lanes * vectors)) - (isJoined ? 1 : 0);
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

/** Place and runs of a block. */
export type Block = {
  readonly phase: Phase;
  readonly runs: readonly Run[];
  /** Its first pixel within the phase, and how many follow along x. */
  readonly y: Int;
  readonly x: Int;
  readonly pixels: number;
  /** Its first column, and the lanes in use of each vector of columns. */
  readonly column: Int;
  readonly counts: readonly number[];
  /** Vector `v` of a row of the matrix. */
  readonly weight: (filterRow: Int, v: number) => Local;
};

/** The block's accumulators [pixel][vector] after its runs. */
export function sumBlock(
  { draft, product, staged }: Walk,
  block: Block,
  initial: (pixel: number, v: number) => Local,
): Local[][] {
  const { x, y } = block;
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
          const inputY = plus(times(y, product.inputStep[0]), literal(run.dy));
          const inputX = plus(times(plus(x, literal(p)), product.inputStep[1]), literal(run.dx));
          const input = b.load(staged.slot, staged.address(inputY, inputX, element));
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
  { phase, y, x, column: first, counts }: Block,
  block: readonly (readonly Local[])[],
): void {
  for (const [v, count] of counts.entries()) {
    const column = plus(plus(first, literal(v * epilogue.lanes)), lane(count));
    const outputY = plus(times(y, outputStep[0]), literal(phase.offset[0]));
    const totals = draft.builder
      .interleaved(
        block.map((vectors, p) => () => {
          const outputX = plus(times(plus(x, literal(p)), outputStep[1]), literal(phase.offset[1]));
          return epilogue.store(vectors[v]!, [image, outputY, outputX, column], count);
        }),
      )
      .reduce((a, b) => a.map((total, k) => epilogue.add(total, b[k]!)));
    epilogue.collect(column, totals, count);
  }
}
