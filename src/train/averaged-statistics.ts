// Running statistics of averaged weights. No step has run these weights, so batches of training examples tell what their
// layers give, before the network is scored and after the last step.

import { deriveKey, type Key } from '../base/random.ts';
import type { Engine, Store } from '../engine.ts';
import type { Graph } from '../graph/node.ts';
import { weightsOf } from '../graph/operator.ts';
import type { Tensor } from '../graph/tensor.ts';
import { trace } from '../graph/trace.ts';
import { updatedStatistics } from '../nn/normalization.ts';
import { type BatchOptions, batchMaker } from './batch-maker.ts';
import { carriedStates, carrying, carryScalar } from './carried-states.ts';
import { madeAhead } from './examples.ts';
import { averagingOf } from './settings.ts';
import { batchInputs, freshKeys, type StepOptions } from './step.ts';
import { operatorScalars, trainingOperator } from './training-operator.ts';

/** Batches of an estimation, or those of an epoch if they are fewer. */
export const ESTIMATION_BATCHES = 100;

/** Running statistics of averaged weights, compiled. */
export type AveragedStatistics = {
  /**
   * Estimates them on the same examples each time, and stores them.
   *
   * @param root determines the examples and all draws
   * @param step steps done, on which the size of the noise may depend
   */
  readonly estimate: (store: Store, root: Key, step: number) => Promise<void>;
  readonly free: () => void;
};

/** Compiles the estimation; undefined if the network is no average, or normalises nothing. */
export async function prepareAveragedStatistics(
  options: BatchOptions & Pick<StepOptions, 'network' | 'settings'> & { readonly engine: Engine },
): Promise<AveragedStatistics | undefined> {
  const { engine, network, settings, stepsPerEpoch } = options;
  if (averagingOf(settings) === undefined || network.normalizationLayers.length === 0) return undefined;
  const executable = await engine.compile(traceAveragedStatistics(options));
  return {
    estimate: async (store, root, step) => {
      store.reserve(carriedStates(network, settings.batchSize, 'statistics'));
      const own = deriveKey(root, 'statistics');
      const batches = madeAhead(Math.min(ESTIMATION_BATCHES, stepsPerEpoch), batchMaker(options, own));
      let number = 0;
      for await (const inputs of batches) {
        await executable.run({
          inputs,
          scalars: {
            ...operatorScalars(settings.noise, deriveKey(own, number), step, stepsPerEpoch),
            statisticsShare: 1 / (number + 1),
            ...(network.carried.length > 0 && carryScalar(number)),
          },
          keys: { noise: deriveKey(own, 'noise', number), rule: deriveKey(own, 'rule', number) },
          state: store,
        });
        number++;
      }
    },
    free: executable.free,
  };
}

/**
 * The graph that takes one more batch into the statistics of the averaged weights: r ← r + s (b − r) with the batch's
 * moments b. With s = 1 / k at batch k they are the mean over the batches, and nothing of the values before is left.
 * The network runs as in a training step: noise, converters and dropout included. Inputs: the tensors of the task's
 * batch. Scalars: `statisticsShare` (s), those of the operator and of `carrying`. Keys: `noise`, and those of the task.
 *
 * @source P. Izmailov et al., UAI 2018 (arXiv 1803.05407), Section 3.2, for one more pass over the examples
 */
function traceAveragedStatistics({
  network,
  task,
  settings,
}: Pick<StepOptions, 'network' | 'task' | 'settings'>): Graph {
  return trace((t) => {
    const states = network.parameters.map(({ name, shape }) => [name, t.state(name, shape)] as const);
    const parameters = Object.fromEntries(states);
    const { operator } = trainingOperator(t, network, settings, (layer) => parameters[weightsOf(layer)]!);
    const carried = carrying(t, network, settings.batchSize, 'statistics');
    const freshKey = freshKeys(t);
    const share = t.scalar('statisticsShare');
    const updates: Record<string, Tensor> = {};
    // A task may run the network more than once on a batch: the last time counts, as in a step.
    task.evaluate(
      (inputs) => {
        const mode = { kind: 'training' } as const;
        const result = carried.apply({ inputs, parameters, operator, mode, freshKey });
        for (const [name, seen] of Object.entries(result.statistics))
          updates[name] = updatedStatistics(parameters[name]!, seen, share);
        return result.outputs;
      },
      batchInputs(t, task, settings.batchSize),
    );
    return { outputs: {}, updates: { ...updates, ...carried.updates() } };
  });
}
