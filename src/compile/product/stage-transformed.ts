// Brings images into scratch memory transformed for minimal filtering: six planes of tiles, in each the rows of a tile
// one below the other, so that the rows under a filter are consecutive. Rows are brought one by one, shortly before
// they are needed, so that loads from memory and arithmetic take turns.

import type { KernelBuilder } from '../../kernel/builder.ts';
import { type Int, literal, plus, times } from '../../kernel/int.ts';
import { type Local, SCRATCH } from '../../kernel/kernel.ts';
import { type Draft, eachVector } from '../draft.ts';
import { createEmitter } from '../elementwise/expression.ts';
import type { ImageSource } from './stage-image.ts';
import { POINTS, type Six, TILE, transformGradients, transformInputs } from './winograd.ts';

/** What becomes of neighbouring pixels of a tile. */
export type TileTransform = {
  readonly pixels: number;
  readonly apply: (b: KernelBuilder, pixels: readonly Local[]) => Six;
};

/** Of a convolution's images: six pixels under each four outputs. */
export const inputTransform: TileTransform = {
  pixels: POINTS,
  apply: (b, pixels) => transformInputs(b, pixels as unknown as Six),
};

/** Of the gradient of a convolution's output: four pixels. */
export const gradientTransform: TileTransform = {
  pixels: TILE,
  apply: (b, pixels) => transformGradients(b, pixels as unknown as Parameters<typeof transformGradients>[1]),
};

/** Scratch memory for transformed images. */
export type TransformedImages = {
  /** Element `element` of (row, channel) from row `row` on, zeros above included; tiles count through the images. */
  readonly address: (point: Int, tile: Int, row: Int, element: Int) => Int;
  /** Emits the transformation of row `row` of an image into place `place`; nothing for rows past the end. */
  readonly stageRow: (image: Int, place: Int, row: Int) => void;
};

/** Tiles that cover so many columns of outputs. */
export function tilesOf(outputColumns: number): number {
  return Math.ceil(outputColumns / TILE);
}

/** Reserves scratch for `places` transformed images, with zeros where the source is padded. */
export function createTransformedImages(
  draft: Draft,
  source: ImageSource,
  shape: { readonly transform: TileTransform; readonly outputColumns: number; readonly places: number },
): TransformedImages {
  const b = draft.builder;
  const { transform, places } = shape;
  const [height, , channels] = source.size;
  const { rows } = source.padding;
  const tiles = tilesOf(shape.outputColumns);
  const paddedRows = rows[0] + height + rows[1];
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
  for (let row = 0; row < rows[0]; row++) clearRow(row);
  for (let row = rows[0] + height; row < paddedRows; row++) clearRow(row);
  const emit = createEmitter(draft);
  const stageRow = (image: Int, place: Int, row: Int): void =>
    b.guard(row, height, () =>
      eachVector(b, channels, (channel, count) => {
        const pixel = (column: Int): Local => emit(source.node, source.index(image, row, column, channel));
        eachTile(b, { tiles, transform, source, pixel }, (tile, pixels) => {
          for (const [point, value] of transform.apply(b, pixels).entries()) {
            const at = plus(times(place, tiles), tile);
            b.store(SCRATCH, address(literal(point), at, plus(row, literal(rows[0])), channel), value, count);
          }
        });
      }),
    );
  return { address, stageRow };
}

/** A row of an image, as tiles see it. */
type Row = {
  readonly tiles: number;
  readonly transform: TileTransform;
  readonly source: ImageSource;
  /** Emits the pixel in a column of the image. */
  readonly pixel: (column: Int) => Local;
};

/** Visits the tiles of a row from left to right with their pixels; what neighbours share is computed once. */
function eachTile(
  b: KernelBuilder,
  { tiles, transform, source, pixel }: Row,
  body: (tile: Int, pixels: readonly Local[]) => void,
): void {
  const [, width] = source.size;
  const [before] = source.padding.columns;
  const shared = transform.pixels - TILE;
  /** The pixel number `k` of a tile; outside the image, zero. */
  const at = (tile: number, k: number): Local => {
    const column = tile * TILE + k - before;
    return column >= 0 && column < width ? pixel(literal(column)) : b.literal(0);
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
