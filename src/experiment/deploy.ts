// A network on its hardware: programs over one store, compiled once. Numbers name a chip, a read and a compensation; a
// chip or read that is not in the store is computed again, from the same draws. Cells never leave the backend, except
// for snapshots.

import { echo } from '../base/echo.ts';
import { throwFaults, UsageError } from '../base/errors.ts';
import { createMutex } from '../base/mutex.ts';
import type { Parameters, TensorSpec } from '../base/parameters.ts';
import { deriveKey, type Key, keyFromSeed } from '../base/random.ts';
import { check, checkForm, type Incomplete } from '../base/schema.ts';
import type { Seconds } from '../base/units.ts';
import type { CellSpec } from '../cells/cell.ts';
import { cellOfDevice } from '../cells/cell-of-device.ts';
import { type PulseDeviceSpec, type PulseModel, pulseModel } from '../cells/pulse-device.ts';
import { checkPulseDevice } from '../cells/pulse-schema.ts';
import { type Chip, checkReadTime, type Reading } from '../crossbar/chip.ts';
import { type HardwareSpec, patternFaults } from '../crossbar/hardware.ts';
import { checkHardware } from '../crossbar/hardware-schema.ts';
import { learnedPairs, learningCellsOf, tensorsOfLearningCells } from '../crossbar/learning-cells.ts';
import { allRangeStates } from '../crossbar/ranges.ts';
import {
  type Augmentation,
  type DataSplit,
  type LabelledImages,
  splitFaults,
  subset,
} from '../data/image-set.ts';
import type { Engine, Executable, Store } from '../engine.ts';
import { digital, type Operator, weightsOf } from '../graph/operator.ts';
import type { Trace } from '../graph/trace.ts';
import type { Network } from '../nn/network.ts';
import { checkParameters, checkTensors } from '../train/checkpoint.ts';
import { classification } from '../train/classification.ts';
import { seedFaults } from '../train/options-schema.ts';
import { digitalScoreIn, inferenceBatch, reserveCarried, scoreOn, traceInference } from '../train/score.ts';
import { carryFaults, exampleFaults, type Task } from '../train/task.ts';
import { type Adabs, prepareAdabs } from './adabs.ts';
import { calibrateRanges } from './calibrate.ts';
import { type InputValues, type OutputPrograms, outputPrograms } from './chip-outputs.ts';
import { chipParameters } from './chip-parameters.ts';
import {
  type ChipPrograms,
  compensationAliases,
  placedLayers,
  prepareChipPrograms,
  traceOnChip,
} from './chip-programs.ts';
import type { CompensationMethod } from './compensation-method.ts';
import { type EvaluationSettings, evaluationFaults, evaluationSchema } from './evaluation-settings.ts';
import { type Lora, prepareLora } from './lora.ts';
import { deploymentForm } from './options-schema.ts';

/** Options of `deploy`. */
export type DeploymentOptions = {
  readonly engine: Engine;
  readonly network: Network;
  /** Parameters of the network; converter ranges among them are used without calibration. */
  readonly parameters: Parameters;
  /** Images to classify; absent if a `task` is given. */
  readonly data?: DataSplit<LabelledImages> | undefined;
  /** The task that is scored; absent: classification of `data`. */
  readonly task?: Task | undefined;
  readonly hardware: HardwareSpec;
  /**
   * The device of a network that was trained in the cells. Then nothing is programmed: every chip has the cells that are
   * among the parameters (`<layer>.cells.…`), with the drift and the read noise of the device in place of those of the
   * hardware's cell; chips differ in their reads. Absent: the weights are programmed.
   */
  readonly trainedDevice?: PulseDeviceSpec | undefined;
  /** Every field has a default. */
  readonly evaluation?: Incomplete<EvaluationSettings>;
  /** Determines all random draws. */
  readonly seed?: number;
};

/** A read of a chip. */
export type ChipRead = {
  /** Number of the chip, from 0. */
  readonly chip: number;
  /** Time since programming ended. */
  readonly timeSeconds: Seconds;
  /** Number of the read at this time, from 0, which is the default: each draws read noise of its own. */
  readonly read?: number;
};

