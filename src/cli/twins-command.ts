// `ohmic twins`: trainings in the cells, each beside its twin in floating point, in one folder for each part.

import { join } from 'node:path';
import { throwFaults, UsageError } from '../base/errors.ts';
import { isTree } from '../base/merge.ts';
import { check, type Json } from '../base/schema.ts';
import { unknownName } from '../base/suggest.ts';
import { ideal } from '../crossbar/presets.ts';
import { cellStatistics } from '../experiment/cell-statistics.ts';
import { evaluationFaults, methodFaults } from '../experiment/evaluation-settings.ts';
import type { NetworkResult } from '../experiment/record.ts';
import { deviceOfRule } from '../experiment/trained-device.ts';
import { twinCost } from '../experiment/twin-cost.ts';
import {
  summarizeTwins,
  TWINS_FORMAT,
  type TwinPair,
  type TwinPicture,
  type TwinRecord,
  twinSettings,
} from '../experiment/twin-record.ts';
import { countAnalogWeights, countWeights } from '../nn/network.ts';
import { toJson } from '../report/json.ts';
import { twinsCsv } from '../report/twins-csv.ts';
import { twinsPage } from '../report/twins-page.ts';
import { twinsTable } from '../report/twins-table.ts';
import type { TrainedNetwork } from '../train/checkpoint.ts';
import type { ScoreWords } from '../train/provenance.ts';
import type { TrainingSettings } from '../train/settings.ts';
import { checkTrainSettings } from './check-settings.ts';
import { commandLine } from './command-line.ts';
import { evaluateInFolder } from './evaluate-stage.ts';
import { readSettingsFile, writeWhole } from './files.ts';
import { interruptible } from './interruption.ts';
import type { Progress } from './progress.ts';
import { createFolder, enterRunFolder, holdsRun } from './run-folder.ts';
import { withTwinFlags } from './run-set.ts';
import type { TrainSettings } from './settings-schema.ts';
import type { WorkFlags } from './train-command.ts';
import { trainInFolder } from './train-stage.ts';
import { type PreparedTraining, trainingKind } from './training-kinds.ts';
import { layerFaults } from './training-start.ts';
import { imageJudge } from './twins-images.ts';
import { type TwinPart, type TwinsSettings, twinsSchema } from './twins-schema.ts';
import { machineOf, type Workplace, withWorkplace } from './workplace.ts';

/** Flags of `ohmic twins`. */
export type TwinsFlags = WorkFlags & {
  readonly json?: boolean;
  readonly out?: string;
  /** Names of parts, separated by commas; absent: all. */
  readonly only?: string;
  /** Fields of these parts, as `path=value`. */
  readonly set?: readonly string[];
};

/** Trains the parts of a settings file; the same command again continues. */
export async function twinsCommand(file: string, flags: TwinsFlags, progress: Progress): Promise<void> {
  await runTwins(changedTwins(file, readSettingsFile(file), flags), flags, progress);
}

/** Settings of twins with the changes of flags, complete. Throws UsageError that lists all faults. */
export function changedTwins(where: string, raw: Json | undefined, flags: TwinsFlags): TwinsSettings {
  if (!isTree(raw) || !isTree(raw['parts'])) return checkTwinsSettings(where, raw);
  const asked = askedParts(raw['parts'], flags.only);
  return checkTwinsSettings(where, withTwinFlags(raw, asked, flags));
}

/** Settings of twins, complete: what a data set suggests included. Throws UsageError that lists all faults. */
export function checkTwinsSettings(where: string, raw: Json | undefined): TwinsSettings {
  if (!isTree(raw) || !isTree(raw['parts'])) return check(twinsSchema, where, raw);
  const parts = Object.entries(raw['parts']).map(([name, part]) => {
    if (!isTree(part)) return [name, part];
    const { data, model, training, classifier } = part;
    // The checks of a training lay its defaults; what is wrong with it is said with the place of the part.
    const { training: laid } = checkTrainSettings(`${where}: parts.${name}`, {
      data,
      model,
      training,
    } as Json);
    if (!isTree(classifier)) return [name, { ...part, training: laid }];
    const judge = checkTrainSettings(`${where}: parts.${name}.classifier`, { data, ...classifier } as Json);
    return [name, { ...part, training: laid, classifier: { model: judge.model, training: judge.training } }];
  });
  return check(twinsSchema, where, { ...raw, parts: Object.fromEntries(parts) });
}

