// A layer in cells that pulses move: a device for each weight, or pairs of one-sided ones, one of which can only raise the
// weight and the other only lower it. Here: their tensors, their start, and pulses by count.

import type { TensorSpec } from '../base/parameters.ts';
import type { Shape } from '../base/shape.ts';
import type { DeviceValues, Draw, PulseModel } from '../cells/pulse-device.ts';
import type { Layer } from '../graph/operator.ts';
import { recur } from '../graph/recurrence.ts';
import { constant, type GraphKey, type Tensor } from '../graph/tensor.ts';
import { remainder } from '../graph/whole-numbers.ts';
import { type ArrayPlace, arrayName, pairsOf } from './arrays.ts';
import { exceptionOf } from './hardware.ts';
import { asMatrix, matrixSize } from './mapping.ts';

/** One array of devices: each quantity (rows, columns). */
export type LearningArray<T> = ArrayPlace & {
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
  /** Of several pairs, the one that gets the next pulse, from 0, (1, 1); absent: there is one. */
  readonly turn?: T;
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

/** Below this, initial weights count as zero. */
const SMALLEST_WEIGHT = 1e-6;

/** Below this share of the largest, a standard deviation is the rounding of a mean in float32. */
const SMALLEST_DEVIATION = 1e-3;

/** Which of a layer's tensors: of how many pairs, and of which group of arrays. */
export type CellNames = { readonly pairs?: number | undefined; readonly group?: string };

/** Names and shapes of a layer's tensors: `dense1.cells.plus.value`, or of another group of arrays of the layer. */
export function learningCellsOf(
  { name, shape }: Pick<Layer, 'name' | 'shape'>,
  model: PulseModel,
  { pairs = 1, group = 'cells' }: CellNames = {},
): LearningCells<TensorSpec> {
  const { rows, columns } = matrixSize(shape);
  const tensor = (quantity: string): TensorSpec => ({
    name: `${name}.${group}.${quantity}`,
    shape: [rows, columns],
  });
  return {
    arrays: placesOf(model, pairs).map((place) => ({
      ...place,
      values: Object.fromEntries(
        [...model.states, ...model.parameters].map((quantity) => [
          quantity,
          tensor(`${arrayName(place)}.${quantity}`),
        ]),
      ),
      pulsesGiven: tensor(`${arrayName(place)}.pulsesGiven`),
    })),
    scale: { name: `${name}.${group}.scale`, shape: [1, 1] },
    ...(pairs > 1 && { turn: { name: `${name}.${group}.turn`, shape: [1, 1] } }),
  };
}

/** How many pairs a layer has among the names of trained tensors. */
export function learnedPairs(layer: string, has: (name: string) => boolean): number {
  let pairs = 1;
  while (has(`${layer}.cells.${arrayName({ polarity: 'plus', pair: pairs + 1 })}.pulsesGiven`)) pairs++;
  return pairs;
}

function placesOf({ isOneSided }: PulseModel, pairs: number): ArrayPlace[] {
  return isOneSided
    ? pairsOf({ pairs }).map(({ significance: _, ...place }) => place)
    : [{ polarity: 'plus' }];
}

/** The same layer with other tensors. */
export function mapLearningCells<A, B>(
  { arrays, scale, turn }: LearningCells<A>,
  to: (tensor: A) => B,
): LearningCells<B> {
  return {
    arrays: arrays.map(({ values, pulsesGiven, ...place }) => ({
      ...place,
      values: Object.fromEntries(Object.entries(values).map(([quantity, value]) => [quantity, to(value)])),
      pulsesGiven: to(pulsesGiven),
    })),
    scale: to(scale),
    ...(turn !== undefined && { turn: to(turn) }),
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
  const [first, ...others] = arrays.map(({ polarity, values }) => ({ polarity, value: values['value']! }));
  return others.reduce(
    (sum, { polarity, value }) => (polarity === 'plus' ? sum.add(value) : sum.subtract(value)),
    first!.value,
  );
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

/** The weight that full devices stand for, (1, 1): with several pairs, those of one sign together. */
export function fullWeightOf(cells: LearningCells<Tensor>, { range: [, high] }: PulseModel): Tensor {
  return cells.scale.multiply(high * pairsOfCells(cells).length);
}

/** How cells hold the weights of a layer. */
export type CellLayout = { readonly full: FullWeight; readonly pairs?: number | undefined };

/**
 * Devices as made that hold weights, of a pair one of them, the other at the low end: as iterative programming leaves
 * them, which is taken to be exact. Several pairs have equal shares. Weights beyond the range of the devices are cut.
 *
 * @param weights of the layer, in the shape of its parameter
 */
export function startCells(
  weights: Tensor,
  model: PulseModel,
  { full, pairs = 1 }: CellLayout,
  key: GraphKey,
): LearningCells<Tensor> {
  const matrix = asMatrix(weights);
  const [low, high] = model.range;
  const range = high * pairs;
  const scale =
    full.kind === 'fixed'
      ? constant(matrix, full.weight / range).broadcastTo([1, 1])
      : ownScale(matrix, full.count).divide(range);
  const value = pairs === 1 ? matrix.divide(scale) : matrix.divide(scale.multiply(pairs));
  const arrays = placesOf(model, pairs).map((place) => {
    const device = model.fabricate(matrix.shape, key.derive('made', arrayName(place)));
    const own = place.polarity === 'plus' ? value : value.negate();
    const target = model.isOneSided ? own.relu().add(low).minimum(high) : own.clip(low, high);
    return {
      ...place,
      values: { ...device, ...model.at(device, target) },
      pulsesGiven: constant(matrix, 0).broadcastTo(matrix.shape),
    };
  });
  return { arrays, scale, ...(pairs > 1 && { turn: constant(scale, 0).broadcastTo([1, 1]) }) };
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
 * Several pairs take turns, all weights of the layer at once: the pulses of this call go to the pair of the turn and to
 * those that follow it, and the turn moves on by one if there was any pulse.
 *
 * @param counts whole numbers of −most … most, (rows, columns)
 * @source several devices of a weight under one counter for the whole array: I. Boybat et al., Nature Communications 9:2514
 *         (2018), abstract and Fig. 1
 */
export function pulsed(
  { cells, weights }: WeighedCells,
  model: PulseModel,
  counts: Tensor,
  { most, key }: { readonly most: number; readonly key: GraphKey },
): WeighedCells {
  const number = counts.abs();
  const isUp = isAbove(counts, 0);
  const { turn } = cells;
  const pairs = pairsOfCells(cells).length;
  const after = recur({
    count: most,
    initial: carriedOf(model, cells, weights),
    where: isAbove(number, 0),
    step: (state, { item, number: iteration }) => {
      const count = iteration.cast('f32');
      const pair = turn === undefined ? undefined : remainder(turn.add(count), pairs);
      return {
        next: afterPulse(model, cells, state, { isUp, pair }, drawsOf(key, [most, ...counts.shape], item)),
        where: count.less(number),
      };
    },
  });
  const moved = cellsOfCarried(model, cells, after);
  if (turn === undefined) return moved;
  const next = remainder(turn.add(number.sum().minimum(1)), pairs);
  return { ...moved, cells: { ...moved.cells, turn: next } };
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
      ...model.leak(array.values, drawsOf(draws.derive(arrayName(array)), weights.shape)),
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
  const entries = arrays.flatMap(({ values, pulsesGiven, ...place }): [string, Tensor][] => [
    ...states.map((name): [string, Tensor] => [`${arrayName(place)}.${name}`, values[name]!]),
    [`${arrayName(place)}.pulsesGiven`, pulsesGiven],
  ]);
  return { weights, ...Object.fromEntries(entries) };
}

/** The cells, with the states that a loop has carried. */
export function cellsOfCarried(
  model: PulseModel,
  cells: LearningCells<Tensor>,
  carried: CarriedCells,
): WeighedCells {
  const arrays = cells.arrays.map((array) => {
    const name = arrayName(array);
    const states = statesOf(model, array.values, (quantity) => carried[`${name}.${quantity}`]!);
    return {
      ...array,
      values: { ...array.values, ...states },
      pulsesGiven: carried[`${name}.pulsesGiven`]!,
    };
  });
  return { cells: { ...cells, arrays }, weights: carried['weights']! };
}

/** The device of each weight that a pulse goes to. */
export type PulseTarget = {
  /** (rows, columns); of a pair, the plus device where true. */
  readonly isUp: Tensor;
  /** Of several pairs which one, (1, 1). */
  readonly pair?: Tensor | undefined;
};

/** What a loop carries after one pulse on every weight. */
export function afterPulse(
  model: PulseModel,
  cells: LearningCells<Tensor>,
  carried: CarriedCells,
  target: PulseTarget,
  draw: Draw,
): CarriedCells {
  const { cells: now } = cellsOfCarried(model, cells, carried);
  const states = model.pulse(chosenDevice(now, target), target.isUp, draw);
  const moved = withChosen(model, now, target, states, 1);
  return carriedOf(model, moved, weightMatrix(moved));
}

/** x > bound */
export function isAbove(x: Tensor, bound: number): Tensor {
  return constant(x, bound).less(x);
}

/** The states alone among the quantities of devices, or others in their place. */
export function statesOf(
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

/** The quantities of the device of each weight that a pulse meets. */
export function chosenDevice(cells: LearningCells<Tensor>, { isUp, pair }: PulseTarget): DeviceValues {
  const [first, ...others] = pairsOfCells(cells).map(([plus, minus]) =>
    minus === undefined
      ? plus.values
      : mapValues(plus.values, (value, name) => isUp.select(value, minus.values[name]!)),
  );
  return others.reduce(
    (before, own, k) => mapValues(before, (value, name) => isPair(pair!, k + 2).select(own[name]!, value)),
    first!,
  );
}

/** The cells with other states of the chosen devices, after so many more pulses. */
export function withChosen(
  model: PulseModel,
  cells: LearningCells<Tensor>,
  { isUp, pair }: PulseTarget,
  states: DeviceValues,
  number: Tensor | number,
): LearningCells<Tensor> {
  const isAlone = cells.arrays.length === 1;
  const arrays = cells.arrays.map(({ polarity, pair: ownPair = 1, values, pulsesGiven, ...array }) => {
    const own = (changed: Tensor, kept: Tensor): Tensor => {
      if (isAlone) return changed;
      const ofPair = polarity === 'plus' ? isUp.select(changed, kept) : isUp.select(kept, changed);
      return pair === undefined ? ofPair : isPair(pair, ownPair).select(ofPair, kept);
    };
    return {
      ...array,
      polarity,
      ...(ownPair > 1 && { pair: ownPair }),
      values: { ...values, ...statesOf(model, values, (name) => own(states[name]!, values[name]!)) },
      pulsesGiven: own(pulsesGiven.add(number), pulsesGiven),
    };
  });
  return { ...cells, arrays };
}

function isPair(pair: Tensor, number: number): Tensor {
  return pair.equal(number - 1);
}

/** The arrays by pair: plus and minus, or one array of single devices. */
export function pairsOfCells<T>({
  arrays,
}: Pick<LearningCells<T>, 'arrays'>): (readonly [LearningArray<T>, LearningArray<T>?])[] {
  return arrays
    .filter(({ polarity }) => polarity === 'plus')
    .map((plus) => {
      const minus = arrays.find(({ polarity, pair }) => polarity === 'minus' && pair === plus.pair);
      return minus === undefined ? [plus] : [plus, minus];
    });
}

function mapValues(values: DeviceValues, to: (value: Tensor, name: string) => Tensor): DeviceValues {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, to(value, name)]));
}
