// Where the noise-trained network loses accuracy on chips: each source of noise alone, each part of the network alone,
// and the noise of its training in place of cells. The chips are those of the record: a draw is named by the seed, the
// chip, the layer and its source, so what is left out changes no other draw.
//
//   node results/joshi2020/losses.ts FOLDER     FOLDER holds CIFAR-10; writes losses.json; some ten minutes

import { meanOf } from '../../src/base/statistics.ts';
import { DAY } from '../../src/base/units.ts';
import { checkRunSettings } from '../../src/cli/check-settings.ts';
import { readBytes, readSettingsFile, writeWhole } from '../../src/cli/files.ts';
import { imageTask, loadData } from '../../src/cli/load-data.ts';
import { progressOn } from '../../src/cli/progress.ts';
import { reproductionFile } from '../../src/cli/reproduce-command.ts';
import type { RunSettings } from '../../src/cli/settings-schema.ts';
import { machineOf, ohmicVersion, type Workplace, withWorkplace } from '../../src/cli/workplace.ts';
import { weightsOf } from '../../src/graph/operator.ts';
import {
  type DataSplit,
  type Deployment,
  decodeWeights,
  deploy,
  deriveKey,
  type HardwareSpec,
  ideal,
  joshi2020,
  keyFromSeed,
  type Network,
  networkByName,
  type Parameters,
} from '../../src/index.ts';
import { classification } from '../../src/train/classification.ts';
import { INFERENCE_BATCH, scoreOn, traceInference } from '../../src/train/score.ts';
import { trainingOperator } from '../../src/train/training-operator.ts';

const CHIPS = 5;
const WEIGHTS = new URL('noise-trained/weights.safetensors', import.meta.url).pathname;
const RESULT = new URL('losses.json', import.meta.url).pathname;

/** What is measured: a read 25 s after programming as it is, and one after a day with either compensation. */
const READS = [
  { timeSeconds: 5, methods: ['none'] },
  { timeSeconds: DAY, methods: ['global', 'adabs'] },
] as const;

const exact = { kind: 'none' } as const;
const { cell } = joshi2020;
const SOURCES: Readonly<Record<string, HardwareSpec>> = {
  'exact cells': ideal,
  'programming noise': { ...joshi2020, cell: { ...cell, drift: exact, readNoise: exact } },
  'read noise': { ...joshi2020, cell: { ...cell, programmingNoise: exact, drift: exact } },
  drift: { ...joshi2020, cell: { ...cell, programmingNoise: exact, readNoise: exact } },
};
const PARTS = ['stem', 'stage1', 'stage2', 'stage3', 'dense'] as const;
/** Standard deviations of noise on the weights, relative to a layer's largest weight; the first is that of the training. */
const AMOUNTS = [0.038, 0.05] as const;

/** One row of the result: accuracies on chips 0, 1, …, or draws of the noise. */
type Loss = {
  readonly what: string;
  readonly timeSeconds?: number;
  readonly method?: string;
  readonly accuracies: number[];
};

/** What every measurement needs. */
type Subject = {
  readonly place: Workplace;
  readonly settings: RunSettings;
  readonly network: Network;
  readonly parameters: Parameters;
  readonly data: DataSplit;
};

const chipNumbers = (count: number): number[] => Array.from({ length: count }, (_, chip) => chip);

async function withDeployment<T>(
  { place: { engine }, settings: { evaluation, seed }, ...subject }: Subject,
  hardware: HardwareSpec,
  work: (deployment: Deployment) => Promise<T>,
): Promise<T> {
  const deployment = await deploy({ engine, ...subject, hardware, evaluation, seed });
  try {
    return await work(deployment);
  } finally {
    deployment.free();
  }
}

/** Accuracies of all reads on chips of this hardware. */
async function lossesOnChips(deployment: Deployment, what: string, chips: number): Promise<Loss[]> {
  const found = READS.map(({ timeSeconds, methods }) => ({
    timeSeconds,
    losses: methods.map((method) => ({ what, timeSeconds, method, accuracies: [] as number[] })),
  }));
  for (const chip of chipNumbers(chips)) {
    for (const { timeSeconds, losses } of found)
      for (const { method, accuracies } of losses)
        accuracies.push(await deployment.accuracy({ chip, timeSeconds, method }));
  }
  return found.flatMap(({ losses }) => losses);
}

