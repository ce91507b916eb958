// The cost of a network on its hardware, with the conductances of its first chip as they are read over time and with inputs
// that occur, where the cost reaches down to arrays. Tiles, bits and read mode are those of the accuracies beside it.

import { hostTensor, type Parameters } from '../base/parameters.ts';
import { deriveKey } from '../base/random.ts';
import { check } from '../base/schema.ts';
import type { Seconds } from '../base/units.ts';
import type { HardwareCost } from '../cost/cost-spec.ts';
import { countNetwork, type NetworkCount } from '../cost/count.ts';
import { type CostEstimate, type EnergyAtTime, estimateCost, type Replicas } from '../cost/estimate.ts';
import {
  drivePicojoules,
  observingArrays,
  rowConductanceState,
  rowConductances,
} from '../cost/observe-arrays.ts';
import type { Reading } from '../crossbar/chip.ts';
import { type HardwareSpec, hardwareOf } from '../crossbar/hardware.ts';
import { allRangeStates, rangesFromStates } from '../crossbar/ranges.ts';
import type { Store } from '../engine.ts';
import type { Graph } from '../graph/node.ts';
import { digital, type Layer, weightsOf } from '../graph/operator.ts';
import type { Tensor } from '../graph/tensor.ts';
import { trace } from '../graph/trace.ts';
import { carriedStates, carrying, carryScalar } from '../train/carried-states.ts';
import { classification } from '../train/classification.ts';
import { INFERENCE_BATCH } from '../train/score.ts';
import { batchInputs } from '../train/step.ts';
import type { Task } from '../train/task.ts';
import { calibrateRanges, calibrationBatches } from './calibrate.ts';
import { placedLayers } from './chip-programs.ts';
import { deploy, deploymentKey } from './deploy.ts';
import { asTrained, type EvaluateOptions } from './evaluate.ts';
import { type EvaluationSettings, evaluationSchema } from './evaluation-settings.ts';
import { trainedDeviceOf } from './trained-device.ts';

/** What a cost is estimated of: a network that was evaluated. */
export type NetworkCostOptions = Omit<EvaluateOptions, 'label' | 'finished' | 'signal'> & {
  readonly cost: HardwareCost;
  readonly replicas?: Replicas | undefined;
};

/**
 * The estimate of a network; with a bottom-up tile, its arrays are those of chip 0 at the first of the evaluation's times,
 * `overTime` has all of them. Inputs are a batch of training examples in the digital network.
 *
 * @throws UsageError as `estimateCost` and `deploy`
 */
export async function networkCost(options: NetworkCostOptions): Promise<CostEstimate> {
  const { network, hardware, cost, replicas } = options;
  const count = countNetwork(network, hardware);
  const common = { count, hardware, cost, replicas };
  const plain = estimateCost(common);
  if (cost.tile.kind === 'measured') return plain;
  const measured = await arraysOverTime(options, count);
  const first = measured[0];
  if (first === undefined) return plain;
  const estimates = measured.map((arrays) => estimateCost({ ...common, arrays: arrays.picojoules }));
  const overTime = estimates.map(
    ({ breakdown, energy }, k): EnergyAtTime => ({
      timeSeconds: measured[k]!.timeSeconds,
      arrayPicojoules: breakdown.find(({ part }) => part === 'array')?.picojoules ?? 0,
      chip: energy.chip,
    }),
  );
  return { ...estimates[0]!, overTime };
}

/** Energy of the arrays of each layer in one product, pJ. */
type ArraysAtTime = {
  readonly timeSeconds: Seconds;
  readonly picojoules: Readonly<Record<string, number>>;
};

async function arraysOverTime(options: NetworkCostOptions, count: NetworkCount): Promise<ArraysAtTime[]> {
  const evaluation = check(evaluationSchema, 'cost: evaluation', options.evaluation ?? {});
  const { timesSeconds } = evaluation;
  const readings = await readingsOf(options, evaluation);
  const drives = await drivesOf(options, evaluation, readings);
  return drives.map((ofLayers, k) => ({
    timeSeconds: timesSeconds[k]!,
    picojoules: Object.fromEntries(
      count.layers.flatMap(({ name }) => {
        const own = hardwareOf(options.hardware, name);
        const { tile } = options.cost;
        const drive = ofLayers[`${name}.drive`]?.[0];
        if (own === undefined || drive === undefined || tile.kind !== 'bottom-up') return [];
        const picojoules = drivePicojoules(tile, own, drive);
        return picojoules === undefined ? [] : [[name, picojoules]];
      }),
    ),
  }));
}

