// How a network multiplies in training: exactly, with noise on its weights, or through the whole periphery of its
// hardware, whose ranges are learned with the weights.

import { assertNever } from '../base/errors.ts';
import type { TensorSpec } from '../base/parameters.ts';
import { deriveKey, type Key, randomSequence } from '../base/random.ts';
import type { HardwareSpec } from '../crossbar/hardware.ts';
import { type HardwareAwareOptions, hardwareAware } from '../crossbar/hardware-aware.ts';
import { type InCellsOptions, inCells } from '../crossbar/in-cells.ts';
import { ideal } from '../crossbar/presets.ts';
import { type LearningRanges, learningRanges } from '../crossbar/range-learning.ts';
import { allRangeStates, rangesFromStates } from '../crossbar/ranges.ts';
import { digital, type Layer, type Operator } from '../graph/operator.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { Trace } from '../graph/trace.ts';
import type { Network } from '../nn/network.ts';
import {
  noiseScaleAt,
  rangeLearningDefaults,
  readSecondsAt,
  type TrainingNoise,
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
 * The operator of a training step. With Gaussian noise the graph has a scalar `noiseScale` (η), with that of cells `readSeconds`; with noise, drop-connect or
 * hardware a key `noise`; with ranges that are learned a scalar `step`.
 *
 * @param cells how products sense weights in cells, if the rule keeps them there: then the operator is `inCells`
 */
export function trainingOperator(
  t: Trace,
  network: Network,
  settings: OperatorSettings,
  weights: (layer: Layer) => Tensor,
  cells?: Pick<InCellsOptions, 'sensed' | 'seen'>,
): TrainingOperator {
  const { noise, dropConnect, hardware = ideal } = settings;
  const isExact = noise.kind === 'none' && dropConnect === undefined && settings.hardware === undefined;
  if (cells === undefined && isExact) return { operator: digital(weights) };
  const learning = rangesOf(t, network, settings);
  const common = {
    hardware: withoutReadNoise(hardware),
    weights,
    ranges: learning?.ranges ?? rangesFromStates(t),
    key: t.key('noise'),
  };
  const operator =
    cells === undefined
      ? hardwareAware({
          ...common,
          ...noiseOf(t, noise),
          dropConnect,
        })
      : inCells({ ...common, ...cells });
  return { operator, ...(learning !== undefined && { learning }) };
}

/** The noise on weights as `hardwareAware` takes it. */
function noiseOf(
  t: Trace,
  noise: TrainingNoise,
): Pick<HardwareAwareOptions, 'noise' | 'noiseScale' | 'cells'> {
  switch (noise.kind) {
    case 'none':
      return {};
    case 'gaussian':
      return { noise: t.scalar('noiseScale'), noiseScale: mappingScale(noise.scale) };
    case 'cells':
      return { cells: { time: t.scalar('readSeconds'), compensation: noise.compensation } };
    default:
      return assertNever(noise);
  }
}

/** The learned ranges of a step, if there are any. */
function rangesOf(t: Trace, network: Network, settings: OperatorSettings): LearningRanges | undefined {
  if (trainedRanges(network, settings).length === 0) return undefined;
  return learningRanges(t, t.scalar('step'), settings.ranges ?? rangeLearningDefaults);
}

/** The read noise of a chip's cells: in training the training noise, or the cells of the rule, stand for it. */
function withoutReadNoise({ readNoise: _, ...hardware }: HardwareSpec): HardwareSpec {
  return hardware;
}

function mappingScale(scale: WeightScale | undefined): 'per-layer' | 'per-column' | undefined {
  if (scale === undefined) return undefined;
  return scale === 'layer' ? 'per-layer' : 'per-column';
}

/** The scalars of the operator of a step; the time at which it reads cells is drawn. */
export function operatorScalars(
  noise: TrainingNoise,
  root: Key,
  step: number,
  stepsPerEpoch: number,
): Readonly<Record<string, number>> {
  const scalars = { noiseScale: noiseScaleAt(noise, step, stepsPerEpoch), step };
  if (noise.kind !== 'cells') return scalars;
  const draw = randomSequence(deriveKey(root, 'read time', step));
  return { ...scalars, readSeconds: readSecondsAt(noise, draw.uniform()) };
}
