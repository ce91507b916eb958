// Brings images into scratch memory transformed for minimal filtering: six planes of tiles, in each the rows of a tile
// one below the other, so that the rows under a filter are consecutive. Rows are brought one by one, shortly before
// they are needed, so that loads from memory and arithmetic take turns.

import { type Context, type Draft, eachVector } from './draft.ts';
import { type Int, literal, plus, times } from './int.ts';
import type { KernelBuilder } from './kernel-builder.ts';
import { type Local, SCRATCH } from './loop.ts';
import { copyRow, type ImageSource } from './stage-image.ts';
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
  context: Context,
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
  const line = createLine(context, draft, source, (tiles - 1) * TILE + transform.pixels);
  const transformTile = (tile: Int, place: Int, row: Int): void =>
    eachVector(b, channels, (channel, count) => {
      const pixels = Array.from({ length: transform.pixels }, (_, k) =>
        b.load(SCRATCH, line.address(plus(times(tile, TILE), literal(k)), channel)),
      );
      for (const [point, value] of transform.apply(b, pixels).entries()) {
        const at = address(
          literal(point),
          plus(times(place, tiles), tile),
          plus(row, literal(rows[0])),
          channel,
        );
        b.store(SCRATCH, at, value, count);
      }
    });
  const stageRow = (image: Int, place: Int, row: Int): void =>
    b.guard(row, height, () => {
      line.copy(image, row);
      b.loop(tiles, (tile) => transformTile(tile, place, row), 'j');
    });
  return { address, stageRow };
}

/** One image row with its zeros on either side, at least `least` pixels. */
function createLine(
  context: Context,
  draft: Draft,
  source: ImageSource,
  least: number,
): {
  readonly address: (column: Int, channel: Int) => Int;
  readonly copy: (image: Int, row: Int) => void;
} {
  const b = draft.builder;
  const [, width, channels] = source.size;
  const [before, after] = source.padding.columns;
  const pixels = Math.max(least, before + width + after);
  const base = b.reserve(pixels * channels);
  const address = (column: Int, channel: Int): Int =>
    plus(literal(base), plus(times(column, channels), channel));
  // Whole vectors overrun into what every copy writes anew, or into slack.
  const clear = (column: number, count: number): void =>
    eachVector(b, count * channels, (at) => b.store(SCRATCH, address(literal(column), at), b.literal(0)));
  clear(0, before);
  clear(before + width, pixels - before - width);
  return {
    address,
    copy: (image, row) =>
      copyRow(context, draft, source, { image, row }, (column, channel) =>
        address(plus(column, literal(before)), channel),
      ),
  };
}
