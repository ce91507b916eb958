// A layer in cells that pulses move: a device for each weight, or a pair of one-sided ones, one of which can only raise
// the weight and the other only lower it. Here: their tensors, their start, pulses by count, and the refresh of pairs in
// which both devices are nearly full.

import type { TensorSpec } from '../base/parameters.ts';
import type { Shape } from '../base/shape.ts';
import type { DeviceValues, Draw, PulseModel } from '../cells/pulse-device.ts';
import type { Layer } from '../graph/operator.ts';
import { recur } from '../graph/recurrence.ts';
import { constant, type GraphKey, type Tensor } from '../graph/tensor.ts';
import { type ArraySpec, POLARITIES, type Polarity } from './arrays.ts';
import { exceptionOf } from './hardware.ts';
import { asMatrix, matrixSize } from './mapping.ts';

/** One array of devices: each quantity (rows, columns). */
export type LearningArray<T> = Pick<ArraySpec, 'polarity'> & {
  /** The quantities of its model, by name. */
  readonly values: Readonly<Record<string, T>>;
  /** Pulses that each device has had. */
  readonly pulsesGiven: T;
};

/** The arrays of a layer: weight = scale · (Σ plus − Σ minus). */
export type LearningCells<T> = {
  readonly arrays: readonly LearningArray<T>[];
  /** Weight of a value of 1, (1, 1). */
  readonly scale: T;
};

/** The weight that a full device stands for. */
export type FullWeight =
  | { readonly kind: 'fixed'; readonly weight: number }
  /** So many standard deviations of the weights at the start; where all are equal, the largest magnitude. */
  | { readonly kind: 'deviations'; readonly count: number };

/** The weights that full devices of a network's layers stand for. */
export type FullWeights = {
  readonly fullWeight: FullWeight;
  /** Exceptions by the name of a layer, or by a pattern; the first that fits decides. */
  readonly fullWeights?: Readonly<Record<string, FullWeight>> | undefined;
};

/** The weight that a full device of a layer stands for. */
export function fullWeightFor({ fullWeight, fullWeights = {} }: FullWeights, layer: string): FullWeight {
  return exceptionOf(fullWeights, layer) ?? fullWeight;
}

/** When a pair is refreshed: shares of a full device. */
export type RefreshThreshold = {
  /** The larger device holds more than this. */
  readonly larger: number;
  /** And the smaller more than this. */
  readonly smaller: number;
};

/** Below this, initial weights count as zero. */
const SMALLEST_WEIGHT = 1e-6;

/** Below this share of the largest, a standard deviation is the rounding of a mean in float32. */
const SMALLEST_DEVIATION = 1e-3;

/** Names and shapes of a layer's tensors: `dense1.cells.plus.value`, or of another group of arrays of the layer. */
export function learningCellsOf(
  { name, shape }: Pick<Layer, 'name' | 'shape'>,
  model: PulseModel,
  group = 'cells',
): LearningCells<TensorSpec> {
  const { rows, columns } = matrixSize(shape);
  const tensor = (quantity: string): TensorSpec => ({
    name: `${name}.${group}.${quantity}`,
    shape: [rows, columns],
  });
  return {
    arrays: polarities(model).map((polarity) => ({
      polarity,
      values: Object.fromEntries(
        [...model.states, ...model.parameters].map((quantity) => [
          quantity,
          tensor(`${polarity}.${quantity}`),
        ]),
      ),
      pulsesGiven: tensor(`${polarity}.pulsesGiven`),
    })),
    scale: { name: `${name}.${group}.scale`, shape: [1, 1] },
  };
}

function polarities({ isOneSided }: PulseModel): readonly Polarity[] {
  return isOneSided ? POLARITIES : ['plus'];
}

/** The same layer with other tensors. */
export function mapLearningCells<A, B>(
  { arrays, scale }: LearningCells<A>,
  to: (tensor: A) => B,
): LearningCells<B> {
  return {
    arrays: arrays.map(({ polarity, values, pulsesGiven }) => ({
      polarity,
      values: Object.fromEntries(Object.entries(values).map(([quantity, value]) => [quantity, to(value)])),
      pulsesGiven: to(pulsesGiven),
    })),
    scale: to(scale),
  };
}

/** All tensors of a layer, in order. */
export function tensorsOfLearningCells<T>(cells: LearningCells<T>): T[] {
  const all: T[] = [];
  mapLearningCells(cells, (tensor) => all.push(tensor));
  return all;
}

