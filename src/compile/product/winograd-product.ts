// Lowering of convolutions with three taps along x by Winograd's algorithm (winograd.ts): image rows are transformed on
// the way into scratch memory, each of the six points is a product, and a transformation of a tile's six sums gives its
// four outputs.

import { elementCount, stridesOf } from '../../base/shape.ts';
import type { FullGeometry, Node, RowRange } from '../../graph/node.ts';
import { INTERLEAVED } from '../../kernel/builder.ts';
import { div, flatten, type Int, literal, plus, times } from '../../kernel/int.ts';
import { SCRATCH } from '../../kernel/kernel.ts';
import { type Context, chunkIndex, createDraft, type Draft, type DraftLaunch, lane } from '../draft.ts';
import { largestDivisor } from '../elementwise/reduce.ts';
import { tuning } from '../tuning.ts';
import { chooseBlocking, eachColumnBlock } from './block.ts';
import { createEpilogue, type Epilogue, type Place } from './epilogue.ts';
import type { Product } from './geometry.ts';
import { loadRow, prefetchPart } from './prefetch.ts';
import { outputsOf, POINTS, type Six, TAPS, TILE } from './winograd.ts';
import { type FilterTaps, filterAddress, pointRanges, transformFilter } from './winograd-filter.ts';
import {
  createTransformedImages,
  inputTransform,
  type TransformedImages,
  tilesOf,
} from './winograd-images.ts';

/** A convolution of stride 1 with three taps along x. */
export type WinogradProduct = Omit<Product, 'filter' | 'phases' | 'inputStep' | 'outputStep'> & {
  readonly taps: FilterTaps;
  /** First kernel row that takes part; `taps` has their number. */
  readonly firstKernelRow: number;
  /** Size of the output. */
  readonly size: readonly [height: number, width: number];
};

/** True if Winograd's algorithm can compute a convolution (or its gradients) and is faster. */
export function isWinogradWorthwhile(
  kernel: readonly [height: number, width: number],
  channels: number,
  { stride, padding, dilation, groups }: FullGeometry,
  outputWidth: number,
): boolean {
  const [kh, kw] = kernel;
  const isDense = groups === 1 && [...stride, ...dilation].every((step) => step === 1);
  const isMargin = padding[0][0] < kh && padding[1][0] < kw;
  return kw === TAPS && isDense && isMargin && outputWidth >= TILE && kh * channels >= tuning.worthwhileRows;
}

/** The kernel rows that a range of filter rows touches, if enough of their filter rows are in the range. */
export function worthwhileKernelRows([start, end]: RowRange, perKernelRow: number): RowRange | undefined {
  const [first, last] = [Math.floor(start / perKernelRow), Math.ceil(end / perKernelRow)];
  return (end - start) / ((last - first) * perKernelRow) < tuning.worthwhileShare ? undefined : [first, last];
}

