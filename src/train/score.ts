// Scores a network on the test examples of its task with a compiled inference graph, batch by batch.

import { UsageError } from '../base/errors.ts';
import type { Parameters } from '../base/parameters.ts';
import type { Call, Engine, Executable, Store } from '../engine.ts';
import type { Graph } from '../graph/node.ts';
import { digital, type Operator, weightsOf } from '../graph/operator.ts';
import { type Trace, trace } from '../graph/trace.ts';
import { digitalStates, type Network } from '../nn/network.ts';
import { carriedStates, carrying, carryScalar } from './carried-states.ts';
import { batchInputs } from './step.ts';
import type { Goal, Task, TestBatches } from './task.ts';

/** Examples of a batch in inference: few, so that the output of a layer is still in the L2 cache for the next layer. */
export const INFERENCE_BATCH = 50;

/**
 * The graph of inference on a batch. Inputs: the tensors of the task's batch. States: the network's digital parameters,
 * and what it carries (`reserveCarried` makes room). Outputs: the task's metrics.
 *
 * @param operator makes the operator that multiplies; it declares its own inputs, states and keys
 */
export function traceInference(
  network: Network,
  task: Goal,
  batchSize: number,
  operator: (t: Trace) => Operator,
): Graph {
  return trace((t) => {
    const batch = batchInputs(t, task, batchSize);
    const parameters = digitalStates(t, network);
    const multiplies = operator(t);
    const carried = carrying(t, network, batchSize, 'inference');
    const outputs = task.measure(
      (inputs) =>
        carried.apply({ inputs, parameters, operator: multiplies, mode: { kind: 'inference' } }).outputs,
      batch,
    );
    return { outputs, updates: carried.updates() };
  });
}

/** Makes room in a store for what a network carries in inference. */
export function reserveCarried(store: Store, network: Network, batchSize: number): void {
  store.reserve(carriedStates(network, batchSize, 'inference'));
}

/** Size of the batches in which the test examples of a task are scored. */
export function inferenceBatch({ testCount, streams }: Task['examples']): number {
  return streams === undefined ? Math.min(INFERENCE_BATCH, testCount) : streams(INFERENCE_BATCH);
}

/** What is scored and what to do if the score is no number, for errors; and what ends it early. */
export type ScoreOptions = {
  readonly place?: string;
  readonly advice?: string;
  readonly signal?: AbortSignal | undefined;
};

/**
 * The task's score of an inference graph on test batches. What the network carries is zero at the first batch.
 *
 * @param call other arguments of a call of the graph
 * @throws UsageError if the score is no number; the reason of the signal if it aborts
 */
export async function scoreOn(
  executable: Executable,
  task: Goal,
  batches: TestBatches,
  call: (batch: number) => Call,
  { signal, ...told }: ScoreOptions = {},
): Promise<number> {
  const sums: Record<string, number> = {};
  let examples = 0;
  let number = 0;
  for await (const { values, count } of batches) {
    signal?.throwIfAborted();
    const given = call(number);
    const outputs = await executable.run({
      ...given,
      inputs: { ...given.inputs, ...values },
      scalars: { ...given.scalars, ...carryScalar(number) },
    });
    for (const [name, value] of Object.entries(outputs)) sums[name] = (sums[name] ?? 0) + value[0]!;
    examples += count;
    number++;
  }
  return finiteScore(task, task.score.of(sums, examples), told);
}

/**
 * A score that is a number: NaN and infinity pass for no result.
 *
 * @throws UsageError for any other
 */
export function finiteScore(
  { score: { name } }: Goal,
  value: number,
  {
    place = 'score',
    advice = 'the weights, the hardware or the data give values that are not finite',
  }: Omit<ScoreOptions, 'signal'> = {},
): number {
  if (Number.isFinite(value)) return value;
  throw new UsageError(`${place}: expected a number for the ${name}, got ${value}; ${advice}`);
}

/** What `digitalScore` scores. */
export type DigitalScore = {
  readonly engine: Engine;
  readonly network: Network;
  readonly parameters: Parameters;
  readonly task: Task;
  readonly signal?: AbortSignal | undefined;
};

/** Score of a network in floating point on all test examples of a task. Throws the reason of the signal if it aborts. */
export async function digitalScore({ parameters, ...options }: DigitalScore): Promise<number> {
  const store = await options.engine.store(parameters);
  try {
    return await digitalScoreIn(store, options);
  } finally {
    store.free();
  }
}

/** The same with the parameters that a store holds. */
export async function digitalScoreIn(
  store: Store,
  { engine, network, task, signal }: Omit<DigitalScore, 'parameters'>,
): Promise<number> {
  const { examples } = task;
  const size = inferenceBatch(examples);
  reserveCarried(store, network, size);
  const executable = await engine.compile(
    traceInference(network, task, size, (t) => digital((layer) => t.state(weightsOf(layer), layer.shape))),
  );
  try {
    return await scoreOn(executable, task, examples.testBatches(size), () => ({ state: store }), {
      place: 'evaluate: digital',
      signal,
    });
  } finally {
    executable.free();
  }
}
