// Inference of ResNet-32 16/28/56 on a batch of 128 random images: digital beside PyTorch, and on a chip with
// converters, tiles and output noise beside digital.

import type { Parameters } from '../src/base/parameters.ts';
import type { HardwareSpec } from '../src/crossbar/hardware.ts';
import { hermes256 } from '../src/crossbar/presets.ts';
import { allRangeStates, inputRangeName } from '../src/crossbar/ranges.ts';
import type { Call, Engine, Executable, Store } from '../src/engine.ts';
import { compensationAliases, prepareChipPrograms, traceOnChip } from '../src/experiment/chip-programs.ts';
import type { Graph } from '../src/graph/node.ts';
import { digital, weightsOf } from '../src/graph/operator.ts';
import { countWeights, initialParameters, type Network } from '../src/nn/network.ts';
import { traceInference } from '../src/train/score.ts';
import { type BenchCase, type CaseResult, compared, numbersOf, race, type Tools } from './bench-case.ts';
import { usefulOperations } from './kernel-classes.ts';
import { type Contestant, timed } from './measure.ts';
import { BATCH, goalOf, randomBatch, resnet32 } from './networks.ts';
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
export async function digitalInference(
  engine: Engine,
  name: string,
  network: Network = resnet32,
  batch: number = BATCH,
): Promise<Inference> {
  const graph = traceInference(network, goalOf(network), batch, (t) =>
    digital((layer) => t.state(weightsOf(layer), layer.shape)),
  );
  const state = await engine.store(initialParameters(network, [1, 2]));
  const inputs = randomBatch(network, batch);
  return inference(name, graph, { executable: await engine.compile(graph), state, inputs });
}

/** Inference on a chip that was just programmed and read, without compensation. */
export async function chipInference(
  engine: Engine,
  name: string,
  hardware: HardwareSpec,
): Promise<Inference> {
  const graph = traceInference(resnet32, goalOf(resnet32), BATCH, traceOnChip(resnet32, hardware));
  const state = await engine.store({
    ...initialParameters(resnet32, [1, 2]),
    ...converterRanges(hardware),
  });
  const chips = await prepareChipPrograms({
    engine,
    network: resnet32,
    hardware,
    store: state,
    seed: 1,
    key: [1, 2],
  });
  await chips.read({ chip: 0, timeSeconds: 0 });
  chips.free();
  const aliases = compensationAliases(chips.layers, 'none');
  const inputs = randomBatch(resnet32, BATCH);
  return inference(name, graph, { executable: await engine.compile(graph), state, inputs, aliases });
}

/** Ranges of all converters of ResNet-32, those above times a factor. */
export function converterRanges(hardware: HardwareSpec, factor = 1): Parameters {
  const inputs = new Set(resnet32.layers.map(({ name }) => inputRangeName(name)));
  const ranges = allRangeStates(resnet32.layers, hardware).map(({ name, shape }) => [
    name,
    { shape, data: Float32Array.of(factor * (inputs.has(name) ? INPUT_RANGE : OUTPUT_RANGE)) },
  ]);
  return Object.fromEntries(ranges) as Parameters;
}

type Running = {
  readonly executable: Executable;
  readonly state: Store;
  readonly inputs: NonNullable<Call['inputs']>;
  readonly aliases?: NonNullable<Call['aliases']>;
};

function inference(
  name: string,
  graph: Graph,
  { executable, state, inputs, aliases = {} }: Running,
): Inference {
  let batch = 0;
  const free = (): void => {
    executable.free();
    state.free();
  };
  return {
    name,
    run: timed(() => executable.run({ inputs, keys: { output: [5, batch++] }, state, aliases })),
    graph,
    free,
  };
}
