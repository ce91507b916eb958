// Lowering of contractions: picks the kernel of each, and gives the geometry of convolutions. Input gradients and
// transposed convolutions are in transposed-convolution.ts, matrix products in matrix-product.ts.

import { InternalError } from '../../base/errors.ts';
import { isOp, type Node } from '../../graph/node.ts';
import { filterSizes, imageSizes } from '../../graph/shape-rules.ts';
import { type Int, literal, plus, times } from '../../kernel/int.ts';
import type { Context, DraftLaunch } from '../draft.ts';
import { lowerProduct } from './blocked-product.ts';
import { filterMemory, imageIndex, margins, type Product, windowRuns } from './geometry.ts';
import { lowerMatmul } from './matrix-product.ts';
import { lowerInputGradient, lowerTransposedConvolution } from './transposed-convolution.ts';
import { lowerWeightGradient } from './weight-gradient.ts';
import type { FilterTaps } from './winograd-filter.ts';
import { isWinogradWorthwhile, lowerWinograd, worthwhileKernelRows } from './winograd-product.ts';
import { lowerWinogradWeightGradient } from './winograd-weight-gradient.ts';

/**
 * Kernels that compute `product` and its epilogue, into the memory of the first result; the other results are sums of
 * it.
 */
export function lowerContraction(
  context: Context,
  product: Node,
  [result, ...sums]: readonly [Node, ...Node[]],
): DraftLaunch[] {
  if (isOp(product, 'convolution')) return convolution(context, product, result, sums);
  if (isOp(product, 'convolutionInputGradient')) return lowerInputGradient(context, product, result, sums);
  if (isOp(product, 'transposedConvolution'))
    return lowerTransposedConvolution(context, product, result, sums);
  if (isOp(product, 'convolutionWeightGradient')) {
    const [images, gradient] = product.inputs as [Node, Node];
    const [kh, kw, c] = filterSizes(product.attributes.filterShape);
    const weightGradient = { ...product.attributes, result, images, gradient, items: images.shape[0]! };
    return isWinogradWorthwhile([kh, kw], c, product.attributes, imageSizes(gradient.shape)[2])
      ? lowerWinogradWeightGradient(context, weightGradient)
      : lowerWeightGradient(context, weightGradient);
  }
  if (isOp(product, 'matmul')) return lowerMatmul(context, product, result);
  throw new InternalError(`internal: ${product.op} is not a product`);
}

/** By Winograd's algorithm where it is faster; there the rows outside `rows` are zeros in the transformed filter. */
function convolution(
  context: Context,
  node: Node<'convolution'>,
  result: Node,
  sums: readonly Node[],
): DraftLaunch[] {
  const direct = convolutionProduct(context, node, result);
  const [kh, kw, c, m] = filterSizes(node.inputs[1]!.shape);
  const [, oh, ow] = imageSizes(node.shape);
  const [start, end] = node.attributes.rows;
  const touched = worthwhileKernelRows([start, end], kw * c);
  if (touched === undefined || !isWinogradWorthwhile([kh, kw], c, node.attributes, ow))
    return lowerProduct(context, direct, sums);
  const firstKernelRow = touched[0];
  const kernelRows = touched[1] - firstKernelRow;
  /** First row of the matrix that belongs to a kernel row and tap. */
  const firstRow = (row: number, tap: number): number => ((firstKernelRow + row) * kw + tap) * c;
  const taps = {
    memory: direct.filter,
    kernelRows,
    channels: c,
    columns: m,
    index: (row: number, tap: number, channel: Int, column: Int) =>
      plus(times(plus(literal(firstRow(row, tap)), channel), m), column),
    channelsOf: (row, tap) => [start - firstRow(row, tap), end - firstRow(row, tap)],
  } satisfies FilterTaps;
  return lowerWinograd(context, { ...direct, taps, firstKernelRow, size: [oh, ow] }, sums);
}

function convolutionProduct(context: Context, node: Node<'convolution'>, result: Node): Product {
  const [images, filter] = node.inputs as [Node, Node];
  const [n, h, w, c] = imageSizes(images.shape);
  const [kh, kw, channels, m] = filterSizes(filter.shape);
  const [, oh, ow] = imageSizes(node.shape);
  const { stride, dilation, groups, rows } = node.attributes;
  return {
    name: 'convolution',
    node,
    result,
    source: {
      node: images,
      size: [h, w, c],
      index: imageIndex(images),
      padding: margins([h, w], [kh, kw], [oh, ow], node.attributes),
    },
    filter: filterMemory(context, filter),
    columns: m,
    phases: [{ offset: [0, 0], size: [oh, ow], runs: windowRuns([kh, kw], channels, rows, dilation) }],
    inputStep: stride,
    outputStep: [1, 1],
    images: n,
    outputIndex: imageIndex(node),
    groups,
  };
}
