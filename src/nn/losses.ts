// Losses and the count of correct answers. Labels are class indices as numbers, because every input of a graph can be
// f32; a label outside the classes (−1 for an image that only fills a batch) belongs to no class.

import { UsageError } from '../base/errors.ts';
import { formatShape, sameShape } from '../base/shape.ts';
import { iota, type Tensor } from '../graph/tensor.ts';

/**
 * log softmax(z) = z − m − log Σ exp(z − m) along the last axis, m the row's maximum: it neither overflows nor divides.
 */
export function logSoftmax(logits: Tensor): Tensor {
  const last = [logits.shape.length - 1];
  // The result does not depend on m, so its gradient is zero.
  const shifted = logits.subtract(logits.max(last, true).detach());
  return shifted.subtract(shifted.exp().sum(last, true).log());
}

/**
 * Mean cross-entropy of the softmax: −⟨Σₖ qₖ log pₖ⟩ with targets qₖ = (1 − ε) [k = label] + ε / K.
 *
 * @param logits    (n, classes)
 * @param labels    (n); a label that belongs to no class adds only the smoothing part, which is 0 without smoothing
 * @param smoothing ε, the share of the target spread over all K classes: Szegedy et al., CVPR 2016, Section 7
 * @returns a scalar, the mean over the n rows
 * @throws UsageError if labels and logits differ in number, or smoothing is outside [0, 1)
 */
export function softmaxCrossEntropy(
  logits: Tensor,
  labels: Tensor,
  { smoothing = 0 }: { readonly smoothing?: number } = {},
): Tensor {
  if (!(smoothing >= 0 && smoothing < 1)) {
    throw new UsageError(`softmaxCrossEntropy: smoothing must be at least 0 and below 1, got ${smoothing}`);
  }
  requireLabels('softmaxCrossEntropy', logits, labels);
  const isLabel = labelMask(labels, logits.shape[1]!);
  const logP = logSoftmax(logits);
  const ofLabel = isLabel.select(logP, 0).sum([1]);
  if (smoothing === 0) return ofLabel.mean().negate();
  return ofLabel
    .multiply(1 - smoothing)
    .add(logP.mean([1]).multiply(smoothing))
    .mean()
    .negate();
}

/**
 * Mean squared error over all elements: ⟨(y − t)²⟩. For a classifier, t is `oneHot` of the labels.
 *
 * @throws UsageError if the shapes differ
 */
export function squaredError(y: Tensor, t: Tensor): Tensor {
  requireTargets('squaredError', y, t);
  return y.subtract(t).square().mean();
}

/**
 * Mean absolute error over all elements: ⟨|y − t|⟩.
 *
 * @throws UsageError if the shapes differ
 */
export function absoluteError(y: Tensor, t: Tensor): Tensor {
  requireTargets('absoluteError', y, t);
  return y.subtract(t).abs().mean();
}

/**
 * Mean cross-entropy of yes or no: −⟨t log σ(z) + (1 − t) log(1 − σ(z))⟩ over all elements, as
 * ⟨(|z| + z) / 2 − z t + log(1 + e^−|z|)⟩, which does not overflow.
 *
 * @param logits z
 * @param t 1 for yes and 0 for no, one for all or one each
 * @throws UsageError if the shapes differ
 */
export function sigmoidCrossEntropy(logits: Tensor, t: Tensor | number): Tensor {
  if (typeof t !== 'number') requireTargets('sigmoidCrossEntropy', logits, t);
  const size = logits.abs();
  const excess = size.negate().exp().add(1).log();
  return size.add(logits).multiply(0.5).subtract(logits.multiply(t)).add(excess).mean();
}

/** Labels (n) as rows of zeros with a one at the label, (n, classes). */
export function oneHot(labels: Tensor, classes: number): Tensor {
  return labelMask(labels, classes).select(1, 0);
}

/**
 * The number of rows of `logits` that have their maximum at the label, a scalar. If several classes share the maximum,
 * the answer is the first, as in argmax, so a network with equal logits for all classes is right only by chance. A NaN
 * at the label or a label that belongs to no class is never correct.
 *
 * @param logits (n, classes)
 * @param labels (n)
 * @throws UsageError if labels and logits differ in number
 */
export function correctCount(logits: Tensor, labels: Tensor): Tensor {
  requireLabels('correctCount', logits, labels);
  const classes = logits.shape[1]!;
  const maxima = logits.max([1], true).lessEqual(logits).select(1, 0);
  const isBeforeLabel = classOf(labels, classes).less(asColumn(labels));
  const isFirst = isBeforeLabel.select(maxima, 0).sum([1], true).equal(0);
  return isFirst.select(labelMask(labels, classes).select(maxima, 0), 0).sum();
}

/** True at the label of each row, (n, classes). */
function labelMask(labels: Tensor, classes: number): Tensor {
  return classOf(labels, classes).equal(asColumn(labels));
}

/** The class that each logit belongs to, (n, classes). */
function classOf(labels: Tensor, classes: number): Tensor {
  return iota(labels, [labels.shape[0]!, classes], 1);
}

function asColumn(labels: Tensor): Tensor {
  return labels.cast('i32').reshape([labels.shape[0]!, 1]);
}

function requireTargets(where: string, y: Tensor, t: Tensor): void {
  if (sameShape(y.shape, t.shape)) return;
  throw new UsageError(
    `${where}: prediction ${formatShape(y.shape)} and target ${formatShape(t.shape)} differ in shape`,
  );
}

function requireLabels(where: string, logits: Tensor, labels: Tensor): void {
  if (logits.shape.length !== 2 || !sameShape(labels.shape, logits.shape.slice(0, 1))) {
    throw new UsageError(
      `${where}: expected logits (n, classes) and labels (n), got ${formatShape(logits.shape)} and ${formatShape(labels.shape)}`,
    );
  }
}
