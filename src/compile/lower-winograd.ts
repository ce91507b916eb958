// Lowering of convolutions with three taps along the columns by minimal filtering (winograd.ts): the image's rows are
// transformed on the way into scratch memory, each of the six points is a product like any other, and the four
// outputs of a tile come out of its six sums.

import type { Node, RowRange } from '../graph/node.ts';
import {
  type Context,
  chunkIndex,
  createDraft,
  type Draft,
  type DraftLaunch,
  eachVector,
  lane,
  type Memory,
} from './draft.ts';
import { type Int, literal, plus, times } from './int.ts';
import type { KernelBuilder } from './kernel-builder.ts';
import { type Local, SCRATCH } from './loop.ts';
import { largestDivisor } from './lower-reduce.ts';
import { chooseBlocking, eachChannelBlock } from './product-block.ts';
import { createEpilogue, type Epilogue } from './product-epilogue.ts';
import type { Product } from './product-geometry.ts';
import {
  createTransformedImages,
  inputTransform,
  type TransformedImages,
  tilesOf,
} from './stage-transformed.ts';
import { outputsOf, POINTS, type Six, TAPS, TILE, transformTaps } from './winograd.ts';

/** Tiles that are worked on together: what belongs to them stays in the nearest cache. */
const POSITIONS = 64;
/** Fewer filter rows than this and the transformations cost more than they save. */
const WORTHWHILE_ROWS = 24;

/** A convolution of stride 1 with `kernelRows` × 3 taps. Its filter lies transformed in memory: (point, row, channel) × column. */
export type WinogradProduct = Omit<Product, 'phases' | 'inputStep' | 'outputStep'> & {
  /** First row of the kernel that takes part. */
  readonly firstKernelRow: number;
  /** Rows of the kernel that take part. */
  readonly kernelRows: number;
  readonly size: readonly [rows: number, columns: number];
};

/** True where minimal filtering serves a convolution (or its gradients) and pays. */
export function isWinogradWorthwhile(
  kernel: readonly [rows: number, columns: number],
  channels: number,
  geometry: { readonly stride: readonly [number, number]; readonly padding: readonly [number, number] },
  outputColumns: number,
): boolean {
  const [rows, columns] = kernel;
  const isUnstrided = geometry.stride[0] === 1 && geometry.stride[1] === 1;
  const isMargin = geometry.padding[0] < rows && geometry.padding[1] < columns;
  return (
    columns === TAPS && isUnstrided && isMargin && outputColumns >= TILE && rows * channels >= WORTHWHILE_ROWS
  );
}

/** The kernel of a convolution by minimal filtering; `sums` of its result are collected on the way, then combined. */
export function lowerWinograd(
  context: Context,
  product: WinogradProduct,
  sums: readonly Node[] = [],
): DraftLaunch[] {
  const draft = createDraft(context);
  const b = draft.builder;
  const output = draft.output(context.memoryOf(product.result)!);
  const image = chunkIndex(product.images);
  const [rows, columns] = product.size;
  const transformed = createTransformedImages(context, draft, product.source, {
    transform: inputTransform,
    outputColumns: columns,
    places: 1,
  });
  const filter = draft.input(product.filter);
  const epilogue = createEpilogue(context, draft, { ...product, output, image }, sums);
  const tiles = tilesOf(columns);
  const block = chooseBlock(context, product);
  const mostBlocks = Math.max(1, Math.floor(POSITIONS / (tiles * block.rows)));
  const bandRows = block.rows * largestDivisor(rows / block.rows, mostBlocks);
  const partial = reservePartial(draft, bandRows * tiles, block.vectors);
  // Rows below its own that a row of outputs needs: an earlier band has brought them already.
  const lastKernelRow = product.firstKernelRow + product.kernelRows - 1;
  const reach = Math.max(0, lastKernelRow - product.source.padding.rows[0]);
  const band = (first: Int, count: number): void => {
    b.loop(count, (i) => transformed.stageRow(image, literal(0), plus(plus(first, i), literal(reach))), 'y');
    eachChannelBlock(draft, product.columns, block.vectors, (channel, counts) => {
      const walk: Walk = { draft, product, transformed, filter, epilogue, channel, counts, partial, block };
      sumBand(walk, first, count);
      finishBand(walk, first, count);
    });
  };
  b.loop(reach, (row) => transformed.stageRow(image, literal(0), row), 'y');
  b.loop(rows / bandRows, (i) => band(times(i, bandRows), bandRows), 'b');
  const combine = epilogue.finish();
  return [draft.finish(`${product.name}Winograd`, product.images), ...combine];
}

