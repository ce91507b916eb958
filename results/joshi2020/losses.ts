// Where the noise-trained network loses accuracy on chips: each source of noise alone, each part of the network alone,
// and the noise of its training in place of cells. The chips are those of the record: a draw is named by the seed, the
// chip, the layer and its source, so what is left out changes no other draw.
//
//   node results/joshi2020/losses.ts FOLDER     FOLDER holds CIFAR-10; writes losses.json; some ten minutes

import { meanOf } from '../../src/base/statistics.ts';
import { DAY } from '../../src/base/units.ts';
import { readBytes, writeWhole } from '../../src/cli/files.ts';
import { imageTask, loadData } from '../../src/cli/load-data.ts';
import { progressOn } from '../../src/cli/progress.ts';
import { machineOf, ohmicVersion, type Workplace, withWorkplace } from '../../src/cli/workplace.ts';
import {
  type ChipReading,
  type DataSplit,
  type Deployment,
  decodeWeights,
  deploy,
  type HardwareSpec,
  hostTensor,
  ideal,
  joshi2020,
  keyFromSeed,
  type Model,
  modelByName,
  type Parameters,
  trace,
} from '../../src/index.ts';

const SEED = 1;
const CHIPS = 5;
const WEIGHTS = new URL('noise-trained/weights.safetensors', import.meta.url).pathname;
const RESULT = new URL('losses.json', import.meta.url).pathname;

// As in reproductions/joshi2020.yaml.
const AUGMENTATION = { cropPadding: 4, flip: true, cutout: 8 };
const EVALUATION = {
  chips: CHIPS,
  timesSeconds: [5, DAY],
  methods: ['none', 'global', 'adabs'],
  adabs: { batches: 13, batchSize: 200, augmentation: AUGMENTATION },
  calibrationImages: 250,
} as const;

/** What is measured: a read 25 s after programming as it is, and one after a day with either compensation. */
const CONDITIONS = [
  { timeSeconds: 5, method: 'none' },
  { timeSeconds: DAY, method: 'global' },
  { timeSeconds: DAY, method: 'adabs' },
] as const;

const exact = { kind: 'none' } as const;
const { cell } = joshi2020;
const SOURCES: Readonly<Record<string, HardwareSpec>> = {
  'exact cells': ideal,
  'programming noise': { ...joshi2020, cell: { ...cell, drift: exact, readNoise: exact } },
  'read noise': { ...joshi2020, cell: { ...cell, programmingNoise: exact, drift: exact } },
  drift: { ...joshi2020, cell: { ...cell, programmingNoise: exact, readNoise: exact } },
  all: joshi2020,
};
const PARTS = ['stem', 'stage1', 'stage2', 'stage3', 'dense'] as const;
/** Standard deviations of noise on the weights, relative to a layer's largest weight; the first is that of the training. */
const AMOUNTS = [0.038, 0.05] as const;

/** One row of the result: accuracies on chips 0, 1, …, or draws of the noise. */
type Loss = {
  readonly what: string;
  readonly timeSeconds?: number;
  readonly method?: string;
  readonly accuracies: readonly number[];
};

/** What every measurement needs. */
type Subject = {
  readonly place: Workplace;
  readonly model: Model;
  readonly parameters: Parameters;
  readonly data: DataSplit;
};

async function withDeployment<T>(
  { place, ...subject }: Subject,
  hardware: HardwareSpec,
  work: (deployment: Deployment) => Promise<T>,
): Promise<T> {
  const { engine } = place;
  const deployment = await deploy({ engine, ...subject, hardware, evaluation: EVALUATION, seed: SEED });
  try {
    return await work(deployment);
  } finally {
    deployment.free();
  }
}

const chipNumbers = (count: number): number[] => Array.from({ length: count }, (_, chip) => chip);

/** Accuracies under every condition, with cells that have this source of noise alone. */
function lossesBySource(subject: Subject, source: string, hardware: HardwareSpec): Promise<Loss[]> {
  return withDeployment(subject, hardware, async (deployment) => {
    const losses = CONDITIONS.map((condition) => ({
      what: source,
      ...condition,
      accuracies: [] as number[],
    }));
    for (const number of chipNumbers(hardware === ideal ? 1 : CHIPS)) {
      const chip = await deployment.program(number);
      const baseline = await deployment.readBaseline(chip);
      for (const { timeSeconds, method, accuracies } of losses) {
        const reading = await deployment.read(chip, timeSeconds);
        accuracies.push(await deployment.accuracy({ reading, baseline }, method));
      }
    }
    return losses;
  });
}