/** Values by the names of the tensors. */
export function learningStates(
  specs: LearningCells<TensorSpec>,
  cells: LearningCells<Tensor>,
): Record<string, Tensor> {
  const values = tensorsOfLearningCells(cells);
  return Object.fromEntries(
    tensorsOfLearningCells(specs).map(({ name, shape }, k) => [name, values[k]!.broadcastTo(shape)]),
  );
}

/** Σ plus − Σ minus, (rows, columns), in the units of the devices. */
export function netValue({ arrays }: Pick<LearningCells<Tensor>, 'arrays'>): Tensor {
  const [plus, minus] = arrays.map(({ values }) => values['value']!);
  return minus === undefined ? plus! : plus!.subtract(minus);
}

/** The weights, (rows, columns). */
export function weightMatrix(cells: LearningCells<Tensor>): Tensor {
  return netValue(cells).multiply(cells.scale);
}

/** Variance of a weight in one read, (rows, columns); undefined if the model has no read noise. */
export function weightVariance(cells: LearningCells<Tensor>, model: PulseModel): Tensor | undefined {
  if (!model.hasReadNoise) return undefined;
  return cells.arrays
    .map(({ values }) => model.readVariance(values))
    .reduce((sum, variance) => sum.add(variance))
    .multiply(cells.scale.square());
}

/** The weight that a full device stands for, (1, 1). */
export function fullWeightOf({ scale }: LearningCells<Tensor>, { range: [, high] }: PulseModel): Tensor {
  return scale.multiply(high);
}

/**
 * Devices as made that hold weights, of a pair one of them, the other at the low end: as iterative programming leaves
 * them, which is taken to be exact. Weights beyond the range of the devices are cut.
 *
 * @param weights of the layer, in the shape of its parameter
 */
export function startCells(
  weights: Tensor,
  model: PulseModel,
  full: FullWeight,
  key: GraphKey,
): LearningCells<Tensor> {
  const matrix = asMatrix(weights);
  const [low, high] = model.range;
  const scale =
    full.kind === 'fixed'
      ? constant(matrix, full.weight / high).broadcastTo([1, 1])
      : ownScale(matrix, full.count).divide(high);
  const value = matrix.divide(scale);
  const arrays = polarities(model).map((polarity) => {
    const device = model.fabricate(matrix.shape, key.derive('made', polarity));
    const own = polarity === 'plus' ? value : value.negate();
    const target = model.isOneSided ? own.relu().add(low).minimum(high) : own.clip(low, high);
    return {
      polarity,
      values: { ...device, ...model.at(device, target) },
      pulsesGiven: constant(matrix, 0).broadcastTo(matrix.shape),
    };
  });
  return { arrays, scale };
}

/** So many standard deviations of weights, or their largest magnitude where they do not deviate, (1, 1). */
function ownScale(matrix: Tensor, count: number): Tensor {
  const deviation = deviationOf(matrix);
  const largest = matrix.abs().max([0, 1], true).maximum(SMALLEST_WEIGHT);
  return deviation.less(largest.multiply(SMALLEST_DEVIATION)).select(largest, deviation.multiply(count));
}

/** √⟨(w − ⟨w⟩)²⟩, (1, 1) */
function deviationOf(matrix: Tensor): Tensor {
  const mean = matrix.mean([0, 1], true);
  return matrix.square().mean([0, 1], true).subtract(mean.square()).relu().sqrt();
}

/** Cells, and the weights that they hold, (rows, columns). */
export type WeighedCells = { readonly cells: LearningCells<Tensor>; readonly weights: Tensor };

/**
 * The cells after pulses: |count| of them on each weight, upwards where the count is above 0. Of a pair, the plus device
 * gets those upwards and the minus device those downwards. Only weights that get a pulse are touched.
 *
 * @param counts whole numbers of −most … most, (rows, columns)
 */
export function pulsed(
  { cells, weights }: WeighedCells,
  model: PulseModel,
  counts: Tensor,
  { most, key }: { readonly most: number; readonly key: GraphKey },
): WeighedCells {
  const number = counts.abs();
  const isUp = isAbove(counts, 0);
  const after = recur({
    count: most,
    initial: carriedOf(model, cells, weights),
    where: isAbove(number, 0),
    step: (state, { item, number: iteration }) => ({
      next: afterPulse(model, cells, state, isUp, drawsOf(key, [most, ...counts.shape], item)),
      where: iteration.cast('f32').less(number),
    }),
  });
  return cellsOfCarried(model, cells, after);
}

