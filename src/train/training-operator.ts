// How a network multiplies in training: exactly, with noise on its weights, or through the whole periphery of its
// hardware, whose ranges are learned with the weights.

import type { TensorSpec } from '../base/parameters.ts';
import type { HardwareSpec } from '../crossbar/hardware.ts';
import { hardwareAware } from '../crossbar/hardware-aware.ts';
import { ideal } from '../crossbar/presets.ts';
import { type LearningRanges, learningRanges } from '../crossbar/range-learning.ts';
import { allRangeStates, rangesFromStates } from '../crossbar/ranges.ts';
import { digital, type Layer, type Operator } from '../graph/operator.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { Trace } from '../graph/trace.ts';
import type { Network } from '../nn/network.ts';
import {
  type RangeLearning,
  rangeLearningDefaults,
  type TrainingSettings,
  type WeightScale,
} from './settings.ts';

/** The settings that decide how a network multiplies. */
export type OperatorSettings = Pick<TrainingSettings, 'noise' | 'dropConnect' | 'hardware' | 'ranges'>;

/** The operator of a training step, and its learned ranges, if there are any. */
export type TrainingOperator = { readonly operator: Operator; readonly learning?: LearningRanges };

/** The converter ranges that training keeps as states. */
export function trainedRanges({ layers }: Network, { hardware }: OperatorSettings): TensorSpec[] {
  return hardware === undefined ? [] : allRangeStates(layers, hardware);
}

/**
 * The operator of a training step. With noise the graph has a scalar `noiseScale` (η); with noise, drop-connect or
 * hardware a key `noise`; with ranges that are learned a scalar `step`.
 */
export function trainingOperator(
  t: Trace,
  network: Network,
  settings: OperatorSettings,
  weights: (layer: Layer) => Tensor,
): TrainingOperator {
  const { noise, dropConnect, hardware = ideal, ranges = rangeLearningDefaults } = settings;
  const isExact = noise.kind === 'none' && dropConnect === undefined && settings.hardware === undefined;
  if (isExact) return { operator: digital(weights) };
  const hasRanges = trainedRanges(network, settings).length > 0;
  const learning = hasRanges
    ? learningRanges(t, t.scalar('step'), ranges satisfies RangeLearning)
    : undefined;
  const operator = hardwareAware({
    hardware: withoutReadNoise(hardware),
    weights,
    noise: noise.kind === 'none' ? undefined : t.scalar('noiseScale'),
    noiseScale: noise.kind === 'none' ? undefined : mappingScale(noise.scale),
    dropConnect,
    ranges: learning?.ranges ?? rangesFromStates(t),
    key: t.key('noise'),
  });
  return { operator, ...(learning !== undefined && { learning }) };
}

/** Training has no cells: the training noise represents their noise. */
function withoutReadNoise({ readNoise: _, ...hardware }: HardwareSpec): HardwareSpec {
  return hardware;
}

function mappingScale(scale: WeightScale | undefined): 'per-layer' | 'per-column' | undefined {
  if (scale === undefined) return undefined;
  return scale === 'layer' ? 'per-layer' : 'per-column';
}
