// States that a network carries from window to window, as states of a store: a training step, inference and calibration
// have their own, because their batches differ in size. Whoever runs the graph says with a scalar where a text begins.

import { UsageError } from '../base/errors.ts';
import type { TensorSpec } from '../base/parameters.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { Trace } from '../graph/trace.ts';
import type { Context, Forward, Network } from '../nn/network.ts';

/** Whose states: the training's, or those of a pass of its own; of a calibration by the size of its batches. */
export type CarriedUse = 'training' | 'inference' | 'statistics' | 'adabs' | 'lora' | `calibration.${number}`;

/** The carried states of a network for batches of a size, (batchSize, …), by their names in a store. */
export function carriedStates(
  { carried }: Pick<Network, 'carried'>,
  batchSize: number,
  use: CarriedUse,
): TensorSpec[] {
  return carried.map(({ name, shape }) => ({ name: stateName(name, use), shape: [batchSize, ...shape] }));
}

function stateName(name: string, use: CarriedUse): string {
  return use === 'training' ? name : `${use}.${name}`;
}

/** True for the name of a carried state. */
export function isCarried(name: string): boolean {
  return /\.carried\.[^.]+$/.test(name);
}

/**
 * The scalar `carry` of a step: 0 at the start of a pass over the text, where carried states count as zeros, 1 later.
 */
export function carryScalar(position: number): { readonly carry: number } {
  return { carry: position === 0 ? 0 : 1 };
}

/** A network in a graph that keeps its carried states in a store. */
export type CarryingNetwork = {
  /** Throws UsageError if it is run twice in one graph, since a batch has one window. */
  readonly apply: (context: Omit<Context, 'carried'>) => Forward;
  /** New values of the states, after the network was applied. */
  readonly updates: () => Readonly<Record<string, Tensor>>;
};

/**
 * Runs a network with its states times the scalar `carry`, and stores the states that it ends with. They are inputs of
 * the graph, so no gradient flows to an earlier window. A network that carries nothing adds nothing to the graph.
 */
export function carrying(t: Trace, network: Network, batchSize: number, use: CarriedUse): CarryingNetwork {
  const ended: Record<string, Tensor> = {};
  if (network.carried.length === 0) return { apply: network.apply, updates: () => ended };
  let isApplied = false;
  return {
    apply: (context) => {
      if (isApplied)
        throw new UsageError(
          `network "${network.name}": expected a task that runs it once on a batch, because it carries its state from window to window; use one without \`carry\``,
        );
      isApplied = true;
      const states = carriedStates(network, batchSize, use);
      const carried = Object.fromEntries(
        network.carried.map(({ name }, k) => {
          const { name: stored, shape } = states[k]!;
          return [name, t.state(stored, shape).multiply(t.scalar('carry'))];
        }),
      );
      const forward = network.apply({ ...context, carried });
      for (const { name } of network.carried) ended[stateName(name, use)] = forward.carried[name]!;
      return forward;
    },
    updates: () => ended,
  };
}
