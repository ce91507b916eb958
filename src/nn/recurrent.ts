// Recurrent cells: one step, unrolled in the graph by the caller. The gates come from two weight matrices, one for the
// input and one for the hidden state, so each is an analog layer of its own.

import type { Layer, Operator } from '../graph/operator.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { Initial, ParameterSpec } from './network.ts';

/** The state of an LSTM between steps, each (n, hidden). */
export type LstmState = { readonly hidden: Tensor; readonly cell: Tensor };

/**
 * Parameters of an LSTM named `layer`: `layer.input.weights` (inputs, 4 hidden), `layer.hidden.weights` (hidden,
 * 4 hidden) and `layer.bias` (4 hidden), all uniform in ±1/√hidden (PyTorch's default). The columns hold the gates in
 * the order input, forget, candidate, output.
 */
export function lstmParameters({
  layer,
  inputs,
  hidden,
}: {
  readonly layer: string;
  readonly inputs: number;
  readonly hidden: number;
}): readonly ParameterSpec[] {
  const initial: Initial = { kind: 'uniform', bound: 1 / Math.sqrt(hidden) };
  return [
    { name: `${layer}.input.weights`, shape: [inputs, 4 * hidden], role: 'weights', initial },
    { name: `${layer}.hidden.weights`, shape: [hidden, 4 * hidden], role: 'weights', initial },
    { name: `${layer}.bias`, shape: [4 * hidden], role: 'bias', initial },
  ];
}

/** The two layers of an LSTM: `layer.input` and `layer.hidden`. */
export function lstmLayers({
  layer,
  inputs,
  hidden,
}: {
  readonly layer: string;
  readonly inputs: number;
  readonly hidden: number;
}): readonly Layer[] {
  return [
    { name: `${layer}.input`, kind: 'dense', shape: [inputs, 4 * hidden] },
    { name: `${layer}.hidden`, kind: 'dense', shape: [hidden, 4 * hidden] },
  ];
}

/**
 * One step of an LSTM: Hochreiter and Schmidhuber, Neural Comput. 9:1735 (1997), with the forget gate of Gers et al.,
 * Neural Comput. 12:2451 (2000).
 *
 *     (i, f, g, o) = x Wₓ + h Wₕ + b
 *     c′ = σ(f) c + σ(i) tanh(g)
 *     h′ = σ(o) tanh(c′)
 *
 * @param x          (n, inputs)
 * @param state      h and c before the step
 * @param parameters by name, as `lstmParameters` lists them
 * @param operator   multiplies by the layers `layer.input` and `layer.hidden`
 * @returns h′ and c′
 */
export function lstmStep({
  layer,
  x,
  state,
  parameters,
  operator,
}: {
  readonly layer: string;
  readonly x: Tensor;
  readonly state: LstmState;
  readonly parameters: Readonly<Record<string, Tensor>>;
  readonly operator: Operator;
}): LstmState {
  const [n, size] = state.hidden.shape as readonly [number, number];
  const [input, hidden] = lstmLayers({ layer, inputs: x.shape[1]!, hidden: size }) as [Layer, Layer];
  const fromInput = operator.multiply(x, input);
  const fromHidden = operator.multiply(state.hidden, hidden);
  const gates = fromInput.add(fromHidden).add(parameters[`${layer}.bias`]!);
  const gate = (k: number): Tensor => gates.slice([0, k * size], [n, (k + 1) * size]);
  const cell = gate(1)
    .sigmoid()
    .multiply(state.cell)
    .add(gate(0).sigmoid().multiply(gate(2).tanh()));
  return { hidden: gate(3).sigmoid().multiply(cell.tanh()), cell };
}
