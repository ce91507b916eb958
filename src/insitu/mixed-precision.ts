// Training with mixed precision: weights live in cells, their changes are gathered digitally, and a cell gets a pulse when
// the gathered change is as large as the mean step of one.

import type { TensorSpec } from '../base/parameters.ts';
import { type PulseDeviceSpec, type PulseModel, pulseModel } from '../cells/pulse-device.ts';
import { type FullWeights, pulsed, weightMatrix } from '../crossbar/learning-cells.ts';
import { asMatrix, matrixSize } from '../crossbar/mapping.ts';
import { type RefreshThreshold, refreshed } from '../crossbar/refresh.ts';
import { truncated } from '../graph/whole-numbers.ts';
import type { ParameterSpec } from '../nn/network.ts';
import type { Descent, RuleContext, Updated, UpdateRule } from '../rules/update-rule.ts';
import type { TrainingClock } from './cell-clock.ts';
import { type CellGroup, cellGroup } from './cell-group.ts';
import { digitalParameter, type LayerMapping, layerOfWeights } from './layers.ts';
import { type OperandBits, quantizedGradient } from './operand-bits.ts';

/** What mixed precision is made of. */
export type MixedPrecisionOptions = FullWeights & {
  readonly device: PulseDeviceSpec;
  /** ε, the gathered change that asks for a pulse, in mean steps of the device. */
  readonly granularity: number;
  /** A weight gets pulses once so many are due. */
  readonly leastPulses: number;
  /** Pulses that a weight gets at a time, at most; what they leave stays in the accumulator. */
  readonly mostPulses: number;
  /** False: what a step's pulses leave of its change is lost, as it is without an accumulator. */
  readonly accumulates: boolean;
  /** Cells are pulsed after every so many steps. */
  readonly everySteps: number;
  /** Of pairs. */
  readonly refresh: RefreshThreshold & { readonly everySteps: number; readonly mostPulses: number };
  /** How fine x and δ of a gradient are; absent: as products and converters leave them. */
  readonly operands?: OperandBits | undefined;
  /** Absent: no time passes. */
  readonly clock?: TrainingClock | undefined;
  /** Its changes of weights in cells are gathered; the other parameters it moves itself. */
  readonly descent: Descent;
  /** How cells hold the weights of a layer; undefined for one that stays digital. */
  readonly mapping: LayerMapping;
};

/**
 * Mixed-precision training. With the change Δ that a descent in floating point makes of a weight, plain descent Δ = −r g:
 *
 *     χ ← χ + Δ,  p = trunc(χ / ε) in −most … most, 0 if |p| < least,  χ ← χ − p ε
 *
 * and |p| single pulses, blind: on the device that raises the weight if p > 0, on the one that lowers it otherwise. ε is
 * `granularity` mean steps of a pulse, as a weight. Pairs that are full on both sides are refreshed (`refreshed`); what
 * the refresh loses goes back into χ, what devices leak after a step does not. Of several pairs, whose mean is the weight,
 * one gets a pulse at a time, in turn (`pulsed`): ε is that much smaller.
 *
 * Where Δ is mostly chance, of variance D a step, χ reaches ε every ε² / D steps. With steps of relative spread c, pulses
 * then add the variance c² D / least a step to the weights, however fine they are: `least` above 1 averages it.
 *
 * State: `<layer>.accumulator`, that of the descent, and the cells. The parameter itself is the weight that the cells
 * hold, without read noise.
 *
 * @source S. R. Nandakumar et al., Front. Neurosci. 14:406 (2020), known from notes on it, with plain descent; truncation:
 *         aihwkit, src/rpucuda/rpu_mixedprec_device.cpp. Adam before the accumulator: Y. Wu et al., arXiv 2305.14547
 *
 * Not modelled: without a clock, drift between steps.
 */