/** Reads of chip 0. */
async function readingsOf(options: NetworkCostOptions, evaluation: EvaluationSettings): Promise<Reading[]> {
  const { trained } = options;
  const deployment = await deploy({
    ...options,
    evaluation: { ...evaluation, methods: ['none'] },
    data: asTrained(options),
    parameters: trained.parameters,
    trainedDevice: trainedDeviceOf(trained, evaluation),
  });
  try {
    const readings: Reading[] = [];
    for (const timeSeconds of evaluation.timesSeconds)
      readings.push(await deployment.reading({ chip: 0, timeSeconds }));
    return readings;
  } finally {
    deployment.free();
  }
}

/** The drives of all layers for each reading. */
async function drivesOf(
  options: NetworkCostOptions,
  evaluation: EvaluationSettings,
  readings: readonly Reading[],
): Promise<Record<string, Float32Array>[]> {
  const { engine, network, hardware, seed = 0 } = options;
  const data = asTrained(options);
  const task = options.task ?? classification(data!);
  const size = Math.min(INFERENCE_BATCH, task.examples.trainCount);
  const store = await storeOf(options, evaluation, task);
  const layers = placedLayers(network, hardware).map(({ layer }) => layer);
  store.reserve([...layers.map(rowConductanceState), ...carriedStates(network, size, `calibration.${size}`)]);
  const executable = await engine.compile(drivesGraph(options, task, size));
  try {
    const key = deriveKey(deploymentKey(seed), 'cost');
    const { value: batch } = await calibrationBatches(task, key, [size]).next();
    const drives: Record<string, Float32Array>[] = [];
    for (const reading of readings) {
      await store.write(conductancesOf(layers, reading));
      drives.push(await executable.run({ inputs: batch!, state: store, scalars: carryScalar(0) }));
    }
    return drives;
  } finally {
    executable.free();
    store.free();
  }
}

function drivesGraph({ network, hardware }: NetworkCostOptions, task: Task, size: number): Graph {
  return trace((t) => {
    const parameters = Object.fromEntries(
      network.parameters.map(({ name, shape }) => [name, t.state(name, shape)]),
    );
    const weights = (layer: Layer): Tensor => parameters[weightsOf(layer)]!;
    const { operator, drives } = observingArrays(digital(weights), hardware, rangesFromStates(t), (layer) => {
      const { name, shape } = rowConductanceState(layer);
      return t.state(name, shape);
    });
    const inputs = batchInputs(t, task, size);
    const carried = carrying(t, network, size, `calibration.${size}`);
    carried.apply({ inputs, parameters, operator, mode: { kind: 'inference' } });
    return { outputs: drives(), updates: carried.updates() };
  });
}

function conductancesOf(layers: readonly Layer[], { layers: read }: Reading): Parameters {
  return Object.fromEntries(
    layers.map((layer) => {
      const { name, shape } = rowConductanceState(layer);
      const arrays = read[layer.name]!.cells.map(({ conductance }) => conductance.data);
      return [name, hostTensor(shape, rowConductances(layer, arrays))];
    }),
  );
}

/** Parameters and the converter ranges that the evaluation has: learned, or calibrated in the same way. */
async function storeOf(
  { engine, network, hardware, trained: { parameters }, seed = 0 }: NetworkCostOptions,
  evaluation: EvaluationSettings,
  task: Task,
): Promise<Store> {
  const own = Object.fromEntries(network.parameters.map(({ name }) => [name, parameters[name]!]));
  const wanted = allRangeStates(network.layers, hardware);
  const learned = Object.fromEntries(
    wanted.flatMap(({ name }) => (parameters[name] === undefined ? [] : [[name, parameters[name]]])),
  );
  const store = await engine.store(own);
  const calibrated =
    Object.keys(learned).length === wanted.length
      ? {}
      : await calibrateRanges({
          engine,
          network,
          hardware,
          task,
          rule: evaluation.ranges,
          examples: evaluation.calibrationImages,
          key: deriveKey(deploymentKey(seed), 'ranges'),
          store,
        });
  store.free();
  return engine.store({ ...own, ...calibrated, ...learned });
}

/** Throws what `networkCost` would throw of hardware, cost and copies, before anything is computed. */
export function checkNetworkCost({
  network,
  hardware,
  cost,
  replicas,
}: Pick<NetworkCostOptions, 'network' | 'cost' | 'replicas'> & { readonly hardware: HardwareSpec }): void {
  estimateCost({ count: countNetwork(network, hardware), hardware, cost, replicas });
}
