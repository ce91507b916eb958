// LSTM, GRU and RNN, unrolled over their steps. The products with the input of all steps are one layer, those with the
// hidden state another, as in nn/recurrent.ts, whose order of gates they have.

import type { Layer } from '../../graph/operator.ts';
import { concat, type Tensor } from '../../graph/tensor.ts';
import { gruUpdate, lstmUpdate } from '../../nn/recurrent.ts';
import { part } from './indexing.ts';
import type { Numbers } from './model.ts';
import { layerName } from './names.ts';
import { MOST_PARTS, type NodeBuilder, type Operators, type Step } from './step.ts';
import { type Host, symbolic, type Value } from './value.ts';

/** Sizes of a recurrence, and what its node is given. */
type Recurrence = {
  readonly step: Step;
  /** (steps, n, inputs) */
  readonly x: Tensor;
  readonly hidden: number;
  readonly directions: readonly ('forward' | 'reverse')[];
  /** Which gate of ONNX each gate here is. */
  readonly gates: readonly number[];
};

function recurrenceOf(step: Step, gates: readonly number[], usual: readonly string[]): Recurrence {
  const isBatchFirst = step.numberOf('layout', 0) !== 0;
  const given = step.tensor(0);
  if (given.shape.length !== 3)
    throw step.fault(`expected (steps, n, inputs), got (${given.shape.join(', ')})`);
  const x = isBatchFirst ? given.transpose([1, 0, 2]) : given;
  const [length] = x.shape as readonly [number];
  if (length > MOST_PARTS) throw step.fault(`${length} steps, expected at most ${MOST_PARTS}`);
  const direction = step.textOf('direction', 'forward');
  const directions =
    direction === 'bidirectional' ? (['forward', 'reverse'] as const) : ([direction] as const);
  if (!directions.every((one) => one === 'forward' || one === 'reverse'))
    throw step.fault(`direction "${direction}"`);
  const activations = step.textsOf('activations') ?? [];
  const odd = activations.find((name, k) => name.toLowerCase() !== usual[k % usual.length]!.toLowerCase());
  if (odd !== undefined) throw step.fault(`activation ${odd}, expected ${usual.join(', ')}`);
  if (step.hasAttribute('clip')) throw step.fault('attribute clip is not supported');
  if (step.numberOf('input_forget', 0) !== 0) throw step.fault('input_forget 1 is not supported');
  if (
    step.has(4) &&
    !step
      .host(4)
      .values()
      .every((one) => one === length)
  )
    throw step.fault(`sequence_lens, expected the whole length ${length} for all`);
  const hidden = step.dims(2).at(-1)!;
  return { step, x, hidden, directions: directions as Recurrence['directions'], gates };
}

/** The part of a direction, with gates in ohmic's order, (gates · hidden, columns) → (columns, gates · hidden). */
function arranged(
  { gates, hidden }: Recurrence,
  direction: number,
  columns: number,
  chosen: readonly number[] = gates.map((_, k) => k),
): (values: Numbers) => Float32Array {
  const rows = gates.length * hidden;
  return (values) => {
    const result = new Float32Array(columns * chosen.length * hidden);
    const width = chosen.length * hidden;
    for (let column = 0; column < columns; column++)
      for (let k = 0; k < width; k++) {
        const row = gates[chosen[Math.floor(k / hidden)]!]! * hidden + (k % hidden);
        result[column * width + k] = values[direction * rows * columns + row * columns + column]!;
      }
    return result;
  };
}

type Matrix = {
  readonly at: number;
  readonly direction: number;
  readonly label: string;
  readonly chosen?: readonly number[];
};

function matrixLayer(
  own: Recurrence,
  { at, direction, label, chosen = own.gates.map((_, k) => k) }: Matrix,
): Layer {
  const { step, hidden, directions } = own;
  const host = step.host(at);
  const columns = host.dims.at(-1)!;
  const side = directions.length > 1 ? `.${directions[direction]}` : '';
  return step.world.layer(
    {
      host,
      kind: 'dense',
      base: `${baseName(step)}${side}.${label}`,
      shape: [columns, chosen.length * hidden],
      variant: `${direction} ${label}`,
      arrange: arranged(own, direction, columns, chosen),
    },
    step.node,
  );
}

function baseName({ node }: Step): string {
  return layerName('', node);
}

