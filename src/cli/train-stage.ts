// A training stage in a folder, with its progress on the terminal. The stage itself is experiment/train-stage.ts.

import { basename, dirname, join } from 'node:path';
import {
  readWeights as readStoredWeights,
  TRAINING_FILES,
  type TrainStage,
  type TrainStageEvent,
  trainStage,
} from '../experiment/train-stage.ts';
import type { Network } from '../nn/network.ts';
import { folderStorage } from '../node/folder-storage.ts';
import type { TrainedNetwork } from '../train/checkpoint.ts';
import { type Score, scoreText } from '../train/task.ts';
import type { EpochRecord } from '../train/training-state.ts';
import { removeTemporaries } from './files.ts';
import { follow } from './follow.ts';
import { onTerminalEnd } from './interruption.ts';
import type { Task } from './progress.ts';
import { createFolder } from './run-folder.ts';
import type { Workplace } from './workplace.ts';

/** A training, the folder of its files, and its name for people: "digital training". */
export type FolderTraining = Omit<
  TrainStage,
  'engine' | 'storage' | 'ohmic' | 'isCheckpointDue' | 'signal'
> & {
  readonly label: string;
  readonly folder: string;
};

/** The weights that a finished training left in its folder. */
export function weightsFile(folder: string): string {
  return join(folder, TRAINING_FILES.weights);
}

/**
 * Trains in a folder, or continues, or only reads the weights that are there; shows progress. Throws what `trainStage`
 * throws.
 */
export async function trainInFolder(
  { label, folder, ...stage }: FolderTraining,
  place: Workplace,
  signal: AbortSignal,
): Promise<TrainedNetwork> {
  createFolder(folder);
  removeTemporaries(folder);
  const { subject, settings } = stage;
  const { batchSize, epochs } = settings;
  const { unit } = subject.examples;
  const { line } = place.progress;
  let task: Task | undefined;
  const show = (event: TrainStageEvent): void => {
    switch (event.kind) {
      case 'found':
        line(`${label}: done already, in ${event.file}`);
        break;
      case 'begun': {
        const { step, steps, note } = event;
        line(`${label}: ${subject.preparation(settings)}`);
        if (note !== undefined) line(`note: ${note}`);
        if (step > 0) line(`${label}: continuing after step ${step} of ${steps}`);
        const total = steps * batchSize;
        task = place.progress.task({ label, total, unit, done: step * batchSize });
        break;
      }
      case 'step': {
        const details = `epoch ${event.epoch} of ${epochs}, loss ${event.loss.toFixed(3)}`;
        task?.update(event.step * batchSize, details);
        break;
      }
      case 'epoch':
        line(`${label}: ${epochText(event.record, epochs, subject.score)}`);
        break;
      case 'stopped':
        line(`${label}: stopped after step ${event.step} of ${event.steps}`);
        break;
    }
  };
  const checkpoints = everyMinutes(place.checkpointMinutes);
  const forget = onTerminalEnd(checkpoints.hasten);
  try {
    const { engine, version } = place;
    const { isCheckpointDue } = checkpoints;
    const storage = folderStorage(folder);
    return await follow(
      trainStage({ ...stage, engine, storage, ohmic: version, isCheckpointDue, signal }),
      show,
    );
  } finally {
    forget();
    task?.end();
  }
}

type Checkpoints = {
  /** True if this many minutes have passed since it last was. */
  readonly isCheckpointDue: () => boolean;
  /** Makes the next answer true. */
  readonly hasten: () => void;
};

function everyMinutes(minutes: number): Checkpoints {
  let last = performance.now();
  return {
    isCheckpointDue: () => {
      const now = performance.now();
      if (now - last < 60_000 * minutes) return false;
      last = now;
      return true;
    },
    hasten: () => {
      last = Number.NEGATIVE_INFINITY;
    },
  };
}

function epochText(
  { epoch, trainLoss, trainAccuracy, testAccuracy }: EpochRecord,
  epochs: number,
  score: Score,
): string {
  const test = testAccuracy === undefined ? '' : `, test ${scoreText(score, testAccuracy)}`;
  return `epoch ${epoch} of ${epochs}: loss ${trainLoss.toFixed(4)}, training ${scoreText(score, trainAccuracy)}${test}`;
}

/**
 * Weights from a file.
 *
 * @param network the network that they must belong to; absent: the one that the file names
 * @throws UsageError if the file can't be read, is damaged or holds another network
 */
export function readWeights(path: string, network?: Network): Promise<TrainedNetwork> {
  return readStoredWeights(folderStorage(dirname(path)), basename(path), network);
}
