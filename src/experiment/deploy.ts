// A network brought onto hardware: graphs compiled once, then chips programmed, read at any time, compensated, and
// asked for their accuracy. Every draw is named by the seed, the chip and the time, so methods see the same chips.

import { UsageError } from '../base/errors.ts';
import { type HostTensor, hostTensor, type Parameters } from '../base/parameters.ts';
import { deriveKey, type Key, keyFromSeed, permutation } from '../base/random.ts';
import type { Seconds } from '../base/units.ts';
import { calibratedRanges, type LayerRanges, observing } from '../crossbar/calibration.ts';
import {
  type Chip,
  collectChip,
  collectReading,
  type Reading,
  readingInputs,
  tensorShape,
} from '../crossbar/chip.ts';
import { compensationFactors } from '../crossbar/compensation.ts';
import { type HardwareSpec, hasIdealPeriphery, hasReadNoiseInProducts } from '../crossbar/hardware.ts';
import { onChip } from '../crossbar/on-chip.ts';
import { traceProgramming, traceReading } from '../crossbar/program-and-read.ts';
import { type Augmentation, fillBatch, type LabelledBatch, noAugmentation } from '../data/batches.ts';
import { type DataSplit, subset } from '../data/image-set.ts';
import type { Call, Engine, Executable, Store } from '../engine.ts';
import { digital, type Multiply } from '../graph/multiply.ts';
import { constant } from '../graph/tensor.ts';
import { type Trace, trace } from '../graph/trace.ts';
import type { Model } from '../nn/model.ts';
import { updatedStatistics } from '../nn/normalization.ts';
import { accuracyOn, batchesOf, INFERENCE_BATCH, traceInference } from '../train/accuracy.ts';
import type { CompensationMethod, EvaluationSettings } from './record.ts';

/** Weight of the old statistics after all AdaBS batches. Joshi et al. 2020, as quoted in a public re-implementation. */
const ADABS_MEMORY = 0.015;
/** Converter ranges: the largest value seen, but at most so many root mean squares. */
const RANGE_RULE = { kind: 'root-mean-squares', count: 6 } as const;

/** What a deployment is made of. */
export type DeploymentOptions = {
  readonly engine: Engine;
  readonly model: Model;
  readonly parameters: Parameters;
  readonly data: DataSplit;
  readonly hardware: HardwareSpec;
  readonly evaluation: EvaluationSettings;
  readonly seed: number;
};

/** A chip read at some time, with the read-outs that compensation compares it with. */
export type ChipReading = { readonly reading: Reading; readonly baseline: Reading };

/** A network on its hardware. */
export type Deployment = {
  /** Accuracy in floating point on the test images. */
  readonly digitalAccuracy: (signal?: AbortSignal) => Promise<number>;
  /** Programs chip number `number`. */
  readonly program: (number: number) => Promise<Chip>;
  /** Reads a chip; the chip is unchanged. */
  readonly read: (chip: Chip, timeSeconds: Seconds) => Promise<Reading>;
  /** The read right after programming that compensation refers to. */
  readonly readBaseline: (chip: Chip) => Promise<Reading>;
  /** Accuracy of a reading under a method, one of those of the evaluation's settings. */
  readonly accuracy: (read: ChipReading, method: CompensationMethod, signal?: AbortSignal) => Promise<number>;
  readonly free: () => void;
};

function deploymentKey(seed: number): Key {
  return deriveKey(keyFromSeed(seed), 'deployment');
}

/** The key with which chip number `number` of a seed is programmed. */
export function programmingKey(seed: number, number: number): Key {
  return deriveKey(deploymentKey(seed), 'program', number);
}

/**
 * Compiles everything that a network needs on its hardware, and calibrates converter ranges on training images.
 *
 * @throws UsageError if AdaBS is asked for and the network normalises nothing
 */