export function mixedPrecision(options: MixedPrecisionOptions): UpdateRule {
  const { device, leastPulses, mostPulses, everySteps, refresh, descent, operands } = options;
  const model = pulseModel(device);
  const { clock, mapping } = options;
  const group = cellGroup(model, 'cells', { clock, pairsOf: (layer) => mapping(layer)?.pairs ?? 1 });
  const isInCells = (parameter: ParameterSpec): boolean => !digitalParameter(parameter, mapping);
  const accumulatorOf = (parameter: ParameterSpec): TensorSpec => {
    const { name, shape } = layerOfWeights(parameter);
    const { rows, columns } = matrixSize(shape);
    return { name: accumulatorName(name), shape: [rows, columns] };
  };
  return {
    name: 'mixed-precision',
    states: (parameter) =>
      isInCells(parameter)
        ? [
            ...(options.accumulates ? [accumulatorOf(parameter)] : []),
            ...group.states(parameter),
            ...descent.states(parameter),
          ]
        : descent.states(parameter),
    scalars: (step) => ({
      ...descent.scalars(step),
      ...(everySteps > 1 && { 'cells.isPulsed': (step + 1) % everySteps === 0 ? 1 : 0 }),
    }),
    begin: (context) =>
      isInCells(context.parameter) ? group.begin(context, options) : { weights: context.weights, states: {} },
    sensed: (layer, context) =>
      mapping(layer.name) === undefined ? undefined : group.sensed(layer, context),
    update: (update) => {
      const { parameter, weights, state, scalar, key } = update;
      if (!isInCells(parameter)) return descent.update(update);
      const { step, states: descentStates } = descent.step(
        operands === undefined ? update : { ...update, gradient: quantizedGradient(update, operands) },
      );
      const { name: accumulator } = accumulatorOf(parameter);
      const cells = group.of(update);
      const change = asMatrix(step).negate();
      const gathered = options.accumulates ? state(accumulator).add(change) : change;
      const epsilon = cells.scale.multiply(model.granularity * options.granularity);
      const due = truncated(gathered.divide(epsilon)).clip(-mostPulses, mostPulses);
      const enough = leastPulses > 1 ? due.abs().less(leastPulses).select(0, due) : due;
      const counts = everySteps > 1 ? enough.multiply(scalar('cells.isPulsed')) : enough;
      const before = { cells, weights: asMatrix(weights) };
      const after = group.leaked(pulsed(before, model, counts, { most: mostPulses, key: key() }), update);
      const { states, ...updated } = group.updated(update, before.cells, after);
      return {
        ...updated,
        states: {
          ...states,
          ...descentStates,
          ...(options.accumulates && { [accumulator]: gathered.subtract(counts.multiply(epsilon)) }),
        },
        counts: { pulses: counts.abs().sum() },
      };
    },
    ...(model.isOneSided && {
      upkeep: {
        everySteps: refresh.everySteps,
        update: (context) => {
          const { parameter } = context;
          return isInCells(parameter) ? refreshedParameter(context, group, model, options) : undefined;
        },
      },
    }),
  };
}

/** Refreshes the pairs of a parameter; what that loses goes back into the accumulator. */
function refreshedParameter(
  context: RuleContext,
  group: CellGroup,
  model: PulseModel,
  { refresh: { mostPulses, ...threshold }, accumulates }: MixedPrecisionOptions,
): Updated {
  const { parameter, state, key } = context;
  const accumulator = accumulatorName(layerOfWeights(parameter).name);
  const before = group.of(context);
  const { cells, isRefreshed, lost } = refreshed(before, model, threshold, {
    most: mostPulses,
    key: key(),
    sensed: group.aged(context),
  });
  // A refresh gives both devices of a pair a RESET.
  const isReset = isRefreshed.flatMap((isOfPair) => [isOfPair, isOfPair]);
  const after = { cells, weights: weightMatrix(cells), isReset };
  const { states, weights } = group.maintained(context, before, after);
  return {
    weights,
    states: { ...states, ...(accumulates && { [accumulator]: state(accumulator).add(lost) }) },
    counts: { refreshes: isRefreshed.map((isOfPair) => isOfPair.sum()).reduce((sum, one) => sum.add(one)) },
  };
}

function accumulatorName(layer: string): string {
  return `${layer}.accumulator`;
}
