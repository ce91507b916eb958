// `ohmic sweep --dry-run`: what a sweep would do, and how long it would take. Computes nothing but a short measurement.

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Table } from '../fleet/table.ts';
import type { BackendChoice } from '../node/backend-choice.ts';
import { createEngine } from '../node/create-engine.ts';
import { folderStorage } from '../node/folder-storage.ts';
import { gridSize } from '../sweep/expand.ts';
import { measureWorks } from '../sweep/measure.ts';
import { weightsOf } from '../sweep/perform.ts';
import type { EvaluationWork, TrainingWork } from '../sweep/works.ts';
import { loadNamedData } from './load-data.ts';
import { formatDuration, type Progress } from './progress.ts';
import { type ReadSweep, tablePath } from './sweep-files.ts';
import type { SweepFlags } from './sweep-flags.ts';
import { openSweep } from './sweep-open.ts';

/** Prints what a sweep has to do, and an estimate of its time. Throws what opening a sweep throws. */
export async function dryRun(
  sweep: ReadSweep,
  folder: string,
  flags: SweepFlags,
  progress: Progress,
): Promise<void> {
  const isBegun = existsSync(tablePath(folder));
  const place = isBegun ? folder : mkdtempSync(join(tmpdir(), 'ohmic-sweep-'));
  try {
    const table = await openSweep(sweep, place, { flags, progress, store: place });
    try {
      const expansion = expansionOf(sweep, table);
      const seconds = await estimate(table, place, flags, progress);
      if (flags.json === true) process.stdout.write(`${JSON.stringify({ ...expansion, ...seconds })}\n`);
      else process.stdout.write(expansionText(expansion, seconds, isBegun ? folder : undefined));
    } finally {
      table.close();
    }
  } finally {
    if (!isBegun) rmSync(place, { recursive: true, force: true });
  }
}

type Expansion = {
  readonly grid: number;
  readonly points: number;
  readonly trainings: number;
  readonly trainingsDone: number;
  readonly evaluations: number;
  readonly chips: number;
  readonly chipsDone: number;
};

function expansionOf({ file }: ReadSweep, table: Table): Expansion {
  const { trainings, trainingsDone, chips, chipsDone } = table.counts();
  return {
    grid: gridSize(file),
    points: table.pointCount(),
    trainings,
    trainingsDone,
    evaluations: [...table.works('evaluation')].length,
    chips,
    chipsDone,
  };
}

type Seconds = { readonly seconds: number; readonly workers: number; readonly measured: string };

/** The time for what is left, from works that are done, or from a measurement of the first. */
async function estimate(
  table: Table,
  folder: string,
  flags: SweepFlags,
  progress: Progress,
): Promise<Seconds> {
  const workers = flags.workers ?? Math.max(1, Math.floor(availableParallelism() / (flags.threads ?? 1)));
  const { trainings, trainingsDone, chips, chipsDone, trainingSeconds, chipSeconds } = table.counts();
  const [left, chipsLeft] = [trainings - trainingsDone, chips - chipsDone];
  if ((left === 0 || trainingSeconds !== undefined) && (chipsLeft === 0 || chipSeconds !== undefined)) {
    const seconds = (left * (trainingSeconds ?? 0) + chipsLeft * (chipSeconds ?? 0)) / workers;
    return { seconds, workers, measured: 'works that are done' };
  }
  const all = [...table.works('training')].map(({ content }) => JSON.parse(content) as TrainingWork);
  const [first] = table.works('evaluation');
  const evaluation = first === undefined ? undefined : (JSON.parse(first.content) as EvaluationWork);
  const [training] = all.toReversed();
  const work = (training ?? evaluation)!;
  progress.line('measuring some steps of a training and one chip');
  const data = await loadNamedData(work.data, { folder: flags.data, progress });
  const model =
    training?.model ?? (await weightsOf(folderStorage(folder), evaluation!.weights)).provenance.model;
  const { engine } = await createEngine({
    backend: work.backend as BackendChoice,
    threads: flags.threads ?? 1,
  });
  try {
    const clock = (): number => performance.now() / 1000;
    const {
      stepSeconds = 0,
      chipSeconds: each = 0,
      deploySeconds = 0,
    } = await measureWorks({
      engine,
      data,
      model,
      training,
      evaluation,
      clock,
    });
    const steps = all.reduce(
      (sum, { settings, data: { trainImages = data.train.count } }) =>
        sum + settings.epochs * Math.floor(trainImages / settings.batchSize),
      0,
    );
    const deployments = [...table.works('evaluation')].length;
    const share = trainings === 0 ? 0 : left / trainings;
    return {
      seconds: (share * steps * stepSeconds + chipsLeft * each + deployments * deploySeconds) / workers,
      workers,
      measured: 'some steps and one chip',
    };
  } finally {
    await engine.close();
  }
}

function expansionText(
  all: Expansion,
  { seconds, workers, measured }: Seconds,
  folder: string | undefined,
): string {
  const { grid, points, trainings, trainingsDone, evaluations, chips, chipsDone } = all;
  const done = (count: number): string =>
    folder === undefined ? '' : `, ${count} of them done in ${folder}`;
  return [
    `points        ${points}${grid === points ? '' : ` of ${grid}; the others are left out by \`where\``}`,
    `trainings     ${trainings}${done(trainingsDone)}`,
    `deployments   ${evaluations}`,
    `chips         ${chips}${done(chipsDone)}`,
    `time          about ${formatDuration(seconds)} with ${workers} ${workers === 1 ? 'worker' : 'workers'}, from ${measured}`,
    '',
  ].join('\n');
}
