// The energy of a training in cells with what it recorded, and of the network that it leaves: on the tiles and converters of
// the training, put together from parts.

import { countNetwork } from '../cost/count.ts';
import { estimateCost } from '../cost/estimate.ts';
import { bottomUp14 } from '../cost/published-costs.ts';
import { costFaults } from '../cost/suitable.ts';
import { type TrainingWork, trainingEnergy } from '../cost/training-energy.ts';
import type { Network } from '../nn/network.ts';
import type { TrainingSettings } from '../train/settings.ts';
import type { TwinCost, TwinPair } from './twin-record.ts';

/** What the energy of a training depends on. */
export type TwinCostOptions = {
  readonly network: Network;
  readonly settings: TrainingSettings;
  readonly pairs: readonly TwinPair[];
  /** Of an epoch. */
  readonly examples: number;
};

/**
 * The energy of a training; undefined where nothing is known: without converters, on tiles without limits, and for rules
 * whose steps are not modelled.
 */
export function twinCost({ network, settings, pairs, examples }: TwinCostOptions): TwinCost | undefined {
  const { hardware, rule, batchSize } = settings;
  if (hardware === undefined || (rule.kind !== 'mixed-precision' && rule.kind !== 'pulsed')) return undefined;
  const count = countNetwork(network, hardware);
  if (costFaults(count, hardware, bottomUp14).length > 0) return undefined;
  return {
    inference: estimateCost({ count, hardware, cost: bottomUp14 }),
    training: trainingEnergy(count, hardware, bottomUp14, {
      rule: rule.kind,
      batchSize,
      ...recordedPulses(pairs, examples),
    }),
  };
}

/**
 * Pulses and refreshes for an example: means over seeds, epochs and the examples of an epoch; null if an epoch did not
 * count them.
 */
export function recordedPulses(
  pairs: readonly TwinPair[],
  examples: number,
): Pick<TrainingWork, 'pulses' | 'refreshes'> {
  const epochs = pairs.flatMap(({ inCells }) => inCells.history);
  const perExample = (field: 'pulses' | 'refreshes'): number | null => {
    if (epochs.length === 0 || epochs.some((epoch) => epoch[field] === undefined)) return null;
    return epochs.reduce((sum, epoch) => sum + epoch[field]!, 0) / epochs.length / examples;
  };
  return { pulses: perExample('pulses'), refreshes: perExample('refreshes') };
}
