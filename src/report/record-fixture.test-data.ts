// Records for tests and for looking at the page: a tiny one with round numbers, and a made-up one of realistic size.
// None of these numbers is a result.

import type { HardwareCost } from '../cost/cost-spec.ts';
import { countNetwork } from '../cost/count.ts';
import { type CostEstimate, estimateCost } from '../cost/estimate.ts';
import { bottomUp14, hermes } from '../cost/published-costs.ts';
import type { HardwareSpec } from '../crossbar/hardware.ts';
import { hermes256, standardEvaluation } from '../crossbar/presets.ts';
import type { Attribution, AttributionEntry, AttributionSubject } from '../experiment/attribution.ts';
import type {
  AccuracyAtTime,
  ConductanceHistogram,
  ExperimentRecord,
  LayerSummary,
  NetworkResult,
} from '../experiment/record.ts';
import { networkByName } from '../nn/networks.ts';
import type { TrainingSettings } from '../train/settings.ts';

const settings: TrainingSettings = {
  epochs: 60,
  batchSize: 128,
  learningRate: { kind: 'cosine', initial: 0.1, warmupEpochs: 2 },
  rule: { kind: 'sgd', momentum: 0.9, nesterov: true, weightDecay: 5e-4 },
  labelSmoothing: 0.05,
  statisticsMomentum: 0.1,
  augmentation: { cropPadding: 4, flip: true, cutout: 8 },
  noise: { kind: 'none' },
  clipping: { kind: 'standard-deviations', alpha: 2.5 },
};

/** Two networks, two chips, two times, two methods. */
export const tinyRecord: ExperimentRecord = {
  format: 'ohmic-record-1',
  title: 'A tiny experiment',
  ohmic: '0.1.0',
  command: 'ohmic run tiny.yaml --seed 7',
  machine: { backend: 'native', processor: 'Some CPU', node: 'v24.0.0' },
  seed: 7,
  dataset: { name: 'synthetic', trainImages: 1000, testImages: 200, classes: 10 },
  hardware: standardEvaluation,
  evaluation: {
    chips: 2,
    timesSeconds: [25, 86_400],
    methods: ['none', 'global'],
    adabs: { batches: 10, batchSize: 100, memory: 0.015 },
    ranges: { kind: 'root-mean-squares', count: 6 },
    calibrationImages: 500,
  },
  networks: [
    tinyNetwork('noise-trained', 0.93, [
      { timeSeconds: 25, method: 'none', accuracies: [0.91, 0.92], mean: 0.915, interval95: [0.905, 0.925] },
      { timeSeconds: 86_400, method: 'none', accuracies: [0.61, 0.65], mean: 0.63, interval95: [0.58, 0.68] },
      { timeSeconds: 25, method: 'global', accuracies: [0.915, 0.925], mean: 0.92, interval95: [0.91, 0.93] },
      {
        timeSeconds: 86_400,
        method: 'global',
        accuracies: [0.9, 0.904],
        mean: 0.902,
        interval95: [0.8995, 0.9045],
      },
    ]),
    tinyNetwork('control, plain', 0.94, [
      { timeSeconds: 25, method: 'none', accuracies: [0.8, 0.82], mean: 0.81, interval95: [0.8, 0.82] },
      { timeSeconds: 86_400, method: 'none', accuracies: [0.1, 0.1], mean: 0.1, interval95: [0.1, 0.1] },
      { timeSeconds: 25, method: 'global', accuracies: [0.8, 0.82], mean: 0.81, interval95: [0.8, 0.82] },
    ]),
  ],
};

/** The tiny experiment with the cost of a network on measured tiles, and of one on bottom-up tiles over time. */
export const costedRecord: ExperimentRecord = {
  ...tinyRecord,
  networks: tinyRecord.networks.map((network, index) => ({
    ...network,
    cost: index === 0 ? overTime(costOn(hermes256, hermes)) : costOn(standardEvaluation, bottomUp14),
  })),
};

function costOn(hardware: HardwareSpec, cost: HardwareCost): CostEstimate {
  const network = networkByName('lenet5', { inputShape: [28, 28, 1], classes: 10 });
  return estimateCost({ count: countNetwork(network, hardware), hardware, cost });
}