/** A network on its hardware. The result of a method depends on its arguments only, never on earlier calls. */
export type Deployment = {
  readonly network: Network;
  readonly hardware: HardwareSpec;
  /** Score in floating point on the test examples; for a classification the accuracy. */
  readonly digitalAccuracy: (signal?: AbortSignal) => Promise<number>;
  /** Score of a read of a chip under a method, one of those of the evaluation's settings. */
  readonly accuracy: (
    read: ChipRead & { readonly method: CompensationMethod },
    signal?: AbortSignal,
  ) => Promise<number>;
  /**
   * What the network answers on a read of a chip under a method: its outputs, each (batch, …), for values of its inputs,
   * each (batch, …). Draws are those of the first batch that `accuracy` scores. Not for networks that carry states.
   */
  readonly outputs: (
    read: ChipRead & { readonly method: CompensationMethod },
    inputs: InputValues,
    signal?: AbortSignal,
  ) => Promise<Parameters>;
  /** The same in floating point. */
  readonly digitalOutputs: (inputs: InputValues) => Promise<Parameters>;
  /**
   * The network's parameters as a chip has them: weights as sensed at a read, the factors and corrections of the method in
   * them, and the statistics that AdaBS estimates. A digital machine computes with them as the chip does with ideal converters.
   */
  readonly parameters: (
    read: ChipRead & { readonly method: CompensationMethod },
    signal?: AbortSignal,
  ) => Promise<Parameters>;
  /** A programmed chip as values. */
  readonly chip: (number: number) => Promise<Chip>;
  /** The sensed conductances of a read, as values. */
  readonly reading: (read: ChipRead) => Promise<Reading>;
  /** The read right after programming, the baseline of compensation. */
  readonly baseline: (chip: number) => Promise<Reading>;
  readonly free: () => void;
};

/** The key from which the draws of all chips of a seed are derived. */
export function deploymentKey(seed: number): Key {
  return deriveKey(keyFromSeed(seed), 'deployment');
}

/**
 * Compiles the programs of a network on its hardware. Converter ranges that are not among the parameters are calibrated
 * on training examples.
 *
 * @throws UsageError that lists all fields which are missing or something else; all faults of settings, hardware and
 *         parameters; or if AdaBS is asked for and the network normalises nothing
 */
export async function deploy(options: DeploymentOptions): Promise<Deployment> {
  checkForm(deploymentForm, 'deploy', options);
  const { engine, network, parameters, seed = 0 } = options;
  const evaluation = check(evaluationSchema, 'deploy: evaluation', options.evaluation ?? {});
  const { trainedDevice } = options;
  const trained = trainedDevice && pulseModel(checkPulseDevice('deploy: trainedDevice', trainedDevice));
  const given = checkHardware(options.hardware);
  const hardware = trainedDevice === undefined ? given : withCell(given, cellOfDevice(trainedDevice));
  const tasks = tasksOf(options, evaluation);
  throwFaults('deploy', deploymentFaults(network, hardware, evaluation, tasks.scored, seed));
  checkParameters('deploy', network, parameters);
  const cells = trained === undefined ? [] : trainedCells(network, hardware, trained);
  if (trained !== undefined) throwFaults('deploy', learnedPairsFaults(network, hardware, parameters));
  checkTensors('deploy: not trained in these cells', cells, parameters);
  const root = deploymentKey(seed);
  const store = await engine.store(await startTensors(options, hardware, evaluation, tasks.plain, root));
  const names = cells.map(({ name }) => name);
  store.reserve(cells);
  await store.write(Object.fromEntries(names.map((name) => [name, parameters[name]!])));
  const chips = await prepareChipPrograms({ engine, network, hardware, store, seed, key: root, trained });
  const { examples } = tasks.scored;
  const size = inferenceBatch(examples);
  reserveCarried(store, network, size);
  const onChip = traceOnChip(network, hardware);
  const inference = await engine.compile(traceInference(network, tasks.scored, size, onChip));
  const adabs = evaluation.methods.includes('adabs')
    ? await prepareAdabs({
        engine,
        network,
        task: tasks.augmented,
        settings: evaluation.adabs,
        operator: onChip,
        key: root,
      })
    : undefined;
  const lora = await preparedLora(options, { evaluation, tasks, chips, operator: onChip, key: root, size });
  const parts: Parts = {
    options: { ...options, seed },
    evaluation,
    hardware,
    task: tasks.scored,
    store,
    chips,
    inference,
    adabs,
    lora,
    outputs: outputPrograms(engine, network, onChip),
    digitalOutputs: outputPrograms(engine, network, (t) =>
      digital((layer) => t.state(weightsOf(layer), layer.shape)),
    ),
    root,
    testBatches: examples.testBatches(size),
  };
  return deployment(parts);
}

