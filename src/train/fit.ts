// The training loop: an async iterator of progress records over compiled steps. The state is a value that can be saved
// at any step; a run continues from it to the same bits.

import { echo } from '../base/echo.ts';
import { throwFaults, UsageError } from '../base/errors.ts';
import { type Parameters, type TensorSpec, zeros } from '../base/parameters.ts';
import { deriveKey, type Key, keyFromSeed } from '../base/random.ts';
import { check, checkForm, type Incomplete } from '../base/schema.ts';
import { formatShape, sameShape } from '../base/shape.ts';
import { exceptionFaults, hardwareOf } from '../crossbar/hardware.ts';
import { fullWeightFor } from '../crossbar/learning-cells.ts';
import { ideal } from '../crossbar/presets.ts';
import type { DataSplit, LabelledImages } from '../data/image-set.ts';
import type { Engine, Executable, Store } from '../engine.ts';
import { digital, weightsOf } from '../graph/operator.ts';
import { updateRule } from '../insitu/update-rule.ts';
import { initialParameters, isTrained, type Network } from '../nn/network.ts';
import type { UpdateRule } from '../rules/update-rule.ts';
import { type AveragedStatistics, prepareAveragedStatistics } from './averaged-statistics.ts';
import { averageShareAt, initialIterates } from './averaging.ts';
import { batchMaker } from './batch-maker.ts';
import { carryScalar } from './carried-states.ts';
import { checkTensors, isKept } from './checkpoint.ts';
import { classification } from './classification.ts';
import { learningRateAt } from './learning-rate.ts';
import { fitForm, seedFaults } from './options-schema.ts';
import { finiteScore, inferenceBatch, reserveCarried, scoreOn, traceInference } from './score.ts';
import { averagingOf, type TrainingSettings, trainingSchema } from './settings.ts';
import {
  initialTrainingState,
  ruleCount,
  teacherState,
  traceBegin,
  traceTrainingStep,
  traceUpkeep,
} from './step.ts';
import { carryFaults, exampleFaults, type Task, type TestBatches } from './task.ts';
import { operatorScalars } from './training-operator.ts';
import type { EpochRecord, TrainingState } from './training-state.ts';

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
  readonly network: Network;
  /** Images to classify; absent if a `task` is given. */
  readonly data?: DataSplit<LabelledImages> | undefined;
  /**
   * The task; absent: classification of `data` with the settings' smoothing, augmentation and distillation. A task has a loss
   * of its own, in which these are only if it was made with them.
   */
  readonly task?: Task | undefined;
  /** Everything but `epochs` has a default. */
  readonly settings: Incomplete<TrainingSettings> & Pick<TrainingSettings, 'epochs'>;
  /** An update rule that replaces the one in the settings. */
  readonly rule?: UpdateRule | undefined;
  /** The teacher of the settings' `distillation`. */
  readonly teacher?: { readonly network: Network; readonly parameters: Parameters } | undefined;
  /** Determines all random draws. */
  readonly seed?: number;
  /** Parameters that the run begins with; absent: random ones. Needed also if a `state` is given. */
  readonly initial?: Parameters | undefined;
  /** A state of the same run, to continue from. */
  readonly state?: TrainingState | undefined;
  /** The test set is evaluated after every so many epochs, and after the last. */
  readonly evaluateEveryEpochs?: number;
  readonly signal?: AbortSignal | undefined;
};

/** A run under way. */
export type Fitting = {
  readonly settings: TrainingSettings;
  readonly stepsPerEpoch: number;
  readonly steps: number;
  /**
   * Continues the run; each step and each epoch yields a record. Ends early, between steps, if the signal aborts.
   * Throws UsageError if another iterator of the run is active.
   */
  readonly events: () => AsyncGenerator<TrainingEvent, void>;
  /** Runs to the end, or until the signal aborts, and returns the state. */
  readonly result: () => Promise<TrainingState>;
  /** The state after the last step that was yielded. */
  readonly snapshot: () => Promise<TrainingState>;
  readonly free: () => void;
};

/**
 * Compiles a training run.
 *
 * @throws UsageError with all faults, if fields are missing or something else, the settings can't be run or do not fit
 *         the data, or the start is of another network
 */
