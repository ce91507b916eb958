// Hardware of small tiles on the backends: stacks of 8 x 8 and of 1 x 1 compute what digital layers and the interpreter
// compute, forwards and backwards; whole networks are trained for them and deployed on them.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { HardwareSpec } from '../src/crossbar/hardware.ts';
import { hardwareAware } from '../src/crossbar/hardware-aware.ts';
import { hermes256, ideal } from '../src/crossbar/presets.ts';
import type { DataSplit } from '../src/data/image-set.ts';
import { generateSynthetic } from '../src/data/synthetic.ts';
import { type Engine, engineOn } from '../src/engine.ts';
import { deploy } from '../src/experiment/deploy.ts';
import { gradients } from '../src/graph/gradients.ts';
import { exactProduct, type Layer, type LayerGeometry } from '../src/graph/operator.ts';
import type { Tensor } from '../src/graph/tensor.ts';
import type { Network } from '../src/nn/network.ts';
import { lenet5 } from '../src/nn/networks.ts';
import { prepareFit } from '../src/train/fit.ts';
import {
  assertAgrees,
  backends,
  relativeError,
  runSample,
  type Sample,
  sample,
  TOLERANCE,
  withEngine,
} from './compare.ts';
import { nesterovRule, plainSettings, randomParameters, tinyConvolutional, tinySplit } from './tiny.ts';
import { fixedRanges } from './two-layers.ts';

const wasm = backends.find(({ name }) => name === 'wasm')!;
let engine: Engine;
before(async () => {
  engine = engineOn(await wasm.start(1));
});
after(() => engine.close());

type Case = { readonly layer: Layer; readonly inputs: readonly number[]; readonly geometry?: LayerGeometry };

const cases: readonly Case[] = [
  { layer: { name: 'dense', kind: 'dense', shape: [100, 7] }, inputs: [5, 100] },
  {
    layer: { name: 'convolution', kind: 'convolution', shape: [3, 3, 11, 6] },
    inputs: [2, 7, 6, 11],
    geometry: { stride: [2, 1], padding: [1, 1] },
  },
  {
    layer: { name: 'groups', kind: 'convolution', shape: [5, 5, 3, 4], groups: 2 },
    inputs: [2, 6, 6, 6],
    geometry: { stride: [1, 1], padding: [2, 2], groups: 2 },
  },
  {
    layer: { name: 'transposed', kind: 'transposed-convolution', shape: [3, 3, 9, 5] },
    inputs: [2, 3, 4, 9],
    geometry: { stride: [2, 2], padding: [1, 1], outputPadding: [1, 1] },
  },
];

/** Amplifiers that add nothing: the periphery counts as one that is not ideal, so that tiles matter. */
const exactOnTiles = (size: number): HardwareSpec => ({
  ...ideal,
  tile: { kind: 'limited', rows: size, columns: size },
  outputNoise: { kind: 'gaussian', relativeStandardDeviation: 0 },
});

/** A product and its gradients on tiles; and those of the digital layer. */
function onTiles({ layer, inputs, geometry }: Case, hardware: HardwareSpec): Sample {
  return sample((t) => {
    const x = t.normals(inputs);
    const weights = t.normals(layer.shape);
    const outputsOf = (name: string, y: Tensor): Record<string, Tensor> => {
      const [toX, toWeights] = gradients(y.square().sum(), [x, weights]);
      return { [`${name} y`]: y, [`${name} x`]: toX!, [`${name} weights`]: toWeights! };
    };
    const operator = hardwareAware({
      hardware,
      weights: () => weights,
      ranges: fixedRanges(4, 3),
      key: t.key('noise'),
    });
    return {
      outputs: {
        ...outputsOf('tiles', operator.multiply(x, layer, geometry)),
        ...outputsOf('digital', exactProduct(x, weights, layer.kind, geometry)),
      },
    };
  });
}

