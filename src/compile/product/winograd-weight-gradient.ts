// Lowering of the filter's gradient by Winograd's algorithm: inputs and output gradients of a few images are
// transformed, and their products are summed point by point in scratch memory. At the end of a part of the images, the
// six sums are transformed to the gradients of the three taps.

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
import { tuning } from '../tuning.ts';
import { imageIndex, trailingZeros } from './geometry.ts';
import { chooseBlock, clearPart, type WeightGradient, walkPositions } from './weight-gradient.ts';
import { POINTS, type Six, TAPS, tapGradientsOf } from './winograd.ts';
import {
  createTransformedImages,
  gradientTransform,
  inputTransform,
  type TransformedImages,
  tilesOf,
} from './winograd-images.ts';

/** Kernels that compute the gradient of a filter with three taps along x into the memory of its result. */
export function lowerWinogradWeightGradient(context: Context, product: WeightGradient): DraftLaunch[] {
  const [kh, , allChannels, allColumns] = filterSizes(product.filterShape);
  const [n, h, w] = imageSizes(product.images.shape);
  const [, oh, ow] = imageSizes(product.gradient.shape);
  const share = shareOfChunk(product);
  const { parts, channels, columns } = share;
  const perPart = n / parts;
  const tiles = tilesOf(ow);
  const images = largestDivisor(perPart, Math.max(1, Math.floor(tuning.gradientTiles / (tiles * oh))));
  const bandRows =
    images > 1 ? oh : largestDivisor(oh, Math.max(1, Math.floor(tuning.gradientTiles / tiles)));
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
    (image: Int, y: Int, x: Int, channel: Int): Int[] =>
      all(image, y, x, plus(first, channel));
  const below = trailingZeros(h, kh, 1, product.padding[0][0], oh);
  const padding = { y: [product.padding[0][0], below], x: [product.padding[1][0], 0] } as const;
  const none = { y: [0, 0], x: [0, 0] } as const;
  const stage = { outputWidth: ow, places: images };
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
      slices: POINTS,
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

/** The loop over a chunk's images. */
type Passes = {
  readonly x: TransformedImages;
  readonly g: TransformedImages;
  readonly passes: number;
  /** Images of a pass. */
  readonly images: number;
  readonly imageAt: (pass: Int, place: Int) => Int;
  /** Number of input rows below its own that a row of gradients needs. */
  readonly reach: number;
  readonly rows: number;
  readonly bandRows: number;
};

/** Transforms inputs and gradients band by band, and calls `addBand` with the first row of each band. */
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

/** The work of one chunk: a part of the images, a block of channels and a block of columns. */
type Share = { readonly parts: number; readonly channels: number; readonly columns: number };

/**
 * If the sums of a whole filter fit the L2 cache, chunks are parts of the images. A larger filter is cut into blocks of
 * channels and columns whose sums fit; then there are fewer parts to combine, or none. A part has few images, so that
 * they are still in the L2 cache for the second launch of a pair (pair-launches.ts).
 */
function shareOfChunk({ filterShape, items, images, gradient }: WeightGradient): Share {
  const [kh, , allChannels, allColumns] = filterSizes(filterShape);
  let [channels, columns] = [allChannels, allColumns];
  const isTooLarge = (): boolean => 4 * POINTS * kh * channels * columns > tuning.sumBytes;
  while (isTooLarge()) {
    const larger = channels >= columns ? channels : columns;
    if (larger % (2 * tuning.leastBlock) !== 0) break;
    if (channels >= columns) channels /= 2;
    else columns /= 2;
  }
  const blocks = (allChannels / channels) * (allColumns / columns);
  const largest = 4 * Math.max(elementCount(images.shape), elementCount(gradient.shape));
  const fitting = blocks > 1 ? 1 : Math.ceil((tuning.sharedImages * largest) / tuning.imageBytes);
  const parts = Math.max(1, Math.floor(tuning.gradientParts / blocks), fitting);
  return { parts: largestDivisor(items, parts), channels, columns };
}

/** Transforms the sums (point, kernel row, channel) × column to gradients (kernel row, tap, channel) × column. */
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