/** True if settings are those of twins. */
export function areTwins(raw: Json | undefined): boolean {
  return isTree(raw) && raw['parts'] !== undefined;
}

/** Names of the parts that `--only` asks for, all by default. Throws UsageError for an unknown one. */
export function askedParts(parts: object, only: string | undefined): string[] {
  const names = Object.keys(parts);
  const asked = only === undefined ? names : only.split(',').map((name) => name.trim());
  const unknown = asked.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new UsageError(`twins: --only: ${unknownName(unknown, names)}`);
  return asked;
}

/** Trains and reports the parts, one after another. */
export async function runTwins(
  settings: TwinsSettings,
  flags: TwinsFlags,
  progress: Progress,
): Promise<void> {
  const asked = askedParts(settings.parts, flags.only);
  const out = flags.out ?? join('runs', settings.name);
  await withWorkplace({ ...flags, backend: settings.backend, progress }, async (place) => {
    await interruptible(commandLine(), async (signal) => {
      for (const name of asked) {
        const part = settings.parts[name]!;
        await trainPart({ name, part, settings, folder: join(out, name), flags, place, signal });
      }
    });
  });
}

type Part = {
  readonly name: string;
  readonly part: TwinPart;
  readonly settings: TwinsSettings;
  readonly folder: string;
  readonly flags: TwinsFlags;
  readonly place: Workplace;
  readonly signal: AbortSignal;
};

async function trainPart({ name, part, settings, folder, flags, place, signal }: Part): Promise<void> {
  const { data, model, training, seeds } = part;
  const trainSettings: TrainSettings = { data, model, seed: seeds[0]!, backend: settings.backend, training };
  const kind = trainingKind(trainSettings);
  throwFaults(`parts.${name}`, kind.faults(trainSettings));
  const prepared = await kind.prepare(trainSettings, { folder: flags.data, progress: place.progress });
  const { network } = prepared.subject;
  throwFaults(`parts.${name}`, layerFaults('training', training, network));
  const { afterwards } = part;
  if (afterwards !== undefined) {
    // Before hours of training.
    const { examples } = prepared.subject.task(prepared.settings);
    throwFaults(`parts.${name}.afterwards`, [
      ...evaluationFaults(afterwards, examples),
      ...methodFaults(afterwards, network),
    ]);
  }
  createFolder(folder);
  enterRunFolder(folder, { ...part, backend: place.engine.backend.name } as unknown as Json, {
    resume: holdsRun(folder),
    complete: (stored) => stored,
  });
  const { dataset, examples } = prepared.subject;
  place.progress.line(
    `${name}: ${network.name} on ${dataset} (${examples.size}), ${seeds.length} seeds, in ${folder}`,
  );
  const judge = await imageJudge(part, network, { folder, data: flags.data, place, signal });
  const pairs: TwinPair[] = [];
  const inCells: TrainedNetwork[] = [];
  for (const seed of seeds) {
    const train = (label: string, own: TrainingSettings): Promise<TrainedNetwork> =>
      trainInFolder(
        {
          ...prepared,
          settings: own,
          label: `${name}, seed ${seed}, ${label}`,
          folder: join(folder, `seed-${seed}`, label.replaceAll(' ', '-')),
          seed,
        },
        place,
        signal,
      );
    const float = await train('in floating point', twinSettings(prepared.settings));
    const cells = await train('in cells', prepared.settings);
    inCells.push(cells);
    const scored = async (trained: TrainedNetwork, label: string): Promise<TwinPair['inCells']> => ({
      history: trained.provenance.history,
      score:
        (await judge?.(trained, join(folder, pictureFile(seed, label)), seed)) ??
        trained.provenance.history.at(-1)!.testAccuracy!,
    });
    pairs.push({
      seed,
      inCells: await scored(cells, 'in cells'),
      inFloat: await scored(float, 'in floating point'),
    });
    // So far: an interruption later loses nothing.
    if (pairs.length < seeds.length)
      writeTwins(folder, recordOf({ name, part, prepared, pairs, inCells, place }));
  }
  const followed = await evaluateAfterwards({ part, prepared, folder, inCells, place, signal });
  const record = {
    ...recordOf({ name, part, prepared, pairs, inCells, place }),
    ...(followed && { afterwards: followed }),
  };
  const report = writeTwins(folder, record);
  process.stdout.write(
    flags.json === true ? `${JSON.stringify(record)}\n` : `${twinsTable(record)}\nreport: ${report}\n`,
  );
}