for (const backend of backends) {
  test(`${backend.name}: exact converters on tiles of 8 x 8 and of 1 x 1 equal the digital layers, gradients too`, async () => {
    await withEngine(backend, 2, async (own) => {
      for (const each of cases) {
        for (const size of [8, 1]) {
          const given = onTiles(each, exactOnTiles(size));
          const { outputs } = await runSample(own, given);
          for (const what of ['y', 'x', 'weights']) {
            const error = relativeError(outputs[`tiles ${what}`]!, outputs[`digital ${what}`]!);
            assert.ok(error < TOLERANCE, `${each.layer.name} ${size} ${what}: ${error}`);
          }
          await assertAgrees(own, given);
        }
      }
    });
  });

  // Noise makes it improbable that a sum falls on the border of two levels, where backends could round apart.
  test(`${backend.name}: a stack with noise and clipping converters equals the interpreter`, async () => {
    const hardware: HardwareSpec = {
      ...exactOnTiles(8),
      adc: { kind: 'uniform', bits: 20, range: { kind: 'calibrated' } },
      outputNoise: { kind: 'gaussian', relativeStandardDeviation: 0.04 },
    };
    await withEngine(backend, 2, async (own) => {
      for (const each of cases) await assertAgrees(own, onTiles(each, hardware), { tolerance: 1e-4 });
    });
  });
}

// Networks

/** Converters finer than float32 sums, calibrated. */
const fineOnTiles = (size: number): HardwareSpec => ({
  ...ideal,
  tile: { kind: 'limited', rows: size, columns: size },
  dac: { kind: 'uniform', bits: 24 },
  adc: { kind: 'uniform', bits: 24, range: { kind: 'calibrated' } },
});

/** Accuracy of the digital network, and of a chip. */
async function accuracies(
  network: Network,
  data: DataSplit,
  hardware: HardwareSpec,
  seed: number,
): Promise<{ readonly digital: number; readonly chip: number }> {
  const deployment = await deploy({
    engine,
    network,
    parameters: randomParameters(network, seed),
    data,
    hardware,
    evaluation: {
      chips: 1,
      timesSeconds: [0],
      methods: ['none'],
      calibrationImages: 64,
      ranges: { kind: 'maximum' },
    },
  });
  try {
    const digital = await deployment.digitalAccuracy();
    return { digital, chip: await deployment.accuracy({ chip: 0, timeSeconds: 0, method: 'none' }) };
  } finally {
    deployment.free();
  }
}

test('LeNet-5 on tiles of 8 x 8 with fine converters classifies as it does in floating point', async () => {
  const data = generateSynthetic({ trainCount: 200, testCount: 200 });
  const network = lenet5({ inputShape: [32, 32, 3], classes: 10 });
  for (const seed of [1, 2, 3]) {
    const { digital, chip } = await accuracies(network, data, fineOnTiles(8), seed);
    // An image of 200 may lie between two classes.
    assert.ok(Math.abs(digital - chip) <= 1.5 / 200, `${chip} on the chip, ${digital} in floating point`);
  }
});

test('a network on tiles of 1 x 1 classifies as it does in floating point', async () => {
  const { digital, chip } = await accuracies(tinyConvolutional, tinySplit(), fineOnTiles(1), 4);
  assert.ok(Math.abs(digital - chip) <= 1.5 / 60, `${chip} on the chip, ${digital} in floating point`);
});

test('a network trained for tiles of 2 x 2 learns as on large ones, and their converters follow it', async () => {
  const losses: number[] = [];
  for (const size of [2, 256]) {
    const hardware: HardwareSpec = { ...hermes256, tile: { kind: 'limited', rows: size, columns: size } };
    const noise = { kind: 'gaussian', relativeToMax: 0.02 } as const;
    const fitting = await prepareFit({
      engine,
      network: tinyConvolutional,
      data: tinySplit(),
      settings: { ...plainSettings, epochs: 15, rule: nesterovRule, hardware, noise },
      seed: 2,
    });
    const { tensors, history } = await fitting.result();
    fitting.free();
    losses.push(history.at(-1)!.trainLoss);
    for (const name of ['conv1', 'conv2', 'dense'])
      assert.ok(tensors[`${name}.outputRange`]!.data[0]! > 0, name);
  }
  // From 1.4 to 0.43 on both; the noise is the same, the rounding is not.
  const [small, large] = losses as [number, number];
  assert.ok(large < 0.6 && Math.abs(small - large) < 0.05, `${small} on small tiles, ${large} on large ones`);
});
