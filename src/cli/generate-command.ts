// `ohmic generate`: images from a trained adversarial pair as a PNG file, and their distance from the test images of
// its data set, in the features of a classifier. In floating point; left out: a generator on a chip.

import { sha256 } from '../base/digest.ts';
import { messageOf, throwFaults, UsageError } from '../base/errors.ts';
import type { Shape } from '../base/shape.ts';
import { isNamedSet, type NamedSetName, namedSets } from '../data/named-sets.ts';
import {
  generateSamples,
  generationDistance,
  type NetworkWithParameters,
} from '../experiment/generated-images.ts';
import { normalizedAs } from '../experiment/train-stage.ts';
import type { Network } from '../nn/network.ts';
import { networkByName, networkNames } from '../nn/networks.ts';
import { jsonText } from '../report/json.ts';
import { sampleGrid } from '../report/png.ts';
import { checkParameters, type TrainedNetwork } from '../train/checkpoint.ts';
import { gan, isPairName, pairNames, samplePixels } from '../train/gan.ts';
import { readBytes, writeWhole } from './files.ts';
import { loadNamedData } from './load-data.ts';
import { print } from './print.ts';
import type { Progress } from './progress.ts';
import { PICTURE } from './sample-picture.ts';
import type { WorkFlags } from './train-command.ts';
import { readWeights } from './train-stage.ts';
import { backendChoice, parseSeed } from './values.ts';
import { type Workplace, withWorkplace } from './workplace.ts';

/** Flags of `ohmic generate`, as typed. */
export type GenerateFlags = Pick<WorkFlags, 'data' | 'backend' | 'threads' | 'quiet'> & {
  readonly out?: string;
  readonly count?: number;
  readonly columns?: number;
  readonly seed: string;
  readonly classifier?: string;
  readonly testImages?: number;
  readonly json?: boolean;
};

/** Most images of a picture: more fill no screen. */
const MOST_IMAGES = 10_000;

/** Draws a picture of generated images, measures their distance from real ones, or both. */
export async function generateCommand(file: string, flags: GenerateFlags, progress: Progress): Promise<void> {
  const seed = checkFlags(flags);
  const backend = backendChoice(flags.backend ?? 'auto');
  const pair = await readPair(file);
  const judge = flags.classifier === undefined ? undefined : await readClassifier(flags.classifier, pair);
  await withWorkplace({ ...flags, backend, progress }, async (place) => {
    const picture =
      flags.out === undefined ? undefined : await drawPicture(pair, flags.out, flags, seed, place);
    const distance = judge && (await measureDistance(pair, judge, flags, seed, place));
    const result: Generated = { file, pair, seed, picture, distance };
    if (flags.json === true) process.stdout.write(`${jsonText(summaryOf(result))}\n`);
    else print(textOf(result));
  });
}

/** Checks the flags and returns the seed. */
function checkFlags(flags: GenerateFlags): number {
  const { out, count, classifier, testImages } = flags;
  const faults: string[] = [];
  let seed = 0;
  try {
    seed = parseSeed(flags.seed);
  } catch (thrown) {
    faults.push(messageOf(thrown));
  }
  if (out === undefined && classifier === undefined)
    faults.push('expected --out, for a picture, or --classifier, for a distance, got neither');
  if (out !== undefined && !/\.png$/i.test(out))
    faults.push(`--out: expected a file that ends in .png, got "${out}"`);
  if (count !== undefined && count > MOST_IMAGES)
    faults.push(`--count: expected at most ${MOST_IMAGES} images in a picture, got ${count}`);
  if (testImages === 1) faults.push('--test-images: expected at least 2, since a spread is measured, got 1');
  throwFaults('generate', faults);
  return seed;
}

/** An adversarial pair from a file. */
type TrainedPair = NetworkWithParameters & {
  readonly dataset: NamedSetName;
  /** (height, width, channels) */
  readonly imageShape: Shape;
};

/**
 * The pair of a file of weights.
 *
 * @throws UsageError if it holds another network, or one for images of unknown size
 */