/** The cells after the leak of one mini-batch, and the weights that they then hold; the same if nothing leaks. */
export function leaked(
  { cells, weights }: WeighedCells,
  model: PulseModel,
  key: () => GraphKey,
): WeighedCells {
  if (!model.isLeaky) return { cells, weights };
  const draws = key().derive('leak');
  const arrays = cells.arrays.map((array) => ({
    ...array,
    values: {
      ...array.values,
      ...model.leak(array.values, drawsOf(draws.derive(array.polarity), weights.shape)),
    },
  }));
  const after = { ...cells, arrays };
  return { cells: after, weights: weightMatrix(after) };
}

/** What a loop over pulses carries: the states of all arrays, pulses given, and the weights. */
export type CarriedCells = Readonly<Record<string, Tensor>>;

/** The states of cells as a loop carries them. */
export function carriedOf(
  { states }: PulseModel,
  { arrays }: LearningCells<Tensor>,
  weights: Tensor,
): CarriedCells {
  const entries = arrays.flatMap(({ polarity, values, pulsesGiven }): [string, Tensor][] => [
    ...states.map((name): [string, Tensor] => [`${polarity}.${name}`, values[name]!]),
    [`${polarity}.pulsesGiven`, pulsesGiven],
  ]);
  return { weights, ...Object.fromEntries(entries) };
}

/** The cells, with the states that a loop has carried. */
export function cellsOfCarried(
  model: PulseModel,
  cells: LearningCells<Tensor>,
  carried: CarriedCells,
): WeighedCells {
  const arrays = cells.arrays.map(({ polarity, values }) => ({
    polarity,
    values: { ...values, ...statesOf(model, values, (name) => carried[`${polarity}.${name}`]!) },
    pulsesGiven: carried[`${polarity}.pulsesGiven`]!,
  }));
  return { cells: { arrays, scale: cells.scale }, weights: carried['weights']! };
}

/** What a loop carries after one pulse on every weight, upwards where `isUp`. */
export function afterPulse(
  model: PulseModel,
  cells: LearningCells<Tensor>,
  carried: CarriedCells,
  isUp: Tensor,
  draw: Draw,
): CarriedCells {
  const { cells: now } = cellsOfCarried(model, cells, carried);
  const moved = withChosen(model, now, isUp, model.pulse(chosenDevice(now, isUp), isUp, draw), 1);
  return carriedOf(model, moved, weightMatrix(moved));
}

function isAbove(x: Tensor, bound: number): Tensor {
  return constant(x, bound).less(x);
}

function statesOf(
  { states }: PulseModel,
  values: DeviceValues,
  of: (name: string) => Tensor = (name) => values[name]!,
): DeviceValues {
  return Object.fromEntries(states.map((name) => [name, of(name)]));
}

/** Draws for devices, each call another; in a loop, of a shape with its iterations, through `item`. */
export function drawsOf(key: GraphKey, shape: Shape, item: (x: Tensor) => Tensor = (x) => x): Draw {
  let count = 0;
  return () => item(key.derive(count++).normal(shape));
}

function mergeStates(where: Tensor, then: DeviceValues, otherwise: DeviceValues): DeviceValues {
  return Object.fromEntries(
    Object.entries(otherwise).map(([name, value]) => [name, where.select(then[name]!, value)]),
  );
}

/** The quantities of the device of each weight that a change in a direction meets. */
function chosenDevice({ arrays }: LearningCells<Tensor>, isUp: Tensor): DeviceValues {
  const [plus, minus] = arrays;
  if (minus === undefined) return plus!.values;
  return Object.fromEntries(
    Object.entries(plus!.values).map(([name, value]) => [name, isUp.select(value, minus.values[name]!)]),
  );
}

/** The cells with other states of the chosen devices, after so many more pulses. */
function withChosen(
  model: PulseModel,
  { arrays, scale }: LearningCells<Tensor>,
  isUp: Tensor,
  states: DeviceValues,
  number: Tensor | number,
): LearningCells<Tensor> {
  const isPair = arrays.length === 2;
  return {
    arrays: arrays.map(({ polarity, values, pulsesGiven }) => {
      const own = (changed: Tensor, kept: Tensor): Tensor => {
        if (!isPair) return changed;
        return polarity === 'plus' ? isUp.select(changed, kept) : isUp.select(kept, changed);
      };
      return {
        polarity,
        values: { ...values, ...statesOf(model, values, (name) => own(states[name]!, values[name]!)) },
        pulsesGiven: own(pulsesGiven.add(number), pulsesGiven),
      };
    }),
    scale,
  };
}

