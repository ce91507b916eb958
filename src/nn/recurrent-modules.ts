// Recurrent layers as modules, unrolled over all steps of a sequence. The inputs of all steps are multiplied in one
// product. The first hidden state is zero, or carried over from the window before. Left out: two directions, several
// layers (put modules one after another), sequences of different lengths in a batch.

import { concat, type Tensor } from '../graph/tensor.ts';
import { type Module, type ModuleContext, sequenceAxes, symbolAxis } from './module.ts';
import type { CarriedSpec, ParameterSpec } from './network.ts';
import {
  gruLayers,
  gruParameters,
  gruUpdate,
  type LstmState,
  lstmLayers,
  lstmParameters,
  lstmUpdate,
  type RecurrentSizes,
} from './recurrent.ts';

/** Options of a recurrent module. */
export type RecurrentOptions = {
  readonly name: string;
  /** Size of the hidden state. */
  readonly hidden: number;
  /** All hidden states, (time, hidden), instead of the last one, (hidden). */
  readonly returnSequence?: boolean;
  /**
   * The first state of a window is the last one of the window before it in the same row of the batch, instead of zeros.
   * No gradient flows from window to window: truncated back-propagation, R. J. Williams and J. Peng, Neural Comput. 2:490
   * (1990).
   */
  readonly carry?: boolean;
  /**
   * The input is (time), numbers of that many symbols, which stand for one-hot features. The product with the input's
   * weights, (symbols, gates · hidden), is then the row of a symbol: `name.input` is a layer of the kind `embedding`.
   */
  readonly symbols?: number | undefined;
};

/**
 * An LSTM over a sequence, (time, features) → (hidden) or (time, hidden). Equations as of `lstmStep`, parameters as of
 * `lstmParameters`. Its layers are `name.input` and `name.hidden`; it carries `name.carried.hidden` and
 * `name.carried.cell`, if it does, each (n, hidden).
 *
 * @param options.forgetBias initial bias of the forget gate; see `lstmParameters`
 * @throws UsageError if the input is not (time, features), or (time) with `symbols`
 */
export function lstm({
  name,
  hidden,
  returnSequence = false,
  carry = false,
  symbols,
  forgetBias,
}: RecurrentOptions & { readonly forgetBias?: number | undefined }): Module {
  return (inputShape) => {
    const { time, sizes } = sizesOf('lstm', { name, hidden, symbols }, inputShape);
    const layers = inputLayerFor(symbols, lstmLayers(sizes));
    return recurrent({
      parameters: lstmParameters({ ...sizes, forgetBias }),
      layers,
      returnSequence,
      time,
      hidden,
      carried: carry ? carriedSpecs(name, ['hidden', 'cell'], hidden) : [],
      gates: (x, { operator, parameters }) =>
        operator.multiply(x, layers[0]).add(parameters[`${name}.bias`]!),
      begin: ({ carried }): LstmState | undefined => {
        const before = carried?.[carriedName(name, 'hidden')];
        return before && { hidden: before, cell: carried![carriedName(name, 'cell')]! };
      },
      step: (gates, state: LstmState | undefined, { operator }) =>
        state === undefined
          ? lstmUpdate(gates, undefined)
          : lstmUpdate(gates.add(operator.multiply(state.hidden, layers[1])), state.cell),
      end: (state) => ({
        [carriedName(name, 'hidden')]: state.hidden,
        [carriedName(name, 'cell')]: state.cell,
      }),
    });
  };
}

/**
 * A GRU over a sequence, (time, features) → (hidden) or (time, hidden). Equations as of `gruStep`, parameters as of
 * `gruParameters`. Its layers are `name.input` and `name.hidden`; it carries `name.carried.hidden`, if it does,
 * (n, hidden).
 *
 * @throws UsageError if the input is not (time, features), or (time) with `symbols`
 */