/** Accuracies at the first time without compensation, one part of the network as it is read, the rest as it was meant. */
function lossesByPart(subject: Subject): Promise<Loss[]> {
  const [{ timeSeconds, method }] = CONDITIONS;
  return withDeployment(subject, joshi2020, async (deployment) => {
    const losses = PARTS.map((part) => ({ what: part, timeSeconds, method, accuracies: [] as number[] }));
    for (const number of chipNumbers(CHIPS)) {
      const chip = await deployment.program(number);
      const baseline = await deployment.readBaseline(chip);
      const reading = await deployment.read(chip, timeSeconds);
      for (const { what, accuracies } of losses) {
        const layers = Object.entries(reading.layers).map(([name, layer]) => {
          const { targetPlus, targetMinus } = chip.layers[name]!;
          return [name, name.startsWith(what) ? layer : { ...layer, gPlus: targetPlus, gMinus: targetMinus }];
        });
        const partly: ChipReading['reading'] = { ...reading, layers: Object.fromEntries(layers) };
        accuracies.push(await deployment.accuracy({ reading: partly, baseline }, method));
      }
    }
    return losses;
  });
}

/** Digital accuracies with Gaussian noise on the weights, of one draw each. */
async function lossesByTrainingNoise(subject: Subject, amount: number): Promise<Loss> {
  const { engine } = subject.place;
  const { analogLayers } = subject.model;
  const draw = await engine.compile(
    trace((t) => ({
      outputs: Object.fromEntries(
        analogLayers.map(({ name, shape }) => {
          const weights = t.input(name, shape);
          const spread = weights.abs().max().multiply(amount);
          return [name, weights.add(t.key('noise').derive(name).normal(shape).multiply(spread))];
        }),
      ),
    })),
  );
  const inputs = Object.fromEntries(
    analogLayers.map(({ name }) => [name, subject.parameters[`${name}.weights`]!.data]),
  );
  const accuracies: number[] = [];
  for (const number of chipNumbers(CHIPS)) {
    const noisy = await draw.run({ inputs, keys: { noise: keyFromSeed(SEED + number) } });
    const weights = analogLayers.map(({ name, shape }) => [
      `${name}.weights`,
      hostTensor(shape, Float32Array.from(noisy[name]!)),
    ]);
    const parameters = { ...subject.parameters, ...Object.fromEntries(weights) };
    accuracies.push(
      await withDeployment({ ...subject, parameters }, ideal, ({ digitalAccuracy }) => digitalAccuracy()),
    );
  }
  draw.free();
  return { what: `Gaussian noise on the weights, ${100 * amount} % of the largest`, accuracies };
}

const progress = progressOn(process.stderr);
await withWorkplace({ backend: 'native', progress }, async (place) => {
  const data = await loadData({ dataset: 'cifar10' }, { folder: process.argv[2], progress });
  const { parameters } = await decodeWeights(WEIGHTS, readBytes(WEIGHTS));
  const subject = { place, model: modelByName('resnet32', imageTask(data)), parameters, data };
  const losses: Loss[] = [];
  const keep = (...found: readonly Loss[]): void => {
    losses.push(...found);
    for (const { what, timeSeconds, method, accuracies } of found) {
      const condition = timeSeconds === undefined ? 'digital' : `${timeSeconds} s, ${method}`;
      progress.line(`${what}, ${condition}: ${(100 * meanOf(accuracies)).toFixed(2)} %`);
    }
  };
  for (const amount of AMOUNTS) keep(await lossesByTrainingNoise(subject, amount));
  for (const [source, hardware] of Object.entries(SOURCES))
    keep(...(await lossesBySource(subject, source, hardware)));
  keep(...(await lossesByPart(subject)));
  const record = { ohmic: ohmicVersion(), machine: machineOf(place), seed: SEED, chips: CHIPS, losses };
  writeWhole(RESULT, `${JSON.stringify(record, null, 2)}\n`);
});
