// Attention and what transformers are made of: tables of rows that are looked up, learned positions, multi-head attention,
// and the block of attention and a perceptron. Their matrices are layers and may live on crossbars; the products of
// activations with each other, the softmax, the normalisations and the tables stay digital.

import { throwFaults, UsageError } from '../base/errors.ts';
import { formatShape } from '../base/shape.ts';
import { customGradient, iota, type Tensor } from '../graph/tensor.ts';
import { activation } from './activations.ts';
import { identity, reshape, residual, sequence, timeDistributed } from './combine.ts';
import { convolution } from './convolutions.ts';
import { dense } from './dense.ts';
import { dropout } from './dropout.ts';
import { type Module, parameter, sequenceAxes, withoutParameters } from './module.ts';
import type { Initial } from './network.ts';
import { layerNormalization } from './normalization-modules.ts';

/** Standard deviation of initial matrices, tables and positions: A. Radford et al., GPT-2 (2019), as its code has it. */
export const INITIAL_DEVIATION = 0.02;

/** Stands for −∞ in a masked place: e to it is 0, and it makes no NaN. */
const MASKED = -1e30;

/**
 * A row of a digital table for each index: (…) → (…, dimension). Parameter `name.table` (rows, dimension), normal with a
 * standard deviation of 0.02. It is never on a crossbar, unlike the weights of an `embedding`. Indices as in `embedding`.
 */
export function lookupTable({
  name,
  rows,
  dimension,
}: {
  readonly name: string;
  readonly rows: number;
  readonly dimension: number;
}): Module {
  const table = parameter(name, 'table', [rows, dimension], { kind: 'normal', deviation: INITIAL_DEVIATION });
  return (inputShape) => ({
    outputShape: [...inputShape, dimension],
    parameters: [table],
    layers: [],
    apply: (x, { parameters }) => ({ value: parameters[table.name]!.gather(x), statistics: {} }),
  });
}

/**
 * x + P, a learned vector for each position: (time, channels) → (time, channels). Parameter `name.table` (time, channels),
 * normal with a standard deviation of 0.02.
 *
 * @throws UsageError if the input is no sequence of vectors
 */
export function learnedPositions(name: string): Module {
  return (inputShape) => {
    sequenceAxes(`learnedPositions "${name}"`, inputShape);
    const table = parameter(name, 'table', inputShape, { kind: 'normal', deviation: INITIAL_DEVIATION });
    return {
      outputShape: inputShape,
      parameters: [table],
      layers: [],
      apply: (x, { parameters }) => ({ value: x.add(parameters[table.name]!), statistics: {} }),
    };
  };
}

/**
 * The mean over time: (time, channels) → (channels).
 *
 * @throws UsageError if the input is no sequence of vectors
 */
export const meanOverTime: Module = (inputShape) => {
  const [, channels] = sequenceAxes('meanOverTime', inputShape);
  return withoutParameters([channels], (x) => x.mean([1]));
};

/** Options of multi-head attention. */
export type AttentionOptions = {
  readonly name: string;
  readonly heads: number;
  /** Position t attends to positions 0 … t alone. */
  readonly causal?: boolean;
  /** Rate of dropout on the attention weights; 0 by default. */
  readonly dropout?: number;
  /** Initial weights of the projection; absent: as those of the other matrix. */
  readonly projectionInitial?: Initial | undefined;
};

/**
 * Multi-head self-attention: (time, channels) → (time, channels). For head h of d = channels / heads columns
 *
 *   [Q K V] = x W_qkv + b,   A_h = softmax(Q_h K_hᵀ / √d),   y = [A_1 V_1 … A_H V_H] W_projection + b
 *
 * with the softmax over the positions that are attended to. Columns of W_qkv are Q, K, V, within each by head. Layers
 * `name.qkv` (channels, 3 · channels) and `name.projection` (channels, channels) may live on crossbars; Q Kᵀ, the softmax
 * and A V are digital.
 *
 * @throws UsageError if the input is no sequence of vectors, or the heads do not divide the channels
 * @source A. Vaswani et al., NeurIPS 2017 (arXiv 1706.03762), Section 3.2
 */
export function multiHeadAttention({
  name,
  heads,
  causal = false,
  dropout: rate = 0,
  projectionInitial,
}: AttentionOptions): Module {
  return (inputShape) => {
    const [time, channels] = sequenceAxes(`multiHeadAttention "${name}"`, inputShape);
    const divides = Number.isInteger(heads) && heads >= 1 && channels % heads === 0;
    throwFaults(
      `multiHeadAttention "${name}"`,
      divides ? [] : [`heads must divide the channels, got ${heads} heads and ${channels} channels`],
    );
    const depth = channels / heads;
    const qkv = timeDistributed(linear(`${name}.qkv`, 3 * channels))(inputShape);
    const projection = timeDistributed(linear(`${name}.projection`, channels, projectionInitial))(inputShape);
    const dropped = dropout(rate)([heads, time, time]);
    return {
      outputShape: inputShape,
      parameters: [...qkv.parameters, ...projection.parameters],
      layers: [...qkv.layers, ...projection.layers],
      apply: (x, context) => {
        const batch = x.shape[0]!;
        const all = qkv.apply(x, context).value.reshape([batch, time, 3, heads, depth]);
        const part = (position: number): Tensor =>
          all
            .slice([0, 0, position, 0, 0], [batch, time, position + 1, heads, depth])
            .reshape([batch, time, heads, depth])
            .transpose([0, 2, 1, 3]);
        const [q, k, v] = [part(0), part(1), part(2)] as const;
        const heard = attend(q, k, v, { causal, drop: (shares) => dropped.apply(shares, context).value });
        return projection.apply(heard.transpose([0, 2, 1, 3]).reshape([batch, time, channels]), context);
      },
    };
  };
}

