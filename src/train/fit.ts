// The training loop: an async iterator of progress records over compiled steps. All state is a value that can be
// written down at any step; from it a run continues to the same bits.

import { throwFaults, UsageError } from '../base/errors.ts';
import type { Parameters } from '../base/parameters.ts';
import { deriveKey, type Key, keyFromSeed } from '../base/random.ts';
import { batchOrder, emptyBatch, fillBatchInto, type LabelledBatch } from '../data/batches.ts';
import type { DataSplit } from '../data/image-set.ts';
import type { Engine, Executable } from '../engine.ts';
import { digital } from '../graph/multiply.ts';
import { initialParameters, type Model } from '../nn/model.ts';
import { accuracyOn, batchesOf, INFERENCE_BATCH, traceInference } from './accuracy.ts';
import { checkParameters } from './checkpoint.ts';
import { learningRateAt, type TrainingSettings, trainingFaults } from './settings.ts';
import { initialMomenta, traceTrainingStep } from './step.ts';

/** What one epoch came to. */
export type EpochRecord = {
  /** Number of the epoch, from 1. */
  readonly epoch: number;
  readonly trainLoss: number;
  readonly trainAccuracy: number;
  /** Digital accuracy on the test set, with the running statistics; absent where it was not measured. */
  readonly testAccuracy?: number;
};

/** Everything a run needs to continue: bit for bit, on the same backend. */
export type TrainingState = {
  /** Steps done. */
  readonly step: number;
  /** Parameters and momenta. */
  readonly tensors: Parameters;
  readonly history: readonly EpochRecord[];
  /** Sums over the epoch under way. */
  readonly running: { readonly loss: number; readonly correct: number };
};

/** Progress of a run. */
export type TrainingEvent =
  | {
      readonly kind: 'step';
      readonly step: number;
      readonly steps: number;
      readonly epoch: number;
      readonly loss: number;
      readonly learningRate: number;
    }
  | { readonly kind: 'epoch'; readonly step: number; readonly record: EpochRecord };

/** What to train, on what, and how. */
export type FitOptions = {
  readonly engine: Engine;
  readonly model: Model;
  readonly data: DataSplit;
  readonly settings: TrainingSettings;
  readonly seed: number;
  /** Parameters that the run begins with; absent: random ones. Also named where a `state` is given. */
  readonly initial?: Parameters | undefined;
  /** Where to continue: a state of the same run. */
  readonly state?: TrainingState | undefined;
  /** The test set is evaluated after every so many epochs, and after the last. */
  readonly evaluateEveryEpochs?: number;
  readonly signal?: AbortSignal;
};

/** A run under way. */
export type Fitting = {
  readonly stepsPerEpoch: number;
  readonly steps: number;
  /** Runs; each step and each epoch yields a record. Ends early, between steps, if the signal aborts. */
  readonly events: () => AsyncGenerator<TrainingEvent, void>;
  /** The state after the last step that was yielded. */
  readonly snapshot: () => TrainingState;
  readonly free: () => void;
};

/** The state of a run that has not begun. */
export function initialState(model: Model, seed: number, parameters?: Parameters): TrainingState {
  const start = parameters ?? initialParameters(model, deriveKey(keyFromSeed(seed), 'parameters'));
  const own = Object.fromEntries(model.parameters.map(({ name }) => [name, start[name]!]));
  return {
    step: 0,
    tensors: { ...own, ...initialMomenta(model) },
    history: [],
    running: { loss: 0, correct: 0 },
  };
}

/**
 * Compiles a training run.
 *
 * @throws UsageError with all faults, if the settings can't be run or do not fit the data, or the start is of another model
 */
export async function prepareFit(options: FitOptions): Promise<Fitting> {
  const { engine, model, data, settings, seed } = options;
  const faults = trainingFaults(settings);
  if (settings.batchSize > data.train.count) {
    faults.push(
      `batchSize must be at most the ${data.train.count} training images, got ${settings.batchSize}`,
    );
  }
  throwFaults('train', faults);
  if (options.state !== undefined) checkParameters('train', model, options.state.tensors, true);
  if (options.initial !== undefined) checkParameters('train', model, options.initial);
  const stepsPerEpoch = Math.floor(data.train.count / settings.batchSize);
  const begin = options.state ?? initialState(model, seed, options.initial);
  const [step, inference] = [
    await engine.compile(traceTrainingStep(model, settings)),
    await engine.compile(traceInference(model, Math.min(INFERENCE_BATCH, data.test.count), () => digital)),
  ];
  const store = engine.store(begin.tensors);
  let state: Omit<TrainingState, 'tensors'> = begin;
  const testBatches = batchesOf(data.test, data.normalization, Math.min(INFERENCE_BATCH, data.test.count));
  const run: Run = { options, step, inference, store, stepsPerEpoch, testBatches };
  return {
    stepsPerEpoch,
    steps: settings.epochs * stepsPerEpoch,
    events: () =>
      iterate(run, begin, (next) => {
        state = next;
      }),
    snapshot: () => ({ ...state, tensors: store.read() }),
    free: () => {
      store.free();
      step.free();
      inference.free();
    },
  };
}

