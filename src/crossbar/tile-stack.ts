// Many rows of tiles as a few products: tiles of equal height are stacked, and a stack is one product of matrices,
// (tiles, pixels, rows) · (tiles, rows, columns). So a graph does not grow with the number of tiles. What tiles do to
// their outputs is elementwise and happens to the whole stack: see periphery.ts.

import { assertNever } from '../base/errors.ts';
import { elementCount, type Shape } from '../base/shape.ts';
import type { RowRange } from '../graph/node.ts';
import type { Layer, LayerGeometry } from '../graph/operator.ts';
import { iota, type Tensor } from '../graph/tensor.ts';
import { patchesOf, patchesOfTransposed } from './patches.ts';

/** Outputs of a stack, at most: 64 MiB. More tiles come as several stacks. */
const STACK_ELEMENTS = 2 ** 24;
/** Stacks of tiles of one height, at most: beyond it stacks are as large as they need to be. */
const MOST_STACKS = 16;

/** The column outputs of tiles before any conversion. */
export type PartialSums = {
  /** Of one row of tiles each, in the shape of the product; or of a stack of them each, (tiles, pixels, columns). */
  readonly sums: readonly Tensor[];
  /** The product in its own shape, given these sums after their conversion. */
  readonly total: (converted: readonly Tensor[]) => Tensor;
  /** What belongs to examples or columns, of a shape that broadcasts to the product, so that it broadcasts to the sums. */
  readonly aligned: (value: Tensor) => Tensor;
  /** Largest magnitude of each example in a tensor of the shape of a sum, (n). */
  readonly largest: (sum: Tensor) => Tensor;
};

/** Sums in the shape of the product. */
export function plainSums(sums: readonly Tensor[]): PartialSums {
  return {
    sums,
    total: (converted) => converted.reduce((all, sum) => all.add(sum)),
    aligned: (value) => value,
    largest: (sum) => sum.abs().max(sum.shape.map((_, axis) => axis).slice(1)),
  };
}

/** A product whose rows lie on tiles. */
export type TiledProduct = {
  readonly layer: Layer;
  readonly x: Tensor;
  readonly weights: Tensor;
  readonly geometry: LayerGeometry | undefined;
};

/** Rows of tiles of equal height, one below the other. */
type Stack = { readonly firstRow: number; readonly tiles: number; readonly rows: number };

/** A product as stacks see it. */
type Stackable = {
  /** Of the product, (…, columns); all but the last axis are pixels. */
  readonly shape: Shape;
  /** (tiles, pixels, columns) */
  readonly outputsOf: (stack: Stack) => Tensor;
};

/**
 * The column outputs of rows of tiles in stacks, (tiles, pixels, columns): a pixel is whatever meets the matrix once, an
 * example of a dense layer, an output pixel of a convolution, an index of an embedding.
 *
 * A stack has at most 2²⁴ outputs, or a sixteenth of those of all tiles of its height if that is more. The patches of a
 * convolution are a tensor beside it, kh·kw times as large as the images.
 *
 * @param rowRanges in order; neighbours of equal height share stacks
 */
export function stackedSums(product: TiledProduct, rowRanges: readonly RowRange[]): PartialSums {
  const { shape, outputsOf } = stackable(product);
  return {
    sums: stacksOf(rowRanges, elementCount(shape)).map(outputsOf),
    total: (converted) =>
      converted
        .map((outputs) => outputs.sum([0]))
        .reduce((all, sum) => all.add(sum))
        .reshape(shape),
    aligned: (value) =>
      value.shape.length < shape.length
        ? value
        : value
            .broadcastTo([...shape.slice(0, -1), value.shape.at(-1)!])
            .reshape([elementCount(shape.slice(0, -1)), value.shape.at(-1)!]),
    largest: (sum) => {
      const [tiles, pixels, columns] = sum.shape as readonly [number, number, number];
      const examples = shape[0]!;
      return sum
        .abs()
        .reshape([tiles, examples, pixels / examples, columns])
        .max([0, 2, 3]);
    },
  };
}

