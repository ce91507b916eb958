// `ohmic import model.onnx`: a network of an ONNX file as a weights file of ohmic, which carries the network itself, tested on
// a data set if one is named.

import { readFileSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { throwFaults, UsageError } from '../base/errors.ts';
import type { Parameters } from '../base/parameters.ts';
import { formatShape } from '../base/shape.ts';
import { unknownName } from '../base/suggest.ts';
import type { DataSplit, LabelledImages, Normalization } from '../data/image-set.ts';
import { restoreStatistics } from '../experiment/restore-normalization.ts';
import { imageTask, photoOrigin } from '../experiment/subject.ts';
import { TRAINING_FILES } from '../experiment/train-stage.ts';
import { resembledFormat } from '../interop/file-format.ts';
import { type ImportedOnnx, importOnnx } from '../interop/onnx/import-onnx.ts';
import type { OnnxInputOptions } from '../interop/onnx/inputs.ts';
import { countAnalogWeights, type Network } from '../nn/network.ts';
import { jsonText } from '../report/json.ts';
import { encodeWeights, type TrainedNetwork } from '../train/checkpoint.ts';
import { classification } from '../train/classification.ts';
import type { PhotoOrigin } from '../train/provenance.ts';
import { digitalScore } from '../train/score.ts';
import { classifierFaults } from '../train/trained-network.ts';
import { writeWhole } from './files.ts';
import type { ImportFlags } from './import-flags.ts';
import { photosFromFlags } from './import-flags.ts';
import { loadData } from './load-data.ts';
import { normalizationFromFlag } from './normalization-flag.ts';
import { print } from './print.ts';
import type { Progress } from './progress.ts';
import { holdsRun } from './run-folder.ts';
import { type ImagesName, imagesNames, isImagesName, type PhotoSettings } from './settings-schema.ts';
import { backendChoice, countOrText, numberOrText, parseList } from './values.ts';
import { type Workplace, withWorkplace } from './workplace.ts';

/** True for the bytes of an ONNX file. */
export function isOnnxFile(file: string, bytes: Uint8Array): boolean {
  return extname(file).toLowerCase() === '.onnx' || (resembledFormat(bytes)?.what.includes('ONNX') ?? false);
}

/** What `--dataset` provenance says of a network that was not tested. */
const NO_DATASET = 'none';

/** Imports a network, writes it, and prints its accuracy on the test images last. */
export async function importOnnxCommand(
  file: string,
  bytes: Uint8Array,
  flags: ImportFlags,
  progress: Progress,
): Promise<void> {
  const { dataset, photos, testImages, inputs } = checkFlags(flags);
  const backend = backendChoice(flags.backend ?? 'auto');
  const out = outputFile(flags.out);
  await withWorkplace({ ...flags, backend, progress }, async (place) => {
    const images =
      dataset && (await loadData({ dataset, photos, testImages }, { folder: flags.data, progress }));
    const imported = await importOnnx(bytes, {
      name: basename(file, extname(file)),
      readFile: async (name) => readFileBeside(file, name),
      inputs,
      ...(images !== undefined && { images: imageTask(images).inputShape }),
      restoreNormalization: images !== undefined,
    });
    const normalization = images && normalizationFromFlag(flags.normalization, images.normalization);
    if (images === undefined || normalization === undefined || dataset === undefined) {
      writeWhole(
        out,
        await encodeWeights(stored({ file, imported, parameters: imported.parameters, place })),
      );
      printResult(flags, { file, out, imported });
      return;
    }
    throwFaults(file, classifierFaults(imported.network, imageTask(images)));
    const { parameters, accuracy } = await tested({ imported, images, normalization, place });
    const origin = { dataset, normalization, ...photoOrigin(images) };
    writeWhole(out, await encodeWeights(stored({ file, imported, parameters, place, ...origin })));
    printResult(flags, { file, out, imported, dataset, accuracy, testImages: images.test.count });
    if (accuracy < 2 / images.train.classNames.length)
      progress.line(
        'note: that is little better than chance; compare --normalization and the order of the classes with where the network comes from',
      );
  });
}

type Checked = {
  readonly dataset: ImagesName | undefined;
  readonly photos: PhotoSettings | undefined;
  readonly testImages: number | undefined;
  readonly inputs: Record<string, OnnxInputOptions>;
};

function checkFlags(flags: ImportFlags): Checked {
  const { dataset, testImages, model, map } = flags;
  const count = testImages === undefined ? undefined : countOrText(testImages);
  const { photos, faults: sizes } = photosFromFlags(flags);
  const faults = [
    ...sizes,
    ...(model === undefined ? [] : ['--model: an ONNX file has its network in it; leave it out']),
    ...(map === undefined ? [] : ['--map: an ONNX file needs none; leave it out']),
    ...(dataset === undefined || isImagesName(dataset)
      ? []
      : [`--dataset: ${unknownName(dataset, imagesNames)}`]),
    ...(count === undefined || (Number.isInteger(count) && Number(count) > 0)
      ? []
      : [`--test-images: expected a whole number from 1, got "${testImages}"`]),
  ];
  const inputs: Record<string, OnnxInputOptions> = {};
  const collect = (flag: string, texts: readonly string[], field: 'shape' | 'value'): void => {
    for (const text of texts) {
      const at = text.lastIndexOf('=');
      const numbers = parseList(text.slice(at + 1)).map(numberOrText);
      const isFit = at > 0 && numbers.length > 0 && numbers.every((one) => typeof one === 'number');
      if (!isFit) faults.push(`${flag}: expected NAME=NUMBERS, as audio=512, got "${text}"`);
      else {
        const value = field === 'value' && numbers.length === 1 ? numbers[0]! : numbers;
        inputs[text.slice(0, at)] = { ...inputs[text.slice(0, at)], [field]: value } as OnnxInputOptions;
      }
    }
  };
  const folder = dirname(outputFile(flags.out));
  if (holdsRun(folder))
    faults.push(`--out: expected a folder of its own, ${folder} holds a run, whose weights would be lost`);
  collect('--input-shape', flags.inputShape ?? [], 'shape');
  collect('--input-value', flags.inputValue ?? [], 'value');
  throwFaults('import', faults);
  return {
    dataset: dataset as ImagesName | undefined,
    photos,
    testImages: count as number | undefined,
    inputs,
  };
}

/** A file of weights: the one that is named, or the usual one in a folder. */
function outputFile(out: string): string {
  return out.endsWith('.safetensors') ? out : join(out, TRAINING_FILES.weights);
}

function readFileBeside(file: string, name: string): Uint8Array {
  const path = resolve(dirname(file), name);
  try {
    return readFileSync(path);
  } catch {
    throw new UsageError(`its weights are in ${path}, which can't be read; put the file beside it`);
  }
}

type Stored = {
  readonly file: string;
  readonly imported: ImportedOnnx;
  readonly parameters: Parameters;
  readonly place: Workplace;
  readonly dataset?: string;
  readonly normalization?: Normalization;
  readonly photos?: PhotoOrigin;
};

/** A network with its weights, and where they come from. */
function stored({
  file,
  imported,
  parameters,
  place,
  dataset = NO_DATASET,
  normalization,
  photos,
}: Stored): TrainedNetwork {
  const { network, digest } = imported;
  return {
    parameters,
    description: network.description,
    provenance: {
      ohmic: place.version,
      model: network.name,
      dataset,
      ...(normalization !== undefined && { normalization }),
      ...(photos !== undefined && { photos }),
      external: { file: basename(file), sha256: digest },
      seed: 0,
      backend: place.engine.backend.description,
      history: [],
    },
  };
}

type Tested = {
  readonly imported: ImportedOnnx;
  readonly images: DataSplit<LabelledImages>;
  readonly normalization: Normalization;
  readonly place: Workplace;
};

/** Measures the statistics of restored normalisations, and the accuracy with them. */
async function tested({ imported, images, normalization, place }: Tested): Promise<{
  readonly parameters: Parameters;
  readonly accuracy: number;
}> {
  const { network, restored } = imported;
  const { engine } = place;
  const task = classification({ ...images, normalization });
  const parameters = await restoreStatistics({
    engine,
    network,
    parameters: imported.parameters,
    task,
    layers: restored,
  });
  return { parameters, accuracy: await digitalScore({ engine, network, parameters, task }) };
}

type Result = {
  readonly file: string;
  readonly out: string;
  readonly imported: ImportedOnnx;
  readonly dataset?: string | undefined;
  readonly accuracy?: number;
  readonly testImages?: number;
};

function printResult({ json = false }: ImportFlags, result: Result): void {
  if (json) process.stdout.write(`${jsonText(summaryOf(result))}\n`);
  else print(textOf(result));
}

function summaryOf({ file, out, imported, dataset, accuracy, testImages }: Result): object {
  const { network, digest, producer, opset, restored } = imported;
  const { inputs, outputs, layers } = network;
  return {
    file,
    sha256: digest,
    producer,
    opset,
    model: network.name,
    inputs,
    outputs,
    layers,
    restored,
    out,
    ...(accuracy !== undefined && { dataset, testImages, digitalAccuracy: accuracy }),
  };
}

function textOf({ file, out, imported, dataset, accuracy, testImages }: Result): string {
  const { network, producer, opset, restored } = imported;
  const shapesOf = (shapes: Network['inputs']): string =>
    Object.entries(shapes)
      .map(([name, shape]) => `${name} ${formatShape(shape)}`)
      .join(', ');
  const { length } = network.normalizationLayers;
  const kept = restored.length > 0 ? `, ${restored.length} of them restored from biases` : '';
  const lines = [
    `${file}: operators of version ${opset}${producer === '' ? '' : `, written by ${producer}`}`,
    `inputs: ${shapesOf(network.inputs)}; outputs: ${shapesOf(network.outputs)}`,
    `${network.layers.length} layers with ${countAnalogWeights(network)} weights, ${length} batch normalisations${kept}`,
    `weights: ${out}`,
    accuracy === undefined
      ? 'not tested; name a data set to test it (--dataset)'
      : `digital accuracy on ${testImages} test images of ${dataset}: ${(100 * accuracy).toFixed(2)} %`,
  ];
  return `${lines.join('\n')}\n`;
}
