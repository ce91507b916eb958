// Regression as a task: a network's `outputs` follow numbers. Loss: mean squared or absolute error; scored by the share of
// the targets' variance that is explained.

import { throwFaults } from '../base/errors.ts';
import { elementCount, type Shape } from '../base/shape.ts';
import { meanOf } from '../base/statistics.ts';
import type { Tensor } from '../graph/tensor.ts';
import { absoluteError, squaredError } from '../nn/losses.ts';
import { copyRowsInto, testBatchesOf } from './examples.ts';
import type { Batch, ExamplesInMemory, Goal, TaskInMemory } from './task.ts';

/** Examples one after another: inputs (count, …) and targets (count, …). */
export type RegressionSet = { readonly inputs: Float32Array; readonly targets: Float32Array };

/** What a regression is made of. */
export type RegressionOptions = {
  readonly train: RegressionSet;
  readonly test: RegressionSet;
  /** Shapes of one example. */
  readonly inputShape: Shape;
  readonly targetShape: Shape;
  readonly loss?: 'squared-error' | 'absolute-error';
};

/**
 * Regression: input `inputs` (n, …), output `outputs` (n, …) in the shape of the targets. Score: R² = 1 − Σ (y − t)² /
 * Σ (t − ⟨t⟩)² over all elements; 1 is perfect, 0 the mean of the targets.
 *
 * @throws UsageError if there are no examples, numbers that fill no whole example or are not finite, or targets that are
 *         all equal
 */
export function regression({
  train,
  test,
  inputShape,
  targetShape,
  loss = 'squared-error',
}: RegressionOptions): TaskInMemory {
  const counts = { train: countOf(train, inputShape), test: countOf(test, inputShape) };
  throwFaults('regression', [
    ...setFaults('train', train, counts.train, { inputShape, targetShape }),
    ...setFaults('test', test, counts.test, { inputShape, targetShape }),
  ]);
  const batch: Goal['batch'] = { inputs: inputShape, targets: targetShape, filled: [] };
  // Sums of squares about a nearby value keep their digits.
  const origin = meanOf(train.targets);
  const measure = (y: Tensor, t: Tensor, filled: Tensor): Record<string, Tensor> => {
    const sumOf = (values: Tensor): Tensor =>
      values
        .reshape([filled.shape[0]!, elementCount(targetShape)])
        .sum([1])
        .multiply(filled)
        .sum();
    const d = t.subtract(origin);
    return {
      squaredError: sumOf(y.subtract(t).square()),
      targets: sumOf(d),
      targetSquares: sumOf(d.square()),
    };
  };
  return {
    name: 'regression',
    batch,
    evaluate: (forward, { inputs, targets, filled }) => {
      const { outputs } = forward({ inputs: inputs! });
      const error = loss === 'squared-error' ? squaredError : absoluteError;
      return {
        objectives: [{ name: loss, loss: error(outputs!, targets!) }],
        metrics: measure(outputs!, targets!, filled!),
      };
    },
    measure: (forward, { inputs, targets, filled }) =>
      measure(forward({ inputs: inputs! })['outputs']!, targets!, filled!),
    score: {
      name: 'R²',
      of: ({ squaredError: error, targets: sum, targetSquares: squares }, examples) =>
        1 - error! / (squares! - sum! ** 2 / (examples * elementCount(targetShape))),
    },
    examples: examplesOf(train, test, batch, counts),
  };
}

function countOf({ inputs }: RegressionSet, inputShape: Shape): number {
  return inputs.length / elementCount(inputShape);
}

function setFaults(
  name: string,
  { inputs, targets }: RegressionSet,
  count: number,
  { inputShape, targetShape }: { readonly inputShape: Shape; readonly targetShape: Shape },
): string[] {
  const isWhole =
    Number.isInteger(count) && count >= 1 && targets.length === count * elementCount(targetShape);
  if (isWhole) {
    const broken = Object.entries({ inputs, targets }).flatMap(([part, values]) => {
      const at = values.findIndex((value) => !Number.isFinite(value));
      return at < 0 ? [] : [`${name}: ${part} must be finite, got ${values[at]} at element ${at}`];
    });
    if (broken.length > 0 || targets.some((target) => target !== targets[0])) return broken;
    return [
      `${name}: expected targets that differ, as R² compares with their mean, got ${targets[0]} everywhere`,
    ];
  }
  const many = (shape: Shape): string => `(${['n', ...shape].join(', ')})`;
  return [
    `${name}: expected inputs ${many(inputShape)} and targets ${many(targetShape)}, got ${inputs.length} and ${targets.length} numbers`,
  ];
}

function examplesOf(
  train: RegressionSet,
  test: RegressionSet,
  shapes: Goal['batch'],
  counts: { readonly train: number; readonly test: number },
): ExamplesInMemory {
  const fill = ({ inputs, targets, filled }: Batch, set: RegressionSet, indices: ArrayLike<number>): void => {
    copyRowsInto(inputs!, set.inputs, indices, filled!.length);
    copyRowsInto(targets!, set.targets, indices, filled!.length);
    filled!.fill(0).fill(1, 0, indices.length);
  };
  return {
    trainCount: counts.train,
    testCount: counts.test,
    fillTraining: (batch, indices) => fill(batch, train, indices),
    testBatches: (size) =>
      testBatchesOf(counts.test, size, shapes, (batch, indices) => fill(batch, test, indices)),
  };
}