/** A run that begins with the weights of another, of the same seed as a rule, does not repeat its order and draws. */
function drawKey({ seed, initial }: FitOptions): Key {
  const key = keyFromSeed(seed);
  return initial === undefined ? key : deriveKey(key, 'continued');
}

type Run = {
  readonly options: FitOptions;
  readonly step: Executable;
  readonly inference: Executable;
  readonly store: ReturnType<Engine['store']>;
  readonly stepsPerEpoch: number;
  readonly testBatches: readonly LabelledBatch[];
};

type Progress = Omit<TrainingState, 'tensors'>;

async function* iterate(
  run: Run,
  begin: Progress,
  publish: (state: Progress) => void,
): AsyncGenerator<TrainingEvent, void> {
  const { options, stepsPerEpoch } = run;
  const { settings, signal } = options;
  const root = drawKey(options);
  const steps = settings.epochs * stepsPerEpoch;
  let { step, history, running } = begin;
  const batches = batchMaker(run, root);
  let batch = step < steps ? batches(step) : undefined;
  for (;;) {
    if (signal?.aborted === true) return;
    // Asked of the state, because a run may have been written down between an epoch's last step and its record.
    const ended = step / stepsPerEpoch;
    if (step > 0 && Number.isInteger(ended) && history.at(-1)?.epoch !== ended) {
      const record = await epochRecord(run, ended, running);
      history = [...history, record];
      running = { loss: 0, correct: 0 };
      publish({ step, history, running });
      yield { kind: 'epoch', step, record };
      continue;
    }
    if (batch === undefined) {
      checkFinite(run.store.read(), steps);
      return;
    }
    const learningRate = learningRateAt(settings, step, stepsPerEpoch);
    const noiseScale = settings.noise.kind === 'gaussian' ? settings.noise.relativeToMax : 0;
    const keys = { noise: deriveKey(root, 'noise', step) };
    const pending = run.step.run({
      inputs: batch,
      scalars: { learningRate, noiseScale },
      keys,
      state: run.store,
    });
    const epoch = Math.floor(step / stepsPerEpoch) + 1;
    step++;
    // The next batch is prepared while this one is computed.
    batch = step < steps ? batches(step) : undefined;
    const outputs = await pending;
    const loss = outputs['loss']![0]!;
    if (!Number.isFinite(loss)) {
      throw new UsageError(
        `train: the loss is ${loss} at step ${step} of ${steps} (epoch ${epoch}, learning rate ${learningRate.toPrecision(3)}); lower the learning rate or the noise`,
      );
    }
    running = { loss: running.loss + loss, correct: running.correct + outputs['correct']![0]! };
    publish({ step, history, running });
    yield { kind: 'step', step, steps, epoch, loss, learningRate };
  }
}

/** Looks at what the last step left: no loss is computed from it. */
function checkFinite(tensors: Parameters, steps: number): void {
  const broken = Object.keys(tensors).find((name) => !tensors[name]!.data.every(Number.isFinite));
  if (broken === undefined) return;
  throw new UsageError(
    `train: "${broken}" is not finite after the last step (${steps}); lower the learning rate or the noise`,
  );
}

/**
 * Makes the batch of any step, from the seed and the step alone. Two batches take turns, the one that is being computed
 * and the next, so a batch is overwritten by the second call after its own.
 */
function batchMaker({ options, stepsPerEpoch }: Run, root: Key): (step: number) => LabelledBatch {
  const { data, settings } = options;
  const { batchSize } = settings;
  const [orderKey, augmentKey] = [deriveKey(root, 'order'), deriveKey(root, 'augmentation')];
  const pair = [0, 1].map(() => emptyBatch(data.train, batchSize));
  let order: { readonly epoch: number; readonly indices: Uint32Array } | undefined;
  return (step) => {
    const epoch = Math.floor(step / stepsPerEpoch);
    if (order?.epoch !== epoch) order = { epoch, indices: batchOrder(orderKey, epoch, data.train.count) };
    const first = (step % stepsPerEpoch) * batchSize;
    const batch = pair[step % 2]!;
    fillBatchInto(batch.images, batch.labels, {
      set: data.train,
      indices: order.indices.subarray(first, first + batchSize),
      normalization: data.normalization,
      augment: { settings: settings.augmentation, key: augmentKey, epoch },
    });
    return batch;
  };
}

async function epochRecord(run: Run, epoch: number, running: TrainingState['running']): Promise<EpochRecord> {
  const { settings, evaluateEveryEpochs = 1 } = run.options;
  const trained = {
    epoch,
    trainLoss: running.loss / run.stepsPerEpoch,
    trainAccuracy: running.correct / (run.stepsPerEpoch * settings.batchSize),
  };
  if (epoch % evaluateEveryEpochs !== 0 && epoch !== settings.epochs) return trained;
  const testAccuracy = await accuracyOn(run.inference, run.testBatches, () => ({ state: run.store }));
  return { ...trained, testAccuracy };
}