/** Chips with corrections of low rank: the fit, and the programs that compute with its result. */
type CorrectedChips = {
  readonly lora: Lora;
  readonly inference: Executable;
  readonly outputs: OutputPrograms;
  readonly free: () => void;
};

async function preparedLora(
  { engine, network }: Pick<DeploymentOptions, 'engine' | 'network'>,
  {
    evaluation,
    tasks,
    chips,
    operator,
    key,
    size,
  }: {
    readonly evaluation: EvaluationSettings;
    readonly tasks: Tasks;
    readonly chips: ChipPrograms;
    readonly operator: (t: Trace) => Operator;
    readonly key: Key;
    /** Examples of a batch in inference. */
    readonly size: number;
  },
): Promise<CorrectedChips | undefined> {
  if (!evaluation.methods.includes('lora')) return undefined;
  const layers = chips.layers.map(({ layer }) => layer);
  const settings = evaluation.lora!;
  const lora = await prepareLora({ engine, network, task: tasks.fitted, settings, layers, operator, key });
  const inference = await engine.compile(traceInference(network, tasks.scored, size, lora.operator));
  const outputs = outputPrograms(engine, network, lora.operator);
  return {
    lora,
    inference,
    outputs,
    free: () => {
      lora.free();
      inference.free();
      outputs.free();
    },
  };
}

/** The hardware with another cell in all layers. */
function withCell(hardware: HardwareSpec, cell: CellSpec): HardwareSpec {
  const { layers } = hardware;
  if (layers === undefined) return { ...hardware, cell };
  const own = Object.entries(layers).map(([name, one]) => [name, one === 'digital' ? one : { ...one, cell }]);
  return { ...hardware, cell, layers: Object.fromEntries(own) };
}

/** The tensors of the cells of all layers that are on arrays. */
function trainedCells(network: Network, hardware: HardwareSpec, model: PulseModel): TensorSpec[] {
  return placedLayers(network, hardware).flatMap(({ layer, hardware: { mapping } }) =>
    tensorsOfLearningCells(learningCellsOf(layer, model, mapping)),
  );
}

/** Hardware with another number of pairs than the cells among the parameters have, as faults. */
function learnedPairsFaults(network: Network, hardware: HardwareSpec, parameters: Parameters): string[] {
  return placedLayers(network, hardware).flatMap(({ layer: { name }, hardware: { mapping } }) => {
    const has = (tensor: string): boolean => Object.hasOwn(parameters, tensor);
    const learned = learnedPairs(name, has);
    const { pairs = 1 } = mapping;
    return pairs === learned || !has(`${name}.cells.scale`)
      ? []
      : [
          `${name}: mapping.pairs must be ${learned}, the pairs that it was trained with, got ${pairs}; set mapping.pairs, or program the weights anew`,
        ];
  });
}

type Parts = {
  readonly options: DeploymentOptions;
  readonly evaluation: EvaluationSettings;
  readonly hardware: HardwareSpec;
  readonly task: Task;
  readonly store: Store;
  readonly chips: ChipPrograms;
  readonly inference: Executable;
  readonly adabs: Adabs | undefined;
  readonly lora: CorrectedChips | undefined;
  readonly outputs: OutputPrograms;
  readonly digitalOutputs: OutputPrograms;
  readonly root: Key;
  readonly testBatches: ReturnType<Task['examples']['testBatches']>;
};

