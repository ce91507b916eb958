// What tests of training and evaluation share: images of 8 x 8 that a network learns in a few steps, networks with few
// and small kernels, and a look at what an engine is asked to do.

import { hostTensor, type Parameters } from '../src/base/parameters.ts';
import { deriveKey, keyFromSeed, randomSequence } from '../src/base/random.ts';
import { elementCount } from '../src/base/shape.ts';
import { noAugmentation } from '../src/data/batches.ts';
import { type DataSplit, dataSplit, type ImageSet, imageSet } from '../src/data/image-set.ts';
import type { Call, Engine, Executable, Store } from '../src/engine.ts';
import { classifier, type ImageTask } from '../src/nn/define-network.ts';
import {
  activation,
  batchNormalization,
  convolution,
  dense,
  flatten,
  globalAveragePool,
  sequence,
} from '../src/nn/modules.ts';
import type { Network } from '../src/nn/network.ts';
import type { DescentSettings } from '../src/rules/descent.ts';
import type { TrainedNetwork } from '../src/train/checkpoint.ts';
import { prepareFit } from '../src/train/fit.ts';
import type { TrainingSettings } from '../src/train/settings.ts';

/** Images of 8 x 8 in two channels. */
export const tinyTask: ImageTask = { inputShape: [8, 8, 2], classes: 4 };

const SIDE = 8;
const CHANNELS = 2;
const classNames = ['columns', 'rows', 'checkers', 'plain'] as const;

/** Sign of the pattern of a class at a pixel, two pixels a stripe. */
const patterns: readonly ((row: number, column: number) => number)[] = [
  (_, column) => 1 - 2 * ((column >> 1) & 1),
  (row) => 1 - 2 * ((row >> 1) & 1),
  (row, column) => 1 - 2 * (((row >> 1) + (column >> 1)) & 1),
  () => 0,
];

/** Patterns of contrast ±30 before uniform noise of ±`noise`, shifted at random; image i has class i mod 4. */
export function tinyImages(name: string, count: number, noise: number): ImageSet {
  const draw = randomSequence(deriveKey(keyFromSeed(7), name));
  const labels = Uint8Array.from({ length: count }, (_, index) => index % classNames.length);
  const pixels = new Uint8Array(count * SIDE * SIDE * CHANNELS);
  let at = 0;
  for (const label of labels) {
    const [down, right] = [draw.below(4), draw.below(4)];
    for (let pixel = 0; pixel < SIDE * SIDE; pixel++) {
      const sign = patterns[label]!(Math.floor(pixel / SIDE) + down, (pixel % SIDE) + right);
      for (let channel = 0; channel < CHANNELS; channel++)
        pixels[at++] = 128 + 30 * sign + noise * (2 * draw.uniform() - 1);
    }
  }
  return imageSet({ name, classNames, height: SIDE, width: SIDE, channels: CHANNELS, pixels, labels });
}

/** Training and test images. */
export function tinySplit({
  train = 64,
  test = 60,
  noise = 60,
}: {
  readonly train?: number;
  readonly test?: number;
  readonly noise?: number;
} = {}): DataSplit {
  return dataSplit(tinyImages('train', train, noise), tinyImages('test', test, noise));
}

/** Two convolutions with batch normalisation. */
export const tinyConvolutional: Network = classifier({
  ...tinyTask,
  name: 'tiny-convolutional',
  module: sequence([
    convolution({ name: 'conv1', filters: 6, size: 3, padding: 1 }),
    batchNormalization('norm1'),
    activation('relu'),
    convolution({ name: 'conv2', filters: 8, size: 3, stride: 2, padding: 1 }),
    batchNormalization('norm2'),
    activation('relu'),
    globalAveragePool,
    dense({ name: 'dense', outputs: tinyTask.classes }),
  ]),
});

/** Two dense layers; nothing is normalised. */
export const tinyPerceptron: Network = classifier({
  ...tinyTask,
  name: 'tiny-perceptron',
  module: sequence([
    flatten,
    dense({ name: 'dense1', outputs: 24 }),
    activation('relu'),
    dense({ name: 'dense2', outputs: tinyTask.classes }),
  ]),
});

/** Plain stochastic gradient descent. */
export const plainRule: DescentSettings = { kind: 'sgd', momentum: 0, nesterov: false, weightDecay: 0 };

/** Stochastic gradient descent with Nesterov momentum, without weight decay. */
export const nesterovRule: DescentSettings = {
  kind: 'sgd',
  momentum: 0.9,
  nesterov: true,
  weightDecay: 0,
};