/** The kernels of a convolution by Winograd's algorithm. They also compute `sums`, sums of its result. */
export function lowerWinograd(
  context: Context,
  product: WinogradProduct,
  sums: readonly Node[] = [],
): DraftLaunch[] {
  const draft = createDraft(context);
  const b = draft.builder;
  const output = draft.output(context.memoryOf(product.result)!);
  const [height, width] = product.size;
  const tiles = tilesOf(width);
  const filterBytes = 4 * POINTS * product.taps.kernelRows * product.taps.channels * product.columns;
  const most = filterBytes > tuning.winogradFilterBytes ? Math.floor(tuning.bandTiles / (tiles * height)) : 1;
  const images = largestDivisor(product.images, Math.max(1, most));
  const chunks = product.images / images;
  const chunk = chunkIndex(chunks);
  const imageAt = (place: Int): Int => plus(times(chunk, images), place);
  const transformed = createTransformedImages(draft, product.source, {
    transform: inputTransform,
    outputWidth: width,
    places: images,
  });
  const block = chooseBlock(context, product);
  const { launch: transformation, memory } = transformFilter(context, product.taps, block);
  const filter = draft.input(memory);
  const epilogue = createEpilogue(context, draft, { ...product, output, chunks, chunk }, sums);
  const mostBlocks = Math.max(1, Math.floor(tuning.bandTiles / (tiles * block.rows)));
  const bandRows = block.rows * largestDivisor(height / block.rows, mostBlocks);
  const partial = reservePartial(draft, images * bandRows * tiles, block.vectors + (block.joinsLast ? 1 : 0));
  // A row of outputs needs so many rows below its own; those above them are transformed already.
  const lastKernelRow = product.firstKernelRow + product.taps.kernelRows - 1;
  const reach = Math.max(0, lastKernelRow - product.source.padding.y[0]);
  const stageRows = (first: Int, count: number): void =>
    b.loop(
      images,
      (i) => b.loop(count, (row) => transformed.stageRow(imageAt(i), i, plus(first, row)), 'y'),
      'i',
    );
  const band = (first: Int): void => {
    stageRows(plus(first, literal(reach)), bandRows);
    const places = { images, imageAt, first, rows: bandRows, output };
    const common = { draft, product, transformed, filter, epilogue, partial, block, ...places };
    eachColumnBlock(
      draft,
      product.columns,
      block.vectors,
      (column, counts) => {
        const walk: Walk = { ...common, column, counts };
        sumBand(walk);
        finishBand(walk);
      },
      block.joinsLast,
    );
  };
  stageRows(literal(0), reach);
  b.loop(height / bandRows, (i) => band(times(i, bandRows)), 'b');
  const combine = epilogue.finish();
  return [transformation, draft.finish(`${product.name}Winograd`, chunks, images), ...combine];
}

/** A register block: tiles of some rows × vectors of columns. */
type Block = {
  readonly rows: number;
  readonly tiles: number;
  readonly vectors: number;
  /** A last block of one vector, whose few sums would wait for each other, becomes a part of the one before. */
  readonly joinsLast: boolean;
};

/** The block of least cost by the model of `chooseBlocking`: whole rows of tiles, or a part of one row. */
function chooseBlock(context: Context, { size, columns }: WinogradProduct): Block {
  const [height, tiles] = [size[0], tilesOf(size[1])];
  const block = (rows: number, width: number, vectors: number): Block => {
    const registers = (rows * width + 1) * (vectors + 1) + 1;
    return { rows, tiles: width, vectors, joinsLast: vectors > 1 && registers <= context.registers };
  };
  const { pixels, vectors } = chooseBlocking(context, tiles * height, columns);
  if (pixels < tiles) {
    const ofRow = chooseBlocking(context, tiles, columns);
    return block(1, ofRow.pixels, ofRow.vectors);
  }
  return block(largestDivisor(height, Math.floor(pixels / tiles)), tiles, vectors);
}

/** The sums of a band in scratch memory; tiles count within the band. */
type Partial = {
  readonly address: (point: Int, tile: Int, vector: number) => Int;
};

function reservePartial({ builder: b }: Draft, tiles: number, vectors: number): Partial {
  const perTile = vectors * b.lanes;
  // Planes are an odd number of vectors apart, so that a tile's sums of all points are in different sets of the cache.
  const pointStride = (tiles * vectors + 1 - ((tiles * vectors) % 2)) * b.lanes;
  const base = b.reserve(POINTS * pointStride);
  return {
    address: (point, tile, vector) =>
      plus(
        plus(literal(base + vector * b.lanes), lane(b.lanes)),
        plus(times(point, pointStride), times(tile, perTile)),
      ),
  };
}

/** A band of rows of a chunk's images, and the block of columns that is computed. */
type Walk = {
  readonly draft: Draft;
  readonly product: WinogradProduct;
  readonly transformed: TransformedImages;
  readonly filter: number;
  readonly epilogue: Epilogue;
  readonly column: Int;
  readonly counts: readonly number[];
  readonly partial: Partial;
  readonly block: Block;
  /** Number of images of a chunk, and the number of the image in a place. */
  readonly images: number;
  readonly imageAt: (place: Int) => Int;
  /** Buffer slot of the result. */
  readonly output: number;
  /** First row of the band, and how many it has. */
  readonly first: Int;
  readonly rows: number;
};

