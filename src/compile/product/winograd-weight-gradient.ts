// Lowering of the filter's gradient by minimal filtering: inputs and output gradients of a few images are transformed,
// their products summed point by point in scratch memory, and the three taps come out of the six sums once a part.

import { elementCount } from '../../base/shape.ts';
import { filterSizes, imageSizes } from '../../graph/shape-rules.ts';
import { type Int, literal, plus, times, unflatten } from '../../kernel/int.ts';
import { SCRATCH } from '../../kernel/kernel.ts';
import {
  type Context,
  chunkIndex,
  createDraft,
  type Draft,
  type DraftLaunch,
  eachVector,
  type Memory,
} from '../draft.ts';
import { lowerCombine } from '../elementwise/map.ts';
import { largestDivisor } from '../elementwise/reduce.ts';
import { imageIndex, trailingZeros } from './geometry.ts';
import {
  createTransformedImages,
  gradientTransform,
  inputTransform,
  type TransformedImages,
  tilesOf,
} from './stage-transformed.ts';
import { chooseBlock, clearPart, PARTIALS, type WeightGradient, walkPositions } from './weight-gradient.ts';
import { POINTS, type Six, TAPS, tapGradientsOf } from './winograd.ts';

/** Bytes of a chunk's sums that the second cache holds beside the rest. */
const SUM_BYTES = 640 * 1024;
/** Bytes of a chunk's images that stay in the second cache until the input gradient of the same images needs them. */
const IMAGE_BYTES = 512 * 1024;
/** Large values that are loaded for both gradients, or stored, about. */
const VALUES = 4;
/** Channels or columns of a block, at least. */
const LEAST_BLOCK = 32;
/** Positions that a block of sums is kept in registers for, at least, if there are so many. */
const POSITIONS = 64;

/** Kernels that compute a filter gradient of three taps along the columns into the memory of its result. */
export function lowerWinogradWeightGradient(context: Context, product: WeightGradient): DraftLaunch[] {
  const [kh, , allChannels, allColumns] = filterSizes(product.filterShape);
  const [n, h, w] = imageSizes(product.images.shape);
  const [, oh, ow] = imageSizes(product.gradient.shape);
  const share = shareOfChunk(product);
  const { parts, channels, columns } = share;
  const perPart = n / parts;
  const tiles = tilesOf(ow);
  const images = largestDivisor(perPart, Math.max(1, Math.floor(POSITIONS / (tiles * oh))));
  const bandRows = images > 1 ? oh : largestDivisor(oh, Math.max(1, Math.floor(POSITIONS / tiles)));
  const filterRows = kh * channels;
  const draft = createDraft(context);
  const b = draft.builder;
  const chunks = parts * (allChannels / channels) * (allColumns / columns);
  const [part, channelBlock, columnBlock] = unflatten(chunkIndex(chunks), [
    parts,
    allChannels / channels,
    allColumns / columns,
  ]) as [Int, Int, Int];
  const firstChannel = times(channelBlock, channels);
  const firstColumn = times(columnBlock, columns);
  const all = imageIndex(product.images);
  const indexFrom =
    (first: Int) =>
    (image: Int, row: Int, column: Int, channel: Int): Int[] =>
      all(image, row, column, plus(first, channel));
  const below = trailingZeros(h, kh, 1, product.padding[0][0], oh);
  const padding = { rows: [product.padding[0][0], below], columns: [product.padding[1][0], 0] } as const;
  const none = { rows: [0, 0], columns: [0, 0] } as const;
  const stage = { outputColumns: ow, places: images };
  const inputs = {
    node: product.images,
    size: [h, w, channels],
    index: indexFrom(firstChannel),
    padding,
  } as const;
  const gradients = {
    node: product.gradient,
    size: [oh, ow, columns],
    index: indexFrom(firstColumn),
    padding: none,
  } as const;
  const x = createTransformedImages(draft, inputs, { ...stage, transform: inputTransform });
  const g = createTransformedImages(draft, gradients, { ...stage, transform: gradientTransform });
  const sums = b.reserve(POINTS * filterRows * columns);
  clearPart(draft, SCRATCH, literal(sums), POINTS * filterRows * columns);
  const addBand = (first: Int): void =>
    walkPositions({
      draft,
      taps: POINTS,
      filterRows,
      columns,
      positions: [images * tiles, bandRows],
      input: {
        slot: SCRATCH,
        address: (point, tile, row, element) => x.address(point, tile, plus(first, row), element),
      },
      gradient: {
        slot: SCRATCH,
        address: (point, tile, row, element) => g.address(point, tile, plus(first, row), element),
      },
      output: { slot: SCRATCH, base: literal(sums) },
      block: chooseBlock(context, filterRows, columns),
      rowBytes: 4 * bandRows * (columns + channels),
    });
  const imageAt = (pass: Int, place: Int): Int =>
    plus(times(part, perPart), plus(times(pass, images), place));
  const reach = kh - 1 - product.padding[0][0];
  eachBand(draft, { x, g, passes: perPart / images, images, imageAt, reach, rows: oh, bandRows }, addBand);
  const stride = Math.ceil((TAPS * kh * allChannels * allColumns) / 16) * 16;
  const result = context.memoryOf(product.result)!;
  const target: Memory =
    parts === 1 ? result : { label: 'partial filter gradients', elements: stride * parts };
  const output = { slot: draft.output(target), base: times(part, stride), firstChannel, firstColumn };
  storeTaps(draft, { kernelRows: kh, allChannels, allColumns, channels, columns }, sums, output);
  const launch = draft.finish('weightGradientWinograd', chunks, chunks === parts ? perPart : undefined);
  if (parts === 1) return [launch];
  return [launch, lowerCombine(context, { from: target, count: parts, stride, op: 'add' }, result)];
}