/** The biases of a direction: of the input, of the hidden state, each (gates · hidden), or their sum. */
function biasOf(own: Recurrence, direction: number, part: 'input' | 'hidden' | 'both'): Tensor | undefined {
  const { step, hidden, gates, directions } = own;
  if (!step.has(3)) return undefined;
  const host = step.host(3);
  const width = gates.length * hidden;
  const half = (values: Numbers, k: 0 | 1): Float32Array =>
    arranged(own, 0, 1)(values.slice((2 * direction + k) * width, (2 * direction + k + 1) * width));
  const side = directions.length > 1 ? `.${directions[direction]}` : '';
  return step.world.parameter(
    {
      host,
      role: 'bias',
      base: `${baseName(step)}${side}${part === 'both' ? '' : `.${part}`}`,
      shape: [width],
      variant: `${direction} ${part}`,
      arrange: (values) => {
        if (part !== 'both') return half(values, part === 'input' ? 0 : 1);
        const second = half(values, 1);
        return half(values, 0).map((value, k) => value + second[k]!);
      },
    },
    step.node,
  );
}

/** The state of a direction before the first step, (n, hidden); undefined: zeros. */
function initialState({ step, x, hidden }: Recurrence, k: number, direction: number): Tensor | undefined {
  if (!step.has(k)) return undefined;
  const value = step.value(k);
  if (value.where === 'host' && !value.isStored && value.values().every((one) => one === 0)) return undefined;
  const given = step.tensor(k);
  const ordered = step.numberOf('layout', 0) !== 0 ? given.transpose([1, 0, 2]) : given;
  return part(ordered, 0, direction, direction + 1)
    .reshape(ordered.shape.slice(1))
    .broadcastTo([x.shape[1]!, hidden]);
}

/** One direction: the hidden state after each step, and what is left at the end. */
type Direction = { readonly hidden: readonly Tensor[]; readonly last: readonly Tensor[] };

/** Inputs of each step times the input's weights, (n, gates · hidden), in the order of the direction. */
function inputProducts(own: Recurrence, direction: number): Tensor[] {
  const { step, x, directions, gates, hidden } = own;
  const [length, n, inputs] = x.shape as readonly [number, number, number];
  const layer = matrixLayer(own, { at: 1, direction, label: 'input' });
  const all = step.world.multiply(x.reshape([length * n, inputs]), layer);
  const width = gates.length * hidden;
  const steps = Array.from({ length }, (_, t) => all.slice([t * n, 0], [(t + 1) * n, width]));
  return directions[direction] === 'reverse' ? steps.reverse() : steps;
}

/** Y (steps, directions, n, hidden), and what is left of each state, (directions, n, hidden). */
function outputs(own: Recurrence, all: readonly Direction[]): Value[] {
  const { step, x, hidden, directions } = own;
  const n = x.shape[1]!;
  const isBatchFirst = step.numberOf('layout', 0) !== 0;
  const sides = all.map(({ hidden: states }, k) => {
    const ordered = directions[k] === 'reverse' ? [...states].reverse() : states;
    return concat(
      ordered.map((state) => state.reshape([1, 1, n, hidden])),
      0,
    );
  });
  const y = concat(sides, 1);
  const lasts = all[0]!.last.map((_, which) =>
    concat(
      all.map(({ last }) => last[which]!.reshape([1, n, hidden])),
      0,
    ),
  );
  if (!isBatchFirst) return [symbolic(y), ...lasts.map((one) => symbolic(one))];
  return [symbolic(y.transpose([2, 0, 1, 3])), ...lasts.map((one) => symbolic(one.transpose([1, 0, 2])))];
}

const plus = (a: Tensor, b: Tensor | undefined): Tensor => (b === undefined ? a : a.add(b));

/** Gates of ONNX are input, output, forget, candidate; here input, forget, candidate, output. */
const lstm: NodeBuilder = (step) => {
  const own = recurrenceOf(step, [0, 2, 3, 1], ['Sigmoid', 'Tanh', 'Tanh']);
  if (step.has(7) && !isZero(step.value(7))) throw step.fault('peephole weights (input P) are not supported');
  const all = own.directions.map((_, direction): Direction => {
    const products = inputProducts(own, direction);
    const bias = biasOf(own, direction, 'both');
    const layer = matrixLayer(own, { at: 2, direction, label: 'hidden' });
    let hidden = initialState(own, 5, direction);
    let cell = initialState(own, 6, direction);
    const states = products.map((fromInput) => {
      const gates = hidden === undefined ? fromInput : fromInput.add(step.world.multiply(hidden, layer));
      ({ hidden, cell } = lstmUpdate(plus(gates, bias), cell));
      return hidden;
    });
    return { hidden: states, last: [hidden!, cell!] };
  });
  return outputs(own, all);
};