export async function prepareFit(options: FitOptions): Promise<Fitting> {
  checkForm(fitForm, 'train', options);
  const { engine, network, seed = 0, teacher } = options;
  // Augmentation belongs to the data set, unless the settings say otherwise.
  const suggested = options.data?.augmentation;
  const settings = check(trainingSchema, 'train', {
    ...(suggested !== undefined && { augmentation: suggested }),
    ...options.settings,
  });
  const task = options.task ?? classificationOf(options, settings);
  const rule = options.rule ?? ruleOf(settings, network);
  throwFaults('train', optionFaults(options, settings, task, seed));
  const own = initialTrainingState({ network, rule, settings });
  if (options.state !== undefined)
    checkTensors(
      `train: not a state of ${network.name}`,
      specsOf(network, own, settings),
      options.state.tensors,
    );
  if (options.initial !== undefined)
    checkTensors(`train: not the parameters of ${network.name}`, network.parameters, options.initial);
  const begin = options.state ?? initialState(options, own, settings);
  throwFaults('train', options.rule === undefined ? emptyLayerFaults(settings, network, begin.tensors) : []);
  const step = await engine.compile(
    traceTrainingStep({ network, task, rule, settings, teacher: teacher?.network }),
  );
  const batchSize = inferenceBatch(task.examples);
  const inference = await engine.compile(
    traceInference(network, task, batchSize, (t) =>
      digital((layer) => t.state(weightsOf(layer), layer.shape)),
    ),
  );
  const stepsPerEpoch = Math.floor(task.examples.trainCount / settings.batchSize);
  const statistics = await prepareAveragedStatistics({ engine, network, task, settings, stepsPerEpoch });
  const upkeepGraph = traceUpkeep({ network, rule, settings });
  const upkeep = upkeepGraph && (await engine.compile(upkeepGraph));
  const store = await engine.store({ ...begin.tensors, ...teacherTensors(teacher) });
  reserveCarried(store, network, batchSize);
  if (options.state === undefined) await runBegin(options, settings, rule, store);
  const names = Object.keys(begin.tensors);
  const run: Run = {
    options: { ...options, seed },
    settings,
    task,
    rule,
    step,
    upkeep,
    statistics,
    inference,
    store,
    names,
    stepsPerEpoch,
    testBatches: task.examples.testBatches(batchSize),
  };
  return fitting(run, begin);
}

function fitting(run: Run, begin: Progress): Fitting {
  const { settings, stepsPerEpoch, store, step, upkeep, statistics, inference, names } = run;
  let { step: done, history, running }: Progress = begin;
  let isFollowed = false;
  const snapshot = async (): Promise<TrainingState> => {
    const progress = { step: done, history, running };
    return { ...progress, tensors: await store.read(names) };
  };
  async function* events(): AsyncGenerator<TrainingEvent, void> {
    if (isFollowed)
      throw new UsageError(
        'train: the run is being followed already; end that loop before you begin another',
      );
    isFollowed = true;
    try {
      yield* iterate(run, { step: done, history, running }, (next) => {
        ({ step: done, history, running } = next);
      });
    } finally {
      isFollowed = false;
    }
  }
  return {
    settings,
    stepsPerEpoch,
    steps: settings.epochs * stepsPerEpoch,
    events,
    result: async () => {
      for await (const _ of events()) {
        // Only the end matters.
      }
      return snapshot();
    },
    snapshot,
    free: () => {
      store.free();
      step.free();
      upkeep?.free();
      statistics?.free();
      inference.free();
    },
  };
}

/** The rule of the settings; layers that the hardware keeps digital are moved by its digital part. */
export function ruleOf({ rule, hardware = ideal }: TrainingSettings, { layers }: Network): UpdateRule {
  const mappings = new Map(layers.map(({ name }) => [name, hardwareOf(hardware, name)?.mapping]));
  return updateRule(rule, (layer) => mappings.get(layer));
}

/** Patterns of rates that fit no parameter that is trained. */
export function rateFactorFaults({ rateFactors }: TrainingSettings, { parameters }: Network): string[] {
  const names = parameters.filter(isTrained).map(({ name }) => name);
  return exceptionFaults('rateFactors', rateFactors, names, 'parameter');
}

