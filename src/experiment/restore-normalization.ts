// Batch normalisations that were folded into convolutions, as normalisations again: their statistics are measured on
// training examples, and scale and shift chosen so that the network computes what it did. Then AdaBS and training can
// estimate the statistics anew.

import { throwFaults } from '../base/errors.ts';
import { hostTensor, type Parameters } from '../base/parameters.ts';
import { deriveKey, keyFromSeed } from '../base/random.ts';
import type { Engine } from '../engine.ts';
import { digital, type Operator, weightsOf } from '../graph/operator.ts';
import type { Tensor } from '../graph/tensor.ts';
import { trace } from '../graph/trace.ts';
import { digitalStates, type Network } from '../nn/network.ts';
import { NORMALIZATION_EPSILON } from '../nn/normalization.ts';
import { batchInputs } from '../train/step.ts';
import type { Task } from '../train/task.ts';
import { calibrationBatches, networkInputs } from './calibrate.ts';

/** Options of `restoreStatistics`. */
export type RestoreOptions = {
  readonly engine: Engine;
  readonly network: Network;
  readonly parameters: Parameters;
  /** Its training examples are used, without their labels. */
  readonly task: Task;
  /** Layers whose outputs are normalised by a normalisation of the same name: `ImportedOnnx.restored`. */
  readonly layers: readonly string[];
  readonly batches?: number;
  readonly batchSize?: number;
  /** Determines which examples are used. */
  readonly seed?: number;
};

/**
 * Parameters with measured statistics: mean μ and variance σ² of the products of each layer over examples and pixels.
 * With y = a x + b before, a = γ / √(σ₀² + ε), b = β − a μ₀, the new scale is a √(σ² + ε) and the new shift b + a μ, so that
 * y stays what it was.
 *
 * @throws UsageError if a layer has no normalisation of its name
 */
export async function restoreStatistics(options: RestoreOptions): Promise<Parameters> {
  const { network, parameters, layers } = options;
  throwFaults(
    'restoreStatistics',
    layers
      .filter((name) => !network.normalizationLayers.includes(name))
      .map((name) => `layer "${name}" has no normalisation; import the network with restoreNormalization`),
  );
  if (layers.length === 0) return parameters;
  const moments = await measure(options);
  const changed = layers.flatMap((name) => Object.entries(restored(name, parameters, moments)));
  return { ...parameters, ...Object.fromEntries(changed) };
}

/** Sums over batches of the mean and the mean square of the products of a layer, by channel. */
type Moments = Readonly<Record<string, Float64Array>>;

async function measure({
  engine,
  network,
  parameters,
  task,
  layers,
  batches = 20,
  batchSize = 100,
  seed = 0,
}: RestoreOptions): Promise<Moments> {
  const wanted = new Set(layers);
  const graph = trace((t) => {
    const exact = digital((layer) => t.state(weightsOf(layer), layer.shape));
    const seen: Record<string, Tensor> = {};
    const operator: Operator = {
      multiply: (x, layer, geometry) => {
        const y = exact.multiply(x, layer, geometry);
        const axes = y.shape.map((_, axis) => axis).slice(0, -1);
        if (wanted.has(layer.name)) {
          seen[`${layer.name}.mean`] = y.mean(axes);
          seen[`${layer.name}.square`] = y.square().mean(axes);
        }
        return y;
      },
    };
    network.apply({
      inputs: batchInputs(t, task, batchSize),
      parameters: digitalStates(t, network),
      operator,
      mode: { kind: 'inference' },
    });
    return { outputs: seen };
  });
  const store = await engine.store(parameters);
  const executable = await engine.compile(graph);
  try {
    const sizes = new Array<number>(batches).fill(batchSize);
    const key = deriveKey(keyFromSeed(seed), 'restore');
    const sums: Record<string, Float64Array> = {};
    for await (const batch of calibrationBatches(task, key, sizes)) {
      const outputs = await executable.run({ inputs: networkInputs(network, batch), state: store });
      for (const [name, values] of Object.entries(outputs)) {
        sums[name] ??= new Float64Array(values.length);
        for (const [k, value] of values.entries()) sums[name][k]! += value / batches;
      }
    }
    return sums;
  } finally {
    executable.free();
    store.free();
  }
}

function restored(layer: string, parameters: Parameters, moments: Moments): Parameters {
  const value = (role: string): Float32Array => parameters[`${layer}.${role}`]!.data;
  const [gamma, beta, mean0, variance0] = ['scale', 'shift', 'runningMean', 'runningVariance'].map(value);
  const [mean, square] = [moments[`${layer}.mean`]!, moments[`${layer}.square`]!];
  const variance = mean.map((one, k) => Math.max(0, square[k]! - one ** 2));
  const slope = mean.map((_, k) => gamma![k]! / Math.sqrt(variance0![k]! + NORMALIZATION_EPSILON));
  const offset = slope.map((a, k) => beta![k]! - a * mean0![k]!);
  const made = (role: string, numbers: Float64Array): [string, Parameters[string]] => [
    `${layer}.${role}`,
    hostTensor([numbers.length], Float32Array.from(numbers)),
  ];
  return Object.fromEntries([
    made('runningMean', mean),
    made('runningVariance', variance),
    made(
      'scale',
      slope.map((a, k) => a * Math.sqrt(variance[k]! + NORMALIZATION_EPSILON)),
    ),
    made(
      'shift',
      offset.map((b, k) => b + slope[k]! * mean[k]!),
    ),
  ]);
}
