// `ohmic import`: weights that another program trained, as a weights file of ohmic, tested on a data set.

import { basename, resolve } from 'node:path';
import { throwFaults } from '../base/errors.ts';
import { unknownName } from '../base/suggest.ts';
import type { DataSplit, LabelledImages } from '../data/image-set.ts';
import { imageTask, photoOrigin } from '../experiment/subject.ts';
import { type ImportedWeights, importWeights } from '../interop/import-weights.ts';
import type { ImageShape } from '../interop/layout.ts';
import { parseNameMap } from '../interop/name-map.ts';
import { countReasons } from '../interop/state-dict.ts';
import type { Network } from '../nn/network.ts';
import { networkByName, networkNames } from '../nn/networks.ts';
import type { BackendChoice } from '../node/backend-choice.ts';
import { jsonText } from '../report/json.ts';
import { encodeWeights } from '../train/checkpoint.ts';
import { classification } from '../train/classification.ts';
import type { Provenance } from '../train/provenance.ts';
import { digitalScore } from '../train/score.ts';
import { readBytes, writeWhole } from './files.ts';
import type { ImportFlags } from './import-flags.ts';
import { photosFromFlags } from './import-flags.ts';
import { importOnnxCommand, isOnnxFile } from './import-onnx-command.ts';
import { loadData } from './load-data.ts';
import { normalizationFromFlag } from './normalization-flag.ts';
import { print } from './print.ts';
import type { Progress } from './progress.ts';
import { type ImagesName, imagesNames, isImagesName, type PhotoSettings } from './settings-schema.ts';
import { backendChoice, countOrText } from './values.ts';
import { type Workplace, withWorkplace } from './workplace.ts';

/**
 * Imports the weights of a file, writes them as a weights file of ohmic, and prints their accuracy on the test images.
 */
export async function importCommand(file: string, flags: ImportFlags, progress: Progress): Promise<void> {
  const bytes = readBytes(file);
  if (isOnnxFile(file, bytes)) {
    await importOnnxCommand(file, bytes, flags, progress);
    return;
  }
  const { model, dataset, photos, testImages, backend } = checkFlags(file, flags);
  const { out, map, layout, json = false } = flags;
  await withWorkplace({ ...flags, backend, progress }, async (place) => {
    const images = await loadData({ dataset, photos, testImages }, { folder: flags.data, progress });
    const normalization = normalizationFromFlag(flags.normalization, images.normalization);
    const network = networkByName(model, imageTask(images));
    const imported = await importWeights({
      file,
      bytes,
      parameters: network.parameters,
      layers: network.layers,
      layout,
      flattened: flattenedImages(network, images),
      ...(map === undefined ? {} : { map: parseNameMap(map, new TextDecoder().decode(readBytes(map))) }),
    });
    throwFaults(`${file}: not the weights of a network`, imported.nonFinite);
    const provenance = provenanceOf({ file, network, dataset, digest: imported.digest, place });
    const { parameters } = imported;
    writeWhole(
      out,
      await encodeWeights({
        parameters,
        provenance: { ...provenance, ...photoOrigin(images), normalization },
      }),
    );
    const accuracy = await digitalScore({
      engine: place.engine,
      network,
      parameters,
      task: classification({ ...images, normalization }),
    });
    const result: Imported = {
      file,
      out,
      network,
      dataset,
      imported,
      accuracy,
      testImages: images.test.count,
    };
    if (json) process.stdout.write(`${jsonText(summaryOf(result))}\n`);
    else print(textOf(result));
    if (accuracy < 2 / images.train.classNames.length)
      progress.line(
        'note: that is little better than chance; compare --normalization, --layout and the order of the classes with where the weights come from',
      );
  });
}

type Checked = {
  readonly model: string;
  readonly dataset: ImagesName;
  readonly photos: PhotoSettings | undefined;
  readonly testImages: number | undefined;
  readonly backend: BackendChoice;
};

function checkFlags(file: string, flags: ImportFlags): Checked {
  const { model = '', dataset = '', out, backend = 'auto', testImages, inputShape, inputValue } = flags;
  const count = testImages === undefined ? undefined : countOrText(testImages);
  const { photos: size, faults } = photosFromFlags(flags);
  const isKnown = isImagesName(dataset);
  throwFaults('import', [
    ...faults,
    ...(inputShape === undefined && inputValue === undefined
      ? []
      : ['--input-shape, --input-value: of ONNX files only; leave them out']),
    ...(networkNames.some((known) => known === model)
      ? []
      : [`--model: ${unknownName(model, networkNames)}`]),
    ...(isKnown ? [] : [`--dataset: ${unknownName(dataset, imagesNames)}`]),
    ...(count === undefined || (Number.isInteger(count) && Number(count) > 0)
      ? []
      : [`--test-images: expected a whole number from 1, got "${testImages}"`]),
    ...(resolve(out) === resolve(file)
      ? [`--out: expected another file than the weights, got "${out}"`]
      : []),
  ]);
  return {
    model,
    dataset: dataset as ImagesName,
    photos: size,
    testImages: count as number | undefined,
    backend: backendChoice(backend),
  };
}

/**
 * Dense layers that follow the flattening of an image, and its size. The networks by name flatten once, square images,
 * before their first dense layer, unless they average them away.
 */
function flattenedImages(
  { name, layers }: Network,
  { train: { height, width, channels } }: DataSplit<LabelledImages>,
): Record<string, ImageShape> {
  const first = layers.find(({ kind }) => kind === 'dense')!;
  if (name === 'mlp') return { [first.name]: [height, width, channels] };
  if (name !== 'lenet5') return {};
  const maps = layers.findLast(({ kind }) => kind === 'convolution')!.shape.at(-1)!;
  const side = Math.sqrt(first.shape[0]! / maps);
  return { [first.name]: [side, side, maps] };
}

function provenanceOf({
  file,
  network,
  dataset,
  digest,
  place,
}: {
  readonly file: string;
  readonly network: Network;
  readonly dataset: string;
  readonly digest: string;
  readonly place: Workplace;
}): Provenance {
  return {
    ohmic: place.version,
    model: network.name,
    dataset,
    external: { file: basename(file), sha256: digest },
    seed: 0,
    backend: place.engine.backend.description,
    history: [],
  };
}

type Imported = {
  readonly file: string;
  readonly out: string;
  readonly network: Network;
  readonly dataset: string;
  readonly imported: ImportedWeights;
  readonly accuracy: number;
  readonly testImages: number;
};

function summaryOf({ file, out, network, dataset, imported, accuracy, testImages }: Imported): object {
  const { digest, matches, unused } = imported;
  return {
    file,
    sha256: digest,
    model: network.name,
    matches,
    unused,
    out,
    dataset,
    testImages,
    digitalAccuracy: accuracy,
  };
}

function textOf({ file, out, network, dataset, imported, accuracy, testImages }: Imported): string {
  const { matches, unused } = imported;
  const lines = [
    `${network.name}: ${matches.length} parameters of ${file}, ${countReasons(matches)}`,
    ...(unused.length === 0 ? [] : [`not used: ${unused.join(', ')}`]),
    `weights: ${out}`,
    `digital accuracy on ${testImages} test images of ${dataset}: ${(100 * accuracy).toFixed(2)} %`,
  ];
  return `${lines.join('\n')}\n`;
}