export async function deploy(options: DeploymentOptions): Promise<Deployment> {
  const { engine, model, hardware, data, evaluation } = options;
  const hasAdabs = evaluation.methods.includes('adabs');
  if (hasAdabs && model.normalizationLayers.length === 0) {
    throw new UsageError(
      `deploy: AdaBS re-estimates statistics of batch normalisation, and ${model.name} has none; leave the method out`,
    );
  }
  const root = deploymentKey(options.seed);
  const test = evaluation.testImages === undefined ? data.test : subset(data.test, evaluation.testImages);
  const batchSize = Math.min(INFERENCE_BATCH, test.count);
  const testBatches = batchesOf(test, data.normalization, batchSize);
  const ranges = hasIdealPeriphery(hardware)
    ? new Map<string, LayerRanges>()
    : await calibrate(options, root);
  const programming = await engine.compile(traceProgramming(model.analogLayers, hardware));
  const reading = await engine.compile(traceReading(model.analogLayers, hardware));
  const isDigital = (parameter: string): boolean =>
    model.parameters.find(({ name }) => name === parameter)!.role !== 'weights';
  const operator = (t: Trace): Multiply => chipOperator(t, options, ranges);
  const inference = await engine.compile(traceInference(model, batchSize, operator, isDigital));
  const store = engine.store(chipTensors(options));
  const adabs = hasAdabs ? await prepareAdabs(options, operator, root) : undefined;
  return {
    digitalAccuracy: (signal) => digitalAccuracy(options, testBatches, batchSize, signal),
    program: async (number) => {
      const inputs = Object.fromEntries(
        model.analogLayers.map(({ name }) => [
          `${name}.weights`,
          options.parameters[`${name}.weights`]!.data,
        ]),
      );
      const outputs = await programming.run({
        inputs,
        keys: { program: programmingKey(options.seed, number) },
      });
      return collectChip({ hardware, seed: options.seed, number, layers: model.analogLayers, outputs });
    },
    read: (chip, timeSeconds) =>
      readChip(reading, chip, timeSeconds, deriveKey(root, 'read', chip.number, timeSeconds)),
    readBaseline: (chip) => readChip(reading, chip, 0, deriveKey(root, 'baseline', chip.number)),
    accuracy: async (read, method, signal) => {
      if (!evaluation.methods.includes(method)) {
        throw new UsageError(
          `accuracy: method must be one the deployment was made for (${evaluation.methods.join(', ')}), got ${method}`,
        );
      }
      store.write(readTensors(options, read, method));
      const key = deriveKey(root, 'output', read.reading.chip, read.reading.timeSeconds);
      if (method === 'adabs') await adabs?.run(store, key, signal);
      return accuracyOn(
        inference,
        testBatches,
        (batch) => ({ state: store, keys: { output: deriveKey(key, batch) } }),
        signal,
      );
    },
    free: () => {
      for (const executable of [programming, reading, inference]) executable.free();
      adabs?.free();
      store.free();
    },
  };
}

async function digitalAccuracy(
  { engine, model, parameters }: DeploymentOptions,
  batches: readonly LabelledBatch[],
  size: number,
  signal?: AbortSignal,
): Promise<number> {
  const executable = await engine.compile(traceInference(model, size, () => digital));
  const state = engine.store(parameters);
  try {
    return await accuracyOn(executable, batches, () => ({ state }), signal);
  } finally {
    executable.free();
    state.free();
  }
}

async function readChip(reading: Executable, chip: Chip, timeSeconds: Seconds, key: Key): Promise<Reading> {
  const { timeSeconds: time, ...inputs } = readingInputs(chip, timeSeconds);
  const outputs = await reading.run({ inputs, scalars: { timeSeconds: time![0]! }, keys: { read: key } });
  return collectReading(chip, timeSeconds, outputs);
}