/** Accuracies at the first time without compensation, one part of the network as it is read, the rest as it was meant. */
async function lossesByPart(subject: Subject): Promise<Loss[]> {
  const [{ timeSeconds, methods }] = READS;
  const [method] = methods;
  const losses: Loss[] = [];
  for (const what of PARTS) {
    const hardware: HardwareSpec = { ...joshi2020, layers: { [`${what}*`]: {}, '*': { cell: ideal.cell } } };
    const accuracies = await withDeployment(subject, hardware, async (deployment) => {
      const found: number[] = [];
      for (const chip of chipNumbers(CHIPS))
        found.push(await deployment.accuracy({ chip, timeSeconds, method }));
      return found;
    });
    losses.push({ what, timeSeconds, method, accuracies });
  }
  return losses;
}

/** Digital accuracies with Gaussian noise on the weights, of one draw each. */
async function lossesByTrainingNoise({
  place: { engine },
  settings: { seed },
  network,
  parameters,
  data,
}: Subject): Promise<Loss[]> {
  const task = classification(data);
  const batches = task.examples.testBatches(INFERENCE_BATCH);
  const noise = { kind: 'gaussian', relativeToMax: AMOUNTS[0] } as const;
  const inference = await engine.compile(
    traceInference(
      network,
      task,
      INFERENCE_BATCH,
      (t) =>
        trainingOperator(t, network, { noise }, (layer) => t.state(weightsOf(layer), layer.shape)).operator,
    ),
  );
  const state = await engine.store(parameters);
  const losses: Loss[] = [];
  for (const noiseScale of AMOUNTS) {
    const what = `Gaussian noise on the weights, ${100 * noiseScale} % of the largest`;
    const accuracies: number[] = [];
    for (const draw of chipNumbers(CHIPS)) {
      const keys = { noise: deriveKey(keyFromSeed(seed), 'training noise', draw) };
      const scalars = { noiseScale };
      accuracies.push(await scoreOn(inference, task, batches, () => ({ state, scalars, keys })));
    }
    losses.push({ what, accuracies });
  }
  inference.free();
  state.free();
  return losses;
}

const progress = progressOn(process.stderr);
const file = reproductionFile('joshi2020');
const settings = checkRunSettings(file, readSettingsFile(file));
await withWorkplace({ backend: settings.backend, progress }, async (place) => {
  const data = await loadData(settings.data, { folder: process.argv[2], progress });
  const { parameters } = await decodeWeights(WEIGHTS, readBytes(WEIGHTS));
  const network = networkByName(settings.model, imageTask(data));
  const subject: Subject = { place, settings, network, parameters, data };
  const losses: Loss[] = [];
  const keep = (found: readonly Loss[]): void => {
    losses.push(...found);
    for (const { what, timeSeconds, method, accuracies } of found) {
      const condition = timeSeconds === undefined ? 'digital' : `${timeSeconds} s, ${method}`;
      progress.line(`${what}, ${condition}: ${(100 * meanOf(accuracies)).toFixed(2)} %`);
    }
  };
  keep(await lossesByTrainingNoise(subject));
  for (const [source, hardware] of Object.entries(SOURCES)) {
    const chips = hardware === ideal ? 1 : CHIPS;
    keep(await withDeployment(subject, hardware, (deployment) => lossesOnChips(deployment, source, chips)));
  }
  await withDeployment(subject, joshi2020, async (deployment) => {
    keep(await lossesOnChips(deployment, 'all', CHIPS));
  });
  keep(await lossesByPart(subject));
  const record = {
    ohmic: ohmicVersion(),
    machine: machineOf(place),
    seed: settings.seed,
    chips: CHIPS,
    losses,
  };
  writeWhole(RESULT, `${JSON.stringify(record, null, 2)}\n`);
});
