// What is to be done next: trainings whose predecessors are done, then chips of evaluations whose trainings are. Holds names
// and numbers alone; contents stay in the table.

import { InternalError } from '../base/errors.ts';
import { type EvaluationWork, needsOf, type Task, type TrainingWork } from '../sweep/works.ts';
import type { Table } from './table.ts';

/** The open works of a sweep. */
export type Schedule = {
  /**
   * A task that can be done now; undefined if there is none at the moment.
   *
   * @param last the work that the asking worker did last: more of the same costs it least
   */
  readonly next: (last?: string) => Task | undefined;
  /** The task is done, or can't be done by anybody. */
  readonly finished: (task: Task, isFailed: boolean) => void;
  /** The task goes back: another worker gets it. Chips that are kept already are not asked for again. */
  readonly returned: (task: Task, kept?: ReadonlySet<number>) => void;
  /** Nothing is waiting that could ever be done, and nothing runs. */
  readonly isOver: () => boolean;
  readonly running: () => number;
  /** Resolves when a task was finished or returned. */
  readonly changed: () => Promise<void>;
};

type Training = { readonly needs: readonly string[]; state: 'waiting' | 'running' | 'done' | 'failed' };
type Evaluation = {
  readonly name: string;
  readonly needs: readonly string[];
  gaps: [from: number, to: number][];
  wantsDigital: boolean;
  /** How many workers are at it. */
  workers: number;
};

type State = {
  readonly table: Table;
  readonly trainings: Map<string, Training>;
  readonly evaluations: Map<string, Evaluation>;
  /** Trainings that are neither done nor under way. */
  readonly waiting: Set<string>;
  /** The most chips of a task. */
  readonly most: number;
  running: number;
};

/**
 * The schedule of what a table lacks.
 *
 * @param chips the most chips of a task. Tasks end at multiples of it, so that the same chips are in one task whoever asks
 */
export function createSchedule(table: Table, { chips: most }: { readonly chips: number }): Schedule {
  const state = openWorks(table, most);
  const { trainings, evaluations, waiting } = state;
  let wake: (() => void)[] = [];
  const change = (): void => {
    const all = wake;
    wake = [];
    for (const resolve of all) resolve();
  };
  const released = (task: Task): Evaluation | Training => {
    state.running--;
    const known = task.kind === 'training' ? trainings.get(task.name) : evaluations.get(task.name);
    if (known === undefined) throw new InternalError(`internal: no work ${task.name}`);
    if ('workers' in known) known.workers--;
    return known;
  };
  const dropIfDone = (one: Evaluation): void => {
    if (one.gaps.length === 0 && one.workers === 0) evaluations.delete(one.name);
  };
  return {
    next: (last) => takeTraining(state) ?? takeChips(state, last),
    finished: (task, isFailed) => {
      const work = released(task);
      if ('workers' in work) {
        if (isFailed) work.gaps = [];
        dropIfDone(work);
      } else work.state = isFailed ? 'failed' : 'done';
      change();
    },
    returned: (task, kept = new Set()) => {
      const work = released(task);
      if ('workers' in work && task.kind === 'evaluation') {
        if (task.digital) work.wantsDigital = !table.hasDigital(task.name);
        const left = missing(task.from, task.to, kept);
        if (left.length === 0 && work.wantsDigital) left.push([task.from, task.from + 1]);
        work.gaps.unshift(...left);
        dropIfDone(work);
      } else if ('state' in work) {
        work.state = 'waiting';
        waiting.add(task.name);
      }
      change();
    },
    isOver: () =>
      state.running === 0 &&
      [...waiting].every((name) => isLost(state, trainings.get(name)!)) &&
      [...evaluations.values()].every((one) => one.gaps.length === 0 || isLost(state, one)),
    running: () => state.running,
    changed: () => new Promise((resolve) => wake.push(resolve)),
  };
}

