// Inference of ResNet-32 16/28/56 on a batch of 128 random images: digital beside PyTorch, and on a chip with
// converters, tiles and output noise beside digital.

import { hostTensor, type Parameters } from '../src/base/parameters.ts';
import { readVariance } from '../src/cells/cell.ts';
import { type HardwareSpec, hasReadNoiseInProducts } from '../src/crossbar/hardware.ts';
import { onChip } from '../src/crossbar/on-chip.ts';
import { hermes256 } from '../src/crossbar/presets.ts';
import type { Engine } from '../src/engine.ts';
import { interpret } from '../src/graph/interpret.ts';
import { digital, type Multiply } from '../src/graph/multiply.ts';
import type { Graph } from '../src/graph/node.ts';
import { constant, type Tensor } from '../src/graph/tensor.ts';
import { type Trace, trace } from '../src/graph/trace.ts';
import { type AnalogLayer, countWeights, initialParameters, type Model } from '../src/nn/network.ts';
import { traceInference } from '../src/train/accuracy.ts';
import { type BenchCase, type CaseResult, compared, numbersOf, race, type Tools } from './bench-case.ts';
import { usefulOperations } from './kernel-classes.ts';
import { type Contestant, timed } from './measure.ts';
import { BATCH, randomBatch, resnet32 } from './networks.ts';
import { peerContestants } from './peer.ts';

/** Tiles of 256 x 256, 8-bit converters, and noise on every column output before the ADC. */
export const noisyPeriphery: HardwareSpec = {
  ...hermes256,
  outputNoise: { kind: 'gaussian', relativeStandardDeviation: 0.04 },
};

/** Ranges of converters; not 1, which would save a division. What is clipped does not change the time. */
const INPUT_RANGE = 4;
const OUTPUT_RANGE = 8;

/** A compiled inference as something to time. */
export type Inference = Contestant & { readonly graph: Graph; readonly free: () => void };

/** The case. */
export const inferenceCase: BenchCase = {
  name: 'inference',
  description:
    'inference of ResNet-32 16/28/56, batch 128: digital, and on a chip with converters and output noise',
  run,
};

async function run(tools: Tools): Promise<CaseResult> {
  const torch = await peerContestants(tools, {
    name: 'inference-pytorch',
    peerCase: 'resnet32-inference',
    batch: BATCH,
    weights: countWeights(resnet32),
  });
  tools.log('inference: compiling');
  const plain = await digitalInference(tools.native, 'inference');
  const chip = await chipInference(tools.native, 'chip-inference', noisyPeriphery);
  const results = await race(tools, 'inference', [plain, chip, ...torch]);
  const operations = usefulOperations(plain.graph);
  plain.free();
  chip.free();
  return {
    rows: [
      compared(tools, results, {
        title: 'ResNet-32 inference',
        contestant: plain.name,
        by: 'inference-pytorch',
        peerName: 'PyTorch',
        atMost: 0.5,
        operations,
      }),
      compared(tools, results, {
        title: 'ResNet-32 on a chip, 8-bit converters, 256 x 256 tiles, output noise',
        contestant: chip.name,
        by: plain.name,
        peerName: 'digital',
        atMost: 1.5,
        operations,
      }),
    ],
    ...numbersOf(tools, results, [
      ['inference', 'inference-pytorch'],
      ['chip-inference', 'inference'],
    ]),
  };
}

/** Inference in floating point. */
export function digitalInference(engine: Engine, name: string): Promise<Inference> {
  const graph = traceInference(resnet32, BATCH, () => digital);
  return inference(engine, name, graph, initialParameters(resnet32, [1, 2]));
}

/** Inference on freshly programmed, exact cells behind the periphery of `hardware`, which must not be ideal. */
export function chipInference(engine: Engine, name: string, hardware: HardwareSpec): Promise<Inference> {
  const parameters = initialParameters(resnet32, [1, 2]);
  const isDigital = (parameter: string): boolean =>
    resnet32.parameters.find((spec) => spec.name === parameter)!.role !== 'weights';
  const graph = traceInference(resnet32, BATCH, (t) => chipOperator(t, resnet32, hardware), isDigital);
  const digitalPart = Object.fromEntries(
    Object.entries(parameters).filter(([parameter]) => isDigital(parameter)),
  );
  const cells = resnet32.analogLayers.map((layer) =>
    targetConductances(layer, parameters[`${layer.name}.weights`]!.data, hardware),
  );
  return inference(engine, name, graph, Object.assign(digitalPart, ...cells) as Parameters);
}

async function inference(
  engine: Engine,
  name: string,
  graph: Graph,
  tensors: Parameters,
): Promise<Inference> {
  const executable = await engine.compile(graph);
  const state = await engine.store(tensors);
  const inputs = randomBatch(resnet32, BATCH);
  let batch = 0;
  const free = (): void => {
    executable.free();
    state.free();
  };
  return {
    name,
    run: timed(() => executable.run({ inputs, keys: { output: [5, batch++] }, state })),
    graph,
    free,
  };
}

function chipOperator(t: Trace, model: Model, hardware: HardwareSpec): Multiply {
  const layers = new Map(model.analogLayers.map((layer) => [layer.name, layer]));
  return onChip({
    hardware,
    conductances: (name) => {
      const { rows, columns } = layers.get(name)!;
      return {
        gPlus: t.state(`${name}.gPlus`, [rows, columns]),
        gMinus: t.state(`${name}.gMinus`, [rows, columns]),
        scale: t.state(`${name}.scale`, [1, columns]),
        compensation: t.state(`${name}.compensation`, [1, columns]),
        ...(hasReadNoiseInProducts(hardware) && { variance: t.state(`${name}.variance`, [rows, columns]) }),
      };
    },
    inputRange: () => constant(t, INPUT_RANGE),
    outputRange: () => constant(t, OUTPUT_RANGE),
    key: t.key('output'),
  });
}

/**
 * States of a layer: G⁺ and G⁻ in µS, the scale in 1/µS, a compensation of ones, and where products draw read noise its
 * variance in µS².
 */
function targetConductances(
  { name, rows, columns }: AnalogLayer,
  weights: Float32Array,
  hardware: HardwareSpec,
): Parameters {
  const largest = weights.reduce((most, weight) => Math.max(most, Math.abs(weight)), 0);
  const scale = largest / hardware.cell.gMaxMicrosiemens;
  const plus = weights.map((weight) => Math.max(weight, 0) / scale);
  const minus = weights.map((weight) => Math.max(-weight, 0) / scale);
  const variance = hasReadNoiseInProducts(hardware) && {
    [`${name}.variance`]: hostTensor([rows, columns], varianceAtOnce(plus, minus, hardware)),
  };
  return {
    ...variance,
    [`${name}.gPlus`]: hostTensor([rows, columns], plus),
    [`${name}.gMinus`]: hostTensor([rows, columns], minus),
    [`${name}.scale`]: hostTensor([1, columns], new Float32Array(columns).fill(scale)),
    [`${name}.compensation`]: hostTensor([1, columns], new Float32Array(columns).fill(1)),
  };
}

/** σ₊² + σ₋² of every pair at time 0, µS². */
function varianceAtOnce(plus: Float32Array, minus: Float32Array, { cell }: HardwareSpec): Float32Array {
  const graph = trace((t) => {
    const ofRead = (polarity: string): Tensor => {
      const g = t.input(polarity, [plus.length]);
      return readVariance(cell, g, g, constant(t, 0));
    };
    return { outputs: { variance: ofRead('plus').add(ofRead('minus')) } };
  });
  return Float32Array.from(interpret(graph, { plus, minus }).outputs['variance']!);
}
