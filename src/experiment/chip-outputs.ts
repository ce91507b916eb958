// What a network answers, rather than how well: its outputs for a batch that the caller gives, on a chip or in floating
// point. Graphs are compiled for a size of batch when it is asked for first.

import { echo } from '../base/echo.ts';
import { throwFaults, UsageError } from '../base/errors.ts';
import { hostTensor, type Parameters } from '../base/parameters.ts';
import { elementCount, formatShape } from '../base/shape.ts';
import type { Call, Engine, Executable } from '../engine.ts';
import type { Operator } from '../graph/operator.ts';
import { type Trace, trace } from '../graph/trace.ts';
import { digitalStates, type Network } from '../nn/network.ts';

/** Values of a network's inputs, each (batch, …) in row-major order. */
export type InputValues = Readonly<Record<string, Float32Array>>;

/** A network with one operator, for batches of any size. */
export type OutputPrograms = {
  /** The outputs for a batch, each (batch, …). Throws UsageError if the inputs are not those of a batch. */
  readonly run: (inputs: InputValues, call: Call) => Promise<Parameters>;
  readonly free: () => void;
};

/**
 * Programs that compute a network's outputs.
 *
 * @param operator makes the operator that multiplies; it declares its own states and keys
 */
export function outputPrograms(
  engine: Engine,
  network: Network,
  operator: (t: Trace) => Operator,
): OutputPrograms {
  const compiled = new Map<number, Promise<Executable>>();
  const forBatch = (size: number): Promise<Executable> => {
    const known = compiled.get(size) ?? engine.compile(traceOutputs(network, size, operator));
    compiled.set(size, known);
    return known;
  };
  return {
    run: async (inputs, call) => {
      const executable = await forBatch(batchSizeOf(network, inputs));
      const values = await executable.run({ ...call, inputs });
      const outputs = executable.plan.bindings.filter(({ role }) => role === 'output');
      return Object.fromEntries(outputs.map(({ name, shape }) => [name, hostTensor(shape, values[name]!)]));
    },
    free: () => {
      for (const one of compiled.values()) one.then((executable) => executable.free()).catch(() => undefined);
    },
  };
}

function traceOutputs(network: Network, size: number, operator: (t: Trace) => Operator) {
  return trace((t) => {
    const inputs = Object.entries(network.inputs).map(([name, shape]) => [
      name,
      t.input(name, [size, ...shape]),
    ]);
    const { outputs } = network.apply({
      inputs: Object.fromEntries(inputs),
      parameters: digitalStates(t, network),
      operator: operator(t),
      mode: { kind: 'inference' },
    });
    return { outputs };
  });
}

function batchSizeOf({ name: network, inputs: wanted, carried }: Network, given: InputValues): number {
  if (carried.length > 0)
    throw new UsageError(
      `outputs: ${network} carries states from batch to batch, which single batches do not; score it instead`,
    );
  if (typeof given !== 'object' || given === null)
    throw new UsageError(`outputs: expected values of the network's inputs by name, got ${echo(given)}`);
  const sizes = Object.entries(wanted).map(([name, shape]) => {
    const values = given[name];
    return {
      name,
      shape,
      values,
      size: values instanceof Float32Array ? values.length / elementCount(shape) : 0,
    };
  });
  const size = sizes[0]?.size ?? 0;
  throwFaults(
    'outputs',
    sizes
      .filter((one) => one.size !== size || !Number.isInteger(one.size) || one.size < 1)
      .map(
        ({ name, shape, values }) =>
          `"${name}" must be a batch of ${formatShape(shape)} as Float32Array, got ${values?.length ?? 'no'} values`,
      ),
  );
  return size;
}
