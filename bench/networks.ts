// What the cases on networks share: the network of the targets, settings of a training step, random batches, and a
// compiled training step as something to time.

import { randomSequence } from '../src/base/random.ts';
import { elementCount } from '../src/base/shape.ts';
import type { Engine, Executable, Store } from '../src/engine.ts';
import type { Graph } from '../src/graph/node.ts';
import { updateRule } from '../src/insitu/update-rule.ts';
import { initialParameters, type Network } from '../src/nn/network.ts';
import { networkByName } from '../src/nn/networks.ts';
import { classificationGoal } from '../src/train/classification.ts';
import type { TrainingSettings } from '../src/train/settings.ts';
import { initialTrainingState, type StepOptions, traceBegin, traceTrainingStep } from '../src/train/step.ts';
import type { Goal } from '../src/train/task.ts';
import { type Contestant, timed } from './measure.ts';

/** ResNet-32 16/28/56 for 32 x 32 colour images: 361,722 weights. */
export const resnet32: Network = networkByName('resnet32', { inputShape: [32, 32, 3], classes: 10 });

/** Images of a batch of the ResNet-32 cases. */
export const BATCH = 128;

/** Learning rate, also of the peer. */
export const LEARNING_RATE = 0.05;
/** η of the training noise, also of the peer. Joshi et al., Nat. Commun. 11:2473 (2020), as the peer quotes it. */
const NOISE_SCALE = 0.038;

/** A training step without noise, as the peer takes it too. */
export function digitalStep(batchSize: number): TrainingSettings {
  return {
    epochs: 1,
    batchSize,
    learningRate: { kind: 'cosine', initial: LEARNING_RATE, warmupEpochs: 0 },
    rule: { kind: 'sgd', momentum: 0.9, nesterov: true, weightDecay: 5e-4 },
    labelSmoothing: 0,
    statisticsMomentum: 0.1,
    augmentation: { cropPadding: 0, flip: false, cutout: 0 },
    noise: { kind: 'none' },
    clipping: { kind: 'none' },
  };
}

/** A training step with noise on the weights and clipping. */
export function noisyStep(batchSize: number): TrainingSettings {
  return {
    ...digitalStep(batchSize),
    noise: { kind: 'gaussian', relativeToMax: NOISE_SCALE },
    clipping: { kind: 'standard-deviations', alpha: 2 },
  };
}

/** What a classifier of images is trained and scored for. */
export function goalOf({ inputs }: Network): Goal {
  return classificationGoal(inputs['images']!);
}

/** A training step of a classifier, as `traceTrainingStep` takes it. */
export function stepOf(network: Network, settings: TrainingSettings): StepOptions {
  return { network, task: goalOf(network), rule: updateRule(settings.rule), settings };
}

/** Normal pixels and uniform labels. */
export function randomBatch(
  { inputs, outputs }: Network,
  count: number,
): { readonly images: Float32Array; readonly labels: Float32Array } {
  const draw = randomSequence([3, 4]);
  const [classes] = outputs['logits'] as readonly [number];
  return {
    images: Float32Array.from({ length: count * elementCount(inputs['images']!) }, draw.normal),
    labels: Float32Array.from({ length: count }, () => draw.below(classes)),
  };
}

/** A compiled training step: a contestant, and what else there is to ask of it. */
export type TrainingStep = Contestant & {
  readonly graph: Graph;
  readonly executable: Executable;
  readonly state: Store;
  /** Milliseconds from trace to ready. */
  readonly readyMs: number;
  readonly free: () => void;
};

/** Compiles a training step of a classifier and runs it once. */
export function trainingStep(
  engine: Engine,
  name: string,
  network: Network,
  settings: TrainingSettings,
): Promise<TrainingStep> {
  return compiledStep(engine, name, stepOf(network, settings), randomBatch(network, settings.batchSize));
}

/** Gives a rule's states their first values. */
async function begin(engine: Engine, options: StepOptions, state: Store): Promise<void> {
  const graph = traceBegin(options);
  if (graph === undefined) return;
  const executable = await engine.compile(graph);
  await executable.run({ state, keys: { begin: [5, 6] } });
  executable.free();
}

/** Compiles any training step and runs it once. */
export async function compiledStep(
  engine: Engine,
  name: string,
  options: StepOptions,
  inputs: Readonly<Record<string, Float32Array>>,
): Promise<TrainingStep> {
  const start = performance.now();
  const graph = traceTrainingStep(options);
  const executable = await engine.compile(graph);
  const readyMs = performance.now() - start;
  const state = await engine.store({
    ...initialParameters(options.network, [1, 2]),
    ...initialTrainingState(options),
  });
  await begin(engine, options, state);
  const scalars = { learningRate: LEARNING_RATE, noiseScale: NOISE_SCALE };
  let step = 0;
  const once = (): Promise<unknown> => {
    const keys = { noise: [1, step], rule: [2, step] } as const;
    const given = { ...scalars, ...options.rule.scalars(step), step };
    step++;
    return executable.run({ inputs, scalars: given, keys, state });
  };
  await once();
  const free = (): void => {
    executable.free();
    state.free();
  };
  return { name, run: timed(once), graph, executable, state, readyMs, free };
}
