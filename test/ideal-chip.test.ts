// The ideal chip equals the digital network: whatever the layers, the mapping, the tiles and the backend. Fine
// converters come near to it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostTensor, Parameters } from '../src/base/parameters.ts';
import { keyFromSeed, randomSequence } from '../src/base/random.ts';
import { calibratedRanges, type LayerRanges, observing } from '../src/crossbar/calibration.ts';
import { collectChip, collectReading, type Reading, readingInputs } from '../src/crossbar/chip.ts';
import { type HardwareSpec, hasIdealPeriphery, type Tile } from '../src/crossbar/hardware.ts';
import { onChip } from '../src/crossbar/on-chip.ts';
import { ideal } from '../src/crossbar/presets.ts';
import { traceProgramming, traceReading } from '../src/crossbar/program-and-read.ts';
import type { Engine } from '../src/engine.ts';
import { interpret } from '../src/graph/interpret.ts';
import { digital, type Multiply } from '../src/graph/multiply.ts';
import type { Graph } from '../src/graph/node.ts';
import { constant, type Tensor } from '../src/graph/tensor.ts';
import { type Trace, trace } from '../src/graph/trace.ts';
import { classifier } from '../src/nn/classifier.ts';
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
} from '../src/nn/layers.ts';
import type { Model } from '../src/nn/network.ts';
import { backends, relativeError, withEngine } from './compare.ts';
import { randomParameters } from './tiny.ts';

const BATCH = 3;
const task = { inputShape: [8, 8, 3], classes: 5 };

