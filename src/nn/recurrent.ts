// Recurrent cells: one step, which recurrent-modules.ts or a caller unrolls in the graph. The gates come from two weight
// matrices, one for the input and one for the hidden state, so each is an analog layer of its own.

import type { Layer, Operator } from '../graph/operator.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { Initial, ParameterSpec } from './network.ts';

/** Sizes of a recurrent layer and its name. */
export type RecurrentSizes = { readonly layer: string; readonly inputs: number; readonly hidden: number };

/** What an LSTM carries from step to step, each (n, hidden). */
export type LstmState = { readonly hidden: Tensor; readonly cell: Tensor };

/** Options of the parameters of an LSTM. */
export type LstmParameterOptions = RecurrentSizes & {
  /** Initial bias of the forget gate, the others 0; absent: as PyTorch. */
  readonly forgetBias?: number | undefined;
};

/**
 * Parameters of an LSTM named `layer`: `layer.input.weights` (inputs, 4 hidden), `layer.hidden.weights` (hidden,
 * 4 hidden) and `layer.bias` (4 hidden), all uniform in ±1/√hidden (PyTorch's default). The columns hold the gates in
 * the order input, forget, candidate, output. A forget bias of 1 is that of Jozefowicz et al., ICML 2015, Section 4.
 */
export function lstmParameters({
  layer,
  inputs,
  hidden,
  forgetBias,
}: LstmParameterOptions): readonly ParameterSpec[] {
  const initial = recurrentInitial(hidden);
  const bias: Initial = forgetBias === undefined ? initial : { kind: 'parts', values: [0, forgetBias, 0, 0] };
  return [
    { name: `${layer}.input.weights`, shape: [inputs, 4 * hidden], role: 'weights', initial },
    { name: `${layer}.hidden.weights`, shape: [hidden, 4 * hidden], role: 'weights', initial },
    { name: `${layer}.bias`, shape: [4 * hidden], role: 'bias', initial: bias },
  ];
}

