// Modules on every backend against the float64 interpreter: values, and gradients for inputs and parameters, digital and
// through the periphery of a chip.

import { after, before, test } from 'node:test';
import type { HardwareSpec } from '../src/crossbar/hardware.ts';
import { hardwareAware } from '../src/crossbar/hardware-aware.ts';
import { ideal } from '../src/crossbar/presets.ts';
import { type Engine, engineOn } from '../src/engine.ts';
import { gradients } from '../src/graph/gradients.ts';
import { digital, weightsOf } from '../src/graph/operator.ts';
import type { Tensor } from '../src/graph/tensor.ts';
import {
  activation,
  averagePool,
  convolution,
  convolution1d,
  dense,
  depthwiseConvolution,
  dropout,
  embedding,
  flatten,
  groupNormalization,
  gru,
  identity,
  layerNormalization,
  learnedPositions,
  lookupTable,
  lstm,
  type Module,
  maxPool,
  meanOverTime,
  parallel,
  patchEmbedding,
  sequence,
  timeDistributed,
  transformerBlock,
  transposedConvolution,
} from '../src/nn/modules.ts';
import { assertAgrees, backends, sample } from './compare.ts';

/** Networks that hold every module. */
const networks: Readonly<
  Record<string, { readonly inputShape: readonly number[]; readonly module: Module }>
> = {
  images: {
    inputShape: [9, 8, 6],
    module: sequence([
      convolution({ name: 'a', filters: 8, size: [3, 2], stride: [1, 2], padding: 'same', groups: 2 }),
      groupNormalization({ name: 'n', groups: 2 }),
      activation('gelu'),
      maxPool({ size: 3, stride: 2, padding: 1 }),
      depthwiseConvolution({ name: 'd', size: 3, dilation: 2, padding: 2, bias: true }),
      parallel([identity, averagePool({ size: [3, 1], stride: 1, padding: [1, 0] }), activation('softmax')]),
      dropout(0.4),
      transposedConvolution({
        name: 't',
        filters: 5,
        size: 3,
        stride: 2,
        padding: 1,
        outputPadding: 1,
        bias: true,
      }),
      activation('hard-swish'),
    ]),
  },
  signals: {
    inputShape: [11, 4],
    module: sequence([
      convolution1d({ name: 'c', filters: 6, size: 3, dilation: 2, padding: 'causal' }),
      layerNormalization('n'),
      activation('leaky-relu'),
      maxPool(2),
      gru({ name: 'g', hidden: 7, returnSequence: true }),
      timeDistributed(dense({ name: 's', outputs: 5 })),
      lstm({ name: 'l', hidden: 6 }),
    ]),
  },
  attention: {
    inputShape: [8, 8, 3],
    module: sequence([
      patchEmbedding({ name: 'p', size: 4, width: 6 }),
      learnedPositions('at'),
      transformerBlock({ name: 'b', heads: 2, hidden: 9, dropout: 0.3 }),
      transformerBlock({ name: 'c', heads: 3, hidden: 5, causal: true }),
      meanOverTime,
      dense({ name: 'd', outputs: 3 }),
    ]),
  },
  tokens: {
    inputShape: [5],
    module: sequence([
      parallel([
        embedding({ name: 'e', rows: 9, dimension: 6 }),
        lookupTable({ name: 't', rows: 9, dimension: 3 }),
      ]),
      flatten,
      dense({ name: 'd', outputs: 3 }),
    ]),
  },
};

/** Tiles and output noise, but converters that round nowhere near a step: backends differ in the last bits. */
const tiled: HardwareSpec = {
  ...ideal,
  tile: { kind: 'limited', rows: 5, columns: 4 },
  outputNoise: { kind: 'gaussian', relativeStandardDeviation: 0.02 },
};

for (const { name: backend, start } of backends) {
  let engine: Engine;
  before(async () => {
    engine = engineOn(await start(2));
  });
  after(() => engine.close());

  for (const [name, { inputShape, module }] of Object.entries(networks))
    for (const hardware of [undefined, tiled])
      test(`${backend}: ${name}, ${hardware === undefined ? 'digital' : 'on tiles with noise'}`, async () => {
        const given = sample((t) => {
          const placed = module(inputShape);
          const x = name === 'tokens' ? t.integers([2, 5], 0, 9) : t.normals([2, ...inputShape]);
          const parameters: Record<string, Tensor> = {};
          for (const { name: own, shape } of placed.parameters) parameters[own] = t.normals(shape, 0.5);
          const weights = (layer: { readonly name: string }): Tensor => parameters[weightsOf(layer)]!;
          const key = t.key('noise');
          const ranges = {
            inputRange: (_: string, input: Tensor) => ({ x: input, range: 3 }),
            outputRange: () => 1,
          };
          let asked = 0;
          const { value } = placed.apply(x, {
            parameters,
            operator:
              hardware === undefined ? digital(weights) : hardwareAware({ hardware, weights, ranges, key }),
            mode: { kind: 'training' },
            freshKey: () => key.derive('dropout', asked++),
          });
          const wanted = name === 'tokens' ? parameters : { x, ...parameters };
          const slopes = gradients(value.multiply(t.normals(value.shape)).sum(), Object.values(wanted));
          const named = Object.keys(wanted).map((own, k) => [`to ${own}`, slopes[k]!]);
          return { outputs: { value, ...Object.fromEntries(named) } };
        });
        await assertAgrees(engine, given);
      });
}
