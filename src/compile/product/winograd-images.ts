// The images of Winograd's algorithm, staged in scratch memory: a plane of tiles for each of the six points, in which
// the rows of a tile are contiguous, as the sum over kernel rows needs them. Image rows are transformed one by one,
// shortly before their use, so that loads from memory and arithmetic alternate.

import type { KernelBuilder } from '../../kernel/builder.ts';
import { type Int, literal, plus, times } from '../../kernel/int.ts';
import { type Local, SCRATCH } from '../../kernel/kernel.ts';
import { type Draft, eachVector } from '../draft.ts';
import { createEmitter } from '../elementwise/expression.ts';
import type { ImageSource } from './stage-image.ts';
import { POINTS, type Six, TILE, transformGradients, transformInputs } from './winograd.ts';

/** The transformation of the pixels of a tile. */
export type TileTransform = {
  readonly pixels: number;
  readonly apply: (b: KernelBuilder, pixels: readonly Local[]) => Six;
};

/** For the images of a convolution: six pixels for every four outputs. */
export const inputTransform: TileTransform = {
  pixels: POINTS,
  apply: (b, pixels) => transformInputs(b, pixels as unknown as Six),
};

/** For the gradient of a convolution's output: four pixels. */
export const gradientTransform: TileTransform = {
  pixels: TILE,
  apply: (b, pixels) => transformGradients(b, pixels as unknown as Parameters<typeof transformGradients>[1]),
};

/** Transformed images in scratch memory. */
export type TransformedImages = {
  /**
   * Address of element `element`, which counts (row, channel) from row `row` on; rows include the zeros above. Tiles
   * count through all images.
   */
  readonly address: (point: Int, tile: Int, row: Int, element: Int) => Int;
  /** Transforms row `row` of an image into place `place`; does nothing for rows after the last. */
  readonly stageRow: (image: Int, place: Int, row: Int) => void;
};

/** Tiles in a row of outputs. */
export function tilesOf(outputWidth: number): number {
  return Math.ceil(outputWidth / TILE);
}

/** Reserves scratch for `places` transformed images, with zeros where the source is padded. */
export function createTransformedImages(
  draft: Draft,
  source: ImageSource,
  shape: { readonly transform: TileTransform; readonly outputWidth: number; readonly places: number },
): TransformedImages {
  const b = draft.builder;
  const { transform, places } = shape;
  const [height, , channels] = source.size;
  const [above, below] = source.padding.y;
  const tiles = tilesOf(shape.outputWidth);
  const paddedRows = above + height + below;
  const pointStride = places * tiles * paddedRows * channels;
  const base = b.reserve(POINTS * pointStride);
  const address = (point: Int, tile: Int, row: Int, element: Int): Int =>
    plus(
      plus(literal(base), times(point, pointStride)),
      plus(plus(times(tile, paddedRows * channels), times(row, channels)), element),
    );
  const clearRow = (row: number): void =>
    b.loop(POINTS, (point) =>
      b.loop(places * tiles, (tile) =>
        eachVector(b, channels, (at, count) =>
          b.store(SCRATCH, address(point, tile, literal(row), at), b.literal(0), count),
        ),
      ),
    );
  for (let row = 0; row < above; row++) clearRow(row);
  for (let row = above + height; row < paddedRows; row++) clearRow(row);
  const emit = createEmitter(draft);
  const stageRow = (image: Int, place: Int, row: Int): void =>
    b.guard(row, height, () =>
      eachVector(b, channels, (channel, count) => {
        const pixel = (x: Int): Local => emit(source.node, source.index(image, row, x, channel));
        eachTile(b, { tiles, transform, source, pixel }, (tile, pixels) => {
          for (const [point, value] of transform.apply(b, pixels).entries()) {
            const at = plus(times(place, tiles), tile);
            b.store(SCRATCH, address(literal(point), at, plus(row, literal(above)), channel), value, count);
          }
        });
      }),
    );
  return { address, stageRow };
}

/** A row of an image, and how it is cut into tiles. */
type Row = {
  readonly tiles: number;
  readonly transform: TileTransform;
  readonly source: ImageSource;
  /** Emits pixel `x` of the row. */
  readonly pixel: (x: Int) => Local;
};

/** Visits the tiles of a row from left to right with their pixels; pixels that two tiles share are emitted once. */
function eachTile(
  b: KernelBuilder,
  { tiles, transform, source, pixel }: Row,
  body: (tile: Int, pixels: readonly Local[]) => void,
): void {
  const [, width] = source.size;
  const [before] = source.padding.x;
  const shared = transform.pixels - TILE;
  /** Pixel number `k` of a tile; zero outside the image. */
  const at = (tile: number, k: number): Local => {
    const x = tile * TILE + k - before;
    return x >= 0 && x < width ? pixel(literal(x)) : b.literal(0);
  };
  const first = Array.from({ length: transform.pixels }, (_, k) => at(0, k));
  body(literal(0), first);
  const isInside = (tile: number): boolean => tile * TILE + transform.pixels - before <= width;
  let inner = 1;
  while (inner < tiles && isInside(inner)) inner++;
  const kept = first.slice(TILE).map((value) => b.accumulator(value));
  b.loop(
    inner - 1,
    (i) => {
      const tile = plus(i, literal(1));
      const fresh = Array.from({ length: TILE }, (_, k) =>
        pixel(plus(times(tile, TILE), literal(shared + k - before))),
      );
      body(tile, [...kept, ...fresh]);
      for (const [k, value] of kept.entries()) b.assign(value, fresh[TILE - shared + k]!);
    },
    'j',
  );
  let last: readonly Local[] = kept;
  for (let tile = inner; tile < tiles; tile++) {
    const pixels = [...last, ...Array.from({ length: TILE }, (_, k) => at(tile, shared + k))];
    body(literal(tile), pixels);
    last = pixels.slice(TILE);
  }
}
