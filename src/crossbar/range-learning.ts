// Learned converter ranges, for a network that is trained for its hardware. First the input ranges follow the inputs,
// then gradients move them; the full scales of calibrated ADCs follow the column outputs throughout.

import type { TensorSpec } from '../base/parameters.ts';
import { constant, customGradient, type Tensor, type TensorLike } from '../graph/tensor.ts';
import type { Trace } from '../graph/trace.ts';
import type { ConverterRanges } from './periphery.ts';
import { inputRangeName, outputRangeName } from './ranges.ts';
import { meanSquare } from './tile-stack.ts';

/** How ranges are learned. */
export type RangeLearningRule = {
  /** Share of a range by which it shrinks in a step of rate 1, while few inputs are clipped. */
  readonly decay: number;
  /** A range shrinks only while more than this share of the inputs lies inside it. */
  readonly shareInside: number;
  /** Steps in which the range follows the inputs: the running mean of `initialDeviations` standard deviations. */
  readonly initialSteps: number;
  readonly initialDeviations: number;
};

/** Ranges of a training step. */
export type LearningRanges = {
  readonly ranges: ConverterRanges;
  /** The input ranges that gradients move, as states. */
  readonly learned: () => readonly TensorSpec[];
  /** The new value of a learned range, from the value to which gradients move it. */
  readonly updated: (range: string, moved: Tensor) => Tensor;
  /** New values of the ranges that follow the data instead. */
  readonly followed: () => Readonly<Record<string, Tensor>>;
};

/** A range never shrinks below this, so that its reciprocal stays finite. */
const SMALLEST_RANGE = 1e-6;
/** A calibrated full scale covers all outputs, but at most this many root mean squares. */
const ROOT_MEAN_SQUARES = 6;
/** Smallest weight of a batch in a running mean. */
const FULL_SCALE_MOMENTUM = 0.01;

/**
 * Ranges as states of a training step. A layer that is used twice in a step shares its range; its first use is
 * observed.
 *
 * Input range α of a clipping DAC, in step k = 0, 1, …: for k < initialSteps the running mean
 * α ← (k α + c s) / (k + 1), s the standard deviation of the inputs, c `initialDeviations`; then gradients, see
 * `learnedClip`. An input range that clips nothing (ideal DAC) stays a slow running mean of c s, as does the full scale
 * of a calibrated ADC of min(max |Σ x̂ ŵ|, 6 rms): weight max(1 / (k + 1), 0.01).
 *
 * @param step number of the step, ()
 * @source initial phase: aihwkit-lightning, src/aihwkit_lightning/nn/modules/torch_utils/torch_linear.py,
 *         apply_input_range; running full scale: ours
 */
export function learningRanges(t: Trace, step: Tensor, rule: RangeLearningRule): LearningRanges {
  const inputs = new Map<
    string,
    { readonly state: Tensor; readonly value: Tensor; readonly isLearned: boolean }
  >();
  const outputs = new Map<string, Tensor>();
  const isInitial = step.less(rule.initialSteps);
  const slowShare = constant(t, 1).divide(step.add(1)).maximum(FULL_SCALE_MOMENTUM);
  // Nothing is learned from zeros, as the state of a recurrent layer is at first.
  const running = (state: Tensor, seen: Tensor): Tensor =>
    constant(t, 0)
      .less(seen.detach())
      .select(state.add(seen.detach().subtract(state).multiply(slowShare)).maximum(SMALLEST_RANGE), state);
  const inputOf = (layer: string, x: Tensor, isClipped: boolean): { state: Tensor; value: Tensor } => {
    const name = inputRangeName(layer);
    const known = inputs.get(name);
    if (known !== undefined) return known;
    const state = t.state(name, []);
    const seen = deviationOf(x).multiply(rule.initialDeviations);
    const first = state.multiply(step).add(seen.detach()).divide(step.add(1)).maximum(SMALLEST_RANGE);
    const value = isClipped ? isInitial.select(first, state) : running(state, seen);
    inputs.set(name, { state, value, isLearned: isClipped });
    return { state, value };
  };
  return {
    ranges: {
      inputRange: (layer, x, isClipped) => {
        const { value } = inputOf(layer, x, isClipped);
        return { x: isClipped ? learnedClip(x, value, rule) : x, range: value.detach() };
      },
      outputRange: (layer, sums): TensorLike => {
        const name = outputRangeName(layer);
        const known = outputs.get(name);
        if (known !== undefined) return known;
        const value = running(t.state(name, []), coveringRange(sums())).detach();
        outputs.set(name, value);
        return value;
      },
    },
    learned: () =>
      [...inputs].filter(([, { isLearned }]) => isLearned).map(([name]) => ({ name, shape: [] })),
    updated: (range, moved) =>
      isInitial.select(inputs.get(range)!.value, moved.maximum(SMALLEST_RANGE)).detach(),
    followed: () => ({
      ...Object.fromEntries(
        [...inputs]
          .filter(([, { isLearned }]) => !isLearned)
          .map(([name, { value }]) => [name, value.detach()]),
      ),
      ...Object.fromEntries(outputs),
    }),
  };
}

/**
 * clip(x, −α, α) with the gradients of input-range learning. For x: g inside the range, 0 where x is clipped. For α,
 * with the gradient g of the clipped inputs: α (Σ_{x ≥ α} min(g, 0) − Σ_{x ≤ −α} max(g, 0)) + decay · α while more than
 * `shareInside` of the inputs lie inside. So a range grows if the loss asks for larger inputs than it admits, and
 * shrinks slowly otherwise.
 *
 * @source aihwkit-lightning, src/aihwkit_lightning/nn/modules/torch_utils/torch_linear.py, InputRangeForward and
 *         StraightThroughClamp
 */
export function learnedClip(
  x: Tensor,
  alpha: Tensor,
  { decay, shareInside }: Pick<RangeLearningRule, 'decay' | 'shareInside'>,
): Tensor {
  const value = x.clip(alpha.negate(), alpha);
  return customGradient('learned-range', value, [x, alpha], (g) => {
    const isAbove = alpha.lessEqual(x);
    const isBelow = x.lessEqual(alpha.negate());
    const pull = isAbove
      .select(g.minimum(0), 0)
      .subtract(isBelow.select(g.maximum(0), 0))
      .sum();
    const inside = x.abs().less(alpha).select(1, 0).mean();
    const shrinking = inside.multiply(-1).less(-shareInside).select(decay, 0);
    return [x.abs().lessEqual(alpha).select(g, 0), alpha.multiply(pull.add(shrinking))];
  });
}

/** √(⟨x²⟩ − ⟨x⟩²) over all elements, () */
function deviationOf(x: Tensor): Tensor {
  const mean = x.mean();
  return x.square().mean().subtract(mean.square()).relu().sqrt();
}

/** min(max |x|, 6 rms) over all tensors, () */
function coveringRange(sums: readonly Tensor[]): Tensor {
  const largest = sums.map((sum) => sum.abs().max()).reduce((all, max) => all.maximum(max));
  return largest.minimum(meanSquare(sums).sqrt().multiply(ROOT_MEAN_SQUARES));
}