/** Layers in cells that begin with zeros only, which do not tell what weight a full device should stand for. */
function emptyLayerFaults(
  { rule, hardware = ideal }: TrainingSettings,
  { layers }: Network,
  tensors: Parameters,
): string[] {
  if (!('fullWeight' in rule)) return [];
  return layers
    .filter(
      (layer) =>
        hardwareOf(hardware, layer.name) !== undefined &&
        fullWeightFor(rule, layer.name).kind === 'deviations' &&
        tensors[weightsOf(layer)]!.data.every((weight) => weight === 0),
    )
    .map(
      ({ name }) =>
        `rule.fullWeight: the weights of "${name}" are all 0 at the start, so they have no deviation; give the layer a weight of its own, as fullWeights: { ${name}: { kind: fixed, weight: 1 } }`,
    );
}

/** Gives the rule's states their first values. */
async function runBegin(
  { engine, network, seed = 0 }: FitOptions,
  settings: TrainingSettings,
  rule: UpdateRule,
  store: Store,
): Promise<void> {
  const graph = traceBegin({ network, rule, settings });
  if (graph === undefined) return;
  const begin = await engine.compile(graph);
  try {
    await begin.run({ state: store, keys: { begin: deriveKey(keyFromSeed(seed), 'begin') } });
  } finally {
    begin.free();
  }
}

function classificationOf({ data }: FitOptions, settings: TrainingSettings): Task {
  if (data === undefined) throw new UsageError('train: expected `data` or a `task`, got neither');
  return classification(data, settings);
}

/** What keeps settings from training a network on so many examples. */
export function trainingFaults(
  { batchSize, normalizesBy }: Pick<TrainingSettings, 'batchSize' | 'normalizesBy'>,
  { name, normalizationLayers }: Pick<Network, 'name' | 'normalizationLayers'>,
  { trainCount }: { readonly trainCount: number },
): string[] {
  return [
    ...(batchSize > trainCount
      ? [`batchSize must be at most the ${trainCount} training examples, got ${batchSize}`]
      : []),
    ...(normalizesBy === 'running' && normalizationLayers.length === 0
      ? [`normalizesBy has no effect on ${name}, which has no batch normalisation; leave it out`]
      : []),
  ];
}

/** Parameters whose names would not be kept with the weights. */
function namesOfStates({ parameters }: Network): string[] {
  return parameters
    .filter(({ name }) => !isKept(name))
    .map(({ name }) => `"${name}" is named as a state of a training, which is not kept; rename the layer`);
}

function optionFaults(
  { network, data, teacher, rule: custom, evaluateEveryEpochs = 1 }: FitOptions,
  settings: TrainingSettings,
  { batch, examples }: Task,
  seed: number,
): string[] {
  const { batchSize, distillation, hardware, rule, normalizesBy } = settings;
  const faults = [...seedFaults(seed), ...namesOfStates(network)];
  if (
    averagingOf(settings) !== undefined &&
    (custom?.begin ?? custom?.upkeep ?? custom?.sensed) !== undefined
  )
    faults.push('averaging has no effect on a rule that keeps weights itself; leave it out');
  if (!Number.isInteger(evaluateEveryEpochs) || evaluateEveryEpochs < 1)
    faults.push(`evaluateEveryEpochs must be a whole number from 1, got ${echo(evaluateEveryEpochs)}`);
  faults.push(...exampleFaults(examples), ...carryFaults(network, examples));
  faults.push(...trainingFaults({ batchSize, normalizesBy }, network, examples));
  const names = network.layers.map(({ name }) => name);
  faults.push(...exceptionFaults('layers', hardware?.layers, names));
  if ('fullWeights' in rule) faults.push(...exceptionFaults('rule.fullWeights', rule.fullWeights, names));
  faults.push(...rateFactorFaults(settings, network));
  for (const [name, shape] of Object.entries(network.inputs)) {
    const given = batch[name];
    // A task may make an input itself, as an adversarial pair makes noise.
    if (given === undefined) continue;
    if (!sameShape(given, shape))
      faults.push(`the network takes "${name}" ${formatShape(shape)}, the data have ${formatShape(given)}`);
  }
  if ((distillation === undefined) !== (teacher === undefined))
    faults.push(
      distillation === undefined
        ? 'a teacher is given, but the settings have no `distillation`'
        : 'the settings have `distillation`, but no teacher is given',
    );
  // A task of the caller may ask a teacher what it likes; that of images asks for the same answers.
  if (teacher !== undefined && data !== undefined) faults.push(...teacherFaults(network, teacher.network));
  return faults;
}

