// `ohmic pareto`: a trained network on variants of one hardware, accuracy against energy. Evaluations are kept in the folder,
// so the same command continues.

import { join } from 'node:path';
import { throwFaults, UsageError } from '../base/errors.ts';
import type { Json } from '../base/schema.ts';
import { bottomUp14 } from '../cost/published-costs.ts';
import type { HardwareSpec, ReadMode } from '../crossbar/hardware.ts';
import { checkHardware } from '../crossbar/hardware-schema.ts';
import { checkNetworkCost, networkCost } from '../experiment/network-cost.ts';
import {
  PARETO_FORMAT,
  type ParetoPoint,
  type ParetoRecord,
  replicasOf,
  type Sweep,
  type Variant,
  variantsOf,
} from '../experiment/pareto-record.ts';
import { imageTask } from '../experiment/subject.ts';
import { jsonText } from '../report/json.ts';
import { paretoCsv, paretoPage, paretoTable } from '../report/pareto-page.ts';
import { networkOfWeights } from '../train/trained-network.ts';
import { commandLine } from './command-line.ts';
import { costFromFlag } from './cost-flag.ts';
import { evaluateInFolder, type LabelledNetwork, type MeasuredNetworks } from './evaluate-stage.ts';
import {
  checkMeasurement,
  commonDataset,
  digestsOf,
  type Measurement,
  type MeasurementFlags,
  readNetworks,
  refusePairs,
  traineesOf,
} from './evaluation-flags.ts';
import { writeWhole } from './files.ts';
import { interruptible } from './interruption.ts';
import { loadDataFor } from './load-data.ts';
import { print } from './print.ts';
import type { Progress } from './progress.ts';
import { enterRunFolder, storedSettings } from './run-folder.ts';
import { keepBackend } from './train-command.ts';
import { parseList, parseTime } from './values.ts';
import { machineOf, type Workplace, withWorkplace } from './workplace.ts';

/** Flags of `ohmic pareto`, as typed. */
export type ParetoFlags = MeasurementFlags & {
  readonly weights: string;
  readonly time: string;
  readonly method: string;
  readonly cost?: string;
  readonly adcBits?: string;
  readonly tileSizes?: string;
  readonly readModes?: string;
  readonly copies?: string;
};

/** Evaluates the variants as the flags say, and leaves record, table and page in the folder. */
export async function paretoCommand(flags: ParetoFlags, progress: Progress): Promise<void> {
  const { out, resume = false, json = false } = flags;
  const measurement = checkMeasurement('pareto', flags, (attempt) => {
    const time = attempt(() => parseTime(flags.time, '--time'));
    return { methods: [flags.method], ...(time === undefined ? {} : { timesSeconds: [time] }) };
  });
  const { evaluation, hardware, seed, trainImages } = measurement;
  const variants = variantsOf(hardware, sweepFrom(flags)).map((variant) => ({
    ...variant,
    hardware: checkHardware(variant.hardware),
  }));
  const cost = flags.cost === undefined ? bottomUp14 : costFromFlag(flags.cost);
  const networks = await readNetworks([flags.weights]);
  refusePairs('pareto', [flags.weights], networks);
  const labelled = networks[0]!;
  if (labelled.trained.provenance.text !== undefined)
    throw new UsageError(
      `pareto: --weights: ${flags.weights}: expected a network for images, got one for texts; use ohmic evaluate --cost`,
    );
  const dataset = commonDataset('pareto', networks, flags.dataset);
  const stored = resume ? storedSettings(out) : undefined;
  const { backend } = keepBackend({ backend: measurement.backend }, stored) as Pick<Measurement, 'backend'>;
  await withWorkplace({ ...flags, backend, progress }, async (place) => {
    const { testImages } = evaluation;
    const data = await loadDataFor(
      traineesOf(networks),
      { dataset, trainImages, testImages },
      { folder: flags.data, progress },
    );
    const common: Omit<MeasuredNetworks, 'hardware'> = {
      folder: out,
      data,
      networkOf: (trained) => networkOfWeights(trained, imageTask(data)),
      evaluation,
      seed,
    };
    const network = common.networkOf(labelled.trained);
    for (const { hardware: own, copies } of variants)
      checkNetworkCost({ network, hardware: own, cost, replicas: replicasOf(copies) });
    const weights = await digestsOf([flags.weights]);
    const settings = { weights, dataset, trainImages, hardware, variants, cost, evaluation, seed };
    enterRunFolder(out, { ...settings, backend: place.engine.backend.name } as unknown as Json, { resume });
    const measured = await interruptible(`${commandLine()} --resume`, (signal) =>
      measureVariants({ common, labelled, cost, place, signal }, variants),
    );
    const record: ParetoRecord = {
      format: PARETO_FORMAT,
      title: `${network.name} on ${hardware.name}`,
      ohmic: place.version,
      command: commandLine(),
      machine: machineOf(place),
      seed,
      dataset,
      testImages: testImages ?? data.test.count,
      network: network.name,
      digitalAccuracy: measured.digitalAccuracy,
      timeSeconds: evaluation.timesSeconds[0]!,
      method: evaluation.methods[0]!,
      chips: evaluation.chips,
      points: measured.points,
    };
    writeWhole(join(out, 'pareto.json'), `${jsonText(record)}\n`);
    writeWhole(join(out, 'pareto.csv'), paretoCsv(record));
    writeWhole(join(out, 'pareto.html'), paretoPage(record));
    if (json) process.stdout.write(`${jsonText(record)}\n`);
    else print(`${paretoTable(record)}\nreport: ${join(out, 'pareto.html')}\n`);
  });
}