function columnOf({ draft, column }: Walk, v: number, count: number): Int {
  return plus(plus(column, literal(v * draft.builder.lanes)), lane(count));
}

/** Place in the result of outputs of a row of the band. */
function outputPlace({ imageAt, first }: Walk, place: Int, row: Int, x: Int, channel: Int): Place {
  return [imageAt(place), plus(first, row), x, channel];
}

/** Number of a tile within the band: image by image, row by row. */
function tileNumber({ product, rows }: Walk, place: Int, row: Int, tile: Int): Int {
  return plus(times(plus(times(place, rows), row), tilesOf(product.size[1])), tile);
}

/** Sums all six points over kernel rows and channels, into scratch memory. */
function sumBand(walk: Walk): void {
  const { draft, product, block, rows, images } = walk;
  const b = draft.builder;
  const tiles = tilesOf(product.size[1]);
  const whole = Math.floor(tiles / block.tiles);
  const counts = [POINTS, rows / block.rows, Math.ceil(tiles / block.tiles)] as const;
  const pass = div(walk.column, block.vectors * b.lanes);
  const passes = Math.ceil(product.columns / (block.vectors * b.lanes));
  const rowOfBlocks = (point: Int, range: RowRange, place: Int, blockRow: Int): void => {
    const index = product.outputIndex(walk.imageAt(place), walk.first, literal(0), literal(0));
    const stored = { node: product.result, slot: walk.output, index, rows };
    const at = (number: Int, tile: Int, width: number): void => {
      const part = flatten([pass, point, blockRow, number], stridesOf([passes, ...counts]));
      prefetchPart(b, stored, part, passes * elementCount(counts));
      sumBlock(walk, { point, range, place, row: times(blockRow, block.rows), tile, tiles: width });
    };
    b.loop(whole, (i) => at(i, times(i, block.tiles), block.tiles), 'x');
    if (tiles % block.tiles !== 0) at(literal(whole), literal(whole * block.tiles), tiles % block.tiles);
  };
  for (const { first, count, range } of pointRanges(product.taps)) {
    const sumPoint = (point: Int): void =>
      b.loop(
        images,
        (place) => b.loop(rows / block.rows, (i) => rowOfBlocks(point, range, place, i), 'y'),
        'i',
      );
    b.loop(count, (p) => sumPoint(plus(p, literal(first))), 'p');
  }
}

/** A block within a band. */
type BlockPlace = {
  readonly point: Int;
  /** Rows of the transformed filter to sum over; the others are zero. */
  readonly range: RowRange;
  readonly place: Int;
  readonly row: Int;
  readonly tile: Int;
  readonly tiles: number;
};

function sumBlock(walk: Walk, { point, range, place, row, tile, tiles }: BlockPlace): void {
  const { draft, product, transformed, filter, counts, partial, block, first } = walk;
  const b = draft.builder;
  const { kernelRows, channels } = product.taps;
  const [start, end] = range;
  const zero = b.literal(0);
  const spots = Array.from({ length: block.rows * tiles }, (_, p) => ({
    row: plus(row, literal(Math.floor(p / tiles))),
    tile: plus(tile, literal(p % tiles)),
    sums: counts.map(() => b.accumulator(zero)),
  }));
  const firstTile = times(place, tilesOf(product.size[1]));
  const width = Math.max(block.vectors, counts.length) * b.lanes;
  const rowAt = (row: Int): Int => filterAddress(product.taps, width, point, row, walk.column);
  const walked = { slot: filter, bytes: 4 * kernelRows * channels * width };
  b.loop(
    end - start,
    (i) => {
      const t = plus(i, literal(start));
      const weights = counts.map((_, v) => loadRow(b, walked, rowAt, t, v));
      for (const spot of spots) {
        const top = plus(plus(first, spot.row), literal(product.firstKernelRow));
        const input = b.load(SCRATCH, transformed.address(point, plus(firstTile, spot.tile), top, t));
        for (const [v, weight] of weights.entries()) b.multiplyAdd(spot.sums[v]!, input, weight);
      }
    },
    't',
  );
  for (const spot of spots) {
    const number = tileNumber(walk, place, spot.row, spot.tile);
    for (const [v, sum] of spot.sums.entries()) b.store(SCRATCH, partial.address(point, number, v), sum);
  }
}

