// A record of twins for tests: two seeds, two epochs, two layers, round numbers. None of these numbers is a result.

import type { NetworkResult } from '../experiment/record.ts';
import { twinCost } from '../experiment/twin-cost.ts';
import { summarizeTwins, type TwinRecord, type TwinTraining } from '../experiment/twin-record.ts';
import { networkByName } from '../nn/networks.ts';
import { trainingSchema } from '../train/settings.ts';
import { tinyRecord } from './record-fixture.test-data.ts';

/** Scores after each epoch; trainings in cells have pulses. */
function training(scores: readonly number[], hasPulses: boolean): TwinTraining {
  return {
    history: scores.map((testAccuracy, k) => ({
      epoch: k + 1,
      trainLoss: 0.5 / (k + 1),
      trainAccuracy: testAccuracy - 0.01,
      testAccuracy,
      ...(hasPulses && { pulses: 12_345 - 2000 * k, refreshes: 67 + k }),
    })),
    score: scores.at(-1)!,
  };
}

const pulses = (...classes: number[]): number[] => [
  ...classes,
  ...new Array<number>(20 - classes.length).fill(0),
];

const pairs = [
  { seed: 3, inCells: training([0.8, 0.9], true), inFloat: training([0.85, 0.94], false) },
  { seed: 5, inCells: training([0.81, 0.92], true), inFloat: training([0.86, 0.95], false) },
];

/** Two seeds in cells and in floating point. */
export const tinyTwins: TwinRecord = {
  format: 'ohmic-twins-1',
  title: 'tiny: mlp on synthetic, trained in the cells',
  ohmic: '0.1.0',
  command: 'ohmic twins tiny.yaml',
  machine: { backend: 'native', processor: 'Some CPU', node: 'v24.0.0' },
  dataset: 'synthetic',
  network: { name: 'mlp', weights: 110, analogWeights: 100 },
  score: { name: 'accuracy', isShare: true, isBetter: 'higher' },
  settings: trainingSchema.parse({
    epochs: 2,
    batchSize: 10,
    rule: { kind: 'mixed-precision' },
    hardware: 'inCellTraining',
  }),
  ...summarizeTwins(pairs),
  cells: {
    edges: [0, 5, 10, 20],
    unit: 'µS',
    layers: [
      {
        name: 'dense1',
        weights: 80,
        arrays: [
          { polarity: 'plus', values: [60, 15, 5], pulses: pulses(40, 20, 15, 5), pulsesGiven: 85 },
          { polarity: 'minus', values: [61, 19, 0], pulses: pulses(50, 20, 10), pulsesGiven: 45 },
        ],
      },
      {
        name: 'dense2',
        weights: 20,
        arrays: [
          { polarity: 'plus', values: [10, 6, 4], pulses: pulses(5, 5, 5, 3, 2), pulsesGiven: 65 },
          { polarity: 'minus', values: [12, 8, 0], pulses: pulses(6, 6, 8), pulsesGiven: 25 },
        ],
      },
    ],
  },
  published: {
    source: 'A. Author et al., J. Exp. 1:1 (2001)',
    figures: [
      { what: 'on the chip', score: 0.9, of: 'cells', locator: 'Fig. 1', secondHand: false },
      { what: 'digital', score: 0.945, of: 'float', locator: 'text', secondHand: true },
      { what: 'loss', score: -0.03, of: 'difference', locator: 'abstract', secondHand: false },
    ],
  },
};

const [network] = tinyRecord.networks;

function afterwardsOf(label: string, shift: number): NetworkResult {
  const deployed = network!.deployed.map(({ interval95, accuracies, mean, ...one }) => ({
    ...one,
    accuracies: accuracies.map((value) => value + shift),
    mean: mean + shift,
    interval95: [interval95![0] + shift, interval95![1] + shift] as const,
  }));
  return { ...network!, label, deployed, evaluation: tinyRecord.evaluation };
}

/** The same, and what became of the trained cells. */
export const followedTwins: TwinRecord = {
  ...tinyTwins,
  afterwards: [afterwardsOf('seed 3', 0), afterwardsOf('seed 5', 0.02)],
};

/** One seed of a pair that generates images. */
export const generatingTwins: TwinRecord = {
  ...tinyTwins,
  title: 'gan: gan on synthetic, trained in the cells',
  network: { name: 'gan', weights: 110, analogWeights: 100 },
  score: { name: 'Fréchet distance', isShare: false, isBetter: 'lower' },
  historyScore: { name: 'told apart', isShare: true },
  ...summarizeTwins(
    [pairs[0]!].map(({ seed, inCells, inFloat }) => ({
      seed,
      inCells: { ...inCells, score: 7.81 },
      inFloat: { ...inFloat, score: 2.5 },
    })),
  ),
  pictures: [
    { label: 'seed 3, in cells', file: 'seed-3-in-cells.png' },
    { label: 'seed 3, in floating point', file: 'seed-3-in-floating-point.png' },
  ],
};

/** The same with the energy of the training and of the network. */
export const costedTwins: TwinRecord = {
  ...tinyTwins,
  cost: twinCost({
    network: networkByName('mlp', { inputShape: [8, 8, 1], classes: 4 }),
    settings: tinyTwins.settings,
    pairs,
    examples: 100,
  })!,
};
