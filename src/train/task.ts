// What a network is trained for: where its examples come from, which losses move which parameters, and how an answer is
// scored. A task is a value; classification.ts makes the common one.

import { echo } from '../base/echo.ts';
import type { Key } from '../base/random.ts';
import type { Shape } from '../base/shape.ts';
import type { Tensor } from '../graph/tensor.ts';

/** Host values of a batch, by name; each tensor has the batch as its first axis. */
export type Batch = Readonly<Record<string, Float32Array>>;

/** A batch of test examples; empty places are not counted. */
export type TestBatch = { readonly values: Batch; readonly count: number };

/** Random draws for a training batch. */
export type ExampleDraw = { readonly key: Key; readonly epoch: number };

/** The examples of a task. */
export type Examples = {
  readonly trainCount: number;
  readonly testCount: number;
  /** Fills a batch with training examples, changed at random as the task's settings say. */
  readonly fillTraining: (batch: Batch, indices: Uint32Array, draw: ExampleDraw) => void;
  /** All test examples in order, in batches of one size. */
  readonly testBatches: (size: number) => readonly TestBatch[];
};

/**
 * A loss, and the parameters that its gradient moves. If several objectives move a parameter, their gradients add up.
 */
export type Objective = {
  readonly name: string;
  /** A scalar. */
  readonly loss: Tensor;
  /** Absent: all trained parameters. */
  readonly moves?: (parameter: string) => boolean;
};

/** Losses and metrics of one batch. */
export type Evaluation = {
  readonly objectives: readonly Objective[];
  /** Sums over the examples of the batch, each (), by name; an empty place adds nothing. */
  readonly metrics: Readonly<Record<string, Tensor>>;
};

/** Runs the network on named inputs. */
export type Forwarded = (inputs: Readonly<Record<string, Tensor>>) => Readonly<Record<string, Tensor>>;

/** One number for the quality of a network. */
export type Score = {
  /** For people: "accuracy". */
  readonly name: string;
  /** From sums over examples. */
  readonly of: (sums: Readonly<Record<string, number>>, examples: number) => number;
};

/** A task without its examples, which suffices to trace graphs. */
export type Goal = {
  readonly name: string;
  /** Shapes of one example of every tensor of a batch: the network's inputs, and what the losses need beside them. */
  readonly batch: Readonly<Record<string, Shape>>;
  /**
   * Losses and metrics of a batch. May run the network more than once.
   *
   * @param teacher runs the teacher of a distillation
   */
  readonly evaluate: (
    forward: Forwarded,
    batch: Readonly<Record<string, Tensor>>,
    teacher?: Forwarded,
  ) => Evaluation;
  /** Metrics alone, in inference. */
  readonly measure: (
    forward: Forwarded,
    batch: Readonly<Record<string, Tensor>>,
  ) => Readonly<Record<string, Tensor>>;
  readonly score: Score;
};

/** A goal with examples of it. */
export type Task = Goal & { readonly examples: Examples };

/** A fault for each part of the examples that has none: nothing is learned, measured or calibrated without. */
export function exampleFaults({ trainCount, testCount }: Examples): string[] {
  const counts = { training: trainCount, test: testCount };
  return Object.entries(counts)
    .filter(([, count]) => !Number.isInteger(count) || count < 1)
    .map(([part, count]) => `expected at least one ${part} example, got ${echo(count)}`);
}
