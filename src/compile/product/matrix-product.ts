// Lowering of matrix products: blocks of rows are images of one row of pixels, for the nest that convolutions have.

import { fullGeometry, type Node } from '../../graph/node.ts';
import { type Int, literal, plus, times } from '../../kernel/int.ts';
import type { Context, DraftLaunch } from '../draft.ts';
import { lowerProduct } from './blocked-product.ts';
import { filterMemory, type Product, windowRuns } from './geometry.ts';
import { lowerWeightGradient } from './weight-gradient.ts';

/** Rows of a matrix product that one chunk computes: of a taller one more, so that a panel of columns serves more. */
const ROWS_PER_CHUNK = [32, 64, 128, 256] as const;
/** Chunks of rows that a product is not cut below for that. */
const ROW_CHUNKS = 8;

/** Kernels that compute a matrix product and its epilogue into the memory of `result`. */
export function lowerMatmul(context: Context, node: Node<'matmul'>, result: Node): DraftLaunch[] {
  const transposed = transposedLeft(context, node);
  return transposed === undefined || result !== node
    ? matrixProducts(context, node, result)
    : lowerWeightGradient(context, transposedProduct(node, transposed));
}

/** (m, k) · (k, n): blocks of rows are images of one row of pixels. A remainder of rows gets a kernel of its own. */
function matrixProducts(context: Context, node: Node<'matmul'>, result: Node): DraftLaunch[] {
  const [m] = node.shape as [number, number];
  const perChunk = ROWS_PER_CHUNK.findLast((rows) => rows * ROW_CHUNKS <= m) ?? ROWS_PER_CHUNK[0];
  const whole = Math.floor(m / perChunk);
  const rest = m - whole * perChunk;
  const launches: DraftLaunch[] = [];
  if (whole > 0)
    launches.push(
      ...lowerProduct(
        context,
        matrixProduct(context, node, result, { first: 0, rows: perChunk, images: whole }),
      ),
    );
  if (rest > 0)
    launches.push(
      ...lowerProduct(
        context,
        matrixProduct(context, node, result, { first: m - rest, rows: rest, images: 1 }),
      ),
    );
  return launches;
}

type RowBlock = { readonly first: number; readonly rows: number; readonly images: number };

function matrixProduct(context: Context, node: Node<'matmul'>, result: Node, block: RowBlock): Product {
  const [left, right] = node.inputs as [Node, Node];
  const [k, n] = right.shape as [number, number];
  const row = (image: Int, column: Int): Int =>
    plus(plus(times(image, block.rows), literal(block.first)), column);
  return {
    name: 'matmul',
    node,
    result,
    source: {
      node: left,
      size: [1, block.rows, k],
      index: (image, _, column, channel) => [row(image, column), channel],
      padding: { rows: [0, 0], columns: [0, 0] },
      isSeparate: true,
    },
    filter: filterMemory(context, right),
    columns: n,
    phases: [{ offset: [0, 0], size: [1, block.rows], runs: windowRuns([1, 1], k, node.attributes.rows) }],
    inputStep: [1, 1],
    outputStep: [1, 1],
    images: block.images,
    outputIndex: (image, _, column, channel) => [row(image, column), channel],
  };
}

/** The matrix whose transpose is the left operand, where the whole product is xᵀ · g and the transpose is not in memory. */
function transposedLeft(context: Context, node: Node<'matmul'>): Node | undefined {
  const left = node.inputs[0]!;
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
