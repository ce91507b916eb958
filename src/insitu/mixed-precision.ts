// Training with mixed precision: weights live in cells, their changes are gathered digitally, and a cell gets a pulse when
// the gathered change is as large as the mean step of one.

import type { TensorSpec } from '../base/parameters.ts';
import { type PulseDeviceSpec, type PulseModel, pulseModel } from '../cells/pulse-device.ts';
import {
  type FullWeight,
  fullWeightOf,
  type LearningCells,
  learningCellsOf,
  learningStates,
  mapLearningCells,
  pulsed,
  type RefreshThreshold,
  refreshed,
  startCells,
  tensorsOfLearningCells,
  weightMatrix,
  weightVariance,
} from '../crossbar/learning-cells.ts';
import { asMatrix } from '../crossbar/mapping.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { ParameterSpec } from '../nn/network.ts';
import type { RuleContext, UpdateRule } from '../rules/update-rule.ts';
import { digitalParameter, layerOfWeights } from './layers.ts';

/** What mixed precision is made of. */
export type MixedPrecisionOptions = {
  readonly device: PulseDeviceSpec;
  /** The weight that a full device stands for. */
  readonly fullWeight: FullWeight;
  /** ε, the gathered change that asks for a pulse, in mean steps of the device. */
  readonly granularity: number;
  /** Pulses that a weight gets at a time, at most; what they leave stays in the accumulator. */
  readonly mostPulses: number;
  /** Cells are pulsed after every so many steps. */
  readonly everySteps: number;
  /** μ of the gathered change; 0: none. */
  readonly momentum: number;
  /** λ, on the weights in cells. */
  readonly weightDecay: number;
  /** Of pairs. */
  readonly refresh: RefreshThreshold & { readonly everySteps: number; readonly mostPulses: number };
  /** Moves the parameters that are not in cells. */
  readonly digital: UpdateRule;
  /** True for the weights, by the name of their layer, that stay digital. */
  readonly isDigital: (layer: string) => boolean;
};

/**
 * Mixed-precision training. With the gradient g of a mini-batch and the rate r, for each weight:
 *
 *     v ← μ v + g + λ w,  χ ← χ − r v,  p = trunc(χ / ε) in −most … most,  χ ← χ − p ε
 *
 * and |p| single pulses, blind: on the device that raises the weight if p > 0, on the one that lowers it otherwise. ε is
 * `granularity` mean steps of a pulse, as a weight. Pairs that are full on both sides are refreshed (`refreshed`); what
 * the refresh loses goes back into χ.
 *
 * State: `<layer>.accumulator`, `<layer>.velocity` with momentum, and the cells. The parameter itself is the weight that
 * the cells hold, without read noise.
 *
 * @source S. R. Nandakumar et al., Front. Neurosci. 14:406 (2020), known from notes on it; truncation: aihwkit,
 *         src/rpucuda/rpu_mixedprec_device.cpp. Blind pulses, several at a time, are ours where μ, λ or most are used
 *
 * Not modelled: drift between steps; a limited precision of x and δ beyond that of the converters.
 */
