// AdaBS, adaptive batch-normalisation statistics: calibration batches run through the network on the chip, and every
// running moment moves towards the moments of these batches. Needs training examples without labels; changes no cell.

import type { TensorSpec } from '../base/parameters.ts';
import { deriveKey, type Key } from '../base/random.ts';
import type { Engine, Store } from '../engine.ts';
import type { Operator } from '../graph/operator.ts';
import { type Trace, trace } from '../graph/trace.ts';
import { digitalStates, type Network } from '../nn/network.ts';
import { updatedStatistics } from '../nn/normalization.ts';
import { carriedStates, carrying, carryScalar } from '../train/carried-states.ts';
import { batchInputs } from '../train/step.ts';
import type { Task } from '../train/task.ts';
import { calibrationBatches, networkInputs } from './calibrate.ts';
import type { AdabsSettings } from './evaluation-settings.ts';

/** Options of `prepareAdabs`. */
export type AdabsOptions = {
  readonly engine: Engine;
  readonly network: Network;
  /** The task with the calibration examples, augmented as its settings say. */
  readonly task: Task;
  readonly settings: AdabsSettings;
  /** Makes the operator of the chip. */
  readonly operator: (t: Trace) => Operator;
  /** Determines the draws of all chips. */
  readonly key: Key;
};

/** One estimation of statistics. */
export type AdabsRun = {
  /** Has the chip and the trained statistics; the estimates are stored beside them. */
  readonly store: Store;
  /** Number of the chip; each chip has calibration examples of its own. */
  readonly chip: number;
  /** Determines the noise of the products. */
  readonly outputKey: Key;
  /** States of the operator that have other names in the store. */
  readonly aliases: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
};

/** AdaBS, compiled. */
export type Adabs = {
  /** The estimated statistics: name among the network's parameters → name of the estimate in the store. */
  readonly statistics: Readonly<Record<string, string>>;
  readonly run: (run: AdabsRun) => Promise<void>;
  readonly free: () => void;
};

/**
 * Compiles AdaBS: for each of m calibration batches, every running moment r ← p r + (1 − p) b with the batch's own
 * moment b and p = memory^(1/m). The network runs on the chip with batch statistics. The estimation begins with the
 * trained moments, whose weight at the end is the memory.
 *
 * The trained statistics are those of augmented images: crops of a padded image have black borders, plain images have
 * not. So the task should augment examples as the training did.
 *
 * @source V. Joshi et al., Nat. Commun. 11:2473 (2020); rule as quoted by a public re-implementation
 */
export async function prepareAdabs(options: AdabsOptions): Promise<Adabs> {
  const { engine, network, task, settings, operator, key } = options;
  const { batches: count, batchSize, memory } = settings;
  const share = 1 - memory ** (1 / count);
  const moments = network.parameters.filter(
    ({ role }) => role === 'runningMean' || role === 'runningVariance',
  );
  const statistics = Object.fromEntries(moments.map(({ name }) => [name, estimateName(name)]));
  const update = await engine.compile(
    trace((t) => {
      const inputs = batchInputs(t, task, batchSize);
      const parameters = digitalStates(t, network, (name) => statistics[name] ?? name);
      const carried = carrying(t, network, batchSize, 'adabs');
      const result = carried.apply({
        inputs,
        parameters,
        operator: operator(t),
        mode: { kind: 'training' },
      });
      const updates = Object.entries(result.statistics).map(([name, batch]) => [
        statistics[name]!,
        updatedStatistics(parameters[name]!, batch, share),
      ]);
      return { outputs: {}, updates: { ...Object.fromEntries(updates), ...carried.updates() } };
    }),
  );
  const reset = await engine.compile(traceReset(moments));
  const sizes = new Array<number>(count).fill(batchSize);
  return {
    statistics,
    run: async ({ store, chip, outputKey, aliases, signal }) => {
      store.reserve([
        ...moments.map(({ name, shape }) => ({ name: estimateName(name), shape })),
        ...carriedStates(network, batchSize, 'adabs'),
      ]);
      await reset.run({ state: store });
      let number = 0;
      for await (const batch of calibrationBatches(task, deriveKey(key, 'adabs', chip), sizes)) {
        signal?.throwIfAborted();
        await update.run({
          inputs: networkInputs(network, batch),
          state: store,
          scalars: carryScalar(number),
          keys: { output: deriveKey(outputKey, 'adabs', number) },
          aliases,
        });
        number++;
      }
    },
    free: () => {
      update.free();
      reset.free();
    },
  };
}

/** Name of an estimate in the store. */
function estimateName(statistic: string): string {
  return `adabs.${statistic}`;
}

/** The graph that copies the trained statistics to the estimates. */
function traceReset(moments: readonly TensorSpec[]): ReturnType<typeof trace> {
  return trace((t) => {
    const copies = moments.map(({ name, shape }) => {
      t.state(estimateName(name), shape);
      return [estimateName(name), t.state(name, shape)];
    });
    return { outputs: {}, updates: Object.fromEntries(copies) };
  });
}
