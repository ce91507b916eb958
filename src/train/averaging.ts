// Averages of weights over the steps of a training. The network of a run is the average, under the names of its parameters;
// what the steps move, the iterates, are states beside it that only the training needs.

import type { Parameters } from '../base/parameters.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { Trace } from '../graph/trace.ts';
import { isTrained, type Network, type ParameterSpec } from '../nn/network.ts';
import { averagingOf, type TrainingSettings, type WeightAveraging } from './settings.ts';

/** Ending of the names of iterates. */
export const ITERATE = '.iterate';

/** The parameters of a network in a training step: what it runs on, and what becomes of them. */
export type MovingParameters = {
  /** By name, as the step before left them. */
  readonly tensors: Readonly<Record<string, Tensor>>;
  /** New values of states from new values of parameters, by name; those of other states pass unchanged. */
  readonly updates: (moved: Readonly<Record<string, Tensor>>) => Record<string, Tensor>;
};

/**
 * The parameters of a network as states of a training step. With averaging the graph has a scalar `averageShare`, the
 * part s of the new iterate w in the average, a ← a + s (w − a). Neither running statistics, which are estimated for the average
 * (`traceAveragedStatistics`), nor learned converter ranges are averaged.
 */
export function movingParameters(
  t: Trace,
  { parameters }: Pick<Network, 'parameters'>,
  settings: Pick<TrainingSettings, 'averaging'>,
): MovingParameters {
  const states = (nameOf: (spec: ParameterSpec) => string): Record<string, Tensor> =>
    Object.fromEntries(parameters.map((spec) => [spec.name, t.state(nameOf(spec), spec.shape)]));
  if (averagingOf(settings) === undefined)
    return { tensors: states(({ name }) => name), updates: (moved) => ({ ...moved }) };
  const averages = states(({ name }) => name);
  const estimated = new Set(parameters.filter((spec) => !isTrained(spec)).map(({ name }) => name));
  const share = t.scalar('averageShare');
  return {
    tensors: states((spec) => (isMoved(spec) ? iterateOf(spec.name) : spec.name)),
    updates: (moved) =>
      Object.fromEntries(
        Object.entries(moved).flatMap(([name, value]) => {
          const average = averages[name];
          if (average === undefined) return [[name, value]];
          if (estimated.has(name)) return [[iterateOf(name), value]];
          return [
            [iterateOf(name), value],
            [name, average.add(value.subtract(average).multiply(share))],
          ];
        }),
      ),
  };
}

/** The iterates that a run begins with: its parameters. None for a run without averaging. */
export function initialIterates(
  { parameters }: Pick<Network, 'parameters'>,
  settings: Pick<TrainingSettings, 'averaging'>,
  start: Parameters,
): Parameters {
  if (averagingOf(settings) === undefined) return {};
  return Object.fromEntries(parameters.filter(isMoved).map(({ name }) => [iterateOf(name), start[name]!]));
}

/** The part of the iterate of step `step`, counted from 0, in the average. */
export function averageShareAt({ decay }: WeightAveraging, step: number): number {
  return Math.max(1 - decay, 1 / (1 + step));
}

function iterateOf(parameter: string): string {
  return `${parameter}${ITERATE}`;
}

/** False for constants, which no step changes. */
function isMoved({ role }: ParameterSpec): boolean {
  return role !== 'constant';
}