/** Cells after a refresh, and what it did. */
export type Refreshed = {
  readonly cells: LearningCells<Tensor>;
  /** Of each weight, 1 if its pair was refreshed, else 0. */
  readonly isRefreshed: Tensor;
  /** What the refresh lost of each weight, as read: weight before − weight after; 0 where there was none. */
  readonly lost: Tensor;
};

/**
 * Refreshes pairs that have no room left: where the larger device is above `larger` and the smaller above `smaller`, both
 * in shares of the range, the pair is read, both devices are RESET, and the difference is written to one of them: a
 * pulse as long as a read says that more than half a mean step is missing, so that the number of pulses follows the
 * state of the device. At most `most` pulses. `sensed` are the cells as a read senses them, if they have drifted.
 *
 * @source the refresh of a pair: S. R. Nandakumar et al., Front. Neurosci. 14:406 (2020), known from notes on it;
 *         thresholds: aihwkit, rpu_onesided_device.cpp. Writing with reads between the pulses: ours, as the open-loop
 *         write of aihwkit overshoots
 */
export function refreshed(
  cells: LearningCells<Tensor>,
  model: PulseModel,
  { larger, smaller }: RefreshThreshold,
  {
    most,
    key,
    sensed = cells,
  }: { readonly most: number; readonly key: GraphKey; readonly sensed?: LearningCells<Tensor> },
): Refreshed {
  const [sensedPlus, sensedMinus] = sensed.arrays.map(({ values }) => values);
  const [plus, minus] = cells.arrays as readonly [LearningArray<Tensor>, LearningArray<Tensor>];
  const [, high] = model.range;
  const [p, m] = [plus.values['value']!, minus.values['value']!];
  const isSaturated = isAbove(isAbove(p.maximum(m), larger * high).select(p.minimum(m), 0), smaller * high);
  const read = (values: DeviceValues, name: string): Tensor =>
    model.hasReadNoise
      ? values['value']!.add(
          model.readVariance(values).sqrt().multiply(key.derive('read', name).normal(p.shape)),
        )
      : values['value']!;
  const before = read(sensedPlus!, 'plus').subtract(read(sensedMinus!, 'minus'));
  const erased: LearningCells<Tensor> = {
    ...cells,
    arrays: cells.arrays.map((array) => ({
      ...array,
      values: {
        ...array.values,
        ...model.reset(array.values, drawsOf(key.derive('reset', array.polarity), p.shape)),
      },
    })),
  };
  const isUp = isAbove(before, 0);
  const device = chosenDevice(erased, isUp);
  const enough = before.abs().add(model.range[0] - model.granularity / 2);
  const shape = [most, ...p.shape];
  const { number, ...states } = recur<DeviceValues>({
    count: most,
    initial: { number: constant(p, 0).broadcastTo(p.shape), ...statesOf(model, device) },
    where: isSaturated,
    step: ({ number: count, ...own }, { item }) => {
      const current = { ...device, ...own };
      const draw = drawsOf(key.derive('write'), shape, item);
      const held = model.hasReadNoise
        ? current['value']!.add(model.readVariance(current).sqrt().multiply(draw()))
        : current['value']!;
      return {
        next: { number: count!.add(1), ...model.pulse(current, isUp, draw) },
        where: held.less(enough),
      };
    },
  });
  const written = withChosen(model, erased, isUp, states, number!);
  const [newPlus, newMinus] = written.arrays as readonly [LearningArray<Tensor>, LearningArray<Tensor>];
  const after = read(newPlus.values, 'plus after').subtract(read(newMinus.values, 'minus after'));
  const pairs = [plus, minus].map((old, k): LearningArray<Tensor> => {
    const fresh = written.arrays[k]!;
    return {
      polarity: old.polarity,
      values: { ...old.values, ...mergeStates(isSaturated, fresh.values, statesOf(model, old.values)) },
      pulsesGiven: isSaturated.select(fresh.pulsesGiven, old.pulsesGiven),
    };
  });
  return {
    cells: { arrays: pairs, scale: cells.scale },
    isRefreshed: isSaturated.select(1, 0),
    lost: isSaturated.select(before.subtract(after), 0).multiply(cells.scale),
  };
}
