// A group of arrays that a rule keeps for a parameter: its tensors in the store, its start, how products sense it.

import type { TensorSpec } from '../base/parameters.ts';
import type { PulseModel } from '../cells/pulse-device.ts';
import type { CellWeights } from '../crossbar/in-cells.ts';
import {
  type CellLayout,
  type FullWeights,
  fullWeightFor,
  fullWeightOf,
  type LearningCells,
  leaked,
  learningCellsOf,
  learningStates,
  mapLearningCells,
  startCells,
  tensorsOfLearningCells,
  type WeighedCells,
  weightMatrix,
  weightVariance,
} from '../crossbar/learning-cells.ts';
import type { Layer } from '../graph/operator.ts';
import { constant, type GraphKey, type Tensor } from '../graph/tensor.ts';
import type { ParameterSpec } from '../nn/network.ts';
import type { RuleContext, Updated } from '../rules/update-rule.ts';
import {
  agedCells,
  type CellClock,
  clockAfter,
  clockSpecs,
  type TrainingClock,
  tensorsOfClock,
} from './cell-clock.ts';
import { layerOfWeights } from './layers.ts';

/** The tensors of one group of arrays, for every parameter that lives in cells. */
export type CellGroup = {
  readonly states: (parameter: ParameterSpec) => readonly TensorSpec[];
  readonly specs: (parameter: ParameterSpec) => LearningCells<TensorSpec>;
  /** The cells in the store. */
  readonly of: (context: Pick<RuleContext, 'parameter' | 'state'>) => LearningCells<Tensor>;
  /** Cells that hold the weights at the start. */
  readonly start: (weights: Tensor, layout: CellLayout, key: GraphKey) => LearningCells<Tensor>;
  /** A start with all weights in this group. */
  readonly begin: (context: RuleContext, full: FullWeights) => Updated;
  /** The weights of a layer whose parameter has the value of this group. */
  readonly sensed: (layer: Layer, context: RuleContext) => CellWeights;
  /** The cells as they are sensed, without read noise: drifted since their last pulse, if there is a clock. */
  readonly aged: (context: Pick<RuleContext, 'parameter' | 'state'>) => LearningCells<Tensor>;
  /** Written cells after the leak that follows a step. */
  readonly leaked: (written: WeighedCells, context: Pick<RuleContext, 'key'>) => WeighedCells;
  /** New values of the parameter and of the group after a step, with the number of pulses between. */
  readonly updated: (
    context: Pick<RuleContext, 'parameter' | 'state'>,
    before: LearningCells<Tensor>,
    after: WeighedCells,
  ) => Updated;
  /** The same after upkeep, which takes no time and gave some devices of each array a RESET. */
  readonly maintained: (
    context: Pick<RuleContext, 'parameter' | 'state'>,
    before: LearningCells<Tensor>,
    after: WeighedCells & { readonly isReset: readonly Tensor[] },
  ) => Updated;
};

/** What a group of arrays may have. */
export type CellGroupOptions = {
  /** Of the training; undefined: no time passes. */
  readonly clock?: TrainingClock | undefined;
  /** Pairs of a weight of a layer; absent: one. */
  readonly pairsOf?: ((layer: string) => number) | undefined;
};

/** The group `name` of arrays of devices. */
export function cellGroup(
  model: PulseModel,
  name: string,
  { clock, pairsOf = () => 1 }: CellGroupOptions = {},
): CellGroup {
  const specs = (parameter: ParameterSpec): LearningCells<TensorSpec> => {
    const layer = layerOfWeights(parameter);
    return learningCellsOf(layer, model, { pairs: pairsOf(layer.name), group: name });
  };
  const of: CellGroup['of'] = ({ parameter, state }) =>
    mapLearningCells(specs(parameter), (tensor) => state(tensor.name));
  const start: CellGroup['start'] = (weights, layout, key) =>
    startCells(weights, model, layout, key.derive(name));
  const clockOf = (parameter: ParameterSpec): CellClock<TensorSpec> =>
    clockSpecs(layerOfWeights(parameter).name, name, specs(parameter));
  const clockNow = ({ parameter, state }: Pick<RuleContext, 'parameter' | 'state'>): CellClock<Tensor> => {
    const { steps, pulsedAt } = clockOf(parameter);
    return { steps: state(steps.name), pulsedAt: pulsedAt.map((spec) => state(spec.name)) };
  };
  const aged: CellGroup['aged'] = (context) =>
    clock === undefined ? of(context) : agedCells(of(context), clockNow(context), model, clock);
  const written = (
    context: Pick<RuleContext, 'parameter' | 'state'>,
    before: LearningCells<Tensor>,
    after: WeighedCells,
    time: Parameters<typeof clockAfter>[3],
  ): Updated => {
    const { parameter } = context;
    const ticked = clock === undefined ? [] : tensorsOfClock(clockOf(parameter));
    const times =
      clock === undefined ? [] : tensorsOfClock(clockAfter(clockNow(context), before, after.cells, time));
    return {
      weights: after.weights.reshape(parameter.shape),
      states: {
        ...learningStates(specs(parameter), after.cells),
        ...Object.fromEntries(ticked.map(({ name: tensor }, k) => [tensor, times[k]!])),
      },
      counts: { pulses: pulsesBetween(before, after.cells) },
    };
  };
  return {
    specs,
    states: (parameter) => [
      ...tensorsOfLearningCells(specs(parameter)),
      ...(clock === undefined ? [] : tensorsOfClock(clockOf(parameter))),
    ],
    of,
    aged,
    start,
    begin: ({ parameter, weights, key }, full) => {
      const { name: layer } = layerOfWeights(parameter);
      const layout = { full: fullWeightFor(full, layer), pairs: pairsOf(layer) };
      const cells = start(weights, layout, key());
      const zeros = clock === undefined ? [] : tensorsOfClock(clockOf(parameter));
      return {
        weights: weightMatrix(cells).reshape(parameter.shape),
        states: {
          ...learningStates(specs(parameter), cells),
          ...Object.fromEntries(
            zeros.map((spec) => [spec.name, constant(weights, 0).broadcastTo(spec.shape)]),
          ),
        },
      };
    },
    sensed: (layer, context) => {
      const cells = aged(context);
      const variance = weightVariance(cells, model);
      return {
        weights: clock === undefined ? context.weights : weightMatrix(cells).reshape(layer.shape),
        ...(variance !== undefined && { variance: variance.reshape(layer.shape) }),
        fullWeight: fullWeightOf(cells, model),
      };
    },
    leaked: (pulsed, { key }) => leaked(pulsed, model, () => key().derive(name)),
    updated: (context, before, after) => written(context, before, after, { passed: 1 }),
    maintained: (context, before, { isReset, ...after }) =>
      written(context, before, after, { passed: 0, isReset }),
  };
}

/** Pulses given from one state of cells to another, (). */
export function pulsesBetween(before: LearningCells<Tensor>, after: LearningCells<Tensor>): Tensor {
  return after.arrays
    .map(({ pulsesGiven }, k) => pulsesGiven.subtract(before.arrays[k]!.pulsesGiven).sum())
    .reduce((sum, one) => sum.add(one));
}
