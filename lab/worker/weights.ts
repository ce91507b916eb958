// The weights that the lab works with: trained here, kept from an earlier visit, or opened from a file. Trainings are the
// library's stages, so they stop and continue, and their files are those of the command.

import {
  type CompensationMethod,
  classification,
  type DataSplit,
  decodeWeights,
  digitalScore,
  type Engine,
  encodeWeights,
  imageSubject,
  type Network,
  type Normalization,
  networkByName,
  type Parameters,
  parametersDigest,
  type Storage,
  TRAINING_FILES,
  type TrainedNetwork,
  trainStage,
  UsageError,
} from 'ohmic';
import { keptStorage } from './kept-storage.ts';
import type { Calls, SetName, TrainChoice, WeightsFacts } from './messages.ts';
import type { Sets } from './sets.ts';
import { trainingSettings } from './training-settings.ts';

declare const OHMIC_VERSION: string;

/** Weights with the network and the images that belong to them. */
export type Held = {
  readonly facts: WeightsFacts;
  readonly trained: TrainedNetwork;
  readonly network: Network;
  readonly data: DataSplit;
};

type TrainEvent = Calls['train']['event'];

/** Losses are posted in groups, as a message for each would slow down the page. */
const LOSSES_MS = 80;

/**
 * Trains, or goes on with a training that was stopped.
 *
 * @throws UsageError for impossible settings; the signal's reason once it is stopped, when its state is kept
 */
export async function train(
  engine: Engine,
  sets: Sets,
  choice: TrainChoice,
  { onEvent, signal }: { readonly onEvent: (event: TrainEvent) => void; readonly signal: AbortSignal },
): Promise<Held> {
  const data = sets.split(choice.set);
  const network = networkOf(choice.model, data);
  const settings = trainingSettings(choice, data.train.count);
  const stage = trainStage({
    engine,
    storage: await storageOf(choice, data),
    ohmic: OHMIC_VERSION,
    subject: imageSubject({ network, dataset: choice.set, data }),
    settings,
    seed: choice.seed,
    signal,
  });
  const losses = gatheredLosses(onEvent);
  for (;;) {
    const { done, value } = await stage.next();
    if (done === true) return held(engine, { trained: value, network, data, isUnfinished: false });
    if (value.kind === 'begun') {
      const { step, steps } = value;
      onEvent({ kind: 'begun', step, steps, stepsPerEpoch: steps / Math.max(1, choice.epochs) });
    } else if (value.kind === 'step') losses.add(value.step, value.loss);
    else if (value.kind === 'epoch') {
      losses.flush();
      onEvent({ kind: 'epoch', record: value.record });
    }
  }
}

function gatheredLosses(onEvent: (event: TrainEvent) => void) {
  let [first, losses, since]: [number, number[], number] = [0, [], performance.now()];
  const flush = (): void => {
    if (losses.length > 0) onEvent({ kind: 'losses', first, losses });
    losses = [];
    since = performance.now();
  };
  return {
    flush,
    add: (step: number, loss: number): void => {
      if (losses.length === 0) first = step;
      losses.push(loss);
      if (performance.now() - since > LOSSES_MS) flush();
    },
  };
}

/** The weights of a training, complete or not, that this browser has kept. */
export async function restore(engine: Engine, sets: Sets, choice: TrainChoice): Promise<Held | undefined> {
  const data = sets.split(choice.set);
  const storage = await storageOf(choice, data);
  for (const file of [TRAINING_FILES.weights, TRAINING_FILES.checkpoint]) {
    const bytes = await storage.read(file);
    if (bytes === undefined) continue;
    const trained = await decodeWeights(storage.describe(file), bytes);
    const isUnfinished = file !== TRAINING_FILES.weights;
    return held(engine, { trained, network: networkOf(choice.model, data), data, isUnfinished });
  }
  return undefined;
}

/**
 * Weights from a file.
 *
 * @throws UsageError if it is damaged, has no provenance, or belongs to images that are not here
 */