/** Computes the outputs of a band from its sums, and applies the epilogue. */
function finishBand(walk: Walk): void {
  const { draft, product, epilogue, counts, partial } = walk;
  const b = draft.builder;
  const width = product.size[1];
  const zero = b.literal(0);
  const totals = counts.map(() => Array.from({ length: epilogue.sums }, () => b.accumulator(zero)));
  const drawn = reserveDraws(walk);
  const finish = (place: Int, row: Int, tile: Int, outputs: number): void => {
    const number = tileNumber(walk, place, row, tile);
    for (const [v, count] of counts.entries()) {
      const sums = Array.from({ length: POINTS }, (_, point) =>
        b.load(SCRATCH, partial.address(literal(point), number, v)),
      );
      const values = outputsOf(b, sums as unknown as Six).slice(0, outputs);
      const summands = b
        .interleaved(
          values.map((value, k) => () => {
            const x = plus(times(tile, TILE), literal(k));
            const at = outputPlace(walk, place, row, x, columnOf(walk, v, count));
            return epilogue.store(value, at, count, drawn?.address(x, v));
          }),
        )
        .reduce((x, y) => x.map((summand, s) => epilogue.add(summand, y[s]!)));
      for (const [s, total] of totals[v]!.entries()) b.assign(total, epilogue.add(total, summands[s]!));
    }
  };
  const wholeTiles = Math.floor(width / TILE);
  b.loop(
    walk.images,
    (place) =>
      b.loop(
        walk.rows,
        (row) => {
          drawn?.makeRow(place, row);
          b.loop(wholeTiles, (tile) => finish(place, row, tile, TILE), 'j');
          if (width % TILE !== 0) finish(place, row, literal(wholeTiles), width % TILE);
        },
        'r',
      ),
    'i',
  );
  if (epilogue.sums > 0) {
    for (const [v, count] of counts.entries()) epilogue.collect(columnOf(walk, v, count), totals[v]!, count);
  }
}

/** Random draws of a row of outputs, made before the row's epilogue. */
type RowDraws = {
  readonly address: (x: Int, vector: number) => Int;
  readonly makeRow: (place: Int, row: Int) => void;
};

/** Scratch memory for the draws of a row, if there are any. */
function reserveDraws(walk: Walk): RowDraws | undefined {
  const { draft, product, epilogue, counts } = walk;
  if (epilogue.draws === 0) return undefined;
  const b = draft.builder;
  const width = product.size[1];
  const perVector = epilogue.draws * b.lanes;
  const base = b.reserve(width * counts.length * perVector);
  const address = (x: Int, vector: number): Int =>
    plus(literal(base + vector * perVector), times(x, counts.length * perVector));
  const atOnce = largestDivisor(width, Math.max(1, Math.floor(INTERLEAVED / counts.length)));
  const makeRow = (place: Int, row: Int): void =>
    b.loop(
      width / atOnce,
      (i) => {
        const parts = Array.from({ length: atOnce }, (_, k) =>
          counts.map((count, v) => () => {
            const x = plus(times(i, atOnce), literal(k));
            epilogue.draw(outputPlace(walk, place, row, x, columnOf(walk, v, count)), address(x, v));
          }),
        );
        b.interleaved(parts.flat());
      },
      'j',
    );
  return { address, makeRow };
}
