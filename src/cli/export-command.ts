// `ohmic export`: a network as an ONNX file, as it was trained or as a chip was read at some time.

import { resolve } from 'node:path';
import { UsageError } from '../base/errors.ts';
import type { Parameters } from '../base/parameters.ts';
import type { Seconds } from '../base/units.ts';
import type { HardwareSpec } from '../crossbar/hardware.ts';
import { type DeploymentOptions, deploy } from '../experiment/deploy.ts';
import type { EvaluationSettings } from '../experiment/evaluation-settings.ts';
import { characterTask } from '../experiment/subject.ts';
import { exportOnnx } from '../interop/onnx/export-onnx.ts';
import { networkFromDescription } from '../interop/onnx/import-onnx.ts';
import type { Network } from '../nn/network.ts';
import { checkParameters, type TrainedNetwork } from '../train/checkpoint.ts';
import { networkOfWeights } from '../train/trained-network.ts';
import { textOf } from './evaluate-text.ts';
import {
  checkMeasurement,
  commonDataset,
  type MeasurementFlags,
  readNetworks,
  refusePairs,
  traineesOf,
} from './evaluation-flags.ts';
import { writeWhole } from './files.ts';
import { loadDataFor } from './load-data.ts';
import { networkOfTrained, taskOfSet } from './named-network.ts';
import { print } from './print.ts';
import type { Progress } from './progress.ts';
import { isImagesName } from './settings-schema.ts';
import { parseTime } from './values.ts';
import { ohmicVersion } from './version.ts';
import { withWorkplace } from './workplace.ts';

/** Flags of `ohmic export`, as typed. */
export type ExportFlags = Omit<MeasurementFlags, 'hardware'> & {
  /** Absent: the network as it was trained. */
  readonly hardware?: string;
  readonly time: string;
  readonly method: string;
  /** Which chip, from 1. */
  readonly chip: number;
};

/** Writes a network, or a read of a chip, as an ONNX file. */
export async function exportCommand(file: string, flags: ExportFlags, progress: Progress): Promise<void> {
  const { out, hardware: onChip } = flags;
  if (out.endsWith('.safetensors') || resolve(out) === resolve(file))
    throw new UsageError(`export: --out: expected an ONNX file, as network.onnx, got "${out}"`);
  const [labelled] = await readNetworks([file]);
  const { trained } = labelled!;
  refusePairs('export', [file], [labelled!]);
  const network = exportedNetwork(file, trained, flags);
  checkParameters(file, network, trained.parameters);
  const write = (parameters: Parameters, what: string): void => {
    writeWhole(out, exportOnnx({ network, parameters, version: ohmicVersion() }));
    print(`${network.name}, ${what}: ${out}\n${inputsText(trained)}`);
  };
  if (onChip === undefined) {
    write(trained.parameters, 'as it was trained');
    return;
  }
  let timeSeconds: Seconds | undefined;
  const { evaluation, hardware, seed, backend, trainImages } = checkMeasurement(
    'export',
    { ...flags, hardware: onChip },
    (attempt) => {
      timeSeconds = attempt(() => parseTime(flags.time, '--time'));
      return { methods: [flags.method], ...(timeSeconds !== undefined && { timesSeconds: [timeSeconds] }) };
    },
  );
  const examples = async (): Promise<Pick<DeploymentOptions, 'data' | 'task'>> => {
    const { text: origin } = trained.provenance;
    if (origin !== undefined) {
      const { text } = await textOf('export', [labelled!], { asked: flags.dataset, folder: flags.data });
      return { task: characterTask(text, origin.context, network) };
    }
    const dataset = commonDataset('export', [labelled!], flags.dataset);
    const images = await loadDataFor(
      traineesOf([labelled!]),
      { dataset, trainImages },
      { folder: flags.data, progress },
    );
    const normalization = trained.provenance.normalization ?? images.normalization;
    return { data: { ...images, normalization } };
  };
  const measuredOn = await examples();
  await withWorkplace({ ...flags, backend, progress }, async ({ engine }) => {
    const deployment = await deploy({
      engine,
      network,
      parameters: trained.parameters,
      ...measuredOn,
      hardware,
      evaluation,
      seed,
    });
    try {
      const read = { chip: flags.chip - 1, timeSeconds: timeSeconds!, method: evaluation.methods[0]! };
      write(await deployment.parameters(read), readText(hardware, evaluation, flags));
    } finally {
      deployment.free();
    }
  });
}

/** The network of weights, without their images: named sets say their size. */
function exportedNetwork(
  file: string,
  trained: TrainedNetwork,
  { dataset: asked }: Pick<ExportFlags, 'dataset'>,
): Network {
  const { provenance, description } = trained;
  if (provenance.text !== undefined) {
    return networkOfTrained(trained, provenance.text.context);
  }
  if (description !== undefined && !isImagesName(asked ?? provenance.dataset)) {
    return networkFromDescription(file, description);
  }
  const dataset = commonDataset('export', [{ label: 'network', trained }], asked);
  return networkOfWeights(trained, taskOfSet(dataset, provenance.photos));
}

/** How a chip was read, for people. */
function readText(
  { name }: HardwareSpec,
  { methods: [method] }: EvaluationSettings,
  { chip, time }: ExportFlags,
): string {
  const how = method === 'none' ? 'without compensation' : `compensated by ${method}`;
  return `as chip ${chip} of ${name} is read ${time} after programming, ${how}, without converters`;
}

/** What the inputs must be, for people. */
function inputsText({ provenance: { normalization, text } }: TrainedNetwork): string {
  if (text !== undefined)
    return `tokens: ${text.context} numbers a window, the places of symbols in ${JSON.stringify(text.alphabet)}, from 0\n`;
  if (normalization === undefined) return '';
  const list = (values: readonly number[]): string => values.map((value) => value.toFixed(4)).join(', ');
  return `images: pixels from 0 to 1, minus ${list(normalization.mean)}, over ${list(normalization.std)}\n`;
}
