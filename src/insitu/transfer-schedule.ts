// Which row of the fast array is read after a sample, or a step: rows follow one another, and the counters start anew
// after every round, so that they stay exact in f32 however long a training lasts.

import type { TensorSpec } from '../base/parameters.ts';
import type { Tensor } from '../graph/tensor.ts';
import { quotient, remainder } from '../graph/whole-numbers.ts';
import { type TransferMethod, transferName, transferPeriod } from './transfer.ts';

/** Where the schedule of a parameter stands, each (). */
export type Schedule = {
  /** Samples, or steps, since the last transfer. */
  readonly waited: Tensor;
  /** The row that is read next. */
  readonly turn: Tensor;
  /** Rounds over all rows so far; from the third period of a method on, only its place in a period is kept. */
  readonly rounds: Tensor;
};

/** How often rows are read. */
export type Pace = { readonly every: number; readonly rows: number };

const NAMES = ['waited', 'turn', 'rounds'] as const;

/** Names of the schedule's tensors in the store: `dense1.transfer.turn` at the place `dense1.transfer`. */
export function scheduleSpecs(place: string): readonly TensorSpec[] {
  return NAMES.map((name) => ({ name: transferName(place, name), shape: [] }));
}

/** The schedule in the store. */
export function scheduleOf(place: string, state: (name: string) => Tensor): Schedule {
  const [waited, turn, rounds] = NAMES.map((name) => state(transferName(place, name)));
  return { waited: waited!, turn: turn!, rounds: rounds! };
}

/** The schedule as new values of the store. */
export function scheduleStates(place: string, schedule: Schedule): Readonly<Record<string, Tensor>> {
  return Object.fromEntries(NAMES.map((name) => [transferName(place, name), schedule[name]]));
}

/** The transfer after one more sample or step, if it is time for one. */
export type Due = {
  /** The row that is read, −1 if none. */
  readonly row: Tensor;
  /** Reads of that row before. */
  readonly reads: Tensor;
};

/**
 * What is due after `passed` samples, or steps, since the schedule was kept: after every `every` of them the next row.
 *
 * @param passed whole number from 1
 */
export function dueAfter({ waited, turn, rounds }: Schedule, passed: Tensor, { every, rows }: Pace): Due {
  const now = waited.add(passed);
  const due = turn.add(quotient(now, every)).subtract(1);
  return {
    row: remainder(now, every).equal(0).select(remainder(due, rows), -1),
    reads: rounds.add(quotient(due, rows)),
  };
}

/** The schedule after so many samples, or steps. */
export function scheduleAfter(
  { waited, turn, rounds }: Schedule,
  passed: number,
  { every, rows }: Pace,
  method: TransferMethod,
): Schedule {
  const now = waited.add(passed);
  const due = turn.add(quotient(now, every));
  const period = transferPeriod(method);
  const all = rounds.add(quotient(due, rows));
  return {
    waited: remainder(now, every),
    turn: remainder(due, rows),
    // What a method asks of the reads is whether they are beyond its first period, and their place in a period.
    rounds: all.less(2 * period).select(all, remainder(all, period).add(2 * period)),
  };
}