/** All layers of residual networks: both shortcuts, an identity, batch normalisation. */
const residualNetwork = classifier({
  ...task,
  name: 'residual',
  layer: sequence([
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
  layer: sequence([
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

/** The graph from images to logits; all parameters are inputs. */
function traceLogits(model: Model, operator: (t: Trace) => Multiply): Graph {
  return trace((t) => {
    const parameters = Object.fromEntries(
      model.parameters.map(({ name, shape }) => [name, t.input(name, shape)]),
    );
    const { logits } = model.apply(parameters, t.input('images', [BATCH, ...model.inputShape]), operator(t), {
      kind: 'inference',
    });
    return { outputs: { logits } };
  });
}

type Values = Readonly<Record<string, Float32Array>>;

function valuesOf(parameters: Parameters): Values {
  return Object.fromEntries(Object.entries(parameters).map(([name, { data }]) => [name, data]));
}

/** Programs the model's weights and reads them after a day. */
async function readingAfterADay(engine: Engine, model: Model, hardware: HardwareSpec): Promise<Reading> {
  const layers = model.analogLayers;
  const day = 86_400;
  const programming = await engine.compile(traceProgramming(layers, hardware));
  const inputs = valuesOf(randomParameters(model));
  const programmed = await programming.run({ inputs, keys: { program: [1, 2] } });
  const chip = collectChip({ hardware, seed: 0, number: 0, layers, outputs: programmed });
  const reading = await engine.compile(traceReading(layers, hardware));
  const { timeSeconds: _, ...cells } = readingInputs(chip, day);
  const outputs = await reading.run({
    inputs: cells,
    scalars: { timeSeconds: day },
    keys: { read: [3, 4] },
  });
  programming.free();
  reading.free();
  return collectReading(chip, day, outputs);
}

/** Ranges of each layer's converters: the largest values that the digital network sees, so that nothing is clipped. */
function rangesOf(model: Model, hardware: HardwareSpec): (layer: string) => LayerRanges {
  const graph = trace((t) => {
    const observed = observing(digital, hardware);
    const parameters = Object.fromEntries(
      model.parameters.map(({ name, shape }) => [name, t.input(name, shape)]),
    );
    const shape = [BATCH, ...model.inputShape];
    model.apply(parameters, t.input('images', shape), observed.multiply, { kind: 'inference' });
    return { outputs: observed.observations() };
  });
  const { outputs } = interpret(graph, { ...valuesOf(randomParameters(model)), images });
  return (layer) => calibratedRanges(layer, { kind: 'maximum' }, [outputs]);
}

/** Logits of a chip with the model's weights. */
async function chipLogits(engine: Engine, model: Model, hardware: HardwareSpec): Promise<Float32Array> {
  const reading = await readingAfterADay(engine, model, hardware);
  const ranges = hasIdealPeriphery(hardware) ? undefined : rangesOf(model, hardware);
  const inputs: Record<string, Float32Array> = { ...valuesOf(randomParameters(model)), images };
  const graph = traceLogits(model, (t) => {
    const given = (name: string, { shape, data }: HostTensor): Tensor => {
      inputs[name] = data;
      return t.input(name, shape);
    };
    return onChip({
      hardware,
      conductances: (name) => {
        const layer = reading.layers[name]!;
        return {
          gPlus: given(`${name}.gPlus`, layer.gPlus),
          gMinus: given(`${name}.gMinus`, layer.gMinus),
          scale: given(`${name}.scale`, layer.scale),
          compensation: constant(t, 1).reshape([1, 1]),
        };
      },
      inputRange: (layer) => ranges!(layer).input,
      outputRange: (layer) => ranges!(layer).output!,
      key: t.key('output'),
    });
  });
  const executable = await engine.compile(graph);
  const { logits } = await executable.run({ inputs, keys: { output: [5, 6] } });
  executable.free();
  return logits!;
}

/** Logits of the digital network in float64. */
function exactLogits(model: Model): Float64Array {
  const graph = traceLogits(model, () => digital);
  return interpret(graph, { ...valuesOf(randomParameters(model)), images }).outputs['logits']!;
}

const networks = [residualNetwork, pooledNetwork];
const exact = new Map(networks.map((model) => [model, exactLogits(model)]));
const unlimited: Tile = { kind: 'unlimited' };
const small: Tile = { kind: 'limited', rows: 16, columns: 16 };
/** Adds zeros, and so asks for every tile's own partial sums, which an ideal periphery does not need. */
const silentAmplifiers = { kind: 'gaussian', relativeStandardDeviation: 0 } as const;

/** An ideal chip with the weights of a network. */
type Case = {
  readonly model: Model;
  readonly what: string;
  readonly hardware: HardwareSpec;
  /** Native kernels take a C compiler 0.1 s each: native code runs some of the cases, WebAssembly all. */
  readonly isNativeToo: boolean;
};

const cases: readonly Case[] = networks.flatMap((model) =>
  (['per-layer', 'per-column'] as const).flatMap((scale): Case[] => {
    const mapped: HardwareSpec = { ...ideal, mapping: { scale }, tile: small };
    return [
      {
        model,
        what: `mapped ${scale}`,
        hardware: { ...mapped, tile: unlimited },
        isNativeToo: model === residualNetwork && scale === 'per-layer',
      },
      { model, what: `mapped ${scale} on 16 x 16 tiles`, hardware: mapped, isNativeToo: false },
      {
        model,
        what: `mapped ${scale}, summed over 16 x 16 tiles`,
        hardware: { ...mapped, outputNoise: silentAmplifiers },
        isNativeToo: model === pooledNetwork && scale === 'per-column',
      },
    ];
  }),
);

for (const choice of backends) {
  const chosen = cases.filter(({ isNativeToo }) => isNativeToo || choice.name === 'wasm');
  for (const { model, what, hardware } of chosen) {
    test(`the ideal chip equals the digital ${model.name} network, ${what}, on ${choice.name}`, async () => {
      const logits = await withEngine(choice, 1, (engine) => chipLogits(engine, model, hardware));
      const error = relativeError(logits, exact.get(model)!);
      assert.ok(error < 1e-4, `relative error ${error}`);
    });
  }
}

test('most layers of these networks need several tiles, so that tiles are under test', () => {
  for (const { name, analogLayers } of networks) {
    const tall = analogLayers.filter(({ rows }) => rows > 16);
    assert.ok(tall.length > analogLayers.length / 2, name);
  }
});

// An error of half a step at most, uniform, in a conversion of n bits is smaller by 16 for 4 bits more. It adds up over
// a network's conversions, of which there are too few for exactly 16: within a factor of 2.
for (const model of networks) {
  test(`converters bring the ${model.name} network to the digital one as their steps get finer`, async () => {
    const wasm = backends.find(({ name }) => name === 'wasm')!;
    const errors = await withEngine(wasm, 1, async (engine) => {
      const found: number[] = [];
      for (const bits of [8, 12, 16]) {
        const logits = await chipLogits(engine, model, {
          ...ideal,
          mapping: { scale: 'per-column' },
          tile: small,
          dac: { kind: 'uniform', bits },
          adc: { kind: 'uniform', bits, range: { kind: 'calibrated' } },
        });
        found.push(relativeError(logits, exact.get(model)!));
      }
      return found;
    });
    const [coarse, fine, finest] = errors as [number, number, number];
    assert.ok(fine < 5e-3, `12 bits: ${fine}`);
    for (const ratio of [coarse / fine, fine / finest]) assert.ok(ratio > 8 && ratio < 32, `${errors}`);
  });
}