/** What keeps a network from learning from the answers of another one. */
function teacherFaults(network: Network, teacher: Network): string[] {
  return (['inputs', 'outputs'] as const).flatMap((side) =>
    Object.entries(network[side]).flatMap(([name, shape]) => {
      const others = teacher[side][name];
      if (others !== undefined && sameShape(others, shape)) return [];
      const got = others === undefined ? 'none' : formatShape(others);
      return [
        `the teacher ${teacher.name} must have the ${side} of the network, "${name}" ${formatShape(shape)}, got ${got}`,
      ];
    }),
  );
}

/** The state of a run that has not begun. */
function initialState(
  { network, seed = 0, initial }: FitOptions,
  own: Parameters,
  settings: TrainingSettings,
): TrainingState {
  const start = initial ?? initialParameters(network, deriveKey(keyFromSeed(seed), 'parameters'));
  const parameters = Object.fromEntries(network.parameters.map(({ name }) => [name, start[name]!]));
  // Ranges that were learned before go on from where they are.
  const ranges = Object.keys(own).flatMap((name) => (start[name] === undefined ? [] : [[name, start[name]]]));
  return {
    step: 0,
    tensors: {
      ...parameters,
      ...initialIterates(network, settings, parameters),
      ...own,
      ...Object.fromEntries(ranges),
    },
    history: [],
    running: {},
  };
}

function specsOf(network: Network, own: Parameters, settings: TrainingSettings): TensorSpec[] {
  const parameters = Object.fromEntries(network.parameters.map(({ name, shape }) => [name, zeros(shape)]));
  const iterates = initialIterates(network, settings, parameters);
  return [
    ...network.parameters,
    ...Object.entries({ ...own, ...iterates }).map(([name, { shape }]) => ({ name, shape })),
  ];
}

function teacherTensors(teacher: FitOptions['teacher']): Parameters {
  if (teacher === undefined) return {};
  const { network, parameters } = teacher;
  checkTensors(`train: not the parameters of the teacher ${network.name}`, network.parameters, parameters);
  return Object.fromEntries(network.parameters.map(({ name }) => [teacherState(name), parameters[name]!]));
}

/** A run from the weights of another run, usually with the same seed, has another order of images and other draws. */
function drawKey({ seed = 0, initial }: FitOptions): Key {
  const key = keyFromSeed(seed);
  return initial === undefined ? key : deriveKey(key, 'continued');
}

type Run = {
  readonly options: FitOptions;
  readonly settings: TrainingSettings;
  readonly task: Task;
  readonly rule: UpdateRule;
  readonly step: Executable;
  /** What the rule does beside the steps. */
  readonly upkeep: Executable | undefined;
  /** The running statistics, if the network is an average. */
  readonly statistics: AveragedStatistics | undefined;
  readonly inference: Executable;
  readonly store: Store;
  /** Tensors of the store that belong to the run's state. What inference carries does not: each pass begins with zeros. */
  readonly names: readonly string[];
  readonly stepsPerEpoch: number;
  readonly testBatches: TestBatches;
};

type Progress = Omit<TrainingState, 'tensors'>;

/** What to do about values that are not finite. */
const DIVERGED = 'lower the learning rate or the noise';