export function mixedPrecision(options: MixedPrecisionOptions): UpdateRule {
  const { device, fullWeight, mostPulses, everySteps, momentum, weightDecay, refresh, digital } = options;
  const model = pulseModel(device);
  const inCells = (parameter: ParameterSpec): boolean => !digitalParameter(parameter, options.isDigital);
  const specsOf = (parameter: ParameterSpec): LearningCells<TensorSpec> =>
    learningCellsOf(layerOfWeights(parameter), model);
  const cellsOf = ({ parameter, state }: Pick<RuleContext, 'parameter' | 'state'>): LearningCells<Tensor> =>
    mapLearningCells(specsOf(parameter), ({ name }) => state(name));
  const matrixStates = (parameter: ParameterSpec): TensorSpec[] => {
    const [{ shape }] = tensorsOfLearningCells(specsOf(parameter)) as [TensorSpec];
    const { name } = layerOfWeights(parameter);
    return [
      { name: accumulatorName(name), shape },
      ...(momentum > 0 ? [{ name: velocityName(name), shape }] : []),
    ];
  };
  const isPair = model.isOneSided;
  return {
    name: 'mixed-precision',
    states: (parameter) =>
      inCells(parameter)
        ? [...matrixStates(parameter), ...tensorsOfLearningCells(specsOf(parameter))]
        : digital.states(parameter),
    scalars: (step) => ({
      ...digital.scalars(step),
      ...(everySteps > 1 && { 'cells.isPulsed': (step + 1) % everySteps === 0 ? 1 : 0 }),
    }),
    begin: (context) => {
      const { parameter, weights, key } = context;
      if (!inCells(parameter)) return digital.begin?.(context) ?? { weights, states: {} };
      const cells = startCells(weights, model, fullWeight, key());
      return {
        weights: weightMatrix(cells).reshape(parameter.shape),
        states: learningStates(specsOf(parameter), cells),
      };
    },
    sensed: (layer, context) => {
      if (options.isDigital(layer.name)) return undefined;
      const cells = cellsOf(context);
      const variance = weightVariance(cells, model);
      return {
        weights: context.weights,
        ...(variance !== undefined && { variance: variance.reshape(layer.shape) }),
        fullWeight: fullWeightOf(cells, model),
      };
    },
    update: (update) => {
      const { parameter, weights, gradient, learningRate, state, scalar, key } = update;
      if (!inCells(parameter)) return digital.update(update);
      const { name } = layerOfWeights(parameter);
      const cells = cellsOf(update);
      const slope = weightDecay === 0 ? gradient : gradient.add(weights.multiply(weightDecay));
      const velocity =
        momentum === 0 ? asMatrix(slope) : state(velocityName(name)).multiply(momentum).add(asMatrix(slope));
      const gathered = state(accumulatorName(name)).subtract(velocity.multiply(learningRate));
      const epsilon = cells.scale.multiply(model.granularity * options.granularity);
      const whole = truncated(gathered.divide(epsilon)).clip(-mostPulses, mostPulses);
      const counts = everySteps > 1 ? whole.multiply(scalar('cells.isPulsed')) : whole;
      const moved = pulsed(cells, model, counts, { most: mostPulses, key: key() });
      return {
        weights: weightMatrix(moved).reshape(parameter.shape),
        states: {
          [accumulatorName(name)]: gathered.subtract(counts.multiply(epsilon)),
          ...(momentum > 0 && { [velocityName(name)]: velocity }),
          ...learningStates(specsOf(parameter), moved),
        },
        counts: { pulses: counts.abs().sum() },
      };
    },
    ...(isPair && {
      upkeep: {
        everySteps: refresh.everySteps,
        update: (context) => {
          const { parameter, state, key } = context;
          if (!inCells(parameter)) return undefined;
          return refreshedParameter({ ...context, cells: cellsOf(context) }, model, refresh, {
            accumulator: state(accumulatorName(layerOfWeights(parameter).name)),
            key: key(),
            specs: specsOf(parameter),
          });
        },
      },
    }),
  };
}

function refreshedParameter(
  { parameter, cells }: RuleContext & { readonly cells: LearningCells<Tensor> },
  model: PulseModel,
  { mostPulses, ...threshold }: MixedPrecisionOptions['refresh'],
  {
    accumulator,
    key,
    specs,
  }: {
    readonly accumulator: Tensor;
    readonly key: ReturnType<RuleContext['key']>;
    readonly specs: LearningCells<TensorSpec>;
  },
): ReturnType<UpdateRule['update']> {
  const { cells: fresh, isRefreshed, lost } = refreshed(cells, model, threshold, { most: mostPulses, key });
  return {
    weights: weightMatrix(fresh).reshape(parameter.shape),
    states: {
      ...learningStates(specs, fresh),
      [accumulatorName(layerOfWeights(parameter).name)]: accumulator.add(lost),
    },
    counts: { refreshes: isRefreshed.sum() },
  };
}

/** Towards zero. */
function truncated(x: Tensor): Tensor {
  return x.abs().floor().multiply(x.less(0).select(-1, 1));
}

function accumulatorName(layer: string): string {
  return `${layer}.accumulator`;
}

function velocityName(layer: string): string {
  return `${layer}.velocity`;
}