/** The operator that multiplies by what the store holds of a chip. */
function chipOperator(
  t: Trace,
  { model, hardware }: DeploymentOptions,
  ranges: ReadonlyMap<string, LayerRanges>,
): Multiply {
  const shapes = new Map(model.analogLayers.map((layer) => [layer.name, layer]));
  return onChip({
    hardware,
    conductances: (name) => {
      const layer = shapes.get(name)!;
      const variance = hasReadNoiseInProducts(hardware) && {
        variance: t.state(`${name}.variance`, tensorShape(hardware, layer, 'variance')),
      };
      return {
        ...variance,
        gPlus: t.state(`${name}.gPlus`, [layer.rows, layer.columns]),
        gMinus: t.state(`${name}.gMinus`, [layer.rows, layer.columns]),
        scale: t.state(`${name}.scale`, tensorShape(hardware, layer, 'scale')),
        compensation: t.state(`${name}.compensation`, [1, layer.columns]),
      };
    },
    inputRange: (name) => constant(t, ranges.get(name)!.input),
    outputRange: (name) => constant(t, ranges.get(name)!.output!),
    key: t.key('output'),
  });
}

function zeros(shape: readonly number[]): HostTensor {
  return hostTensor(shape, new Float32Array(shape.reduce((product, size) => product * size, 1)));
}

/** Everything that inference on a chip keeps on the backend: digital parameters, and places for conductances. */
function chipTensors({ model, parameters, hardware }: DeploymentOptions): Parameters {
  const tensors: Record<string, HostTensor> = {};
  for (const { name, role } of model.parameters) if (role !== 'weights') tensors[name] = parameters[name]!;
  for (const layer of model.analogLayers) {
    tensors[`${layer.name}.gPlus`] = zeros([layer.rows, layer.columns]);
    tensors[`${layer.name}.gMinus`] = zeros([layer.rows, layer.columns]);
    tensors[`${layer.name}.scale`] = zeros(tensorShape(hardware, layer, 'scale'));
    tensors[`${layer.name}.compensation`] = zeros([1, layer.columns]);
    if (hasReadNoiseInProducts(hardware))
      tensors[`${layer.name}.variance`] = zeros(tensorShape(hardware, layer, 'variance'));
  }
  return tensors;
}

/** What a reading puts into the store: conductances, their variance if read, factors, and the statistics as trained. */
function readTensors(
  { model, parameters }: DeploymentOptions,
  { reading, baseline }: ChipReading,
  method: CompensationMethod,
): Parameters {
  const factors = compensationFactors({ kind: method === 'adabs' ? 'global' : method }, baseline, reading);
  const tensors: Record<string, HostTensor> = {};
  for (const { name, role } of model.parameters) {
    if (role === 'runningMean' || role === 'runningVariance') tensors[name] = parameters[name]!;
  }
  for (const [name, layer] of Object.entries(reading.layers)) {
    tensors[`${name}.gPlus`] = layer.gPlus;
    tensors[`${name}.gMinus`] = layer.gMinus;
    tensors[`${name}.scale`] = layer.scale;
    tensors[`${name}.compensation`] = factors[name]!;
    if (layer.variance !== undefined) tensors[`${name}.variance`] = layer.variance;
  }
  return tensors;
}

/** AdaBS on the statistics in a store. */
type Adabs = {
  readonly run: (store: Store, key: Key, signal?: AbortSignal) => Promise<void>;
  readonly free: () => void;
};

/**
 * Compiles adaptive batch-norm statistics: for each of m calibration batches, every running moment r ← p r + (1 − p) b
 * with the batch's own moment b and p = 0.015^(1/m), the network running on the chip with batch statistics.
 * Calibration images come from the training set, without labels; augmented only if the settings say so. Statistics that
 * a network was trained with are those of augmented images: crops of a padded image have black borders, others have not.
 *
 * @source V. Joshi et al., Nat. Commun. 11:2473 (2020); rule as quoted by a public re-implementation
 */