/** Plain stochastic gradient descent at a constant rate, nothing else. */
export const plainSettings: TrainingSettings = {
  epochs: 1,
  batchSize: 16,
  learningRate: { kind: 'step', initial: 0.1, factor: 0.1, atEpochs: [] },
  rule: plainRule,
  labelSmoothing: 0,
  statisticsMomentum: 0.1,
  augmentation: noAugmentation,
  noise: { kind: 'none' },
  clipping: { kind: 'none' },
};

/** Everything that a training in floating point can have. */
export const fullSettings: TrainingSettings = {
  epochs: 3,
  batchSize: 16,
  learningRate: { kind: 'cosine', initial: 0.1, warmupEpochs: 0.5 },
  rule: { kind: 'sgd', momentum: 0.9, nesterov: true, weightDecay: 5e-4 },
  labelSmoothing: 0.1,
  statisticsMomentum: 0.1,
  augmentation: { cropPadding: 1, flip: true, cutout: 2 },
  noise: { kind: 'gaussian', relativeToMax: 0.04 },
  clipping: { kind: 'standard-deviations', alpha: 2 },
};

/** Parameters as after some training: no weight, bias or statistic is left at 0 or 1. */
export function randomParameters(network: Pick<Network, 'parameters'>, seed = 0): Parameters {
  const entries = network.parameters.map(({ name, shape, role, initial }) => {
    const draw = randomSequence(deriveKey(keyFromSeed(seed), name));
    const fanIn = initial.kind === 'he-normal' ? initial.fanIn : shape[0]!;
    const value = (): number => {
      switch (role) {
        case 'weights':
          return draw.normal() * Math.sqrt(2 / fanIn);
        case 'scale':
        case 'runningVariance':
          return 0.5 + draw.uniform();
        default:
          return 0.3 * draw.normal();
      }
    };
    return [name, hostTensor(shape, Float32Array.from({ length: elementCount(shape) }, value))] as const;
  });
  return Object.fromEntries(entries);
}

/** Tensors of a store on their way from or to the host, after the values that it was made with. */
export type Transfer = { readonly kind: 'write' | 'read'; readonly names: readonly string[] };

/** An engine that notes every call, every store, what stores exchange with the host, and every program. */
export type WatchedEngine = {
  readonly engine: Engine;
  readonly calls: Call[];
  readonly stores: Store[];
  readonly transfers: Transfer[];
  readonly executables: Executable[];
};

/** Watches what is asked of an engine; inputs are copied, as callers may use their arrays again. */
export function watch(engine: Engine): WatchedEngine {
  const calls: Call[] = [];
  const stores: Store[] = [];
  const transfers: Transfer[] = [];
  const executables: Executable[] = [];
  return {
    calls,
    stores,
    transfers,
    executables,
    engine: {
      ...engine,
      compile: async (graph) => {
        const executable = await engine.compile(graph);
        executables.push(executable);
        return {
          ...executable,
          run: (call) => {
            const inputs = Object.entries(call.inputs ?? {}).map(([name, values]) => [name, values.slice()]);
            calls.push({ ...call, inputs: Object.fromEntries(inputs) });
            return executable.run(call);
          },
        };
      },
      store: async (values) => {
        const store = await engine.store(values);
        const watched: Store = {
          ...store,
          write: (changed) => {
            transfers.push({ kind: 'write', names: Object.keys(changed) });
            return store.write(changed);
          },
          read: (names = store.names()) => {
            transfers.push({ kind: 'read', names });
            return store.read(names);
          },
        };
        stores.push(watched);
        return watched;
      },
    },
  };
}

/** A network after some training, with made-up provenance but for its history. */
export async function trainedNetwork(
  engine: Engine,
  network: Network,
  data: DataSplit,
): Promise<TrainedNetwork> {
  const settings: TrainingSettings = { ...plainSettings, epochs: 15, rule: nesterovRule };
  const fitting = await prepareFit({ engine, network, data, settings, seed: 2 });
  const { tensors, history } = await fitting.result();
  fitting.free();
  return {
    parameters: Object.fromEntries(network.parameters.map(({ name }) => [name, tensors[name]!])),
    provenance: {
      ohmic: '0.0.0',
      model: network.name,
      dataset: 'tiny',
      settings,
      seed: 2,
      backend: engine.backend.name,
      history,
    },
  };
}
