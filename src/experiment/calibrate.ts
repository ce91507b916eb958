// Calibration on training examples: batches in a random order, and converter ranges from the inputs and outputs of
// layers in the digital network.

import type { Parameters } from '../base/parameters.ts';
import { deriveKey, type Key, permutation } from '../base/random.ts';
import { elementCount } from '../base/shape.ts';
import type { HardwareSpec } from '../crossbar/hardware.ts';
import {
  allRangeStates,
  calibratedRanges,
  inputRangeName,
  observing,
  outputRangeName,
  type RangeRule,
} from '../crossbar/ranges.ts';
import type { Engine, Store } from '../engine.ts';
import { digital, type Layer, weightsOf } from '../graph/operator.ts';
import type { Tensor } from '../graph/tensor.ts';
import { trace } from '../graph/trace.ts';
import type { Network } from '../nn/network.ts';
import { carriedStates, carrying, carryScalar } from '../train/carried-states.ts';
import { madeAhead } from '../train/examples.ts';
import { INFERENCE_BATCH } from '../train/score.ts';
import { batchInputs } from '../train/step.ts';
import type { Batch, Task } from '../train/task.ts';

/**
 * Training examples in a random order as batches of the given sizes; the order starts again if there are too few. Of
 * examples in streams, each place of a batch begins at a random one and goes on from batch to batch. A batch is made while
 * the one before is computed.
 */
export function calibrationBatches(
  task: Task,
  key: Key,
  sizes: readonly number[],
): AsyncGenerator<Batch, void> {
  const { trainCount, fillTraining, streams } = task.examples;
  const order = permutation(key, trainCount);
  const draw = { key: deriveKey(key, 'augmentation'), epoch: 0 };
  let first = 0;
  return madeAhead(sizes.length, async (number) => {
    const size = sizes[number]!;
    const indices = Uint32Array.from({ length: size }, (_, i) =>
      streams === undefined
        ? order[(first + i) % trainCount]!
        : (order[i % trainCount]! + number) % trainCount,
    );
    first += size;
    const tensors = Object.entries(task.batch).map(([name, shape]) => [
      name,
      new Float32Array(size * elementCount(shape)),
    ]);
    const batch = Object.fromEntries(tensors) as Batch;
    await fillTraining(batch, indices, draw);
    return batch;
  });
}

/** The tensors of a batch that the network takes. */
export function networkInputs({ inputs }: Network, batch: Batch): Batch {
  return Object.fromEntries(Object.keys(inputs).map((name) => [name, batch[name]!]));
}

/** What ranges are calibrated on. */
export type RangeCalibration = {
  readonly engine: Engine;
  readonly network: Network;
  readonly hardware: HardwareSpec;
  readonly task: Task;
  readonly rule: RangeRule;
  readonly examples: number;
  readonly key: Key;
  /** Has the parameters of the network. */
  readonly store: Store;
};

/** Converter ranges of all layers, from training examples in the digital network, under the names of their states. */
export async function calibrateRanges(options: RangeCalibration): Promise<Parameters> {
  const { network, hardware, task, rule, examples, key } = options;
  const size = Math.min(INFERENCE_BATCH, examples);
  const whole = Math.floor(examples / size);
  const rest = examples - whole * size;
  const sizes = [...new Array<number>(whole).fill(size), ...(rest > 0 ? [rest] : [])];
  const observers = new Map<number, Observer>();
  const observations: Record<string, Float32Array>[] = [];
  try {
    for await (const batch of calibrationBatches(task, key, sizes)) {
      const one = sizes[observations.length]!;
      const observer = observers.get(one) ?? (await observerOf(options, one));
      observers.set(one, observer);
      observations.push(await observer.observe(batch));
    }
  } finally {
    for (const { free } of observers.values()) free();
  }
  const wanted = new Set(allRangeStates(network.layers, hardware).map(({ name }) => name));
  const values = network.layers
    .filter(({ name }) => wanted.has(inputRangeName(name)) || wanted.has(outputRangeName(name)))
    .flatMap(({ name }): [string, number | undefined][] => {
      const { input, output } = calibratedRanges(name, rule, observations, sizes);
      return [
        [inputRangeName(name), input],
        [outputRangeName(name), output],
      ];
    })
    .filter((range): range is [string, number] => wanted.has(range[0]));
  return Object.fromEntries(
    values.map(([name, value]) => [name, { shape: [], data: Float32Array.of(value) }]),
  );
}

/** Observes the layers of the digital network on batches of one size, one after another. */
type Observer = {
  readonly observe: (inputs: Batch) => Promise<Record<string, Float32Array>>;
  readonly free: () => void;
};

async function observerOf(
  { engine, network, hardware, task, store }: RangeCalibration,
  size: number,
): Promise<Observer> {
  const use = `calibration.${size}` as const;
  store.reserve(carriedStates(network, size, use));
  const executable = await engine.compile(
    trace((t) => {
      const parameters = Object.fromEntries(
        network.parameters.map(({ name, shape }) => [name, t.state(name, shape)]),
      );
      const weights = (layer: Layer): Tensor => parameters[weightsOf(layer)]!;
      const observed = observing(digital(weights), weights, hardware);
      const inputs = batchInputs(t, task, size);
      const { operator } = observed;
      const carried = carrying(t, network, size, use);
      carried.apply({ inputs, parameters, operator, mode: { kind: 'inference' } });
      return { outputs: observed.observations(), updates: carried.updates() };
    }),
  );
  let seen = 0;
  return {
    observe: (inputs) => executable.run({ inputs, state: store, scalars: carryScalar(seen++) }),
    free: executable.free,
  };
}