/** A block of accumulators: tiles of some rows × vectors of channels. */
type Block = { readonly rows: number; readonly tiles: number; readonly vectors: number };

/** The block that costs least by the model of `chooseBlocking`: whole rows of tiles, or a part of one row. */
function chooseBlock(context: Context, { size, columns }: WinogradProduct): Block {
  const [rows, tiles] = [size[0], tilesOf(size[1])];
  const { pixels, vectors } = chooseBlocking(context, tiles * rows, columns);
  if (pixels < tiles) return { rows: 1, tiles: pixels, vectors };
  return { rows: largestDivisor(rows, Math.floor(pixels / tiles)), tiles, vectors };
}

/** Scratch memory for the sums of a band. */
type Partial = {
  readonly address: (point: Int, position: Int, vector: number) => Int;
};

function reservePartial({ builder: b }: Draft, positions: number, vectors: number): Partial {
  const perPosition = vectors * b.lanes;
  // Planes an odd number of vectors apart: equal positions of all points must not fall on the same lines of a cache.
  const pointStride = (positions * vectors + 1 - ((positions * vectors) % 2)) * b.lanes;
  const base = b.reserve(POINTS * pointStride);
  return {
    address: (point, position, vector) =>
      plus(
        plus(literal(base + vector * b.lanes), lane(b.lanes)),
        plus(times(point, pointStride), times(position, perPosition)),
      ),
  };
}

type Walk = {
  readonly draft: Draft;
  readonly product: WinogradProduct;
  readonly transformed: TransformedImages;
  readonly filter: number;
  readonly epilogue: Epilogue;
  readonly channel: Int;
  readonly counts: readonly number[];
  readonly partial: Partial;
  readonly block: Block;
};

function channelOf({ draft, channel }: Walk, v: number, count: number): Int {
  return plus(plus(channel, literal(v * draft.builder.lanes)), lane(count));
}

/** The sums of all six points over filter rows and channels, for `rows` rows of tiles, into scratch memory. */
function sumBand(walk: Walk, first: Int, rows: number): void {
  const { draft, product, block } = walk;
  const b = draft.builder;
  const tiles = tilesOf(product.size[1]);
  const rowOfBlocks = (point: Int, row: Int, height: number): void => {
    const at = (tile: Int, width: number): void =>
      sumBlock(walk, { point, first, row, tile, rows: height, tiles: width });
    const whole = Math.floor(tiles / block.tiles);
    b.loop(whole, (i) => at(times(i, block.tiles), block.tiles), 'x');
    if (tiles % block.tiles !== 0) at(literal(whole * block.tiles), tiles % block.tiles);
  };
  b.loop(
    POINTS,
    (point) => {
      const whole = Math.floor(rows / block.rows);
      b.loop(whole, (i) => rowOfBlocks(point, times(i, block.rows), block.rows), 'y');
      if (rows % block.rows !== 0) rowOfBlocks(point, literal(whole * block.rows), rows % block.rows);
    },
    'p',
  );
}

/** A block within a band that begins at row `first`. */
type BlockPlace = {
  readonly point: Int;
  readonly first: Int;
  readonly row: Int;
  readonly tile: Int;
  readonly rows: number;
  readonly tiles: number;
};

function sumBlock(walk: Walk, { point, first, row, tile, rows, tiles }: BlockPlace): void {
  const { draft, product, transformed, filter, counts, partial } = walk;
  const b = draft.builder;
  const filterRows = product.kernelRows * product.source.size[2];
  const zero = b.literal(0);
  const places = Array.from({ length: rows * tiles }, (_, p) => ({
    row: plus(row, literal(Math.floor(p / tiles))),
    tile: plus(tile, literal(p % tiles)),
    sums: counts.map(() => b.accumulator(zero)),
  }));
  b.loop(
    filterRows,
    (t) => {
      const filterRow = times(plus(times(point, filterRows), t), product.columns);
      const weights = counts.map((_, v) => b.load(filter, plus(filterRow, channelOf(walk, v, b.lanes))));
      for (const place of places) {
        const top = plus(plus(first, place.row), literal(product.firstKernelRow));
        const at = transformed.address(point, place.tile, top, t);
        const input = b.load(SCRATCH, at);
        for (const [v, weight] of weights.entries()) b.multiplyAdd(place.sums[v]!, input, weight);
      }
    },
    't',
  );
  for (const place of places) {
    const position = plus(times(place.row, tilesOf(product.size[1])), place.tile);
    for (const [v, sum] of place.sums.entries()) b.store(SCRATCH, partial.address(point, position, v), sum);
  }
}

