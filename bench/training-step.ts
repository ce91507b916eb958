// One training step of ResNet-32 16/28/56 on a batch of 128 random images: native, native with noise and clipping,
// wasm, and PyTorch if it is found.

import { availableParallelism, cpus } from 'node:os';
import { randomSequence } from '../src/base/random.ts';
import type { Engine } from '../src/engine.ts';
import { createEngine } from '../src/native/create-engine.ts';
import { initialParameters } from '../src/nn/model.ts';
import { modelByName } from '../src/nn/models.ts';
import type { TrainingSettings } from '../src/train/settings.ts';
import { initialMomenta, traceTrainingStep } from '../src/train/step.ts';
import { alternate, type Contestant, median, ratio, timed } from './measure.ts';
import { startPeer } from './peer.ts';

const BATCH = 128;

const digitalStep: TrainingSettings = {
  epochs: 1,
  batchSize: BATCH,
  learningRate: { kind: 'cosine', initial: 0.05, warmupEpochs: 0 },
  momentum: 0.9,
  nesterov: true,
  weightDecay: 5e-4,
  labelSmoothing: 0,
  statisticsMomentum: 0.1,
  augmentation: { cropPadding: 0, flip: false, cutout: 0 },
  noise: { kind: 'none' },
  clipping: { kind: 'none' },
};

const noisyStep: TrainingSettings = {
  ...digitalStep,
  noise: { kind: 'gaussian', relativeToMax: 0.038 },
  clipping: { kind: 'standard-deviations', alpha: 2 },
};

/** A compiled step as something to time, and how long it took from trace to ready. */
async function trainingStep(
  engine: Engine,
  name: string,
  settings: TrainingSettings,
): Promise<Contestant & { readonly readyMs: number }> {
  const model = modelByName('resnet32', { inputShape: [32, 32, 3], classes: 10 });
  const start = performance.now();
  const executable = await engine.compile(traceTrainingStep(model, settings));
  const readyMs = performance.now() - start;
  const state = engine.store({ ...initialParameters(model, [1, 2]), ...initialMomenta(model) });
  const draw = randomSequence([3, 4]);
  const images = Float32Array.from({ length: BATCH * 32 * 32 * 3 }, draw.normal);
  const labels = Float32Array.from({ length: BATCH }, () => draw.below(10));
  let step = 0;
  const once = (): Promise<unknown> =>
    executable.run({
      inputs: { images, labels },
      scalars: { learningRate: 0.05, noiseScale: 0.038 },
      keys: { noise: [1, step++] },
      state,
    });
  await once();
  return { name, run: timed(once), readyMs };
}

/** Options of the bench. */
export type BenchOptions = {
  readonly rounds: number;
  readonly steps: number;
  readonly threads: number | undefined;
};

/** Runs the bench; the result is plain data, milliseconds and ratios. */
export async function benchTrainingStep({
  rounds,
  steps,
  threads = availableParallelism(),
}: BenchOptions): Promise<object> {
  const native = await createEngine({ backend: 'native', threads });
  const wasm = await createEngine({ backend: 'wasm', threads });
  const peer = await startPeer();
  await peer?.prepare('resnet32-training-step', BATCH, threads);
  const contestants = [
    await trainingStep(native.engine, 'native', digitalStep),
    await trainingStep(native.engine, 'nativeWithNoise', noisyStep),
    await trainingStep(wasm.engine, 'wasm', digitalStep),
  ];
  const torch: Contestant[] =
    peer === undefined
      ? []
      : [{ name: 'pytorch', run: (count) => peer.run('resnet32-training-step', count) }];
  const results = await alternate([...contestants, ...torch], rounds, steps);
  peer?.close();
  const description = native.engine.backend.description;
  await native.engine.close();
  await wasm.engine.close();
  return {
    bench: 'training-step',
    network: 'ResNet-32 16/28/56, batch 128, 32x32x3',
    machine: `${cpus()[0]!.model}, ${availableParallelism()} processors, Node ${process.versions.node}`,
    backend: description,
    peer: peer?.description ?? 'PyTorch not found; set OHMIC_PYTHON',
    rounds,
    stepsPerRound: steps,
    milliseconds: Object.fromEntries(Object.entries(results).map(([name, values]) => [name, median(values)])),
    readyMilliseconds: Object.fromEntries(contestants.map(({ name, readyMs }) => [name, readyMs])),
    ratios: {
      'native / pytorch': ratio(results, 'native', 'pytorch'),
      'nativeWithNoise / native': ratio(results, 'nativeWithNoise', 'native'),
      'wasm / pytorch': ratio(results, 'wasm', 'pytorch'),
    },
  };
}
