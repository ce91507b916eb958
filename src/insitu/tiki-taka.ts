// Tiki-Taka and its descendants: gradients are written to a fast array, which is read a row at a time; what it holds is
// passed on to a slow array (transfer.ts). So the slow array averages over many noisy, uneven steps of the fast one.

import type { TensorSpec } from '../base/parameters.ts';
import { type PulseDeviceSpec, pulseModel } from '../cells/pulse-device.ts';
import {
  type FullWeight,
  type LearningCells,
  learningStates,
  type WeighedCells,
  weightMatrix,
} from '../crossbar/learning-cells.ts';
import { matrixSize } from '../crossbar/mapping.ts';
import { constant, type Tensor } from '../graph/tensor.ts';
import type { ParameterSpec } from '../nn/network.ts';
import type { UpdateRule } from '../rules/update-rule.ts';
import { type CellGroup, cellGroup, pulsesBetween } from './cell-group.ts';
import { type FastRate, fastRateOf, meanSpecs } from './fast-rate.ts';
import { digitalParameter, layerOfWeights } from './layers.ts';
import { type LoopOptions, writtenAndTransferred } from './tiki-taka-loop.ts';
import { firstTransferValue, transferName, transferSpecs, transferStates } from './transfer.ts';
import { scheduleOf, scheduleSpecs, scheduleStates } from './transfer-schedule.ts';

/** What Tiki-Taka is made of. */
export type TikiTakaOptions = LoopOptions & {
  readonly device: PulseDeviceSpec;
  /** Of the slow array. */
  readonly slowDevice: PulseDeviceSpec;
  readonly fullWeight: FullWeight;
  /** γ: share of the fast array in the weight. */
  readonly gamma: number;
  readonly fastRate: FastRate;
  readonly digital: UpdateRule;
  readonly isDigital: (layer: string) => boolean;
};

/**
 * Descent with a fast array A and a slow array C, weight = C + γ A:
 *
 *     for every sample: A ← A − r_A x ⊗ δ, by stochastic pulses
 *     after every so many samples, or steps: for the next row of A, v = read of the row, C ← C + what `transferred` makes of v
 *
 * State: both arrays, `<layer>.fast.…` and `<layer>.cells.…`, and what the transfer keeps. The parameter itself is
 * C + γ A. Both arrays leak after every step if their devices do. Rows follow one another in order (transfer-schedule.ts).
 *
 * @source T. Gokmen, W. Haensch, Front. Neurosci. 14:103 (2020), known from notes on it; the others as `transferred`
 *
 * Not modelled: converters of the reads of A; transfers of several rows at once; refresh of pairs.
 */
export function tikiTaka(options: TikiTakaOptions): UpdateRule {
  const { fullWeight, gamma, digital, isDigital } = options;
  const [fastModel, slowModel] = [pulseModel(options.device), pulseModel(options.slowDevice)];
  const [fast, slow] = [cellGroup(fastModel, 'fast'), cellGroup(slowModel, 'cells')];
  const own = (parameter: ParameterSpec): readonly TensorSpec[] => {
    const { name, shape } = layerOfWeights(parameter);
    const { rows, columns } = matrixSize(shape);
    return [
      ...transferSpecs(options.transfer, name, [rows, columns]),
      ...scheduleSpecs(name),
      ...meanSpecs(options.fastRate, name),
    ];
  };
  return {
    name: `tiki-taka ${options.transfer.kind}`,
    states: (parameter) =>
      digitalParameter(parameter, isDigital)
        ? digital.states(parameter)
        : [...slow.states(parameter), ...fast.states(parameter), ...own(parameter)],
    scalars: (step) => digital.scalars(step),
    begin: (context) => {
      const { parameter, weights, key } = context;
      if (digitalParameter(parameter, isDigital)) return digital.begin?.(context) ?? { weights, states: {} };
      const begun = slow.begin(context, fullWeight);
      // The fast array begins at zero. Both have the same full weight.
      const made = fast.start(
        constant(weights, 0).broadcastTo(parameter.shape),
        { kind: 'fixed', weight: 1 },
        key(),
      );
      const scale = begun.states[slow.specs(parameter).scale.name]!;
      const cells = { ...made, scale: scale.multiply(slowModel.range[1] / fastModel.range[1]) };
      const { name } = layerOfWeights(parameter);
      const first = own(parameter).map((spec): [string, Tensor] => {
        const state = transferStates(options.transfer).find((each) => transferName(name, each) === spec.name);
        return [
          spec.name,
          constant(weights, state === undefined ? 0 : firstTransferValue(state)).broadcastTo(spec.shape),
        ];
      });
      return {
        weights: begun.weights.add(weightMatrix(cells).multiply(gamma).reshape(parameter.shape)),
        states: {
          ...begun.states,
          ...learningStates(fast.specs(parameter), cells),
          ...Object.fromEntries(first),
        },
      };
    },
    sensed: (layer, context) => {
      if (isDigital(layer.name)) return undefined;
      const { weights, variance, fullWeight: full } = slow.sensed(layer, context);
      const ofFast = gamma === 0 ? undefined : fast.sensed(layer, context).variance?.multiply(gamma ** 2);
      const both = variance === undefined ? ofFast : ofFast === undefined ? variance : variance.add(ofFast);
      return { weights, ...(both !== undefined && { variance: both }), fullWeight: full };
    },
    update: (update) => {
      if (digitalParameter(update.parameter, isDigital)) return digital.update(update);
      const { parameter, learningRate, state } = update;
      const before = { fast: fast.of(update), slow: slow.of(update) };
      const { name } = layerOfWeights(parameter);
      const pulse = before.fast.scale.multiply(fastModel.granularity);
      const { rate, means } = fastRateOf(options, pulse, meanSpecs(options.fastRate, name), update);
      const kept = Object.fromEntries(
        transferStates(options.transfer).map((each) => [each, state(transferName(name, each))]),
      );
      const schedule = scheduleOf(name, state);
      const step = { factors: update.factors(), learningRate, rate, key: update.key() };
      const after = writtenAndTransferred(options, { fastModel, slowModel, ...before, kept, schedule }, step);
      const memory = Object.entries(after.kept).map(([each, value]) => [transferName(name, each), value]);
      const leakedOf = (group: CellGroup, cells: LearningCells<Tensor>): WeighedCells =>
        group.leaked({ cells, weights: weightMatrix(cells) }, update);
      const [inFast, inSlow] = [leakedOf(fast, after.fast), leakedOf(slow, after.slow)];
      return {
        weights: inSlow.weights.add(inFast.weights.multiply(gamma)).reshape(parameter.shape),
        states: {
          ...learningStates(fast.specs(parameter), inFast.cells),
          ...learningStates(slow.specs(parameter), inSlow.cells),
          ...Object.fromEntries(memory),
          ...scheduleStates(name, after.schedule),
          ...means,
        },
        counts: {
          pulses: pulsesBetween(before.fast, after.fast).add(pulsesBetween(before.slow, after.slow)),
        },
      };
    },
  };
}