async function readPair(file: string): Promise<TrainedPair> {
  const { parameters, provenance } = await readWeights(file);
  const { model, dataset } = provenance;
  if (!isPairName(model))
    throw new UsageError(
      `generate: ${file}: expected weights of an adversarial pair, ${pairNames.join(' or ')}, got those of ${model}; train a pair with ohmic train --model ${pairNames[0]}`,
    );
  if (!isNamedSet(dataset))
    throw new UsageError(
      `generate: ${file}: expected a pair that was trained on one of ${Object.keys(namedSets).join(', ')}, got "${dataset}", whose images have an unknown size; use generateSamples in a script`,
    );
  const imageShape = namedSets[dataset].inputShape;
  const network = gan({ imageShape });
  checkParameters(file, network, parameters);
  return { network, parameters, dataset, imageShape };
}

/** A classifier from a file. */
type Classifier = { readonly file: string; readonly trained: TrainedNetwork; readonly network: Network };

/** The classifier of a file of weights. Throws UsageError if it does not classify the images of the pair's data set. */
async function readClassifier(file: string, { dataset }: TrainedPair): Promise<Classifier> {
  const trained = await readWeights(file);
  const { model, dataset: seen } = trained.provenance;
  const isClassifier = networkNames.some((name) => name === model);
  throwFaults(`generate: --classifier: ${file}`, [
    ...(isClassifier
      ? []
      : [`expected a network that classifies images, ${networkNames.join(', ')}, got ${model}`]),
    ...(seen === dataset
      ? []
      : [`expected a network that was trained on ${dataset}, as the pair was, got one of ${seen}`]),
  ]);
  const { inputShape, classNames } = namedSets[dataset];
  const network = networkByName(model, { inputShape, classes: classNames.length });
  checkParameters(file, network, trained.parameters);
  return { file, trained, network };
}

/** A picture that was written. */
type Picture = { readonly file: string; readonly count: number; readonly columns: number };

async function drawPicture(
  { network, parameters, imageShape }: TrainedPair,
  out: string,
  { count = PICTURE.count, columns = PICTURE.columns }: GenerateFlags,
  seed: number,
  { engine }: Workplace,
): Promise<Picture> {
  const samples = await generateSamples({ engine, network, parameters, count, seed });
  const [height, width, channels] = imageShape as [number, number, 1 | 3];
  writeWhole(out, await sampleGrid({ height, width, channels, pixels: samplePixels(samples) }, columns));
  return { file: out, count, columns };
}

/** A measured distance. */
type Distance = {
  readonly value: number;
  /** Generated images, and as many test images. */
  readonly samples: number;
  readonly classifier: { readonly file: string; readonly sha256: string; readonly model: string };
};

async function measureDistance(
  pair: TrainedPair,
  { file, trained, network }: Classifier,
  { data: folder, testImages }: GenerateFlags,
  seed: number,
  { engine, progress }: Workplace,
): Promise<Distance> {
  const images = await loadNamedData({ dataset: pair.dataset, testImages }, { folder, progress });
  const data = normalizedAs(images, { 'the classifier': trained });
  progress.line(`comparing ${data.test.count} generated images with the test images of ${pair.dataset}`);
  const classifier = { network, parameters: trained.parameters };
  const value = await generationDistance({ engine, pair, classifier, data, seed });
  const digest = await sha256(readBytes(file));
  return {
    value,
    samples: data.test.count,
    classifier: { file, sha256: digest, model: network.name },
  };
}

type Generated = {
  readonly file: string;
  readonly pair: TrainedPair;
  readonly seed: number;
  readonly picture: Picture | undefined;
  readonly distance: Distance | undefined;
};

function summaryOf({ file, pair: { network, dataset }, seed, picture, distance }: Generated): object {
  return {
    weights: file,
    model: network.name,
    dataset,
    seed,
    ...(picture && { picture }),
    ...(distance && {
      frechetDistance: distance.value,
      samples: distance.samples,
      classifier: distance.classifier,
    }),
  };
}

function textOf({ pair: { network, dataset }, seed, picture, distance }: Generated): string {
  const lines = [
    ...(picture === undefined
      ? []
      : [`${picture.count} images of ${network.name}, trained on ${dataset}, seed ${seed}: ${picture.file}`]),
    ...(distance === undefined
      ? []
      : [
          `Fréchet distance ${distance.value.toPrecision(4)}: ${distance.samples} generated images, as many test images of ${dataset}, features of ${distance.classifier.model}`,
        ]),
  ];
  return `${lines.join('\n')}\n`;
}
