// Twins that generate images: what their images are worth, by the Fréchet distance in the features of a classifier that is
// trained beside them, and pictures of them.

import { join } from 'node:path';
import type { NamedSetName } from '../data/named-sets.ts';
import { generateSamples, sampleDistance } from '../experiment/generated-images.ts';
import { imageSubject, imageTask } from '../experiment/subject.ts';
import type { Network } from '../nn/network.ts';
import { networkByName } from '../nn/networks.ts';
import { sampleGrid } from '../report/png.ts';
import type { TrainedNetwork } from '../train/checkpoint.ts';
import { samplePixels } from '../train/gan.ts';
import { writeWhole } from './files.ts';
import { loadNamedData } from './load-data.ts';
import { PICTURE } from './sample-picture.ts';
import { trainInFolder } from './train-stage.ts';
import type { TwinPart } from './twins-schema.ts';
import type { Workplace } from './workplace.ts';

/** Scores the generator of a trained pair and draws its images to a file. */
export type ImageJudge = (trained: TrainedNetwork, picture: string, seed: number) => Promise<number>;

/**
 * Trains the classifier of a part in the folder `classifier`, or reads it there, and returns what judges pairs; undefined if
 * the part has none.
 */
export async function imageJudge(
  { data: { dataset, trainImages, testImages }, classifier, seeds }: TwinPart,
  network: Network,
  {
    folder,
    data: dataFolder,
    place,
    signal,
  }: {
    readonly folder: string;
    readonly data: string | undefined;
    readonly place: Workplace;
    readonly signal: AbortSignal;
  },
): Promise<ImageJudge | undefined> {
  if (classifier === undefined) return undefined;
  const { engine, progress } = place;
  const name = dataset as NamedSetName;
  const data = await loadNamedData(
    { dataset: name, trainImages, testImages },
    { folder: dataFolder, progress },
  );
  const judge = networkByName(classifier.model, imageTask(data));
  const { parameters } = await trainInFolder(
    {
      subject: imageSubject({ network: judge, dataset: name, data }),
      settings: classifier.training,
      label: 'the classifier',
      folder: join(folder, 'classifier'),
      seed: seeds[0]!,
    },
    place,
    signal,
  );
  return async (trained, picture, seed) => {
    const samples = await generateSamples({
      engine,
      network,
      parameters: trained.parameters,
      count: data.test.count,
      seed,
    });
    const [height, width, channels] = network.inputs['samples'] as readonly [number, number, 1 | 3];
    const size = height * width * channels;
    const pixels = samplePixels(samples.subarray(0, PICTURE.count * size));
    writeWhole(picture, await sampleGrid({ height, width, channels, pixels }, PICTURE.columns));
    return sampleDistance({ engine, classifier: { network: judge, parameters }, data, samples });
  };
}