/** What a table lacks. */
function openWorks(table: Table, most: number): State {
  const trainings = new Map<string, Training>();
  for (const { name, content } of [...table.works('training')])
    trainings.set(name, { needs: needsOf(JSON.parse(content) as TrainingWork), state: table.stateOf(name) });
  const evaluations = new Map<string, Evaluation>();
  for (const wanted of [...table.works('evaluation')]) {
    const { name, content, first } = wanted;
    const found = table.missingChips(wanted);
    const wantsDigital = first === 0 && !table.hasDigital(name);
    if (table.stateOf(name) === 'failed' || (found.length === 0 && !wantsDigital)) continue;
    // Without a chip of its own, the digital accuracy comes with the first again.
    const gaps: [number, number][] = found.length === 0 ? [[0, 1]] : found;
    const needs = needsOf(JSON.parse(content) as EvaluationWork);
    evaluations.set(name, { name, needs, gaps, wantsDigital, workers: 0 });
  }
  const waiting = new Set(
    [...trainings].filter(([, { state }]) => state === 'waiting').map(([name]) => name),
  );
  return { table, trainings, evaluations, waiting, most, running: 0 };
}

type Needing = { readonly needs: readonly string[] };

function isReady({ trainings }: State, { needs }: Needing): boolean {
  return needs.every((name) => (trainings.get(name)?.state ?? 'done') === 'done');
}

/** True if a training that it needs, at any distance, has failed. */
function isLost(state: State, { needs }: Needing): boolean {
  return needs.some((name) => {
    const training = state.trainings.get(name);
    return training?.state === 'failed' || (training !== undefined && isLost(state, training));
  });
}

function takeTraining(state: State): Task | undefined {
  for (const name of state.waiting) {
    const training = state.trainings.get(name)!;
    if (!isReady(state, training)) continue;
    training.state = 'running';
    state.waiting.delete(name);
    state.running++;
    return { kind: 'training', name, work: JSON.parse(state.table.contentOf(name)!) as TrainingWork };
  }
  return undefined;
}

function takeChips(state: State, last: string | undefined): Task | undefined {
  const own = last === undefined ? undefined : state.evaluations.get(last);
  const chosen =
    own !== undefined && own.gaps.length > 0
      ? own
      : chooseEvaluation(state.evaluations.values(), (one) => isReady(state, one));
  if (chosen === undefined) return undefined;
  const [from, end] = chosen.gaps[0]!;
  const to = Math.min(end, (Math.floor(from / state.most) + 1) * state.most);
  if (to === end) chosen.gaps.shift();
  else chosen.gaps[0] = [to, end];
  const digital = chosen.wantsDigital;
  chosen.wantsDigital = false;
  chosen.workers++;
  state.running++;
  const { name } = chosen;
  const work = JSON.parse(state.table.contentOf(name)!) as EvaluationWork;
  return { kind: 'evaluation', name, work, from, to, digital };
}

/** The first evaluation that nobody is at; else the one with the most chips left, which several then share. */
function chooseEvaluation(
  evaluations: Iterable<Evaluation>,
  isReady: (one: Evaluation) => boolean,
): Evaluation | undefined {
  let best: { readonly one: Evaluation; readonly left: number } | undefined;
  for (const one of evaluations) {
    if (one.gaps.length === 0 || !isReady(one)) continue;
    if (one.workers === 0) return one;
    const left = one.gaps.reduce((sum, [from, to]) => sum + to - from, 0);
    if (best === undefined || left > best.left) best = { one, left };
  }
  return best?.one;
}

/** The chips from … to − 1 that are not kept, as ranges. */
function missing(from: number, to: number, kept: ReadonlySet<number>): [number, number][] {
  const ranges: [number, number][] = [];
  for (let chip = from; chip < to; chip++) {
    if (kept.has(chip)) continue;
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === chip) last[1] = chip + 1;
    else ranges.push([chip, chip + 1]);
  }
  return ranges;
}