function overTime(estimate: CostEstimate): CostEstimate {
  const { chip } = estimate.energy;
  return { ...estimate, overTime: [{ timeSeconds: 25, arrayPicojoules: 12_000, chip }] };
}

/** The tiny experiment as one that repeats a publication, with fewer chips for its control and a sweep over noise. */
export const reproducedRecord: ExperimentRecord = {
  ...tinyRecord,
  networks: [
    tinyRecord.networks[0]!,
    {
      ...tinyRecord.networks[1]!,
      evaluation: { ...tinyRecord.evaluation, chips: 3 },
      deployed: [
        {
          timeSeconds: 86_400,
          method: 'none',
          accuracies: [0.1, 0.1, 0.13],
          mean: 0.11,
          interval95: [0.067, 0.153],
        },
      ],
    },
  ],
  published: {
    source: 'A. Author et al., J. Exp. 1:1 (2001)',
    figures: [
      {
        what: 'digital',
        accuracy: 0.9387,
        meaning: 'equal',
        locator: 'Fig. 1',
        secondHand: true,
        network: 'noise-trained',
      },
      {
        what: 'after a day',
        accuracy: 0.9,
        meaning: 'above',
        locator: 'abstract',
        secondHand: false,
        network: 'noise-trained',
        onChips: { timeSeconds: 86_400, method: 'global' },
      },
      {
        what: 'after 1,000 s',
        accuracy: 0.1,
        meaning: 'about',
        locator: 'Fig. 2',
        secondHand: false,
        network: 'noise-trained',
        onChips: { timeSeconds: 1000, method: 'none' },
      },
      {
        what: 'after a year',
        accuracy: 0.8,
        meaning: 'equal',
        locator: 'Fig. 2',
        secondHand: false,
        network: 'noise-trained',
        onChips: { timeSeconds: 31_536_000, method: 'global' },
      },
    ],
  },
  noiseSweep: {
    evaluation: { ...tinyRecord.evaluation, timesSeconds: [25], methods: ['global'] },
    points: [0.038, 0].map((relativeToMax) => ({
      relativeToMax,
      training: {
        ...tinyRecord.networks[0]!.training,
        settings: { ...settings, noise: { kind: 'gaussian', relativeToMax } },
      },
      digitalAccuracy: 0.92 - relativeToMax,
      deployed: [
        {
          timeSeconds: 25,
          method: 'global',
          accuracies: [0.88, 0.89],
          mean: 0.885,
          interval95: [0.8715, 0.8985],
        },
      ],
    })),
  },
};

/** Where the tiny network loses accuracy: two points, three chips, three sources, two groups of layers. */
export const tinyAttribution: Attribution = {
  network: 'noise-trained',
  points: [
    { timeSeconds: 25, method: 'none' },
    { timeSeconds: 86_400, method: 'global' },
  ],
  chips: 3,
  digitalAccuracy: 0.93,
  reference: [
    [0.9, 0.91, 0.89],
    [0.88, 0.9, 0.86],
  ],
  exact: [
    [0.93, 0.93, 0.93],
    [0.93, 0.93, 0.93],
  ],
  entries: [
    attributed({ kind: 'source', source: 'drift' }, [0.93, 0.929, 0.931], [0.9, 0.91, 0.905]),
    attributed({ kind: 'source', source: 'programming-noise' }, [0.915, 0.92, 0.91], [0.92, 0.925, 0.915]),
    attributed({ kind: 'source', source: 'read-noise' }, [0.92, 0.925, 0.915], [0.91, 0.92, 0.905]),
    attributed(
      { kind: 'layers', name: 'stage1', layers: ['stage1.conv1', 'stage1.conv2'] },
      [0.91, 0.92, 0.9],
      [0.92, 0.925, 0.915],
    ),
    attributed(
      { kind: 'layers', name: 'dense', layers: ['dense'] },
      [0.928, 0.929, 0.93],
      [0.9, 0.911, 0.89],
    ),
  ].flat(),
};

/** The tiny experiment with where its network loses accuracy. */
export const attributedRecord: ExperimentRecord = { ...tinyRecord, attribution: tinyAttribution };

