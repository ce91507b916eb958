// The ideal chip equals the digital network: whatever the layers, the mapping, the tiles and the backend. Fine
// converters come near to it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostTensor, type Parameters } from '../src/base/parameters.ts';
import { keyFromSeed, randomSequence } from '../src/base/random.ts';
import type { HardwareSpec, Tile } from '../src/crossbar/hardware.ts';
import { matrixSize } from '../src/crossbar/mapping.ts';
import { ideal, joshi2020, standardEvaluation } from '../src/crossbar/presets.ts';
import {
  allRangeStates,
  calibratedRanges,
  inputRangeName,
  observing,
  outputRangeName,
} from '../src/crossbar/ranges.ts';
import type { Engine } from '../src/engine.ts';
import { compensationAliases, prepareChipPrograms, traceOnChip } from '../src/experiment/chip-programs.ts';
import { interpret } from '../src/graph/interpret.ts';
import type { Graph } from '../src/graph/node.ts';
import { digital, type Operator, weightsOf } from '../src/graph/operator.ts';
import type { Tensor } from '../src/graph/tensor.ts';
import { type Trace, trace } from '../src/graph/trace.ts';
import { classifier } from '../src/nn/define-network.ts';
import {
  activation,
  averagePool,
  batchNormalization,
  convolution,
  dense,
  flatten,
  globalAveragePool,
  identity,
  maxPool,
  paddedShortcut,
  residual,
  sequence,
} from '../src/nn/modules.ts';
import type { Network } from '../src/nn/network.ts';
import { backends, relativeError, withEngine } from './compare.ts';
import { randomParameters } from './tiny.ts';

const BATCH = 3;
const task = { inputShape: [8, 8, 3], classes: 5 };

/** All layers of residual networks: both shortcuts, an identity, batch normalisation. */
const residualNetwork = classifier({
  ...task,
  name: 'residual',
  module: sequence([
    convolution({ name: 'stem', filters: 6, size: 3, padding: 1 }),
    batchNormalization('stemNorm'),
    activation('relu'),
    residual({ body: convolution({ name: 'same', filters: 6, size: 3, padding: 1 }), shortcut: identity }),
    residual({
      body: convolution({ name: 'halving', filters: 9, size: 3, stride: 2, padding: 1 }),
      shortcut: convolution({ name: 'projection', filters: 9, size: 1, stride: 2 }),
    }),
    batchNormalization('bodyNorm'),
    activation('relu'),
    residual({
      body: convolution({ name: 'last', filters: 12, size: 3, stride: 2, padding: 1 }),
      shortcut: paddedShortcut(12),
    }),
    globalAveragePool,
    dense({ name: 'dense', outputs: task.classes }),
  ]),
});

/** All other layers: biases, both poolings, all non-linearities, several dense layers. */
const pooledNetwork = classifier({
  ...task,
  name: 'pooled',
  module: sequence([
    convolution({ name: 'conv1', filters: 6, size: 3, padding: 2, bias: true }),
    activation('tanh'),
    averagePool(2),
    convolution({ name: 'conv2', filters: 8, size: 2, bias: true }),
    activation('sigmoid'),
    maxPool(2),
    flatten,
    dense({ name: 'dense1', outputs: 20 }),
    activation('relu'),
    dense({ name: 'dense2', outputs: task.classes }),
  ]),
});

const draw = randomSequence(keyFromSeed(23));
const images = Float32Array.from({ length: BATCH * 8 * 8 * 3 }, draw.normal);

type Tensors = Readonly<Record<string, Tensor>>;
type Multiplying = (t: Trace, parameters: Tensors) => Operator;

/** All parameters of a network, as states. */
function parametersIn(t: Trace, network: Network): Tensors {
  return Object.fromEntries(network.parameters.map(({ name, shape }) => [name, t.state(name, shape)]));
}

/** What a network makes of the input `images`. */
function forward(t: Trace, network: Network, parameters: Tensors, operator: Operator): Tensors {
  const inputs = { images: t.input('images', [BATCH, ...network.inputs['images']!]) };
  return network.apply({ inputs, parameters, operator, mode: { kind: 'inference' } }).outputs;
}

/** The graph from images to logits. */
function traceLogits(network: Network, operator: Multiplying): Graph {
  return trace((t) => {
    const parameters = parametersIn(t, network);
    return { outputs: forward(t, network, parameters, operator(t, parameters)) };
  });
}

const exactly: Multiplying = (_, parameters) => digital((layer) => parameters[weightsOf(layer)]!);

type Values = Readonly<Record<string, Float32Array>>;

function valuesOf(parameters: Parameters): Values {
  return Object.fromEntries(Object.entries(parameters).map(([name, { data }]) => [name, data]));
}

/** Ranges of all converters: the largest values that the digital network sees, so that nothing is clipped. */
function rangesOf(network: Network, hardware: HardwareSpec): Parameters {
  const wanted = new Set(allRangeStates(network.layers, hardware).map(({ name }) => name));
  if (wanted.size === 0) return {};
  const graph = trace((t) => {
    const parameters = parametersIn(t, network);
    const observed = observing(exactly(t, parameters), (layer) => parameters[weightsOf(layer)]!, hardware);
    forward(t, network, parameters, observed.operator);
    return { outputs: observed.observations() };
  });
  const { outputs } = interpret(graph, { ...valuesOf(randomParameters(network)), images });
  const ranges = network.layers.flatMap(({ name }) => {
    const { input, output } = calibratedRanges(name, { kind: 'maximum' }, [outputs]);
    return [
      [inputRangeName(name), input],
      [outputRangeName(name), output],
    ] as const;
  });
  return Object.fromEntries(
    ranges
      .filter(([name]) => wanted.has(name))
      .map(([name, range]) => [name, hostTensor([], Float32Array.of(range!))]),
  );
}

