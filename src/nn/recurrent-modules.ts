// Recurrent layers as modules, unrolled over all steps of a sequence. The inputs of all steps are multiplied in one
// product; the hidden state, zero at first, is multiplied from the second step on. Left out: two directions, several
// layers (put modules one after another), sequences of different lengths in a batch.

import { concat, type Tensor } from '../graph/tensor.ts';
import { type Module, type ModuleContext, sequenceAxes } from './module.ts';
import type { ParameterSpec } from './network.ts';
import {
  gruLayers,
  gruParameters,
  gruUpdate,
  type LstmState,
  lstmLayers,
  lstmParameters,
  lstmUpdate,
} from './recurrent.ts';

/** Options of a recurrent module. */
export type RecurrentOptions = {
  readonly name: string;
  /** Size of the hidden state. */
  readonly hidden: number;
  /** All hidden states, (time, hidden), instead of the last one, (hidden). */
  readonly returnSequence?: boolean;
};

/**
 * An LSTM over a sequence, (time, features) → (hidden) or (time, hidden). Equations as of `lstmStep`, parameters as of
 * `lstmParameters`. Its layers are `name.input` and `name.hidden`.
 *
 * @throws UsageError if the input is not (time, features)
 */
export function lstm({ name, hidden, returnSequence = false }: RecurrentOptions): Module {
  return (inputShape) => {
    const [time, inputs] = sequenceAxes(`lstm "${name}"`, inputShape);
    const sizes = { layer: name, inputs, hidden };
    const layers = lstmLayers(sizes);
    return recurrent({
      parameters: lstmParameters(sizes),
      layers,
      returnSequence,
      time,
      hidden,
      gates: (x, { operator, parameters }) =>
        operator.multiply(x, layers[0]).add(parameters[`${name}.bias`]!),
      step: (gates, state: LstmState | undefined, { operator }) =>
        state === undefined
          ? lstmUpdate(gates, undefined)
          : lstmUpdate(gates.add(operator.multiply(state.hidden, layers[1])), state.cell),
    });
  };
}

/**
 * A GRU over a sequence, (time, features) → (hidden) or (time, hidden). Equations as of `gruStep`, parameters as of
 * `gruParameters`. Its layers are `name.input` and `name.hidden`.
 *
 * @throws UsageError if the input is not (time, features)
 */
export function gru({ name, hidden, returnSequence = false }: RecurrentOptions): Module {
  return (inputShape) => {
    const [time, inputs] = sequenceAxes(`gru "${name}"`, inputShape);
    const sizes = { layer: name, inputs, hidden };
    const layers = gruLayers(sizes);
    return recurrent({
      parameters: gruParameters(sizes),
      layers,
      returnSequence,
      time,
      hidden,
      gates: (x, { operator, parameters }) =>
        operator.multiply(x, layers[0]).add(parameters[`${name}.input.bias`]!),
      step: (gates, state: { readonly hidden: Tensor } | undefined, { operator, parameters }) => {
        const bias = parameters[`${name}.hidden.bias`]!;
        const fromHidden = state === undefined ? bias : operator.multiply(state.hidden, layers[1]).add(bias);
        return { hidden: gruUpdate(gates, fromHidden, state?.hidden) };
      },
    });
  };
}

/** What differs between recurrent modules. */
type Recurrence<S extends { readonly hidden: Tensor }> = {
  readonly parameters: readonly ParameterSpec[];
  readonly layers: ReturnType<typeof lstmLayers>;
  readonly returnSequence: boolean;
  readonly time: number;
  readonly hidden: number;
  /** What the inputs of all steps, (time · n, features), add to the gates. */
  readonly gates: (x: Tensor, context: ModuleContext) => Tensor;
  /** The next state from what the input of a step adds to the gates, (n, gates); the first state is absent. */
  readonly step: (gates: Tensor, state: S | undefined, context: ModuleContext) => S;
};

function recurrent<S extends { readonly hidden: Tensor }>({
  parameters,
  layers,
  returnSequence,
  time,
  hidden,
  gates,
  step,
}: Recurrence<S>): ReturnType<Module> {
  return {
    outputShape: returnSequence ? [time, hidden] : [hidden],
    parameters,
    layers,
    apply: (x, context) => {
      const [n, , features] = x.shape as [number, number, number];
      // Time comes first here, so that what belongs to one step is contiguous in memory.
      const all = gates(x.transpose([1, 0, 2]).reshape([time * n, features]), context);
      const columns = all.shape[1]!;
      const states: Tensor[] = [];
      let state: S | undefined;
      for (let t = 0; t < time; t++) {
        state = step(all.slice([t * n, 0], [(t + 1) * n, columns]), state, context);
        states.push(state.hidden);
      }
      const value = returnSequence
        ? concat(states, 0).reshape([time, n, hidden]).transpose([1, 0, 2])
        : states.at(-1)!;
      return { value, statistics: {} };
    },
  };
}
