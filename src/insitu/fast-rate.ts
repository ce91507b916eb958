// How fast gradients are written to the fast array of Tiki-Taka: at a given rate, or so that its pulse trains are about
// full whatever the size of the operands.

import type { TensorSpec } from '../base/parameters.ts';
import { constant, type Tensor } from '../graph/tensor.ts';
import type { Factors, Update } from '../rules/update-rule.ts';
import type { PulseTrains } from './pulse-trains.ts';

/** Rate with which gradients are written to the fast array. */
export type FastRate =
  /** `rate`, times the learning rate if it is scaled. */
  | { readonly kind: 'fixed'; readonly rate: number; readonly isScaled: boolean }
  /** share · BL · g_A / (m_x m_δ), m the running means of max |x| and max |δ|: at a share of 1 trains are about full. */
  | { readonly kind: 'automatic'; readonly share: number };

/** Share of a step in the running means of the automatic rate. */
const MEAN_SHARE = 0.01;

/** Below this a mean counts as not begun, and a product of means as no smaller. */
const SMALLEST = 1e-30;

/** The running means that a rate needs, each (). */
export function meanSpecs({ kind }: FastRate, layer: string): readonly TensorSpec[] {
  if (kind === 'fixed') return [];
  return ['largestInput', 'largestGradient'].map((name) => ({
    name: `${layer}.transfer.${name}`,
    shape: [],
  }));
}

/**
 * The rate of the fast array in a step, (), and new values of the means that it needs. A mean is over the samples in which
 * the operand is not zero altogether; it begins with the first such step, and a step without any leaves it.
 *
 * @param pulse g_A, the weight of one pulse, (1, 1)
 * @param means names of the running means
 * @source aihwkit, src/rpucuda/rpu_chopped_transfer_device.cpp, getPulseCountAutoLR and updateAutoScale, which follows
 *         sample by sample; here the mean of a step counts as one
 */
export function fastRateOf(
  { fastRate, trains }: { readonly fastRate: FastRate; readonly trains: PulseTrains },
  pulse: Tensor,
  means: readonly TensorSpec[],
  { learningRate, factors, state }: Pick<Update, 'learningRate' | 'factors' | 'state'>,
): { readonly rate: Tensor; readonly means: Readonly<Record<string, Tensor>> } {
  if (fastRate.kind === 'fixed') {
    const { rate, isScaled } = fastRate;
    return { rate: isScaled ? learningRate.multiply(rate) : constant(learningRate, rate), means: {} };
  }
  const operands: readonly ((one: Factors) => Tensor)[] = [({ x }) => x, ({ delta }) => delta];
  const now = means.map(({ name }, k) => followed(state(name), factors().map(operands[k]!)));
  const [x, delta] = now as [Tensor, Tensor];
  const full = pulse.multiply(trains.length * fastRate.share).reshape([]);
  return {
    rate: full.divide(x.multiply(delta).maximum(SMALLEST)),
    means: Object.fromEntries(means.map(({ name }, k) => [name, now[k]!])),
  };
}

/** A running mean of max |x|, after a step that saw these operands, each (samples, lines). */
function followed(mean: Tensor, operands: readonly Tensor[]): Tensor {
  const largest = operands.map((x) => x.abs().max([1]));
  const total = (values: readonly Tensor[]): Tensor => values.reduce((sum, one) => sum.add(one));
  const sum = total(largest.map((each) => each.sum()));
  const count = total(largest.map((each) => constant(each, 0).less(each).select(1, 0).sum()));
  const seen = sum.divide(count.maximum(1));
  const moved = mean.add(seen.subtract(mean).multiply(MEAN_SHARE));
  return count.less(1).select(mean, mean.lessEqual(SMALLEST).select(seen, moved));
}
