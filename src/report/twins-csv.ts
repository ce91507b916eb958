// Twins as comma-separated values in long form: one line for each seed, training and epoch.

import type { TwinRecord } from '../experiment/twin-record.ts';
import { csvText } from './csv.ts';

const HEADER = [
  'network',
  'dataset',
  'seed',
  'training',
  'epoch',
  'trainLoss',
  'trainScore',
  'testScore',
  'pulses',
  'refreshes',
];

/** Every epoch of every training, below a header; shares are of 1. */
export function twinsCsv({ network, dataset, pairs }: TwinRecord): string {
  const rows = pairs.flatMap(({ seed, inCells, inFloat }) =>
    [
      { training: 'in cells', history: inCells.history },
      { training: 'in floating point', history: inFloat.history },
    ].flatMap(({ training, history }) =>
      history.map(({ epoch, trainLoss, trainAccuracy, testAccuracy, pulses, refreshes }) => [
        network.name,
        dataset,
        seed,
        training,
        epoch,
        trainLoss,
        trainAccuracy,
        testAccuracy ?? '',
        pulses ?? '',
        refreshes ?? '',
      ]),
    ),
  );
  return csvText([HEADER, ...rows]);
}
