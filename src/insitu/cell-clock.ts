// The clock of a training: when the devices of a layer had their last pulse, and how far they have drifted since.

import type { TensorSpec } from '../base/parameters.ts';
import type { PulseModel } from '../cells/pulse-device.ts';
import { arrayName } from '../crossbar/arrays.ts';
import type { LearningCells } from '../crossbar/learning-cells.ts';
import { constant, type Tensor } from '../graph/tensor.ts';

/** How fast training goes. */
export type TrainingClock = {
  /** Of a step: its batch times the time of a sample, and the pulses. */
  readonly secondsPerStep: number;
};

/** The clock of a layer. */
export type CellClock<T> = {
  /** Steps since the start, (1, 1). A whole number: in f32 exact for 16 million steps. */
  readonly steps: T;
  /** The step of each device's last pulse, by array, (rows, columns); 0 of those that the start has left. */
  readonly pulsedAt: readonly T[];
};

/** Names and shapes of the clock's tensors: `dense1.cells.clock`, `dense1.cells.plus.pulsedAt`. */
export function clockSpecs(
  layer: string,
  group: string,
  { arrays }: LearningCells<TensorSpec>,
): CellClock<TensorSpec> {
  return {
    steps: { name: `${layer}.${group}.clock`, shape: [1, 1] },
    pulsedAt: arrays.map((array) => ({
      name: `${layer}.${group}.${arrayName(array)}.pulsedAt`,
      shape: array.pulsesGiven.shape,
    })),
  };
}

/** All tensors of a clock, in order. */
export function tensorsOfClock<T>({ steps, pulsedAt }: CellClock<T>): T[] {
  return [steps, ...pulsedAt];
}

/**
 * The cells as they are sensed: every value has drifted since the last pulse of its device, G(t) = `drifted`(G, t − t_p).
 *
 * Not modelled: what a pulse meets: it acts on the value that the last one left.
 */
export function agedCells(
  cells: LearningCells<Tensor>,
  { steps, pulsedAt }: CellClock<Tensor>,
  model: PulseModel,
  { secondsPerStep }: TrainingClock,
): LearningCells<Tensor> {
  return {
    ...cells,
    arrays: cells.arrays.map((array, k) => {
      const age = steps.subtract(pulsedAt[k]!).multiply(secondsPerStep);
      return { ...array, values: { ...array.values, value: model.drifted(array.values['value']!, age) } };
    }),
  };
}

/**
 * The clock after cells were pulsed or RESET.
 *
 * @param passed steps that this took
 * @param isReset of each array, above 0 for devices that had a RESET, (rows, columns); absent: none
 */
export function clockAfter(
  { steps, pulsedAt }: CellClock<Tensor>,
  before: LearningCells<Tensor>,
  after: LearningCells<Tensor>,
  { passed, isReset }: { readonly passed: number; readonly isReset?: readonly Tensor[] | undefined },
): CellClock<Tensor> {
  const now = steps.add(passed);
  return {
    steps: now,
    pulsedAt: pulsedAt.map((last, k) => {
      const isAsBefore = after.arrays[k]!.pulsesGiven.equal(before.arrays[k]!.pulsesGiven);
      const isStill = isReset === undefined ? isAsBefore : isAsBefore.select(isReset[k]!.equal(0), 0);
      return isStill.select(last, constant(last, 0).add(now).broadcastTo(last.shape));
    }),
  };
}