async function* iterate(
  run: Run,
  begin: Progress,
  publish: (state: Progress) => void,
): AsyncGenerator<TrainingEvent, void> {
  const { options, settings, stepsPerEpoch } = run;
  const { signal } = options;
  const root = drawKey(options);
  const steps = settings.epochs * stepsPerEpoch;
  let { step, history, running } = begin;
  const averaging = averagingOf(settings);
  const batches = batchMaker(run, root);
  let batch = step < steps ? batches(step) : undefined;
  for (;;) {
    if (signal?.aborted === true) return;
    // Asked of the state, because a run may have been written down between an epoch's last step and its record.
    const ended = step / stepsPerEpoch;
    if (step > 0 && Number.isInteger(ended) && history.at(-1)?.epoch !== ended) {
      await checkFinite(run, ended, step);
      const record = await epochRecord(run, ended, running, root);
      history = [...history, record];
      running = {};
      publish({ step, history, running });
      yield { kind: 'epoch', step, record };
      continue;
    }
    if (batch === undefined) return;
    const learningRate = learningRateAt(settings, step, stepsPerEpoch);
    const pending = run.step.run({
      inputs: await batch,
      scalars: {
        ...run.rule.scalars(step),
        learningRate,
        ...operatorScalars(settings.noise, root, step, stepsPerEpoch),
        ...(averaging && { averageShare: averageShareAt(averaging, step) }),
        ...(options.network.carried.length > 0 && carryScalar(step % stepsPerEpoch)),
      },
      keys: { noise: deriveKey(root, 'noise', step), rule: deriveKey(root, 'rule', step) },
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
        `train: the loss is ${loss} at step ${step} of ${steps} (epoch ${epoch}, learning rate ${learningRate.toPrecision(3)}); ${DIVERGED}`,
      );
    }
    running = added(running, outputs);
    const { upkeep } = run.rule;
    if (upkeep !== undefined && step % upkeep.everySteps === 0) {
      const keys = { upkeep: deriveKey(root, 'upkeep', step) };
      running = added(running, await run.upkeep!.run({ state: run.store, keys }));
    }
    publish({ step, history, running });
    yield { kind: 'step', step, steps, epoch, loss, learningRate };
  }
}

/** Sums over the epoch under way, with the loss and the metrics of one more batch. */
function added(
  sums: Readonly<Record<string, number>>,
  outputs: Readonly<Record<string, Float32Array>>,
): Record<string, number> {
  const entries = Object.entries(outputs).map(([name, value]) => [name, (sums[name] ?? 0) + value[0]!]);
  return { ...sums, ...(Object.fromEntries(entries) as Record<string, number>) };
}

/**
 * Checks the running statistics after every epoch, because an activation may make a number of NaN, and training does not
 * use them: then no loss tells. After the last step checks all of the state, since no later loss is computed from it.
 */
async function checkFinite(
  { options, settings, store, names, stepsPerEpoch }: Run,
  epoch: number,
  step: number,
): Promise<void> {
  const isLast = step === settings.epochs * stepsPerEpoch;
  const { parameters } = options.network;
  const checked = isLast ? names : parameters.filter((one) => !isTrained(one)).map(({ name }) => name);
  const tensors = checked.length === 0 ? {} : await store.read(checked);
  const broken = checked.find((name) => !tensors[name]!.data.every(Number.isFinite));
  if (broken === undefined) return;
  const when = isLast ? `the last step (${step})` : `epoch ${epoch} of ${settings.epochs}`;
  throw new UsageError(`train: "${broken}" is not finite after ${when}; ${DIVERGED}`);
}

/** What the rule counted in an epoch. */
function ruleCounts(running: TrainingState['running']): Pick<EpochRecord, 'pulses' | 'refreshes'> {
  const [pulses, refreshes] = [running[ruleCount('pulses')], running[ruleCount('refreshes')]];
  return { ...(pulses !== undefined && { pulses }), ...(refreshes !== undefined && { refreshes }) };
}

async function epochRecord(
  run: Run,
  epoch: number,
  running: TrainingState['running'],
  root: Key,
): Promise<EpochRecord> {
  const { options, settings, task, inference, testBatches, store, stepsPerEpoch, statistics } = run;
  const { evaluateEveryEpochs = 1 } = options;
  const trained = {
    epoch,
    trainLoss: running['loss']! / stepsPerEpoch,
    trainAccuracy: finiteScore(task, task.score.of(running, stepsPerEpoch * settings.batchSize), {
      place: `train: training examples of epoch ${epoch}`,
      advice: DIVERGED,
    }),
    ...ruleCounts(running),
  };
  if (epoch % evaluateEveryEpochs !== 0 && epoch !== settings.epochs) return trained;
  await statistics?.estimate(store, root, epoch * stepsPerEpoch);
  const testAccuracy = await scoreOn(inference, task, testBatches, () => ({ state: store }), {
    place: `train: test examples after epoch ${epoch}`,
    advice: DIVERGED,
  });
  return { ...trained, testAccuracy };
}