async function prepareAdabs(
  options: DeploymentOptions,
  operator: (t: Trace) => Multiply,
  root: Key,
): Promise<Adabs> {
  const { engine, model, data, evaluation } = options;
  const { batches: count, batchSize, augmentation } = evaluation.adabs;
  const share = 1 - ADABS_MEMORY ** (1 / count);
  const graph = trace((t) => {
    const images = t.input('images', [batchSize, ...model.inputShape]);
    const parameters = Object.fromEntries(
      model.parameters.map(({ name, shape, role }) => [
        name,
        role === 'weights' ? t.input(name, shape) : t.state(name, shape),
      ]),
    );
    const { statistics } = model.apply(parameters, images, operator(t), { kind: 'training' });
    const updates = Object.fromEntries(
      Object.entries(statistics).map(([name, batch]) => [
        name,
        updatedStatistics(parameters[name]!, batch, share),
      ]),
    );
    return { outputs: {}, updates };
  });
  const executable = await engine.compile(graph);
  const sizes = new Array<number>(count).fill(batchSize);
  const batches = calibrationBatches(data, deriveKey(root, 'adabs'), sizes, augmentation);
  return {
    run: async (state, key, signal) => {
      for (const [batch, images] of batches.entries()) {
        signal?.throwIfAborted();
        const call: Call = { inputs: { images }, state, keys: { output: deriveKey(key, 'adabs', batch) } };
        await executable.run(call);
      }
    },
    free: executable.free,
  };
}

/** Images of the training set in a random order, as normalised batches; the order starts again if the set is small. */
function calibrationBatches(
  { train, normalization }: DataSplit,
  key: Key,
  sizes: readonly number[],
  augmentation: Augmentation = noAugmentation,
): Float32Array[] {
  const order = permutation(key, train.count);
  const augment = { settings: augmentation, key: deriveKey(key, 'augmentation'), epoch: 0 };
  let first = 0;
  return sizes.map((size) => {
    const indices = Uint32Array.from({ length: size }, (_, i) => order[(first + i) % train.count]!);
    first += size;
    return fillBatch({ set: train, indices, normalization, augment }).images;
  });
}

/** Converter ranges of every layer, from what the digital network sees on training images. */
async function calibrate(options: DeploymentOptions, root: Key): Promise<Map<string, LayerRanges>> {
  const { engine, model, parameters, data, evaluation } = options;
  const size = Math.min(INFERENCE_BATCH, evaluation.calibrationImages);
  const whole = Math.floor(evaluation.calibrationImages / size);
  const rest = evaluation.calibrationImages - whole * size;
  const sizes = [...new Array<number>(whole).fill(size), ...(rest > 0 ? [rest] : [])];
  const batches = calibrationBatches(data, deriveKey(root, 'ranges'), sizes);
  const state = engine.store(parameters);
  const observations: Record<string, Float32Array>[] = [];
  for (const one of new Set(sizes)) {
    const alike = batches.filter((_, batch) => sizes[batch] === one);
    observations.push(...(await observe(options, state, one, alike)));
  }
  state.free();
  return new Map(
    model.analogLayers.map(({ name }) => [name, calibratedRanges(name, RANGE_RULE, observations)]),
  );
}

/** What the layers of the digital network see of batches of `size` images. */
async function observe(
  { engine, model, hardware }: DeploymentOptions,
  state: Store,
  size: number,
  batches: readonly Float32Array[],
): Promise<Record<string, Float32Array>[]> {
  const executable = await engine.compile(
    trace((t) => {
      const observed = observing(digital, hardware);
      const states = Object.fromEntries(
        model.parameters.map(({ name, shape }) => [name, t.state(name, shape)]),
      );
      model.apply(states, t.input('images', [size, ...model.inputShape]), observed.multiply, {
        kind: 'inference',
      });
      return { outputs: observed.observations() };
    }),
  );
  const observations: Record<string, Float32Array>[] = [];
  for (const images of batches) observations.push(await executable.run({ inputs: { images }, state }));
  executable.free();
  return observations;
}