function isZero(value: Value): boolean {
  return value.where === 'host' && (value as Host).values().every((one) => one === 0);
}

/** Gates of ONNX are update, reset, candidate; here reset, update, candidate. */
const gru: NodeBuilder = (step) => {
  const own = recurrenceOf(step, [1, 0, 2], ['Sigmoid', 'Tanh']);
  const isAfter = step.numberOf('linear_before_reset', 0) !== 0;
  const all = own.directions.map((_, direction): Direction => {
    const products = inputProducts(own, direction);
    const ofInput = biasOf(own, direction, 'input');
    const ofHidden = biasOf(own, direction, 'hidden');
    const update = isAfter ? resetAfter(own, direction, ofHidden) : resetBefore(own, direction, ofHidden);
    let hidden = initialState(own, 5, direction);
    const states = products.map((fromInput) => {
      hidden = update(plus(fromInput, ofInput), hidden);
      return hidden;
    });
    return { hidden: states, last: [hidden!] };
  });
  return outputs(own, all);
};

type GruUpdate = (fromInput: Tensor, hidden: Tensor | undefined) => Tensor;

/** The reset gate multiplies the product with the hidden state, as in PyTorch. */
function resetAfter(own: Recurrence, direction: number, bias: Tensor | undefined): GruUpdate {
  const layer = matrixLayer(own, { at: 2, direction, label: 'hidden' });
  return (fromInput, hidden) => {
    const product = hidden === undefined ? undefined : own.step.world.multiply(hidden, layer);
    const zero = fromInput.multiply(0);
    return gruUpdate(fromInput, product === undefined ? (bias ?? zero) : plus(product, bias), hidden);
  };
}

/** The reset gate multiplies the hidden state before its product: two layers, of the gates and of the candidate. */
function resetBefore(own: Recurrence, direction: number, bias: Tensor | undefined): GruUpdate {
  const { step, hidden: size, x } = own;
  const n = x.shape[1]!;
  const ofGates = matrixLayer(own, { at: 2, direction, label: 'hidden', chosen: [0, 1] });
  const ofCandidate = matrixLayer(own, { at: 2, direction, label: 'candidate', chosen: [2] });
  const columns = (tensor: Tensor, from: number, to: number): Tensor =>
    tensor.slice([0, from * size], [n, to * size]);
  return (fromInput, hidden) => {
    const both = plus(fromInput, bias);
    const gates = columns(both, 0, 2);
    const product = hidden === undefined ? gates : gates.add(step.world.multiply(hidden, ofGates));
    const [reset, update] = [columns(product, 0, 1).sigmoid(), columns(product, 1, 2).sigmoid()];
    const input = columns(both, 2, 3);
    const candidate = (
      hidden === undefined ? input : input.add(step.world.multiply(reset.multiply(hidden), ofCandidate))
    ).tanh();
    const fresh = update.negate().add(1).multiply(candidate);
    return hidden === undefined ? fresh : fresh.add(update.multiply(hidden));
  };
}

const rnn: NodeBuilder = (step) => {
  const own = recurrenceOf(step, [0], ['Tanh']);
  const all = own.directions.map((_, direction): Direction => {
    const products = inputProducts(own, direction);
    const bias = biasOf(own, direction, 'both');
    const layer = matrixLayer(own, { at: 2, direction, label: 'hidden' });
    let hidden = initialState(own, 5, direction);
    const states = products.map((fromInput) => {
      const sum = hidden === undefined ? fromInput : fromInput.add(step.world.multiply(hidden, layer));
      hidden = plus(sum, bias).tanh();
      return hidden;
    });
    return { hidden: states, last: [hidden!] };
  });
  return outputs(own, all);
};

/** The operators. */
export const recurrences: Operators = { LSTM: lstm, GRU: gru, RNN: rnn };
