// Networks of ONNX files, in and out. The page loads this file with the first of them, as all operators of ONNX come with
// it. Which images a network is for decides its input: the set that is shown is tried first, then the others.

import {
  classification,
  type DataSplit,
  type Engine,
  exportOnnx,
  type ImportedOnnx,
  importOnnx,
  type Network,
  type Normalization,
  networkOfWeights,
  type Parameters,
  restoreStatistics,
  sharedNormalizations,
  type TrainedNetwork,
  UsageError,
} from 'ohmic';
import type { NormalizationName, SetName } from './messages.ts';
import type { Sets } from './sets.ts';

declare const OHMIC_VERSION: string;

/** An imported network with the images that it is for. */
export type ImportedNetwork = {
  readonly trained: TrainedNetwork;
  readonly network: Network;
  readonly data: DataSplit;
};

/** What to import. */
export type ImportChoice = {
  /** Of the file. */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Sets in the order in which they are tried. */
  readonly order: readonly SetName[];
  readonly normalization: NormalizationName;
};

/**
 * The network of an ONNX file, as a classifier of images of the lab; normalisations that were folded into convolutions are
 * restored, so that AdaBS can estimate their statistics.
 *
 * @throws UsageError if the file is damaged, or the network is for none of the images, with the reason for each set
 */
export async function importNetwork(
  engine: Engine,
  sets: Sets,
  choice: ImportChoice,
): Promise<ImportedNetwork> {
  const { name, order } = choice;
  const reasons: string[] = [];
  for (const set of order) {
    try {
      return await importFor(engine, set, sets.split(set), choice);
    } catch (thrown) {
      if (!(thrown instanceof UsageError)) throw thrown;
      reasons.push(thrown.message.replace(`${name}: `, '').replaceAll(/\s*\n\s*/g, ' '));
    }
  }
  // A file that is damaged, or has operators that are not known, is so for all images.
  if (new Set(reasons).size === 1) throw new UsageError(`${name}: ${reasons[0]}`);
  const list = order.map((set, k) => `\n– ${set}: ${reasons[k]}`).join('');
  throw new UsageError(
    `${name}: expected a network that classifies images of the lab, got one that fits none; \`ohmic import\` takes others${list}`,
  );
}

async function importFor(
  engine: Engine,
  dataset: SetName,
  data: DataSplit,
  { name, bytes, normalization: wanted }: ImportChoice,
): Promise<ImportedNetwork> {
  const images = [data.train.height, data.train.width, data.train.channels];
  const imported = await importOnnx(bytes, { name, images, restoreNormalization: true });
  const normalization = normalizationOf(wanted, data.normalization);
  const trained: TrainedNetwork = {
    parameters: await restored(engine, imported, { ...data, normalization }),
    description: imported.network.description!,
    provenance: {
      ...{ ohmic: OHMIC_VERSION, model: name.replace(/\.onnx$/i, ''), dataset, normalization },
      external: { file: name, sha256: imported.digest },
      ...{ seed: 0, backend: engine.backend.description, history: [] },
    },
  };
  return { trained, network: networkOfFile(trained, data), data };
}

function restored(engine: Engine, imported: ImportedOnnx, data: DataSplit): Promise<Parameters> {
  const { network, parameters, restored: layers } = imported;
  return restoreStatistics({ engine, network, parameters, layers, task: classification(data) });
}

/** Numbers of a name for as many channels as `measured` has. Throws UsageError for another number of channels. */
function normalizationOf(name: NormalizationName, measured: Normalization): Normalization {
  if (name === 'dataset') return measured;
  const { length } = measured.mean;
  const { mean, std } = sharedNormalizations[name];
  if (mean.length !== 1 && mean.length !== length)
    throw new UsageError(`its images have ${length} channels, but the normalisation is for ${mean.length}`);
  const spread = (values: readonly number[]): readonly number[] =>
    values.length === length ? values : new Array<number>(length).fill(values[0]!);
  return { mean: spread(mean), std: spread(std) };
}

/** The network of weights that carry its description. Throws UsageError if it can't take the images. */
export function networkOfFile(trained: TrainedNetwork, { train }: DataSplit): Network {
  const { height, width, channels, classNames } = train;
  return networkOfWeights(trained, { inputShape: [height, width, channels], classes: classNames.length });
}

/** A network with parameters, trained or read from a chip, as the bytes of an ONNX file. */
export function exportNetwork(network: Network, parameters: Parameters): Uint8Array {
  return exportOnnx({ network, parameters, version: OHMIC_VERSION });
}
