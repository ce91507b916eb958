// In-memory descent: every gradient is written to the cells at once, by stochastic pulses, without any digital copy.

import type { PulseDeviceSpec } from '../cells/pulse-device.ts';
import { pulseModel } from '../cells/pulse-device.ts';
import type { FullWeights } from '../crossbar/learning-cells.ts';
import { asMatrix } from '../crossbar/mapping.ts';
import type { UpdateRule } from '../rules/update-rule.ts';
import type { TrainingClock } from './cell-clock.ts';
import { cellGroup } from './cell-group.ts';
import { digitalParameter, type LayerMapping } from './layers.ts';
import type { PulseTrains } from './pulse-trains.ts';
import { pulsedUpdate } from './pulsed-update.ts';

/** What in-memory descent is made of. */
export type PulsedOptions = FullWeights & {
  readonly device: PulseDeviceSpec;
  readonly trains: PulseTrains;
  /** Absent: no time passes. */
  readonly clock?: TrainingClock | undefined;
  /** Moves the parameters that are not in cells. */
  readonly digital: UpdateRule;
  /** How cells hold the weights of a layer; undefined for one that stays digital. */
  readonly mapping: LayerMapping;
};

/**
 * Descent in the cells: w ← w − r x ⊗ δ for every sample, by `pulsedUpdate`. State: the cells, which leak after every step if
 * their device does. The parameter itself is the weight that they hold.
 *
 * @source T. Gokmen, Y. Vlasov, Front. Neurosci. 10:333 (2016)
 */
export function pulsedDescent(options: PulsedOptions): UpdateRule {
  const { device, trains, digital, mapping } = options;
  const model = pulseModel(device);
  const cells = cellGroup(model, 'cells', { clock: options.clock });
  return {
    name: 'pulsed',
    states: (parameter) =>
      digitalParameter(parameter, mapping) ? digital.states(parameter) : cells.states(parameter),
    scalars: (step) => digital.scalars(step),
    begin: (context) =>
      digitalParameter(context.parameter, mapping)
        ? (digital.begin?.(context) ?? { weights: context.weights, states: {} })
        : cells.begin(context, options),
    sensed: (layer, context) =>
      mapping(layer.name) === undefined ? undefined : cells.sensed(layer, context),
    update: (update) => {
      const { weights, learningRate, factors, key } = update;
      if (digitalParameter(update.parameter, mapping)) return digital.update(update);
      const before = { cells: cells.of(update), weights: asMatrix(weights) };
      const written = pulsedUpdate(before, model, factors(), { rate: learningRate, trains, key: key() });
      const after = cells.leaked(written, update);
      return cells.updated(update, before.cells, after);
    },
  };
}