/** A subject alone and left out; after a day every chip has a hundredth less. */
function attributed(
  subject: AttributionSubject,
  alone: readonly number[],
  leftOut: readonly number[],
): readonly AttributionEntry[] {
  const both = (accuracies: readonly number[]) => [
    accuracies,
    accuracies.map((accuracy) => Math.round(1000 * (accuracy - 0.01)) / 1000),
  ];
  return [
    { subject, role: 'alone', accuracies: both(alone) },
    { subject, role: 'left-out', accuracies: both(leftOut) },
  ];
}

function tinyNetwork(
  label: string,
  digitalAccuracy: number,
  deployed: readonly AccuracyAtTime[],
): NetworkResult {
  return {
    label,
    training: {
      ohmic: '0.1.0',
      model: 'mlp',
      dataset: 'synthetic',
      settings,
      seed: 7,
      backend: 'native',
      history: [
        { epoch: 1, trainLoss: 1.2345, trainAccuracy: 0.5125 },
        { epoch: 2, trainLoss: 0.6789, trainAccuracy: 0.7375, testAccuracy: 0.7655 },
      ],
    },
    digitalAccuracy,
    deployed,
    layers: [
      {
        name: 'fc1',
        rows: 784,
        columns: 256,
        tiles: 2,
        utilisation: 0.382,
        weightErrors: [
          { timeSeconds: 25, none: 0.0412, global: 0.0398 },
          { timeSeconds: 86_400, none: 0.1023, global: 0.0517 },
        ],
      },
    ],
    histogram: {
      edgesMicrosiemens: [0, 10, 20, 30],
      target: [123_456, 2000, 30],
      programmed: [123_400, 2050, 36],
      read: [
        { timeSeconds: 25, counts: [123_410, 2045, 31] },
        { timeSeconds: 86_400, counts: [123_500, 1980, 6] },
      ],
    },
  };
}

/** A generator of repeatable numbers in 0 … 1; the numerical recipe of Park and Miller. */
function generator(seed: number): { readonly uniform: () => number; readonly normal: () => number } {
  let state = seed;
  const uniform = (): number => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  const normal = (): number => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  return { uniform, normal };
}

const TIMES = [25, 3600, 86_400, 2_592_000, 31_536_000];
const CHIPS = 10;

/** A made-up record as large as that of ResNet-32 on CIFAR-10. */
export const largeRecord: ExperimentRecord = {
  ...tinyRecord,
  title: 'ResNet-32 on CIFAR-10 over one year of drift',
  command:
    'ohmic run experiments/resnet32-cifar10.yaml --chips 10 --times 25s,1h,1d,1month,1year --seed 1 --backend native',
  machine: { backend: 'native (cc 12.2, 16 lanes)', processor: 'AMD EPYC 9754, 2 threads', node: 'v24.21.0' },
  seed: 1,
  dataset: { name: 'CIFAR-10', trainImages: 50_000, testImages: 10_000, classes: 10 },
  evaluation: {
    chips: CHIPS,
    timesSeconds: TIMES,
    methods: ['none', 'global', 'per-column', 'adabs'],
    adabs: { batches: 52, batchSize: 200, memory: 0.015 },
    ranges: { kind: 'root-mean-squares', count: 6 },
    calibrationImages: 1000,
  },
  networks: [
    largeNetwork('trained with noise', 0.9374, { robustness: 1, seed: 11, relativeToMax: 0.038 }),
    largeNetwork('control (no training noise)', 0.9421, { robustness: 0.35, seed: 23 }),
  ],
};

type Made = { readonly robustness: number; readonly seed: number; readonly relativeToMax?: number };

