// Normalisations. Batch normalisation keeps its running statistics, which training and AdaBS estimate anew; the others
// normalise each example by itself.

import { elementCount } from '../../base/shape.ts';
import type { Tensor } from '../../graph/tensor.ts';
import {
  type Moments,
  normalizeAxes,
  normalizeByMoments,
  normalizeIn,
  type ScaleAndShift,
} from '../../nn/normalization.ts';
import type { NodeBuilder, Operators, ParameterRequest, Step, World } from './step.ts';
import { type Host, inOrder, lastChannels, symbolic, withChannelsLast } from './value.ts';

const EPSILON = 1e-5;

const batchNormalization: NodeBuilder = (step) => {
  if (step.numberOf('training_mode', 0) !== 0)
    throw step.fault('it normalises by the batch (training_mode 1); export the network for inference');
  const hosts = [1, 2, 3, 4].map((k) => step.value(k));
  const source = step.symbol(0);
  const x = lastChannels(source);
  const epsilon = step.numberOf('epsilon', EPSILON);
  if (hosts.some((value) => value.where === 'graph')) {
    const [scale, shift, mean, variance] = [1, 2, 3, 4].map((k) => step.tensor(k)) as [
      Tensor,
      Tensor,
      Tensor,
      Tensor,
    ];
    return withChannelsLast(normalizeByMoments(x, { scale, shift }, { mean, variance }, epsilon));
  }
  const known = hosts as Host[];
  const base = step.world.normalizationName(known[0]!, step.node);
  const parameter = (host: Host, role: ParameterRequest['role']): Tensor =>
    step.world.parameter({ host, role, base, shape: host.dims, variant: base }, step.node);
  const scaleAndShift = { scale: parameter(known[0]!, 'scale'), shift: parameter(known[1]!, 'shift') };
  const moments = {
    mean: parameter(known[2]!, 'runningMean'),
    variance: parameter(known[3]!, 'runningVariance'),
  };
  return withChannelsLast(normalized(step.world, base, { x, scaleAndShift, moments, epsilon }));
};

/** A batch normalisation of the last axis, by running moments in inference, by those of the batch in training. */
export function normalized(
  world: World,
  base: string,
  { x, scaleAndShift, moments, epsilon }: Normalized,
): Tensor {
  const { y, moments: batch } = normalizeIn(world.mode, x, scaleAndShift, moments, epsilon);
  if (batch !== undefined) {
    world.note(`${base}.runningMean`, batch.mean);
    world.note(`${base}.runningVariance`, batch.variance);
  }
  return y;
}

/** What is normalised, and by what. */
export type Normalized = {
  readonly x: Tensor;
  readonly scaleAndShift: ScaleAndShift;
  readonly moments: Moments;
  readonly epsilon?: number;
};

/** γ and β of a step, multiplied and added with the axes of the tensor. */
function scaled(step: Step, y: Tensor, shapeOf: (dims: readonly number[]) => readonly number[]): Tensor {
  const scale = step.has(1) ? step.tensor(1, 'scale') : undefined;
  const shift = step.has(2) ? step.tensor(2, 'shift') : undefined;
  const times = scale === undefined ? y : y.multiply(scale.reshape(shapeOf(scale.shape)));
  return shift === undefined ? times : times.add(shift.reshape(shapeOf(shift.shape)));
}

const layerNormalization: NodeBuilder = (step) => {
  const x = step.tensor(0);
  const first = step.axis(step.numberOf('axis', -1), x.shape.length);
  const axes = x.shape.map((_, axis) => axis).slice(first);
  const y = normalizeAxes(x, axes, step.numberOf('epsilon', EPSILON));
  return [symbolic(scaled(step, y, (dims) => dims)), undefined, undefined];
};

const rmsNormalization: NodeBuilder = (step) => {
  const x = step.tensor(0);
  const first = step.axis(step.numberOf('axis', -1), x.shape.length);
  const axes = x.shape.map((_, axis) => axis).slice(first);
  const power = x.square().mean(axes, true).add(step.numberOf('epsilon', EPSILON));
  return symbolic(scaled(step, x.divide(power.sqrt()), (dims) => dims));
};

/** Over the pixels and the channels of each group; (n, channels, …). */
function byGroups(step: Step, groups: number): { readonly y: Tensor; readonly dims: readonly number[] } {
  const x = inOrder(step.symbol(0));
  const [n, c] = x.shape as readonly [number, number];
  if (!Number.isInteger(groups) || groups < 1 || c % groups !== 0)
    throw step.fault(`${groups} groups do not divide ${c} channels`);
  const grouped = x.reshape([n, groups, elementCount(x.shape) / (n * groups)]);
  return { y: normalizeAxes(grouped, [2], step.numberOf('epsilon', EPSILON)), dims: x.shape };
}

/** One number a channel, beside (n, channels, …). */
function alongChannels(dims: readonly number[]): (own: readonly number[]) => readonly number[] {
  return (own) => [elementCount(own), ...dims.slice(2).map(() => 1)];
}

const instanceNormalization: NodeBuilder = (step) => {
  const { y, dims } = byGroups(step, step.dims(0)[1] ?? 0);
  return symbolic(scaled(step, y.reshape(dims), alongChannels(dims)));
};

/** γ and β are of groups before version 21, of channels since. */
const groupNormalization: NodeBuilder = (step) => {
  const groups = step.numberOf('num_groups', 0);
  const { y, dims } = byGroups(step, groups);
  if (step.opset >= 21) return symbolic(scaled(step, y.reshape(dims), alongChannels(dims)));
  return symbolic(scaled(step, y, () => [groups, 1]).reshape(dims));
};

const lpNormalization: NodeBuilder = (step) => {
  const x = step.tensor(0);
  const axis = step.axis(step.numberOf('axis', -1), x.shape.length);
  const isL1 = step.numberOf('p', 2) === 1;
  const size = isL1 ? x.abs().sum([axis], true) : x.square().sum([axis], true).sqrt();
  return symbolic(x.divide(size));
};

/** The operators. */
export const normalizations: Operators = {
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
  RMSNormalization: rmsNormalization,
  InstanceNormalization: instanceNormalization,
  GroupNormalization: groupNormalization,
  LpNormalization: lpNormalization,
};
