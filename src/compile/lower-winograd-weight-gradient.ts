// Lowering of the filter's gradient by minimal filtering: inputs and output gradients of a few images are transformed,
// their products summed point by point in scratch memory, and the three taps come out of the six sums once a part.

import {
  type Context,
  chunkIndex,
  createDraft,
  type Draft,
  type DraftLaunch,
  eachVector,
  type Memory,
} from './draft.ts';
import { type Int, literal, plus, times } from './int.ts';
import { SCRATCH } from './loop.ts';
import { lowerCombine } from './lower-map.ts';
import { largestDivisor } from './lower-reduce.ts';
import {
  chooseBlock,
  clearPart,
  PARTIALS,
  type WeightGradient,
  walkPositions,
} from './lower-weight-gradient.ts';
import { createTransformedImages, gradientTransform, inputTransform, tilesOf } from './stage-transformed.ts';
import { POINTS, type Six, TAPS, tapGradientsOf } from './winograd.ts';

/** Positions that a block of sums is kept in registers for, at least, if there are so many. */
const POSITIONS = 64;

/** Kernels that compute a filter gradient of three taps along the columns into the memory of its result. */
export function lowerWinogradWeightGradient(context: Context, product: WeightGradient): DraftLaunch[] {
  const [kh, , channels, columns] = product.filterShape as [number, number, number, number];
  const [n, h, w] = product.images.shape as [number, number, number];
  const [, oh, ow] = product.gradient.shape as [number, number, number];
  const parts = largestDivisor(n, PARTIALS);
  const perPart = n / parts;
  const tiles = tilesOf(ow);
  const images = largestDivisor(perPart, Math.max(1, Math.floor(POSITIONS / (tiles * oh))));
  const bandRows = images > 1 ? oh : largestDivisor(oh, Math.max(1, Math.floor(POSITIONS / tiles)));
  const filterRows = kh * channels;
  const draft = createDraft(context);
  const b = draft.builder;
  const chunk = chunkIndex(parts);
  const index = (image: Int, row: Int, column: Int, channel: Int): Int[] => [image, row, column, channel];
  const trailing = Math.max(0, oh + kh - 1 - h - product.padding[0]);
  const padding = { rows: [product.padding[0], trailing], columns: [product.padding[1], 0] } as const;
  const none = { rows: [0, 0], columns: [0, 0] } as const;
  const stage = { outputColumns: ow, places: images };
  const inputs = { node: product.images, size: [h, w, channels], index, padding } as const;
  const gradients = { node: product.gradient, size: [oh, ow, columns], index, padding: none } as const;
  const x = createTransformedImages(context, draft, inputs, { ...stage, transform: inputTransform });
  const g = createTransformedImages(context, draft, gradients, { ...stage, transform: gradientTransform });
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
  const reach = kh - 1 - product.padding[0];
  b.loop(
    perPart / images,
    (pass) => {
      const imageAt = (place: Int): Int => plus(times(chunk, perPart), plus(times(pass, images), place));
      b.loop(images, (i) => b.loop(reach, (row) => x.stageRow(imageAt(i), i, row)), 'i');
      b.loop(
        oh / bandRows,
        (band) => {
          const first = times(band, bandRows);
          b.loop(
            images,
            (i) =>
              b.loop(
                bandRows,
                (r) => {
                  const row = plus(first, r);
                  x.stageRow(imageAt(i), i, plus(row, literal(reach)));
                  g.stageRow(imageAt(i), i, row);
                },
                'y',
              ),
            'i',
          );
          addBand(first);
        },
        'b',
      );
    },
    'n',
  );
  const stride = Math.ceil((TAPS * filterRows * columns) / 16) * 16;
  const result = context.memoryOf(product.result)!;
  const target: Memory =
    parts === 1 ? result : { label: 'partial filter gradients', elements: stride * parts };
  const output = { slot: draft.output(target), base: times(chunk, stride) };
  storeTaps(draft, { kernelRows: kh, channels, columns }, sums, output);
  const launch = draft.finish('weightGradientWinograd', parts);
  if (parts === 1) return [launch];
  return [launch, lowerCombine(context, { from: target, count: parts, stride, op: 'add' }, result)];
}

/** Sums (point, row, channel) × column in scratch memory become gradients (row, tap, channel) × column. */
function storeTaps(
  { builder: b }: Draft,
  filter: { readonly kernelRows: number; readonly channels: number; readonly columns: number },
  sums: number,
  output: { readonly slot: number; readonly base: Int },
): void {
  const { kernelRows, channels, columns } = filter;
  b.loop(kernelRows, (row) =>
    b.loop(channels, (channel) =>
      eachVector(b, columns, (column, count) => {
        const points = Array.from({ length: POINTS }, (_, point) => {
          const filterRow = plus(plus(times(row, channels), channel), literal(point * kernelRows * channels));
          return b.load(SCRATCH, plus(literal(sums), plus(times(filterRow, columns), column)));
        });
        for (const [tap, value] of tapGradientsOf(b, points as unknown as Six).entries()) {
          const to = plus(times(row, TAPS * channels), plus(literal(tap * channels), channel));
          b.store(output.slot, plus(output.base, plus(times(to, columns), column)), value, count);
        }
      }),
    ),
  );
}