export function gru({
  name,
  hidden,
  returnSequence = false,
  carry = false,
  symbols,
}: RecurrentOptions): Module {
  return (inputShape) => {
    const { time, sizes } = sizesOf('gru', { name, hidden, symbols }, inputShape);
    const layers = inputLayerFor(symbols, gruLayers(sizes));
    return recurrent({
      parameters: gruParameters(sizes),
      layers,
      returnSequence,
      time,
      hidden,
      carried: carry ? carriedSpecs(name, ['hidden'], hidden) : [],
      gates: (x, { operator, parameters }) =>
        operator.multiply(x, layers[0]).add(parameters[`${name}.input.bias`]!),
      begin: ({ carried }): GruState | undefined => {
        const before = carried?.[carriedName(name, 'hidden')];
        return before && { hidden: before };
      },
      step: (gates, state: GruState | undefined, { operator, parameters }) => {
        const bias = parameters[`${name}.hidden.bias`]!;
        const fromHidden = state === undefined ? bias : operator.multiply(state.hidden, layers[1]).add(bias);
        return { hidden: gruUpdate(gates, fromHidden, state?.hidden) };
      },
      end: (state) => ({ [carriedName(name, 'hidden')]: state.hidden }),
    });
  };
}

type GruState = { readonly hidden: Tensor };

/** Name of a state that a layer carries. */
function carriedName(layer: string, state: string): string {
  return `${layer}.carried.${state}`;
}

function carriedSpecs(layer: string, states: readonly string[], hidden: number): CarriedSpec[] {
  return states.map((state) => ({ name: carriedName(layer, state), shape: [hidden] }));
}

function sizesOf(
  kind: string,
  { name, hidden, symbols }: Pick<RecurrentOptions, 'name' | 'hidden' | 'symbols'>,
  inputShape: readonly number[],
): { readonly time: number; readonly sizes: RecurrentSizes } {
  const where = `${kind} "${name}"`;
  const [time, inputs] =
    symbols === undefined ? sequenceAxes(where, inputShape) : [symbolAxis(where, inputShape), symbols];
  return { time, sizes: { layer: name, inputs, hidden } };
}

/** Numbers of symbols pick rows of the input's weights. */
function inputLayerFor(
  symbols: number | undefined,
  [input, hidden]: ReturnType<typeof lstmLayers>,
): ReturnType<typeof lstmLayers> {
  return [symbols === undefined ? input : { ...input, kind: 'embedding' }, hidden];
}

/** What differs between recurrent modules. */
type Recurrence<S extends { readonly hidden: Tensor }> = {
  readonly parameters: readonly ParameterSpec[];
  readonly layers: ReturnType<typeof lstmLayers>;
  readonly returnSequence: boolean;
  readonly time: number;
  readonly hidden: number;
  /** Empty if every window begins with zeros. */
  readonly carried: readonly CarriedSpec[];
  /** What the inputs of all steps, (time · n, features) or (time · n) symbols, add to the gates. */
  readonly gates: (x: Tensor, context: ModuleContext) => Tensor;
  /** The state that a window begins with, if it is carried; undefined: zeros. */
  readonly begin: (context: ModuleContext) => S | undefined;
  /** The next state from what the input of a step adds to the gates, (n, gates); the first state is absent if it is zero. */
  readonly step: (gates: Tensor, state: S | undefined, context: ModuleContext) => S;
  /** The last state under the names that it is carried by. */
  readonly end: (state: S) => Readonly<Record<string, Tensor>>;
};

function recurrent<S extends { readonly hidden: Tensor }>({
  parameters,
  layers,
  returnSequence,
  time,
  hidden,
  carried,
  gates,
  begin,
  step,
  end,
}: Recurrence<S>): ReturnType<Module> {
  return {
    outputShape: returnSequence ? [time, hidden] : [hidden],
    parameters,
    layers,
    carried,
    apply: (x, context) => {
      const [n, , ...features] = x.shape as [number, number, ...number[]];
      // Time comes first here, so that what belongs to one step is contiguous in memory.
      const byTime = x.transpose([1, 0, ...features.map((_, k) => k + 2)]);
      const all = gates(byTime.reshape([time * n, ...features]), context);
      const columns = all.shape[1]!;
      const states: Tensor[] = [];
      let state = carried.length > 0 ? begin(context) : undefined;
      for (let t = 0; t < time; t++) {
        state = step(all.slice([t * n, 0], [(t + 1) * n, columns]), state, context);
        states.push(state.hidden);
      }
      const value = returnSequence
        ? concat(states, 0).reshape([time, n, hidden]).transpose([1, 0, 2])
        : states.at(-1)!;
      return { value, statistics: {}, ...(carried.length > 0 && { carried: end(state!) }) };
    },
  };
}