function deployment(parts: Parts): Deployment {
  const { options, hardware, task, store, chips, inference, adabs, lora } = parts;
  const { network } = options;
  // Concurrent calls would replace each other's chips in the store.
  const mutex = createMutex();
  return {
    network,
    hardware,
    digitalAccuracy: (signal) =>
      mutex.runExclusive(() => digitalScoreIn(store, { engine: options.engine, network, task, signal })),
    accuracy: async (read, signal) => {
      checkRead(read);
      checkMethod(parts, read.method);
      return mutex.runExclusive(() => scoreOnChip(parts, read, signal));
    },
    outputs: async (read, inputs, signal) => {
      checkRead(read);
      checkMethod(parts, read.method);
      return mutex.runExclusive(async () => {
        const { outputKey, aliases } = await readUnder(parts, read, signal);
        const programs = read.method === 'lora' ? lora! : parts;
        return programs.outputs.run(inputs, {
          state: store,
          aliases,
          keys: { output: deriveKey(outputKey, 0) },
        });
      });
    },
    digitalOutputs: (inputs) => mutex.runExclusive(() => parts.digitalOutputs.run(inputs, { state: store })),
    parameters: async (read, signal) => {
      checkRead(read);
      checkMethod(parts, read.method);
      return mutex.runExclusive(async () => {
        const { aliases } = await readUnder(parts, read, signal);
        const correctionOf = read.method === 'lora' ? lora!.lora.correctionOf : undefined;
        return chipParameters({ store, network, layers: chips.layers, aliases, correctionOf });
      });
    },
    chip: async (number) => {
      checkNumber('chip', number);
      return mutex.runExclusive(() => chips.chip(number));
    },
    reading: async (read) => {
      checkRead(read);
      return mutex.runExclusive(() => chips.reading(read));
    },
    baseline: async (number) => {
      checkNumber('chip', number);
      return mutex.runExclusive(() => chips.baseline(number));
    },
    free: () => {
      inference.free();
      parts.outputs.free();
      parts.digitalOutputs.free();
      chips.free();
      adabs?.free();
      lora?.free();
      store.free();
    },
  };
}

/** The initial tensors of the store: parameters and converter ranges. */
async function startTensors(
  { engine, network, parameters }: DeploymentOptions,
  hardware: HardwareSpec,
  evaluation: EvaluationSettings,
  task: Task,
  root: Key,
): Promise<Parameters> {
  const own = Object.fromEntries(network.parameters.map(({ name }) => [name, parameters[name]!]));
  const wanted = allRangeStates(network.layers, hardware);
  const brought = wanted.filter(({ name }) => parameters[name] !== undefined);
  checkTensors('deploy: converter ranges', brought, parameters);
  throwFaults(
    'deploy: converter ranges',
    brought
      .filter(({ name }) => !(parameters[name]!.data[0]! > 0))
      .map(({ name }) => `"${name}" must be above 0, got ${parameters[name]!.data[0]}`),
  );
  const ranges = Object.fromEntries(brought.map(({ name }) => [name, parameters[name]!]));
  if (brought.length === wanted.length) return { ...own, ...ranges };
  const store = await engine.store(own);
  try {
    const calibrated = await calibrateRanges({
      engine,
      network,
      hardware,
      task,
      rule: evaluation.ranges,
      examples: evaluation.calibrationImages,
      key: deriveKey(root, 'ranges'),
      store,
    });
    return { ...own, ...calibrated, ...ranges };
  } finally {
    store.free();
  }
}

type Tasks = {
  /** With the selected test examples. */
  readonly scored: Task;
  /** With plain training examples, for converter ranges. */
  readonly plain: Task;
  /** With training examples augmented as in the settings of AdaBS. */
  readonly augmented: Task;
  /** With training examples augmented as in the settings of LoRA. */
  readonly fitted: Task;
};