/** Outputs of a band, through the epilogue. */
function finishBand(walk: Walk, first: Int, rows: number): void {
  const { draft, product, epilogue, counts, partial } = walk;
  const b = draft.builder;
  const columns = product.size[1];
  const zero = b.literal(0);
  const totals = counts.map(() => Array.from({ length: epilogue.sums }, () => b.accumulator(zero)));
  const finish = (row: Int, tile: Int, outputs: number): void => {
    const position = plus(times(row, tilesOf(columns)), tile);
    for (const [v, count] of counts.entries()) {
      const sums = Array.from({ length: POINTS }, (_, point) =>
        b.load(SCRATCH, partial.address(literal(point), position, v)),
      );
      const summands = outputsOf(b, sums as unknown as Six)
        .slice(0, outputs)
        .map((value, k) => {
          const column = plus(times(tile, TILE), literal(k));
          return epilogue.store(value, [plus(first, row), column, channelOf(walk, v, count)], count);
        })
        .reduce((x, y) => x.map((summand, s) => epilogue.add(summand, y[s]!)));
      for (const [s, total] of totals[v]!.entries()) b.assign(total, epilogue.add(total, summands[s]!));
    }
  };
  const wholeTiles = Math.floor(columns / TILE);
  b.loop(
    rows,
    (row) => {
      b.loop(wholeTiles, (tile) => finish(row, tile, TILE), 'j');
      if (columns % TILE !== 0) finish(row, literal(wholeTiles), columns % TILE);
    },
    'r',
  );
  if (epilogue.sums > 0) {
    for (const [v, count] of counts.entries()) epilogue.collect(channelOf(walk, v, count), totals[v]!);
  }
}

/** A filter's three taps along the columns, in memory. */
export type FilterTaps = {
  readonly memory: Memory;
  readonly kernelRows: number;
  readonly channels: number;
  readonly columns: number;
  /** Index of tap `tap` in filter row (row, channel), column. */
  readonly index: (row: number, tap: number, channel: Int, column: Int) => Int;
  /** Channels of a (row, tap) that count; the others are zero. All, if absent. */
  readonly channelsOf?: (row: number, tap: number) => RowRange;
};

/** (row, tap, channel) × column → (point, row, channel) × column. */
export function transformFilter(context: Context, taps: FilterTaps): { launch: DraftLaunch; memory: Memory } {
  const { kernelRows, channels, columns } = taps;
  const memory: Memory = {
    label: 'transformed filter',
    elements: POINTS * kernelRows * channels * columns,
  };
  const draft = createDraft(context);
  const b = draft.builder;
  const source = draft.input(taps.memory);
  const target = draft.output(memory);
  const channel = chunkIndex(channels);
  for (let row = 0; row < kernelRows; row++) {
    eachVector(b, columns, (column, count) => {
      const weights = Array.from({ length: TAPS }, (_, tap) => {
        const value = b.load(source, taps.index(row, tap, channel, column));
        const [start, end] = taps.channelsOf?.(row, tap) ?? [0, channels];
        return withinChannels(b, value, channel, [Math.max(0, start), Math.min(channels, end)], channels);
      });
      const points = transformTaps(b, weights as unknown as Parameters<typeof transformTaps>[1]);
      for (const [point, value] of points.entries()) {
        const filterRow = plus(literal((point * kernelRows + row) * channels), channel);
        b.store(target, plus(times(filterRow, columns), column), value, count);
      }
    });
  }
  return { launch: draft.finish('winogradFilter', channels), memory };
}

/** The value, or zero where `channel` is not in the range. */
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