/** ⟨x²⟩ over all elements of several tensors, (): stacks count by what they hold. */
export function meanSquare(values: readonly Tensor[]): Tensor {
  const counts = values.map(({ shape }) => elementCount(shape));
  const average = counts.reduce((sum, count) => sum + count, 0) / values.length;
  return values
    .map((value, k) =>
      value
        .square()
        .mean()
        .multiply(counts[k]! / average),
    )
    .reduce((sum, mean) => sum.add(mean))
    .multiply(1 / values.length);
}

function stacksOf(rowRanges: readonly RowRange[], outputsOfTile: number): Stack[] {
  return runsOf(rowRanges).flatMap(({ firstRow, tiles, rows }) => {
    const fitting = Math.max(1, Math.floor(STACK_ELEMENTS / outputsOfTile));
    const count = Math.min(MOST_STACKS, Math.ceil(tiles / fitting));
    const edge = (k: number): number => Math.floor((k * tiles) / count);
    return Array.from({ length: count }, (_, k) => ({
      firstRow: firstRow + edge(k) * rows,
      tiles: edge(k + 1) - edge(k),
      rows,
    }));
  });
}

/** Neighbours of equal height, together. */
function runsOf(rowRanges: readonly RowRange[]): Stack[] {
  const runs: Stack[] = [];
  for (const [start, end] of rowRanges) {
    const last = runs.at(-1);
    if (last !== undefined && last.rows === end - start) runs.push({ ...runs.pop()!, tiles: last.tiles + 1 });
    else runs.push({ firstRow: start, tiles: 1, rows: end - start });
  }
  return runs;
}

function stackable({ layer, x, weights, geometry }: TiledProduct): Stackable {
  const [kh, kw] = layer.shape as readonly [number, number];
  switch (layer.kind) {
    case 'dense':
      return matrices(x.reshape([...x.shape.slice(0, -1), 1, x.shape.at(-1)!]), weights);
    case 'convolution':
      return matrices(patchesOf(x, [kh, kw], geometry!), weights);
    case 'transposed-convolution':
      return matrices(patchesOfTransposed(x, [kh, kw], geometry!), weights);
    case 'embedding':
      return lookups(x, weights);
    default:
      return assertNever(layer.kind);
  }
}

/** Inputs (…, groups, rows) times the matrix that the weights are, of each group its own columns. */
function matrices(inputs: Tensor, weights: Tensor): Stackable {
  const [groups, height] = inputs.shape.slice(-2) as [number, number];
  const leading = inputs.shape.slice(0, -2);
  const columns = weights.shape.at(-1)!;
  const pixels = elementCount(leading);
  const driven = inputs.reshape([pixels, groups, height]);
  const matrix = weights.reshape([height, columns]);
  return {
    shape: [...leading, columns],
    outputsOf: ({ firstRow, tiles, rows }) => {
      const end = firstRow + tiles * rows;
      const left = driven.slice([0, 0, firstRow], [pixels, groups, end]);
      const right = matrix.slice([firstRow, 0], [end, columns]);
      if (groups === 1) {
        const inputsOfTiles = left.reshape([pixels, tiles, rows]).transpose([1, 0, 2]);
        return inputsOfTiles.matmul(right.reshape([tiles, rows, columns]));
      }
      return left
        .reshape([pixels, groups, tiles, rows])
        .transpose([2, 1, 0, 3])
        .matmul(right.reshape([tiles, rows, groups, columns / groups]).transpose([0, 2, 1, 3]))
        .transpose([0, 2, 1, 3])
        .reshape([tiles, pixels, columns]);
    },
  };
}

/** Rows of a table by index, on the tile where they lie; zeros on the others. */
function lookups(indices: Tensor, table: Tensor): Stackable {
  const [height, dimension] = table.shape as readonly [number, number];
  const pixels = elementCount(indices.shape);
  const taken = table.gather(indices).reshape([1, pixels, dimension]);
  // A NaN is not above 0, and so stands for the first row, as it does where rows are taken.
  const row = indices
    .maximum(0)
    .minimum(height - 1)
    .cast('i32')
    .reshape([1, pixels, 1]);
  return {
    shape: [...indices.shape, dimension],
    outputsOf: ({ firstRow, tiles, rows }) => {
      const start = iota(table, [tiles, 1, 1], 0).multiply(rows).add(firstRow);
      const beforeEnd = row.less(start.add(rows)).select(taken, 0);
      return start.lessEqual(row).select(beforeEnd, 0);
    },
  };
}
