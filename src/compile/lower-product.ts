// Lowering of products: convolution, its input gradient and the matrix product are one register-blocked loop nest.
// All of them sum, for a block of pixels and a block of output channels, over "runs": stretches of consecutive
// inputs that meet consecutive rows of the filter matrix. Images are padded (and whatever elementwise work comes
// before is done) on the way into scratch memory; what comes after is done on the accumulators.

import type { Node, RowRange } from '../graph/node.ts';
import {
  type Context,
  chunkIndex,
  createDraft,
  type Draft,
  type DraftLaunch,
  lane,
  type Memory,
} from './draft.ts';
import { type Int, literal, plus, times } from './int.ts';
import type { Local } from './loop.ts';
import { createEpilogue, type Epilogue } from './product-epilogue.ts';
import { type ImageSource, type StagedImage, stageImage } from './stage-image.ts';

/** Inputs at (row + dy, column + dx), from element `start` of that pixel on, meet filter rows from `filterRow` on. */
export type Run = {
  readonly dy: number;
  readonly dx: number;
  readonly start: number;
  readonly length: number;
  readonly filterRow: number;
};

/** Output pixels (offset + step · i) that share their runs. */
export type Phase = {
  readonly offset: readonly [number, number];
  readonly size: readonly [number, number];
  readonly runs: readonly Run[];
};

/** A product, reduced to geometry. */
export type Product = {
  readonly name: string;
  readonly node: Node;
  readonly result: Node;
  readonly source: ImageSource;
  readonly filter: Memory;
  /** Columns of the filter matrix = output channels. */
  readonly columns: number;
  readonly phases: readonly Phase[];
  /** Input pixels per output pixel within a phase. */
  readonly inputStep: readonly [number, number];
  /** Distance of a phase's output pixels. */
  readonly outputStep: readonly [number, number];
  /** Number of images = chunks. */
  readonly images: number;
  /** Index of an output element in the result. */
  readonly outputIndex: (image: Int, row: Int, column: Int, channel: Int) => Int[];
};

/** A block of accumulators: pixels of one row × vectors of channels. */
export type Blocking = { readonly pixels: number; readonly vectors: number };

/**
 * Chooses the block that costs least by a simple model: per step of the sum a block of P pixels and V vectors takes
 * P·V multiply-adds, P broadcasts and V loads; two of each kind run at a time, and fewer than 8 chains wait.
 */