/**
 * softmax(Q Kᵀ / √d) V of matrices (…, time, d), with the softmax over the positions that are attended to.
 *
 * @param options.drop what becomes of the attention weights before V
 */
export function attend(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  {
    causal,
    drop = (shares) => shares,
  }: { readonly causal: boolean; readonly drop?: (shares: Tensor) => Tensor },
): Tensor {
  const last = k.shape.length - 1;
  const order = k.shape.map((_, axis) => (axis === last ? last - 1 : axis === last - 1 ? last : axis));
  const scores = q.multiply(1 / Math.sqrt(q.shape[last]!)).matmul(k.transpose(order));
  return drop(softmax(causal ? masked(scores) : scores)).matmul(v);
}

/** Scores (…, t, s) of later positions s > t at −∞. */
function masked(scores: Tensor): Tensor {
  const square = scores.shape.slice(-2);
  const isLater = iota(scores, square, 0).less(iota(scores, square, 1));
  return isLater.broadcastTo(scores.shape).select(MASKED, scores);
}

/**
 * The softmax along the last axis: e^(x − max) / Σ e^(x − max). Its gradient is y ∘ (g − Σ g ∘ y), for which only the
 * result y has to be kept.
 */
export function softmax(x: Tensor): Tensor {
  const last = [x.shape.length - 1];
  const e = x.subtract(x.max(last, true)).exp();
  const y = e.divide(e.sum(last, true));
  return customGradient('softmax', y, [x], (g) => [y.multiply(g.subtract(g.multiply(y).sum(last, true)))]);
}

/** Options of a transformer block. */
export type TransformerBlockOptions = {
  readonly name: string;
  readonly heads: number;
  /** Width of the perceptron. */
  readonly hidden: number;
  readonly causal?: boolean;
  /** Rate of dropout on attention weights and on both summands; 0 by default. */
  readonly dropout?: number;
  /**
   * Blocks of the network: matrices whose outputs are added to the stream start smaller by √(2 · blocks), so that it
   * does not grow with depth. 1 by default.
   */
  readonly blocks?: number;
};

/**
 * A block with the normalisation before each part: x ← x + attention(norm1 x), x ← x + W₂ gelu(W₁ norm2 x); (time,
 * channels) → (time, channels). Names: `name.norm1`, `name.attention.…`, `name.norm2`, `name.mlp1`, `name.mlp2`.
 *
 * @throws UsageError if the input is no sequence of vectors, or the heads do not divide the channels
 * @source A. Radford et al., GPT-2 (2019), Section 2.3: normalisation moved to the input of each part, weights of residual
 *         layers scaled with depth; A. Dosovitskiy et al., ICLR 2021 (arXiv 2010.11929), equations 2 and 3
 */
export function transformerBlock({
  name,
  heads,
  hidden,
  causal = false,
  dropout: rate = 0,
  blocks = 1,
}: TransformerBlockOptions): Module {
  return (inputShape) => {
    const [, channels] = sequenceAxes(`transformerBlock "${name}"`, inputShape);
    const added: Initial = { kind: 'normal', deviation: INITIAL_DEVIATION / Math.sqrt(2 * blocks) };
    const attention = multiHeadAttention({
      name: `${name}.attention`,
      heads,
      causal,
      dropout: rate,
      projectionInitial: added,
    });
    const perceptron = sequence([
      linear(`${name}.mlp1`, hidden),
      activation('gelu'),
      linear(`${name}.mlp2`, channels, added),
    ]);
    return sequence([
      residual({
        body: sequence([layerNormalization(`${name}.norm1`), attention, dropout(rate)]),
        shortcut: identity,
      }),
      residual({
        body: sequence([layerNormalization(`${name}.norm2`), timeDistributed(perceptron), dropout(rate)]),
        shortcut: identity,
      }),
    ])(inputShape);
  };
}

/** A dense layer that begins as those of GPT-2 do: small normal weights, biases of 0. */
function linear(
  name: string,
  outputs: number,
  initial: Initial = { kind: 'normal', deviation: INITIAL_DEVIATION },
): Module {
  return dense({ name, outputs, initial });
}

/**
 * An image as a sequence of patches, each a vector: (height, width, channels) → (patches, width). A convolution with
 * filters of a patch's size, one beside the other; layer `name`, in the order of rows.
 *
 * @throws UsageError if the patches do not tile the image
 * @source A. Dosovitskiy et al., ICLR 2021 (arXiv 2010.11929), equation 1
 */
export function patchEmbedding({
  name,
  size,
  width,
}: {
  readonly name: string;
  readonly size: number;
  readonly width: number;
}): Module {
  return (inputShape) => {
    const [rows = 0, columns = 0] = inputShape;
    if (inputShape.length !== 3 || rows % size !== 0 || columns % size !== 0)
      throw new UsageError(
        `patchEmbedding "${name}": expected (height, width, channels) with sides that ${size} divides, got ${formatShape(inputShape)}`,
      );
    return sequence([
      convolution({ name, filters: width, size, stride: size, bias: true }),
      reshape([(rows / size) * (columns / size), width]),
    ])(inputShape);
  };
}
