// Stochastic pulse trains: rows and columns of an array fire at random, as often as their operands are large; a device
// gets a pulse where both fire at once. So a sum of products is written without any multiplication.

import { recur } from '../graph/recurrence.ts';
import { constant, type GraphKey, iota, type Tensor } from '../graph/tensor.ts';
import type { Factors } from '../rules/update-rule.ts';

/** How trains are formed. */
export type PulseTrains = {
  /** Slots of a train, at most 31. */
  readonly length: number;
  /** Trains only as long as the largest product of a sample needs (update bit-length management). */
  readonly isLengthManaged: boolean;
  /** Rows and columns fire equally often at their largest operand (update management). */
  readonly isBalanced: boolean;
};

/** The trains of samples. */
export type Trains = {
  /** Slots of each sample's trains, (samples, 1). */
  readonly lengths: Tensor;
  /** Probability that a row fires in a slot, (samples, rows). */
  readonly rowProbability: Tensor;
  /** (samples, columns) */
  readonly columnProbability: Tensor;
};

/** Below this a largest operand counts as zero. */
const SMALLEST = 1e-30;

/**
 * Lengths and probabilities of the trains that write −rate · x ⊗ δ. With m_x = max |x|, m_δ = max |δ| of a sample,
 * g the weight of one pulse and k = rate · m_x · m_δ / g:
 *
 * BL = min(⌈k⌉, length) if the length is managed, else BL = length; A = B = √(rate / (g BL)). Balanced, or managed: m_δ
 * is cut to m_δ · length / k where k > length, then A is multiplied by √(m_x / m_δ), B by √(m_δ / m_x). A row fires with
 * min(1, B |x|), a column with min(1, A |δ|). Where an operand is 0 altogether, BL = 0. The expected number of pulses is
 * rate |x δ| / g, unless it is cut.
 *
 * @param pulse g, the weight of one pulse, () or (1, 1)
 * @source aihwkit, src/rpucuda/rpu_pulsed_meta_parameter.cpp; T. Gokmen, Y. Vlasov, Front. Neurosci. 10:333 (2016), for
 *         stochastic trains
 */
export function trainsOf(
  { x, delta }: Factors,
  { rate, pulse, trains }: { readonly rate: Tensor; readonly pulse: Tensor; readonly trains: PulseTrains },
): Trains {
  const { length, isLengthManaged, isBalanced } = trains;
  const g = pulse.reshape([]);
  const [mx, md] = [largestOf(x), largestOf(delta)];
  const needed = rate.multiply(mx).multiply(md).divide(g);
  const isTooLong = constant(x, length).less(needed);
  const managed = isLengthManaged || isBalanced;
  const limited = managed
    ? isTooLong.select(md.multiply(length).divide(needed.maximum(SMALLEST)), md).maximum(SMALLEST)
    : md;
  const asMany = isLengthManaged
    ? ceiling(needed).minimum(length)
    : constant(x, length).broadcastTo(mx.shape);
  const isWritable = constant(x, 0).less(needed);
  const scale = rate.divide(g.multiply(asMany.maximum(1))).sqrt();
  const lengths = isWritable.select(asMany, 0);
  const [a, b] = managed
    ? [scale.multiply(mx.divide(limited).sqrt()), scale.multiply(limited.divide(mx.maximum(SMALLEST)).sqrt())]
    : [scale, scale];
  return {
    lengths,
    rowProbability: x.abs().multiply(b).minimum(1),
    columnProbability: delta.abs().multiply(a).minimum(1),
  };
}

/** max |x| of each sample, (samples, 1) */
function largestOf(x: Tensor): Tensor {
  return x.abs().max([1], true);
}

function ceiling(x: Tensor): Tensor {
  return x.negate().floor().negate();
}

/**
 * Draws trains as words: bit s of a line's word says whether it fires in slot s, i32 in the shape of `probability`.
 *
 * @param lengths (samples, 1)
 */
export function drawTrains(
  probability: Tensor,
  lengths: Tensor,
  { length, key }: { readonly length: number; readonly key: GraphKey },
): Tensor {
  const draws = key.uniform([length, ...probability.shape]);
  const { word } = recur({
    count: length,
    initial: { word: constant(probability, 0, 'i32').broadcastTo(probability.shape) },
    where: constant(probability, 0).less(probability),
    step: ({ word: before }, { item, number }) => {
      const isInside = number.cast('f32').less(lengths);
      const fires = isInside.select(item(draws), 2).less(probability);
      return { next: { word: before.add(before).add(fires.select(constant(probability, 1, 'i32'), 0)) } };
    },
  });
  return word;
}

/** Direction of what a sample writes: true upwards, which is where −x δ is above 0. */
export function isUpwards(x: Tensor, delta: Tensor): Tensor {
  return x.less(0).select(constant(x, 0).less(delta), delta.less(0));
}

/** The index of each row, (rows, 1), f32. */
export function rowNumbers(like: Tensor, rows: number): Tensor {
  return iota(like, [rows, 1], 0).cast('f32');
}
