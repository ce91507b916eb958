// The refresh of pairs in which both devices are nearly full: their difference is read, both are RESET, and it is written to
// one of them.

import type { DeviceValues, PulseModel } from '../cells/pulse-device.ts';
import { recur } from '../graph/recurrence.ts';
import { constant, type GraphKey, type Tensor } from '../graph/tensor.ts';
import {
  chosenDevice,
  drawsOf,
  isAbove,
  type LearningArray,
  type LearningCells,
  pairsOfCells,
  statesOf,
  withChosen,
} from './learning-cells.ts';

/** When a pair is refreshed: shares of a full device. */
export type RefreshThreshold = {
  /** The larger device holds more than this. */
  readonly larger: number;
  /** And the smaller more than this. */
  readonly smaller: number;
};

/** Cells after a refresh, and what it did. */
export type Refreshed = {
  readonly cells: LearningCells<Tensor>;
  /** Of each pair and weight, 1 if it was refreshed, else 0. */
  readonly isRefreshed: readonly Tensor[];
  /** What the refresh lost of each weight, as read: weight before − weight after; 0 where there was none. */
  readonly lost: Tensor;
};

/** How a refresh writes. */
export type RefreshOptions = {
  /** Pulses, at most. */
  readonly most: number;
  readonly key: GraphKey;
  /** The cells as a read senses them, if they have drifted. */
  readonly sensed?: LearningCells<Tensor>;
};

/**
 * Refreshes pairs that have no room left: where the larger device is above `larger` and the smaller above `smaller`, both
 * in shares of the range, the pair is read, both devices are RESET, and the difference is written to one of them: a
 * pulse as long as a read says that more than half a mean step is missing, so that the number of pulses follows the
 * state of the device. Of several pairs of a weight each is refreshed on its own.
 *
 * @source the refresh of a pair: S. R. Nandakumar et al., Front. Neurosci. 14:406 (2020), known from notes on it;
 *         thresholds: aihwkit, rpu_onesided_device.cpp. Writing with reads between the pulses: ours, as the open-loop
 *         write of aihwkit overshoots
 */
export function refreshed(
  cells: LearningCells<Tensor>,
  model: PulseModel,
  threshold: RefreshThreshold,
  { most, key, sensed = cells }: RefreshOptions,
): Refreshed {
  const { scale } = cells;
  const ofSensed = pairsOfCells(sensed);
  const after = pairsOfCells(cells).map((arrays, k) =>
    refreshedPair({ pair: arrays as Pair, scale }, model, threshold, {
      most,
      key: k === 0 ? key : key.derive('pair', k + 1),
      sensed: ofSensed[k] as Pair,
    }),
  );
  return {
    cells: { ...cells, arrays: after.flatMap(({ arrays }) => arrays) },
    isRefreshed: after.map(({ isRefreshed }) => isRefreshed),
    lost: after.map(({ lost }) => lost).reduce((sum, lost) => sum.add(lost)),
  };
}

type Pair = readonly [LearningArray<Tensor>, LearningArray<Tensor>];

type RefreshedPair = Pick<Refreshed, 'lost'> & { readonly arrays: Pair; readonly isRefreshed: Tensor };

function refreshedPair(
  { pair, scale }: { readonly pair: Pair; readonly scale: Tensor },
  model: PulseModel,
  { larger, smaller }: RefreshThreshold,
  { most, key, sensed }: Omit<RefreshOptions, 'sensed'> & { readonly sensed: Pair },
): RefreshedPair {
  const [plus, minus] = pair;
  const [, high] = model.range;
  const [p, m] = [plus.values['value']!, minus.values['value']!];
  const isSaturated = isAbove(isAbove(p.maximum(m), larger * high).select(p.minimum(m), 0), smaller * high);
  const read = (values: DeviceValues, name: string): Tensor =>
    model.hasReadNoise
      ? values['value']!.add(
          model.readVariance(values).sqrt().multiply(key.derive('read', name).normal(p.shape)),
        )
      : values['value']!;
  const before = read(sensed[0].values, 'plus').subtract(read(sensed[1].values, 'minus'));
  const erased: LearningCells<Tensor> = {
    scale,
    arrays: pair.map((array) => ({
      ...array,
      values: {
        ...array.values,
        ...model.reset(array.values, drawsOf(key.derive('reset', array.polarity), p.shape)),
      },
    })),
  };
  const isUp = isAbove(before, 0);
  const device = chosenDevice(erased, { isUp });
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
  const written = withChosen(model, erased, { isUp }, states, number!);
  const [newPlus, newMinus] = written.arrays as Pair;
  const after = read(newPlus.values, 'plus after').subtract(read(newMinus.values, 'minus after'));
  const merged = (old: LearningArray<Tensor>, fresh: LearningArray<Tensor>): LearningArray<Tensor> => ({
    ...old,
    values: { ...old.values, ...mergeStates(isSaturated, fresh.values, statesOf(model, old.values)) },
    pulsesGiven: isSaturated.select(fresh.pulsesGiven, old.pulsesGiven),
  });
  return {
    arrays: [merged(plus, newPlus), merged(minus, newMinus)],
    isRefreshed: isSaturated.select(1, 0),
    lost: isSaturated.select(before.subtract(after), 0).multiply(scale),
  };
}

function mergeStates(where: Tensor, then: DeviceValues, otherwise: DeviceValues): DeviceValues {
  return Object.fromEntries(
    Object.entries(otherwise).map(([name, value]) => [name, where.select(then[name]!, value)]),
  );
}