/** The two layers of an LSTM: `layer.input` and `layer.hidden`. */
export function lstmLayers(sizes: RecurrentSizes): readonly [input: Layer, hidden: Layer] {
  return recurrentLayers(sizes, 4);
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
export function lstmStep({ layer, x, state, parameters, operator }: LstmStep): LstmState {
  const hidden = state.hidden.shape[1]!;
  const [inputLayer, hiddenLayer] = lstmLayers({ layer, inputs: x.shape[1]!, hidden });
  const fromInput = operator.multiply(x, inputLayer);
  const fromHidden = operator.multiply(state.hidden, hiddenLayer);
  return lstmUpdate(fromInput.add(fromHidden).add(parameters[`${layer}.bias`]!), state.cell);
}

/** What a step of an LSTM is given. */
export type LstmStep = {
  readonly layer: string;
  readonly x: Tensor;
  readonly state: LstmState;
  readonly parameters: Readonly<Record<string, Tensor>>;
  readonly operator: Operator;
};

/**
 * The state that the gates (i, f, g, o) of an LSTM lead to.
 *
 * @param gates (n, 4 hidden), before their non-linearities
 * @param cell  c before the step, (n, hidden); absent: zeros
 */
export function lstmUpdate(gates: Tensor, cell: Tensor | undefined): LstmState {
  const [i, f, g, o] = gatesOf(gates, 4) as [Tensor, Tensor, Tensor, Tensor];
  const written = i.sigmoid().multiply(g.tanh());
  const next = cell === undefined ? written : f.sigmoid().multiply(cell).add(written);
  return { hidden: o.sigmoid().multiply(next.tanh()), cell: next };
}

/**
 * Parameters of a GRU named `layer`: `layer.input.weights` (inputs, 3 hidden), `layer.input.bias` (3 hidden),
 * `layer.hidden.weights` (hidden, 3 hidden) and `layer.hidden.bias` (3 hidden), all uniform in ±1/√hidden (PyTorch's
 * default). The columns hold the gates in the order reset, update, candidate.
 */
export function gruParameters({ layer, inputs, hidden }: RecurrentSizes): readonly ParameterSpec[] {
  const initial = recurrentInitial(hidden);
  return [
    { name: `${layer}.input.weights`, shape: [inputs, 3 * hidden], role: 'weights', initial },
    { name: `${layer}.input.bias`, shape: [3 * hidden], role: 'bias', initial },
    { name: `${layer}.hidden.weights`, shape: [hidden, 3 * hidden], role: 'weights', initial },
    { name: `${layer}.hidden.bias`, shape: [3 * hidden], role: 'bias', initial },
  ];
}

/** The two layers of a GRU: `layer.input` and `layer.hidden`. */
export function gruLayers(sizes: RecurrentSizes): readonly [input: Layer, hidden: Layer] {
  return recurrentLayers(sizes, 3);
}

/**
 * One step of a GRU: K. Cho et al., EMNLP 2014 (arXiv 1406.1078), in the form of PyTorch's GRU, which applies the reset
 * gate after the product.
 *
 *     (r, z, n)ₓ = x Wₓ + bₓ,  (r, z, n)ₕ = h Wₕ + bₕ
 *     n = tanh(nₓ + σ(rₓ + rₕ) nₕ),  z = σ(zₓ + zₕ)
 *     h′ = (1 − z) n + z h
 *
 * @param x          (n, inputs)
 * @param hidden     h before the step, (n, hidden)
 * @param parameters by name, as `gruParameters` lists them
 * @param operator   multiplies by the layers `layer.input` and `layer.hidden`
 * @returns h′
 */
export function gruStep({ layer, x, hidden, parameters, operator }: GruStep): Tensor {
  const [inputLayer, hiddenLayer] = gruLayers({ layer, inputs: x.shape[1]!, hidden: hidden.shape[1]! });
  const fromInput = operator.multiply(x, inputLayer).add(parameters[`${layer}.input.bias`]!);
  const fromHidden = operator.multiply(hidden, hiddenLayer).add(parameters[`${layer}.hidden.bias`]!);
  return gruUpdate(fromInput, fromHidden, hidden);
}

/** What a step of a GRU is given. */
export type GruStep = {
  readonly layer: string;
  readonly x: Tensor;
  readonly hidden: Tensor;
  readonly parameters: Readonly<Record<string, Tensor>>;
  readonly operator: Operator;
};

/**
 * The state that the gates (r, z, n) of a GRU lead to.
 *
 * @param fromInput  x Wₓ + bₓ, (n, 3 hidden)
 * @param fromHidden h Wₕ + bₕ, (n, 3 hidden), or bₕ alone where h is zero
 * @param hidden     h before the step, (n, hidden); absent: zeros
 */
export function gruUpdate(fromInput: Tensor, fromHidden: Tensor, hidden: Tensor | undefined): Tensor {
  const ofInput = gatesOf(fromInput, 3) as [Tensor, Tensor, Tensor];
  const ofHidden = gatesOf(fromHidden.broadcastTo(fromInput.shape), 3) as [Tensor, Tensor, Tensor];
  const reset = ofInput[0].add(ofHidden[0]).sigmoid();
  const update = ofInput[1].add(ofHidden[1]).sigmoid();
  const candidate = ofInput[2].add(reset.multiply(ofHidden[2])).tanh();
  const fresh = update.negate().add(1).multiply(candidate);
  return hidden === undefined ? fresh : fresh.add(update.multiply(hidden));
}

/** The columns of each gate, (n, hidden). */
function gatesOf(gates: Tensor, count: number): Tensor[] {
  const [n, columns] = gates.shape as readonly [number, number];
  const size = columns / count;
  return Array.from({ length: count }, (_, k) => gates.slice([0, k * size], [n, (k + 1) * size]));
}

function recurrentInitial(hidden: number): Initial {
  return { kind: 'uniform', bound: 1 / Math.sqrt(hidden) };
}

function recurrentLayers(
  { layer, inputs, hidden }: RecurrentSizes,
  gates: number,
): readonly [input: Layer, hidden: Layer] {
  return [
    { name: `${layer}.input`, kind: 'dense', shape: [inputs, gates * hidden] },
    { name: `${layer}.hidden`, kind: 'dense', shape: [hidden, gates * hidden] },
  ];
}
