// Lowering of matrix products: a block of rows is an image of one row of pixels, and the loop nest is that of
// convolutions.

import { elementCount } from '../../base/shape.ts';
import { fullGeometry, type Node } from '../../graph/node.ts';
import { div, type Int, literal, plus, times, unflatten } from '../../kernel/int.ts';
import type { Context, DraftLaunch } from '../draft.ts';
import { largestDivisor } from '../elementwise/reduce.ts';
import { tuning } from '../tuning.ts';
import { lowerProduct } from './blocked-product.ts';
import { filterMemory, type Product, windowRuns } from './geometry.ts';
import { lowerWeightGradient } from './weight-gradient.ts';

/** Kernels that compute a matrix product and its epilogue into the memory of `result`. */
export function lowerMatmul(context: Context, node: Node<'matmul'>, result: Node): DraftLaunch[] {
  const transposed = transposedLeft(context, node);
  return transposed === undefined || result !== node
    ? matrixProducts(context, node, result)
    : lowerWeightGradient(context, transposedProduct(node, transposed));
}

/**
 * (…, m, k) · (…, k, n): a block of rows is an image of one row of pixels. A remainder of rows is a kernel of its own.
 */
function matrixProducts(context: Context, node: Node<'matmul'>, result: Node): DraftLaunch[] {
  const m = node.shape.at(-2)!;
  const rows = rowsOfBlock(m, elementCount(node.shape.slice(0, -2)));
  const whole = Math.floor(m / rows);
  const rest = m - whole * rows;
  const lower = (block: RowBlock): DraftLaunch[] =>
    lowerProduct(context, matrixProduct(context, node, result, block));
  return [
    ...(whole > 0 ? lower({ first: 0, rows, count: whole }) : []),
    ...(rest > 0 ? lower({ first: m - rest, rows: rest, count: 1 }) : []),
  ];
}

/** Rows of a block: all rows of a small matrix in a large batch. */
function rowsOfBlock(m: number, matrices: number): number {
  if (matrices >= tuning.rowChunks && m <= tuning.rowsPerChunk[tuning.rowsPerChunk.length - 1]!) return m;
  return (
    tuning.rowsPerChunk.findLast((rows) => rows * tuning.rowChunks <= m * matrices) ?? tuning.rowsPerChunk[0]
  );
}

/** Blocks of `rows` rows of each matrix, `count` of them from row `first` on. */
type RowBlock = { readonly first: number; readonly rows: number; readonly count: number };

function matrixProduct(context: Context, node: Node<'matmul'>, result: Node, block: RowBlock): Product {
  const [left, right] = node.inputs as [Node, Node];
  const leading = node.shape.slice(0, -2);
  const matrices = elementCount(leading);
  const [k, n] = right.shape.slice(-2) as [number, number];
  const places = [...leading, block.count];
  const indexOf = (image: Int, x: Int, channel: Int): Int[] => {
    const index = unflatten(image, places);
    const row = plus(plus(times(index.pop()!, block.rows), literal(block.first)), x);
    return [...index, row, channel];
  };
  const { rows } = node.attributes;
  return {
    name: 'matmul',
    node,
    result,
    source: {
      node: left,
      size: [1, block.rows, k],
      index: (image, _, x, channel) => indexOf(image, x, channel),
      padding: { y: [0, 0], x: [0, 0] },
      isSeparate: true,
    },
    filter: filterMemory(context, right),
    columns: n,
    phases: [{ offset: [0, 0], size: [1, block.rows], runs: windowRuns([1, 1], k, rows) }],
    inputStep: [1, 1],
    outputStep: [1, 1],
    images: matrices * block.count,
    outputIndex: (image, _, x, channel) => indexOf(image, x, channel),
    ...(matrices > 1 && {
      stack: { count: matrices, rows: k, of: (image: Int) => div(image, block.count) },
      perChunk: productsOfChunk(matrices * block.count, block.rows * (rows[1] - rows[0]) * n),
    }),
  };
}

/** Small products of `work` multiply-adds that make up one chunk. */
function productsOfChunk(products: number, work: number): number {
  const most = Math.min(Math.ceil(tuning.chunkWork / work), Math.floor(products / tuning.leastChunks));
  return largestDivisor(products, Math.max(1, most));
}

/** x, if the product is xᵀ · g over all rows and xᵀ is not in memory. */
function transposedLeft(context: Context, node: Node<'matmul'>): Node | undefined {
  const left = node.inputs[0]!;
  if (node.shape.length > 2) return undefined;
  const isWhole = node.attributes.rows[0] === 0 && node.attributes.rows[1] === left.shape[1];
  const isRead = left.op === 'transpose' && context.memoryOf(left) === undefined;
  return isRead && isWhole ? left.inputs[0]! : undefined;
}

function transposedProduct(node: Node<'matmul'>, images: Node): Parameters<typeof lowerWeightGradient>[1] {
  const [rows, k] = images.shape as [number, number];
  const n = node.shape[1]!;
  return {
    result: node,
    images,
    gradient: node.inputs[1]!,
    filterShape: [1, 1, k, n],
    ...fullGeometry({ stride: [1, 1], padding: [0, 0] }),
    items: rows,
  };
}
