// How far a sweep is: done, running, failed, rate, remaining time.

import type { Table, TableCounts } from '../fleet/table.ts';
import { formatDuration, type Progress } from './progress.ts';

/** Progress of a sweep. */
export type SweepProgress = {
  /** Something was kept; so many tasks run. */
  readonly update: (running: number) => void;
  readonly end: () => void;
};

const LOOK_MILLISECONDS = 1000;

/** Shows how far a sweep is, once a second at most. */
export function sweepProgress(table: Table, progress: Progress, workers: number | undefined): SweepProgress {
  const begun = table.counts();
  const task = progress.task({
    label: 'sweep',
    total: Math.max(1, begun.chips),
    unit: 'chips',
    done: begun.chipsDone,
  });
  let looked = Number.NEGATIVE_INFINITY;
  const show = (running: number): void => {
    const counts = table.counts();
    task.update(counts.chipsDone, detailsOf(counts, running, workers));
  };
  let last = 0;
  return {
    update: (running) => {
      last = running;
      const now = performance.now();
      if (now - looked < LOOK_MILLISECONDS) return;
      looked = now;
      show(running);
    },
    end: () => {
      show(last);
      task.end();
    },
  };
}

function detailsOf(counts: TableCounts, running: number, workers: number | undefined): string {
  const { trainings, trainingsDone, chips, chipsDone, failed } = counts;
  const left =
    workers === undefined || trainings === trainingsDone ? undefined : estimatedSeconds(counts, workers);
  return [
    ...(trainings > 0 ? [`${trainingsDone} of ${trainings} trainings`] : []),
    `${chipsDone} of ${chips} chips`,
    `${running} running`,
    `${failed} failed`,
    ...(left === undefined ? [] : [`with the trainings ${formatDuration(left)} left`]),
  ].join(', ');
}

/** Seconds for what is left, at the mean times of what is done; undefined while nothing of a kind is. */
export function estimatedSeconds(
  { trainings, trainingsDone, chips, chipsDone, trainingSeconds, chipSeconds }: TableCounts,
  workers: number,
): number | undefined {
  const part = (left: number, seconds: number | undefined): number | undefined =>
    left === 0 ? 0 : seconds === undefined ? undefined : left * seconds;
  const [training, evaluating] = [
    part(trainings - trainingsDone, trainingSeconds),
    part(chips - chipsDone, chipSeconds),
  ];
  return training === undefined || evaluating === undefined ? undefined : (training + evaluating) / workers;
}