function tasksOf({ data, task }: DeploymentOptions, { testImages, adabs, lora }: EvaluationSettings): Tasks {
  if (task !== undefined) return { scored: task, plain: task, augmented: task, fitted: task };
  if (data === undefined) throw new UsageError('deploy: expected `data` or a `task`, got neither');
  throwFaults('classification: data', splitFaults(data));
  const test =
    testImages === undefined ? data.test : subset(data.test, Math.min(testImages, data.test.count));
  const split = { ...data, test };
  const plain = classification(split);
  const withChanges = (augmentation: Augmentation | undefined): Task =>
    augmentation === undefined ? plain : classification(split, { augmentation });
  return {
    scored: plain,
    plain,
    augmented: withChanges(adabs.augmentation),
    fitted: withChanges(lora?.augmentation),
  };
}

function deploymentFaults(
  network: Network,
  hardware: HardwareSpec,
  evaluation: EvaluationSettings,
  { examples }: Task,
  seed: number,
): string[] {
  const faults = [
    ...exampleFaults(examples),
    ...carryFaults(network, examples),
    ...evaluationFaults(evaluation, examples),
    ...patternFaults(
      hardware,
      network.layers.map(({ name }) => name),
    ),
  ];
  faults.push(...seedFaults(seed));
  if (evaluation.methods.includes('adabs') && network.normalizationLayers.length === 0)
    faults.push(
      `AdaBS re-estimates statistics of batch normalisation, and ${network.name} has none; leave the method out`,
    );
  return faults;
}

function checkNumber(what: 'chip' | 'read', number: number): void {
  if (!Number.isInteger(number) || number < 0)
    throw new UsageError(`deployment: ${what} must be a whole number from 0, got ${echo(number)}`);
}

function checkRead(given: ChipRead): void {
  if (typeof given !== 'object' || given === null)
    throw new UsageError(`deployment: expected a read, { chip, timeSeconds }, got ${echo(given)}`);
  const { chip, timeSeconds, read = 0 } = given;
  checkNumber('chip', chip);
  checkReadTime(timeSeconds);
  checkNumber('read', read);
}

function checkMethod({ evaluation: { methods } }: Parts, method: CompensationMethod): void {
  if (methods.includes(method)) return;
  throw new UsageError(
    `accuracy: method must be one the deployment was made for (${methods.join(', ')}), got ${echo(method)}`,
  );
}

/** Brings the store to a read, and says under which names a method has its factors and statistics. */
async function readUnder(
  { store, chips, adabs, lora, root }: Parts,
  { chip, timeSeconds, read = 0, method }: ChipRead & { readonly method: CompensationMethod },
  signal: AbortSignal | undefined,
): Promise<{ readonly outputKey: Key; readonly aliases: Readonly<Record<string, string>> }> {
  await chips.read({ chip, timeSeconds, read });
  const path = read === 0 ? [chip, timeSeconds] : [chip, timeSeconds, read];
  const outputKey = deriveKey(root, 'output', ...path);
  const fits = method === 'adabs' || method === 'lora';
  const factors = compensationAliases(chips.layers, fits ? 'global' : method);
  const run = { store, chip, outputKey, aliases: factors, signal };
  if (method === 'lora') await lora!.lora.run(run);
  if (method !== 'adabs') return { outputKey, aliases: factors };
  await adabs!.run(run);
  return { outputKey, aliases: { ...factors, ...adabs!.statistics } };
}

async function scoreOnChip(
  parts: Parts,
  one: ChipRead & { readonly method: CompensationMethod },
  signal: AbortSignal | undefined,
): Promise<number> {
  const { task, store, lora, testBatches } = parts;
  const { chip, timeSeconds, read = 0, method } = one;
  const { outputKey, aliases } = await readUnder(parts, one, signal);
  return scoreOn(
    (method === 'lora' ? lora! : parts).inference,
    task,
    testBatches,
    (batch) => ({ state: store, aliases, keys: { output: deriveKey(outputKey, batch) } }),
    {
      place: `evaluate: chip ${chip}, ${timeSeconds} s, ${method}${read === 0 ? '' : `, read ${read}`}`,
      signal,
    },
  );
}
