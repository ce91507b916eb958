// Normalisations as modules: over the batch, over the channels of each pixel, over groups of channels. The arithmetic is in
// normalization.ts. Only batch normalisation has running statistics, which AdaBS re-estimates.

import { throwFaults } from '../base/errors.ts';
import { elementCount, type Shape } from '../base/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import { type Module, type PlacedModule, parameter } from './module.ts';
import { normalizeAxes, normalizeIn } from './normalization.ts';

/**
 * Batch normalisation of the last axis (see normalization.ts). Parameters, each (channels): `name.scale`, `name.shift`,
 * and the running statistics `name.runningMean` and `name.runningVariance`.
 */
export function batchNormalization(name: string): Module {
  return (inputShape) => {
    const channels = inputShape.slice(-1);
    const specs = {
      scale: parameter(name, 'scale', channels, { kind: 'constant', value: 1 }),
      shift: parameter(name, 'shift', channels, { kind: 'constant', value: 0 }),
      mean: parameter(name, 'runningMean', channels, { kind: 'constant', value: 0 }),
      variance: parameter(name, 'runningVariance', channels, { kind: 'constant', value: 1 }),
    };
    return {
      outputShape: inputShape,
      parameters: Object.values(specs),
      layers: [],
      apply: (x, { parameters, mode }) => {
        const scaleAndShift = { scale: parameters[specs.scale.name]!, shift: parameters[specs.shift.name]! };
        const running = { mean: parameters[specs.mean.name]!, variance: parameters[specs.variance.name]! };
        const { y, moments } = normalizeIn(mode, x, scaleAndShift, running);
        const statistics =
          moments === undefined
            ? {}
            : { [specs.mean.name]: moments.mean, [specs.variance.name]: moments.variance };
        return { value: y, statistics };
      },
    };
  };
}

/**
 * Layer normalisation of the last axis: y = γ (x − μ) / √(σ² + ε) + β, μ and σ² over the channels of each pixel or step.
 * Parameters, each (channels): `name.scale` and `name.shift`.
 *
 * @source J. L. Ba et al., arXiv 1607.06450
 */
export function layerNormalization(name: string): Module {
  return (inputShape) => scaled(name, inputShape, (x) => normalizeAxes(x, [x.shape.length - 1]));
}

/**
 * Group normalisation: as layer normalisation, μ and σ² over the pixels and the channels of each group. Parameters, each
 * (channels): `name.scale` and `name.shift`.
 *
 * @throws UsageError if the groups divide the channels unevenly
 * @source Y. Wu, K. He, ECCV 2018 (arXiv 1803.08494)
 */
export function groupNormalization({
  name,
  groups,
}: {
  readonly name: string;
  readonly groups: number;
}): Module {
  return (inputShape) => {
    const channels = inputShape.at(-1) ?? 0;
    const fits = Number.isInteger(groups) && groups >= 1 && channels >= 1 && channels % groups === 0;
    throwFaults(
      `groupNormalization "${name}"`,
      fits ? [] : [`groups must divide the channels, got ${groups} groups and ${channels} channels`],
    );
    const pixels = elementCount(inputShape) / channels;
    return scaled(name, inputShape, (x) => {
      const grouped = x.reshape([x.shape[0]!, pixels, groups, channels / groups]);
      return normalizeAxes(grouped, [1, 3]).reshape(x.shape);
    });
  };
}

/** γ · normalised + β along the last axis. */
function scaled(name: string, inputShape: Shape, normalize: (x: Tensor) => Tensor): PlacedModule {
  const channels = inputShape.slice(-1);
  const scale = parameter(name, 'scale', channels, { kind: 'constant', value: 1 });
  const shift = parameter(name, 'shift', channels, { kind: 'constant', value: 0 });
  return {
    outputShape: inputShape,
    parameters: [scale, shift],
    layers: [],
    apply: (x, { parameters }) => ({
      value: normalize(x).multiply(parameters[scale.name]!).add(parameters[shift.name]!),
      statistics: {},
    }),
  };
}