type Measuring = {
  readonly common: Omit<MeasuredNetworks, 'hardware'>;
  readonly labelled: LabelledNetwork;
  readonly cost: ReturnType<typeof costFromFlag>;
  readonly place: Workplace;
  readonly signal: AbortSignal;
};

async function measureVariants(
  { common, labelled, cost, place, signal }: Measuring,
  variants: readonly Variant[],
): Promise<{ readonly points: ParetoPoint[]; readonly digitalAccuracy: number }> {
  const points: ParetoPoint[] = [];
  let digitalAccuracy = 0;
  for (const { name, hardware, copies } of variants) {
    // Copies change no accuracy; the evaluation of the same hardware is in the folder already.
    const measured = { ...common, hardware };
    const [result] = await evaluateInFolder(
      measured,
      [{ ...labelled, label: nameOf(labelled, hardware) }],
      place,
      signal,
    );
    const { accuracies, mean, interval95 } = result!.deployed[0]!;
    digitalAccuracy = result!.digitalAccuracy;
    const estimate = await networkCost({
      engine: place.engine,
      network: common.networkOf(labelled.trained),
      trained: labelled.trained,
      data: common.data,
      hardware,
      evaluation: common.evaluation,
      seed: common.seed,
      cost,
      replicas: replicasOf(copies),
    });
    const accuracy = { accuracies, mean, ...(interval95 && { interval95 }) };
    points.push({ name, hardware, copies, accuracy, cost: estimate });
  }
  return { points, digitalAccuracy };
}

function nameOf({ label }: LabelledNetwork, { name }: HardwareSpec): string {
  return `${label} on ${name}`;
}

/** Largest value to vary: more copies or rows than any chip has. */
const MOST = 1_000_000;

/** The values to vary. Throws UsageError that lists all that can't be read. */
function sweepFrom({ adcBits, tileSizes, readModes, copies }: ParetoFlags): Sweep {
  const faults: string[] = [];
  const partsOf = (flag: string, text: string | undefined): string[] | undefined => {
    const parts = text === undefined ? undefined : parseList(text);
    if (parts?.length === 0) faults.push(`${flag}: expected at least one value, got none; leave it out`);
    return parts;
  };
  const counts = (flag: string, text: string | undefined): number[] | undefined =>
    partsOf(flag, text)?.map((part) => {
      const value = Number(part);
      if (!(Number.isInteger(value) && value >= 1 && value <= MOST))
        faults.push(
          `${flag}: expected whole numbers from 1 to ${MOST}, got "${part}"; write for example 4,6,8`,
        );
      return value;
    });
  const known: readonly ReadMode['kind'][] = ['one-phase', 'four-phase'];
  const modes = partsOf('--read-modes', readModes)?.flatMap((part) => {
    const mode = known.find((one) => one === part);
    if (mode === undefined) faults.push(`--read-modes: expected ${known.join(' or ')}, got "${part}"`);
    return mode ?? [];
  });
  const sweep = {
    adcBits: counts('--adc-bits', adcBits),
    tileSizes: counts('--tile-sizes', tileSizes),
    readModes: modes,
    copies: counts('--copies', copies),
  };
  throwFaults('pareto', faults);
  return sweep;
}