export function chooseBlocking(context: Context, width: number, columns: number): Blocking {
  const total = Math.ceil(columns / context.lanes);
  let best: Blocking & { readonly cost: number } = { pixels: 1, vectors: 1, cost: Number.POSITIVE_INFINITY };
  for (let vectors = 1; vectors <= Math.min(4, total); vectors++) {
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
  return Math.max(products / 2, loads / 2, Math.min(4, 4)) + 0.25 * vectors + 0.5;
}

/** `count` cut into blocks of `block` and a rest. */
function sizesOf(count: number, block: number): number[] {
  const sizes = new Array<number>(Math.floor(count / block)).fill(block);
  return count % block === 0 ? sizes : [...sizes, count % block];
}

/** The kernel of a product; `sums` of its result over images and pixels are collected on the way, then combined. */
export function lowerProduct(context: Context, product: Product, sums: readonly Node[] = []): DraftLaunch[] {
  const draft = createDraft(context);
  const b = draft.builder;
  const output = draft.output(context.memoryOf(product.result)!);
  const chunk = chunkIndex(product.images);
  const staged = stageImage(context, draft, product.source, chunk);
  const filter = draft.input(product.filter);
  const epilogue = createEpilogue(context, draft, { ...product, output, image: chunk }, sums);
  for (const phase of product.phases) {
    const blocking = chooseBlocking(context, phase.size[1], product.columns);
    const body = (row: Int, column: Int, pixels: number): void => {
      eachChannelBlock(draft, product.columns, blocking.vectors, (channel, counts) => {
        const block = accumulate({
          draft,
          product,
          phase,
          staged,
          filter,
          row,
          column,
          pixels,
          channel,
          vectors: counts.length,
        });
        storeBlock({ epilogue, product, phase, row, column, channel, counts, sums: block });
      });
    };
    b.loop(
      phase.size[0],
      (row) =>
        eachPixelBlock(draft, phase.size[1], blocking.pixels, (column, pixels) => body(row, column, pixels)),
      'y',
    );
  }
  const combine = epilogue.finish();
  return [draft.finish(product.name, product.images), ...combine];
}

/** Blocks of `block` pixels along a row, then the rest. */
function eachPixelBlock(
  draft: Draft,
  width: number,
  block: number,
  body: (column: Int, pixels: number) => void,
): void {
  const whole = Math.floor(width / block);
  draft.builder.loop(whole, (i) => body(times(i, block), block), 'x');
  if (width % block !== 0) body(literal(whole * block), width % block);
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

type Block = {
  readonly draft: Draft;
  readonly product: Product;
  readonly phase: Phase;
  readonly staged: StagedImage;
  readonly filter: number;
  readonly row: Int;
  readonly column: Int;
  readonly pixels: number;
  readonly channel: Int;
  readonly vectors: number;
};

/** Accumulators [pixel][vector] after all runs. */
function accumulate(block: Block): Local[][] {
  const { draft, product, phase, staged, row, column } = block;
  const b = draft.builder;
  const zero = b.literal(0);
  const sums = Array.from({ length: block.pixels }, () =>
    Array.from({ length: block.vectors }, () => b.accumulator(zero)),
  );
  for (const run of phase.runs) {
    b.loop(
      run.length,
      (t) => {
        const filterRow = times(plus(t, literal(run.filterRow)), product.columns);
        const weights = sums[0]!.map((_, v) =>
          b.load(
            block.filter,
            plus(plus(filterRow, block.channel), plus(literal(v * b.lanes), lane(b.lanes))),
          ),
        );
        for (let p = 0; p < block.pixels; p++) {
          const y = plus(times(row, product.inputStep[0]), literal(run.dy));
          const x = plus(times(plus(column, literal(p)), product.inputStep[1]), literal(run.dx));
          const input = b.load(staged.slot, staged.address(y, x, plus(t, literal(run.start))));
          for (const [v, weight] of weights.entries()) b.multiplyAdd(sums[p]![v]!, input, weight);
        }
      },
      't',
    );
  }
  return sums;
}

type Stored = {
  readonly epilogue: Epilogue;
  readonly product: Product;
  readonly phase: Phase;
  readonly row: Int;
  readonly column: Int;
  readonly channel: Int;
  readonly counts: readonly number[];
  readonly sums: readonly (readonly Local[])[];
};

/** Epilogue and stores of a block. */
function storeBlock({
  epilogue,
  product,
  phase,
  row,
  column,
  channel: first,
  counts,
  sums: block,
}: Stored): void {
  for (const [v, count] of counts.entries()) {
    const channel = plus(plus(first, literal(v * epilogue.lanes)), lane(count));
    const y = plus(times(row, product.outputStep[0]), literal(phase.offset[0]));
    const totals = block
      .map((vectors, p) => {
        const x = plus(times(plus(column, literal(p)), product.outputStep[1]), literal(phase.offset[1]));
        return epilogue.store(vectors[v]!, [y, x, channel], count);
      })
      .reduce((a, b) => a.map((total, k) => epilogue.add(total, b[k]!)));
    epilogue.collect(channel, totals);
  }
}

/** Runs of one output pixel's window: one per kernel row, over the filter rows in `rows` only. */
export function windowRuns(kernel: readonly [number, number], channels: number, rows: RowRange): Run[] {
  const perRow = kernel[1] * channels;
  const runs: Run[] = [];
  for (let dy = 0; dy < kernel[0]; dy++) {
    const from = Math.max(rows[0], dy * perRow);
    const to = Math.min(rows[1], (dy + 1) * perRow);
    if (from < to) runs.push({ dy, dx: 0, start: from - dy * perRow, length: to - from, filterRow: from });
  }
  return runs;
}