type Results = Pick<Part, 'name' | 'part' | 'place'> & {
  readonly prepared: PreparedTraining;
  readonly pairs: readonly TwinPair[];
  readonly inCells: readonly TrainedNetwork[];
};

function recordOf({ name, part, prepared, pairs, inCells, place }: Results): TwinRecord {
  const { network, dataset, score } = prepared.subject;
  const device = deviceOfRule(part.training.rule);
  const { trainCount } = prepared.subject.task(prepared.settings).examples;
  const cost = twinCost({ network, settings: prepared.settings, pairs, examples: trainCount });
  return {
    format: TWINS_FORMAT,
    title: `${name}: ${network.name} on ${dataset}, trained in the cells`,
    ohmic: place.version,
    command: commandLine(),
    machine: machineOf(place),
    dataset,
    network: {
      name: network.name,
      weights: countWeights(network),
      analogWeights: countAnalogWeights(network),
    },
    score:
      part.classifier === undefined
        ? {
            name: score.name,
            isShare: score.isShare ?? false,
            isBetter: score.isShare === true ? 'higher' : 'lower',
          }
        : { name: 'Fréchet distance', isShare: false, isBetter: 'lower' },
    ...(part.classifier !== undefined && { historyScore: wordsOf(score), pictures: picturesOf(pairs) }),
    settings: prepared.settings,
    ...summarizeTwins(pairs),
    ...(cost !== undefined && { cost }),
    ...(device !== undefined && {
      cells: cellStatistics(network.layers, inCells[0]!.parameters, device),
    }),
    ...(part.published !== undefined && { published: part.published }),
  };
}

function wordsOf({ name, isShare }: ScoreWords): ScoreWords {
  return { name, ...(isShare !== undefined && { isShare }) };
}

function picturesOf(pairs: readonly TwinPair[]): TwinPicture[] {
  return pairs.flatMap(({ seed }) =>
    (['in cells', 'in floating point'] as const).map((label) => ({
      label: `seed ${seed}, ${label}`,
      file: pictureFile(seed, label),
    })),
  );
}

function pictureFile(seed: number, label: string): string {
  return `seed-${seed}-${label.replaceAll(' ', '-')}.png`;
}

type Afterwards = Pick<Part, 'part' | 'folder' | 'place' | 'signal'> & Pick<Results, 'prepared' | 'inCells'>;

async function evaluateAfterwards({
  part: { afterwards, training, seeds },
  prepared: { subject, settings },
  folder,
  inCells,
  place,
  signal,
}: Afterwards): Promise<NetworkResult[] | undefined> {
  if (afterwards === undefined) return undefined;
  const networks = inCells.map((trained, k) => ({ label: `seed ${seeds[k]}`, trained }));
  const measured = {
    folder,
    networkOf: () => subject.network,
    task: subject.task(settings),
    hardware: training.hardware ?? ideal,
    evaluation: afterwards,
    seed: seeds[0]!,
  };
  const results = await evaluateInFolder(measured, networks, place, signal);
  // There is no experiment whose settings they would share.
  return results.map((result) => ({ evaluation: afterwards, ...result }));
}

/** Writes record.json, twins.csv and report.html; returns the report's path. */
function writeTwins(folder: string, record: TwinRecord): string {
  const report = join(folder, 'report.html');
  writeWhole(join(folder, 'record.json'), toJson(record));
  writeWhole(join(folder, 'twins.csv'), twinsCsv(record));
  writeWhole(report, twinsPage(record));
  return report;
}
