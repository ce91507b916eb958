// What a network is trained for: where its examples come from, which losses move which parameters, and how an answer is
// scored. A task is a value; classification.ts makes the common one.

import { echo } from '../base/echo.ts';
import type { Key } from '../base/random.ts';
import type { Shape } from '../base/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { Network } from '../nn/network.ts';

/** Host values of a batch, by name; each tensor has the batch as its first axis. */
export type Batch = Readonly<Record<string, Float32Array>>;

/** A batch of test examples; empty places are not counted. */
export type TestBatch = { readonly values: Batch; readonly count: number };

/**
 * Test examples in batches of one size, from the first each time they are iterated. Examples that do not fit into memory
 * are made on the way: then a batch holds until the next one is asked for.
 */
export type TestBatches = Iterable<TestBatch> | AsyncIterable<TestBatch>;

/** Random draws for a training batch. */
export type ExampleDraw = { readonly key: Key; readonly epoch: number };

/** The examples of a task. */
export type Examples = {
  readonly trainCount: number;
  readonly testCount: number;
  /** Fills a batch with training examples, changed at random as the task's settings say; later, if it returns a promise. */
  readonly fillTraining: (batch: Batch, indices: Uint32Array, draw: ExampleDraw) => void | Promise<void>;
  /** All test examples in order. */
  readonly testBatches: (size: number) => TestBatches;
  /**
   * Present if examples are windows of a text, in its order. Then batches are not shuffled: an epoch, and the test
   * examples, are cut into as many parallel streams as a batch has places, and place p of a batch goes on where place p
   * of the batch before it ended. The function gives the number of test streams, at most so many.
   */
  readonly streams?: (most: number) => number;
};

/**
 * The examples of a batch in an epoch that is cut into streams: place p of batch k is window k of stream p, whose first
 * one is example p · batches.
 */
export function streamIndices(batch: number, batches: number, batchSize: number): Uint32Array {
  return Uint32Array.from({ length: batchSize }, (_, place) => place * batches + batch);
}

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
  /** True for a share, which people read in per cent; absent: an amount with its unit in its name. */
  readonly isShare?: boolean;
  /** From sums over examples. */
  readonly of: (sums: Readonly<Record<string, number>>, examples: number) => number;
};

/** A score for people: `accuracy 91.25 %`, `1.4321 bits per character`. */
export function scoreText({ name, isShare = false }: Pick<Score, 'name' | 'isShare'>, value: number): string {
  return isShare ? `${name} ${(100 * value).toFixed(2)} %` : `${value.toFixed(4)} ${name}`;
}

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

/** A task whose examples are in memory. */
export type TaskInMemory = Goal & { readonly examples: ExamplesInMemory };

/** Examples of a task whose batches are filled and made at once. */
export type ExamplesInMemory = Omit<Examples, 'fillTraining' | 'testBatches'> & {
  readonly fillTraining: (...given: Parameters<Examples['fillTraining']>) => void;
  readonly testBatches: (size: number) => readonly TestBatch[];
};

/** A fault if a network carries its state over examples that are independent. */
export function carryFaults(
  { name, carried }: Pick<Network, 'name' | 'carried'>,
  { streams }: Examples,
): string[] {
  if (carried.length === 0 || streams !== undefined) return [];
  return [
    `${name} carries its state from window to window, but the examples do not follow one another; give the task examples in order (languageModelling: \`carry: true\`)`,
  ];
}

/** A fault for each part of the examples that has none: nothing is learned, measured or calibrated without. */
export function exampleFaults({ trainCount, testCount }: Examples): string[] {
  const counts = { training: trainCount, test: testCount };
  return Object.entries(counts)
    .filter(([, count]) => !Number.isInteger(count) || count < 1)
    .map(([part, count]) => `expected at least one ${part} example, got ${echo(count)}`);
}