export async function openWeights(
  engine: Engine,
  sets: Sets,
  { name, bytes }: Calls['openWeights']['input'],
): Promise<Held> {
  const trained = await decodeWeights(name, bytes);
  const { dataset, model } = trained.provenance;
  if (!isSetName(dataset))
    throw new UsageError(
      `${name}: expected weights for images that the lab has (digits, synthetic, or a folder of yours), got weights for ${dataset}; evaluate them with \`ohmic evaluate\``,
    );
  const data = sets.split(dataset);
  // A network that was imported has its description beside its weights.
  const network =
    trained.description === undefined
      ? networkOf(model, data)
      : (await import('./onnx.ts')).networkOfFile(trained, data);
  return held(engine, { trained, network, data, isUnfinished: false });
}

/** A network of an ONNX file. Throws UsageError if it is damaged, or for images that are not here. */
export async function openOnnx(
  engine: Engine,
  sets: Sets,
  { set, ...file }: Calls['openOnnx']['input'],
): Promise<Held> {
  const { importNetwork } = await import('./onnx.ts');
  const order = [set, ...sets.names().filter((name) => name !== set)];
  const imported = await importNetwork(engine, sets, { ...file, order });
  return held(engine, { ...imported, isUnfinished: false });
}

function isSetName(name: string): name is SetName {
  return name === 'digits' || name === 'synthetic' || name === 'own';
}

/** Weights as a file. */
export function saveWeights({ trained }: Held): Promise<Uint8Array> {
  return encodeWeights(trained);
}

/** The network with parameters of a chip, or with its own, as an ONNX file. */
export async function saveOnnx(
  { trained, network, data }: Held,
  parameters: Parameters = trained.parameters,
): Promise<Calls['saveOnnx']['result']> {
  const { exportNetwork } = await import('./onnx.ts');
  return { bytes: exportNetwork(network, parameters), normalization: data.normalization };
}

async function held(
  engine: Engine,
  {
    trained,
    network,
    data: images,
    isUnfinished,
  }: Pick<Held, 'trained' | 'network' | 'data'> & { readonly isUnfinished: boolean },
): Promise<Held> {
  const { provenance, parameters } = trained;
  const data = { ...images, normalization: provenance.normalization ?? images.normalization };
  const methods: readonly CompensationMethod[] = [
    'none',
    'global',
    'per-column',
    ...(network.normalizationLayers.length > 0 ? (['adabs'] as const) : []),
  ];
  const counts = network.parameters.map(({ name }) => parameters[name]?.data.length ?? 0);
  const isImported = provenance.external !== undefined;
  const known = provenance.history.at(-1)?.testAccuracy;
  const digest = await parametersDigest(parameters);
  return {
    trained,
    network,
    data,
    facts: {
      digest: (isImported ? await digestWith(digest, data.normalization) : digest).slice(0, 16),
      model: provenance.model,
      dataset: provenance.dataset,
      epochs: provenance.history.length,
      weights: counts.reduce((sum, count) => sum + count, 0),
      isUnfinished,
      history: provenance.history,
      methods,
      classNames: data.train.classNames,
      inputShape: [data.train.height, data.train.width, data.train.channels],
      accuracy: known ?? (await digitalScore({ engine, network, parameters, task: classification(data) })),
      isImported,
    },
  };
}

/** The same weights with another normalisation of their images are another network. */
function digestWith(digest: string, normalization: Normalization): Promise<string> {
  return digestOf(new TextEncoder().encode(digest + JSON.stringify(normalization)));
}

function networkOf(model: string, { train }: DataSplit): Network {
  const { height, width, channels, classNames } = train;
  return networkByName(model, { inputShape: [height, width, channels], classes: classNames.length });
}

/** A storage for each training; of the user's images, for the images too. */
const storages = new Map<string, Promise<Storage>>();

async function storageOf(choice: TrainChoice, { train }: DataSplit): Promise<Storage> {
  const { set, model, epochs, noise, seed } = choice;
  const images = set === 'own' ? await digestOf(train.pixels) : set;
  const label = [OHMIC_VERSION, images, model, epochs, noise, seed].join(' ');
  const known = storages.get(label) ?? keptStorage(label);
  storages.set(label, known);
  return known;
}

async function digestOf(bytes: Uint8Array): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', bytes as BufferSource);
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
