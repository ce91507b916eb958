// The arithmetic of batch normalisation: Ioffe and Szegedy, ICML 2015 (arXiv 1502.03167). It needs few passes over the
// activations (one gives both moments), and avoids cancellation in float32 (moments about a nearby value instead of
// zero). The module with its parameters is in modules.ts.

import type { Tensor } from '../graph/tensor.ts';
import type { Mode } from './network.ts';

/** Added to every variance, so that a constant channel divides by √ε instead of zero. The value PyTorch uses. */
export const NORMALIZATION_EPSILON = 1e-5;

/** γ and β of a batch normalisation, each (channels). */
export type ScaleAndShift = { readonly scale: Tensor; readonly shift: Tensor };

/** Mean and variance of every channel, each (channels). */
export type Moments = { readonly mean: Tensor; readonly variance: Tensor };

/**
 * Normalises by the moments of the batch: y = γ (x − μ) / √(σ² + ε) + β.
 *
 * With an origin s near the mean, d = x − s, the moments are m₁ = ⟨d⟩ and m₂ = ⟨d²⟩, and μ = s + m₁, σ² = m₂ − m₁².
 * If s lies within a few σ of μ, the difference keeps its digits however large μ is. Neither y nor the moments
 * depend on s, so differentiation takes it as a constant.
 *
 * @param x (…, channels): the moments are over all axes but the last
 * @param origin s, (channels). A running mean is near the mean once it has settled, and known before x, so the moments
 *        can be computed in the same pass as x. By default the first pixel, which is always near.
 * @param epsilon ε, of networks that were trained elsewhere with another one
 * @returns y, and the moments with the *population* variance (divisor n, not n − 1)
 */
export function normalizeByBatch(
  x: Tensor,
  { scale: gamma, shift: beta }: ScaleAndShift,
  origin?: Tensor,
  epsilon: number = NORMALIZATION_EPSILON,
): { readonly y: Tensor; readonly moments: Moments } {
  const { d, m1, moments } = momentsAbout(x, origin);
  const scale = gamma.divide(moments.variance.add(epsilon).sqrt());
  const y = d.multiply(scale).add(beta.subtract(m1.multiply(scale)));
  return { y, moments };
}

/** d = x − s, its mean, and the moments of x over all axes but the last. */
function momentsAbout(
  x: Tensor,
  origin?: Tensor,
): { readonly d: Tensor; readonly m1: Tensor; readonly moments: Moments } {
  const axes = x.shape.slice(0, -1).map((_, axis) => axis);
  const channels = x.shape[x.shape.length - 1]!;
  const first = x.shape.map((size, axis) => (axis < axes.length ? 1 : size));
  const s = (origin ?? x.slice(new Array<number>(x.shape.length).fill(0), first))
    .reshape([channels])
    .detach();
  const d = x.subtract(s);
  const m1 = d.mean(axes);
  // Rounding can make the variance of a constant channel negative. `relu` clips it, and passes NaN on.
  const variance = d.square().mean(axes).subtract(m1.square()).relu();
  return { d, m1, moments: { mean: s.add(m1), variance } };
}

/** Normalises by given moments, as one product and one sum: y = x · γ/√(σ² + ε) + (β − μ · γ/√(σ² + ε)). */
export function normalizeByMoments(
  x: Tensor,
  { scale: gamma, shift: beta }: ScaleAndShift,
  { mean, variance }: Moments,
  epsilon: number = NORMALIZATION_EPSILON,
): Tensor {
  const scale = gamma.divide(variance.add(epsilon).sqrt());
  return x.multiply(scale).add(beta.subtract(mean.multiply(scale)));
}

/**
 * Batch normalisation as a mode asks for it: in inference by the running moments, in training by those of the batch, or by
 * the running ones too, which are then constants to differentiation.
 *
 * @returns y, and in training the moments of the batch
 */
export function normalizeIn(
  mode: Mode,
  x: Tensor,
  scaleAndShift: ScaleAndShift,
  running: Moments,
  epsilon?: number,
): { readonly y: Tensor; readonly moments?: Moments } {
  if (mode.kind === 'inference') return { y: normalizeByMoments(x, scaleAndShift, running, epsilon) };
  if (mode.normalizesBy !== 'running') return normalizeByBatch(x, scaleAndShift, running.mean, epsilon);
  const { moments } = momentsAbout(x.detach(), running.mean);
  return { y: normalizeByMoments(x, scaleAndShift, running, epsilon), moments };
}

/**
 * Running statistics after one more batch: r + momentum · (b − r).
 *
 * Batches report the population variance; PyTorch stores it times n / (n − 1), with n values per channel and batch.
 * For 128 images of 8 x 8 pixels the factor is 1.0001, far below the noise of the estimate, so it is left out.
 *
 * @param momentum weight of the new batch; PyTorch's default is 0.1. 1 / k at batch k makes the plain average.
 */
export function updatedStatistics(running: Tensor, batch: Tensor, momentum: Tensor | number): Tensor {
  return running.add(batch.subtract(running).multiply(momentum));
}

/**
 * (x − μ) / √(σ² + ε), with mean and population variance over `axes` of each example; the mean is taken away before
 * squares are, so that a large one costs no digits.
 */
export function normalizeAxes(
  x: Tensor,
  axes: readonly number[],
  epsilon: number = NORMALIZATION_EPSILON,
): Tensor {
  const d = x.subtract(x.mean(axes, true));
  return d.divide(d.square().mean(axes, true).add(epsilon).sqrt());
}
