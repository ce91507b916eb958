// A group of arrays that a rule keeps for a parameter: its tensors in the store, its start, how products sense it.

import type { TensorSpec } from '../base/parameters.ts';
import type { PulseModel } from '../cells/pulse-device.ts';
import type { CellWeights } from '../crossbar/in-cells.ts';
import {
  type FullWeight,
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
import type { GraphKey, Tensor } from '../graph/tensor.ts';
import type { ParameterSpec } from '../nn/network.ts';
import type { RuleContext, Updated } from '../rules/update-rule.ts';
import { layerOfWeights } from './layers.ts';

/** The tensors of one group of arrays, for every parameter that lives in cells. */
export type CellGroup = {
  readonly states: (parameter: ParameterSpec) => readonly TensorSpec[];
  readonly specs: (parameter: ParameterSpec) => LearningCells<TensorSpec>;
  /** The cells in the store. */
  readonly of: (context: Pick<RuleContext, 'parameter' | 'state'>) => LearningCells<Tensor>;
  /** Cells that hold the weights at the start. */
  readonly start: (weights: Tensor, full: FullWeight, key: GraphKey) => LearningCells<Tensor>;
  /** A start with all weights in this group. */
  readonly begin: (context: RuleContext, full: FullWeight) => Updated;
  /** The weights of a layer whose parameter has the value of this group. */
  readonly sensed: (layer: Layer, context: RuleContext) => CellWeights;
  /** Written cells after the leak that follows a step. */
  readonly leaked: (written: WeighedCells, context: Pick<RuleContext, 'key'>) => WeighedCells;
  /** New values of the parameter and of the group, with the number of pulses between. */
  readonly updated: (parameter: ParameterSpec, before: WeighedCells, after: WeighedCells) => Updated;
};

/** The group `name` of arrays of devices. */
export function cellGroup(model: PulseModel, name: string): CellGroup {
  const specs = (parameter: ParameterSpec): LearningCells<TensorSpec> =>
    learningCellsOf(layerOfWeights(parameter), model, name);
  const of: CellGroup['of'] = ({ parameter, state }) =>
    mapLearningCells(specs(parameter), (tensor) => state(tensor.name));
  const start: CellGroup['start'] = (weights, full, key) =>
    startCells(weights, model, full, key.derive(name));
  return {
    specs,
    states: (parameter) => tensorsOfLearningCells(specs(parameter)),
    of,
    start,
    begin: ({ parameter, weights, key }, full) => {
      const cells = start(weights, full, key());
      return {
        weights: weightMatrix(cells).reshape(parameter.shape),
        states: learningStates(specs(parameter), cells),
      };
    },
    sensed: (layer, context) => {
      const cells = of(context);
      const variance = weightVariance(cells, model);
      return {
        weights: context.weights,
        ...(variance !== undefined && { variance: variance.reshape(layer.shape) }),
        fullWeight: fullWeightOf(cells, model),
      };
    },
    leaked: (written, { key }) => leaked(written, model, () => key().derive(name)),
    updated: (parameter, before, after) => ({
      weights: after.weights.reshape(parameter.shape),
      states: learningStates(specs(parameter), after.cells),
      counts: { pulses: pulsesBetween(before.cells, after.cells) },
    }),
  };
}

/** Pulses given from one state of cells to another, (). */
export function pulsesBetween(before: LearningCells<Tensor>, after: LearningCells<Tensor>): Tensor {
  return after.arrays
    .map(({ pulsesGiven }, k) => pulsesGiven.subtract(before.arrays[k]!.pulsesGiven).sum())
    .reduce((sum, one) => sum.add(one));
}