function largeNetwork(label: string, digital: number, made: Made): NetworkResult {
  const { normal } = generator(made.seed);
  const weakness = 1 / made.robustness;
  const fall = { none: 0.045, global: 0.0042, 'per-column': 0.0035, adabs: 0.0017 } as const;
  const methods = ['none', 'global', 'per-column', 'adabs'] as const;
  const deployed = methods.flatMap((method) => {
    const chips = Array.from({ length: CHIPS }, () => normal());
    return TIMES.map((timeSeconds): AccuracyAtTime => {
      const decades = Math.log10(timeSeconds / 20);
      const loss = 0.008 * weakness + fall[method] * weakness * decades ** (method === 'none' ? 1.6 : 1.1);
      const spread = (0.0012 + 0.09 * loss) * (method === 'none' ? 1.2 : 1);
      const accuracies = chips.map((chip) => {
        const share = Math.max(
          0.1 + 0.004 * normal(),
          digital - loss + spread * (0.8 * chip + 0.3 * normal()),
        );
        return Math.round(share * 10_000) / 10_000;
      });
      const mean = accuracies.reduce((sum, value) => sum + value, 0) / CHIPS;
      const deviation = Math.sqrt(
        accuracies.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (CHIPS - 1),
      );
      const half = (2.262 * deviation) / Math.sqrt(CHIPS);
      return { timeSeconds, method, accuracies, mean, interval95: [mean - half, mean + half] };
    });
  });
  const noise =
    made.relativeToMax === undefined
      ? settings.noise
      : { kind: 'gaussian' as const, relativeToMax: made.relativeToMax };
  return {
    label,
    training: {
      ohmic: '0.1.0',
      model: 'resnet32',
      dataset: 'CIFAR-10',
      settings: { ...settings, noise },
      seed: 1,
      backend: 'native',
      history: history(digital, made),
    },
    digitalAccuracy: digital,
    deployed,
    layers: layers(made),
    histogram: histogram(made.seed),
  };
}

function history(digital: number, { seed, robustness }: Made): NetworkResult['training']['history'] {
  const { normal } = generator(seed + 1);
  return Array.from({ length: 60 }, (_, index) => {
    const epoch = index + 1;
    const left = 0.75 * Math.exp(-epoch / 5) + 0.25 * Math.cos((Math.PI / 2) * (epoch / 60));
    const trainAccuracy = 0.985 - 0.02 * robustness - 0.55 * left + 0.003 * normal();
    const trained = { epoch, trainLoss: 0.32 + 1.5 * left + 0.01 * normal(), trainAccuracy };
    if (epoch % 2 === 1 && epoch !== 1) return trained;
    return { ...trained, testAccuracy: Math.min(digital, digital - 0.42 * left + 0.02 * left * normal()) };
  });
}

function layers({ seed, robustness }: Made): readonly LayerSummary[] {
  const { uniform } = generator(seed + 2);
  const names = ['conv1'];
  for (const stage of [1, 2, 3])
    for (let block = 1; block <= 5; block++)
      names.push(`stage${stage}.block${block}.conv1`, `stage${stage}.block${block}.conv2`);
  names.push('fc');
  return names.map((name) => {
    const channels = name.startsWith('stage3') ? 64 : name.startsWith('stage2') ? 32 : 16;
    const rows = name === 'conv1' ? 27 : name === 'fc' ? 64 : 9 * channels;
    const columns = name === 'fc' ? 10 : channels;
    const tiles = Math.ceil(rows / 512) * Math.ceil(columns / 512);
    const base = (0.024 + 0.01 * uniform()) * (0.8 + 0.2 / robustness);
    return {
      name,
      rows,
      columns,
      tiles,
      utilisation: (rows * columns) / (tiles * 512 * 512),
      weightErrors: TIMES.map((timeSeconds) => {
        const decades = Math.log10(timeSeconds / 20);
        return { timeSeconds, none: base * (1 + 0.32 * decades), global: base * (1 + 0.09 * decades) };
      }),
    };
  });
}

function histogram(seed: number): ConductanceHistogram {
  const { normal } = generator(seed + 3);
  const edges = Array.from({ length: 61 }, (_, edge) => edge / 2);
  const counts = (values: readonly number[]): number[] => {
    const bins = new Array<number>(60).fill(0);
    for (const value of values) bins[Math.min(59, Math.floor(value * 2))]! += 40;
    return bins;
  };
  const target = Array.from({ length: 23_000 }, (_, cell) =>
    cell % 2 === 0 ? 0 : Math.min(25, Math.abs(normal()) * 8),
  );
  const programmed = target.map((g) => Math.abs(g + (0.263 + 0.078 * g - 0.0019 * g * g) * normal()));
  const exponents = target.map((g) => Math.abs(0.05 + 0.03 * Math.exp(-g / 4) + 0.01 * normal()));
  return {
    edgesMicrosiemens: edges,
    target: counts(target),
    programmed: counts(programmed),
    read: TIMES.map((timeSeconds) => ({
      timeSeconds,
      counts: counts(programmed.map((g, cell) => g * ((timeSeconds + 20) / 20) ** -exponents[cell]!)),
    })),
  };
}