/** Logits of a chip with the network's weights, read after a day. */
async function chipLogits(engine: Engine, network: Network, hardware: HardwareSpec): Promise<Float32Array> {
  const store = await engine.store({ ...randomParameters(network), ...rangesOf(network, hardware) });
  const chips = await prepareChipPrograms({ engine, network, hardware, store, seed: 0, key: [1, 2] });
  await chips.read({ chip: 0, timeSeconds: 86_400 });
  const executable = await engine.compile(traceLogits(network, traceOnChip(network, hardware)));
  const { logits } = await executable.run({
    inputs: { images },
    state: store,
    keys: { output: [5, 6] },
    aliases: compensationAliases(chips.layers, 'none'),
  });
  for (const { free } of [executable, chips, store]) free();
  return logits!;
}

/** Logits of the digital network in float64. */
function exactLogits(network: Network): Float64Array {
  const graph = traceLogits(network, exactly);
  return interpret(graph, { ...valuesOf(randomParameters(network)), images }).outputs['logits']!;
}

const wasm = backends.find(({ name }) => name === 'wasm')!;
const networks = [residualNetwork, pooledNetwork];
const exact = new Map(networks.map((network) => [network, exactLogits(network)]));
const unlimited: Tile = { kind: 'unlimited' };
const small: Tile = { kind: 'limited', rows: 16, columns: 16 };
/** Adds zeros, and so asks for every tile's own partial sums, which an ideal periphery does not need. */
const silentAmplifiers = { kind: 'gaussian', relativeStandardDeviation: 0 } as const;

/** An ideal chip with the weights of a network. */
type Case = {
  readonly network: Network;
  readonly what: string;
  readonly hardware: HardwareSpec;
  /** Native kernels take a C compiler 0.1 s each: native code runs some of the cases, WebAssembly all. */
  readonly isNativeToo: boolean;
};

const cases: readonly Case[] = networks.flatMap((network) =>
  (['per-layer', 'per-column'] as const).flatMap((scale): Case[] => {
    const mapped: HardwareSpec = { ...ideal, mapping: { scale }, tile: small };
    return [
      {
        network,
        what: `mapped ${scale}`,
        hardware: { ...mapped, tile: unlimited },
        isNativeToo: network === residualNetwork && scale === 'per-layer',
      },
      { network, what: `mapped ${scale} on 16 x 16 tiles`, hardware: mapped, isNativeToo: false },
      {
        network,
        what: `mapped ${scale}, summed over 16 x 16 tiles`,
        hardware: { ...mapped, outputNoise: silentAmplifiers },
        isNativeToo: network === pooledNetwork && scale === 'per-column',
      },
    ];
  }),
);

for (const choice of backends) {
  const chosen = cases.filter(({ isNativeToo }) => isNativeToo || choice.name === 'wasm');
  for (const { network, what, hardware } of chosen) {
    test(`the ideal chip equals the digital ${network.name} network, ${what}, on ${choice.name}`, async () => {
      const logits = await withEngine(choice, 1, (engine) => chipLogits(engine, network, hardware));
      const error = relativeError(logits, exact.get(network)!);
      assert.ok(error < 1e-4, `relative error ${error}`);
    });
  }
}

test('most layers of these networks need several tiles, so that tiles are under test', () => {
  for (const { name, layers } of networks) {
    const tall = layers.filter(({ shape }) => matrixSize(shape).rows > 16);
    assert.ok(tall.length > layers.length / 2, name);
  }
});

// An error of half a step at most, uniform, in a conversion of n bits is smaller by 16 for 4 bits more. It adds up over
// a network's conversions, of which there are too few for exactly 16: within a factor of 2.
for (const network of networks) {
  test(`converters bring the ${network.name} network to the digital one as their steps get finer`, async () => {
    const errors = await withEngine(wasm, 1, async (engine) => {
      const found: number[] = [];
      for (const bits of [8, 12, 16]) {
        const logits = await chipLogits(engine, network, {
          ...ideal,
          mapping: { scale: 'per-column' },
          tile: small,
          dac: { kind: 'uniform', bits },
          adc: { kind: 'uniform', bits, range: { kind: 'calibrated' } },
        });
        found.push(relativeError(logits, exact.get(network)!));
      }
      return found;
    });
    const [coarse, fine, finest] = errors as [number, number, number];
    assert.ok(fine < 5e-3, `12 bits: ${fine}`);
    for (const ratio of [coarse / fine, fine / finest]) assert.ok(ratio > 8 && ratio < 32, `${errors}`);
  });
}

// Hardware by layer.

for (const network of networks) {
  test(`noisy hardware equals the digital ${network.name} network where its layers are ideal or digital`, async () => {
    const first = network.layers[0]!.name;
    const hardwares: readonly HardwareSpec[] = [
      { ...joshi2020, layers: { '*': { cell: ideal.cell } } },
      { ...standardEvaluation, layers: { '*': 'digital' } },
      { ...joshi2020, layers: { [first]: 'digital', '*': { cell: ideal.cell, tile: small } } },
    ];
    await withEngine(wasm, 1, async (engine) => {
      for (const hardware of hardwares) {
        const error = relativeError(await chipLogits(engine, network, hardware), exact.get(network)!);
        assert.ok(error < 1e-4, `relative error ${error}`);
      }
      // Else nothing was told apart: each layer's cells alone are seen at the end.
      for (const { name } of network.layers) {
        const noisy: HardwareSpec = { ...ideal, layers: { [name]: { cell: joshi2020.cell } } };
        const error = relativeError(await chipLogits(engine, network, noisy), exact.get(network)!);
        assert.ok(error > 1e-3, `${name}: relative error ${error}`);
      }
    });
  });
}