/** How a chunk goes through its images. */
type Passes = {
  readonly x: TransformedImages;
  readonly g: TransformedImages;
  readonly passes: number;
  /** Images of a pass. */
  readonly images: number;
  readonly imageAt: (pass: Int, place: Int) => Int;
  /** Input rows below its own that a row of gradients meets. */
  readonly reach: number;
  readonly rows: number;
  readonly bandRows: number;
};

/** Brings band after band of inputs and gradients, and calls `addBand` with its first row. */
function eachBand(
  { builder: b }: Draft,
  { x, g, passes, images, imageAt, reach, rows, bandRows }: Passes,
  addBand: (first: Int) => void,
): void {
  const stageRow = (image: Int, place: Int, row: Int): void => {
    x.stageRow(image, place, plus(row, literal(reach)));
    g.stageRow(image, place, row);
  };
  b.loop(
    passes,
    (pass) => {
      b.loop(images, (i) => b.loop(reach, (row) => x.stageRow(imageAt(pass, i), i, row)), 'i');
      b.loop(
        rows / bandRows,
        (band) => {
          const first = times(band, bandRows);
          b.loop(
            images,
            (i) => b.loop(bandRows, (r) => stageRow(imageAt(pass, i), i, plus(first, r)), 'y'),
            'i',
          );
          addBand(first);
        },
        'b',
      );
    },
    'n',
  );
}

/** What one chunk does: a part of the images, some of the channels, some of the columns. */
type Share = { readonly parts: number; readonly channels: number; readonly columns: number };

/**
 * A filter whose sums fit the second cache is summed whole, by parts of the images. A larger one is cut into blocks of
 * channels and columns that do; then fewer parts, if any, are left to be combined. A part has few images, so that they
 * are still at hand for a launch that joins this one (pair-launches.ts).
 */
function shareOfChunk({ filterShape, items, images, gradient }: WeightGradient): Share {
  const [kh, , allChannels, allColumns] = filterSizes(filterShape);
  let [channels, columns] = [allChannels, allColumns];
  const isTooLarge = (): boolean => 4 * POINTS * kh * channels * columns > SUM_BYTES;
  while (isTooLarge()) {
    const larger = channels >= columns ? channels : columns;
    if (larger % (2 * LEAST_BLOCK) !== 0) break;
    if (channels >= columns) channels /= 2;
    else columns /= 2;
  }
  const blocks = (allChannels / channels) * (allColumns / columns);
  const largest = 4 * Math.max(elementCount(images.shape), elementCount(gradient.shape));
  const fitting = blocks > 1 ? 1 : Math.ceil((VALUES * largest) / IMAGE_BYTES);
  const parts = Math.max(1, Math.floor(PARTIALS / blocks), fitting);
  return { parts: largestDivisor(items, parts), channels, columns };
}

/** Sums (point, row, channel) × column in scratch memory become gradients (row, tap, channel) × column. */
function storeTaps(
  { builder: b }: Draft,
  filter: Omit<Share, 'parts'> & {
    readonly kernelRows: number;
    readonly allChannels: number;
    readonly allColumns: number;
  },
  sums: number,
  output: {
    readonly slot: number;
    readonly base: Int;
    readonly firstChannel: Int;
    readonly firstColumn: Int;
  },
): void {
  const { kernelRows, channels, columns, allChannels, allColumns } = filter;
  const base = plus(output.base, plus(times(output.firstChannel, allColumns), output.firstColumn));
  b.loop(kernelRows, (row) =>
    b.loop(channels, (channel) =>
      eachVector(b, columns, (column, count) => {
        const points = Array.from({ length: POINTS }, (_, point) => {
          const filterRow = plus(plus(times(row, channels), channel), literal(point * kernelRows * channels));
          return b.load(SCRATCH, plus(literal(sums), plus(times(filterRow, columns), column)));
        });
        for (const [tap, value] of tapGradientsOf(b, points as unknown as Six).entries()) {
          const to = plus(times(row, TAPS * allChannels), plus(literal(tap * allChannels), channel));
          b.store(output.slot, plus(base, plus(times(to, allColumns), column)), value, count);
        }
      }),
    ),
  );
}
