// The loop of Tiki-Taka over the samples of a step: pulses on the fast array, now and then a row of it read, and pulses
// on the slow one. Each weight runs through all samples by itself.

import type { PulseModel } from '../cells/pulse-device.ts';
import {
  afterPulse,
  type CarriedCells,
  carriedOf,
  cellsOfCarried,
  drawsOf,
  fullWeightOf,
  type LearningCells,
  weightMatrix,
} from '../crossbar/learning-cells.ts';
import { recur } from '../graph/recurrence.ts';
import { constant, type GraphKey, type Tensor } from '../graph/tensor.ts';
import type { Factors } from '../rules/update-rule.ts';
import { type PulseTrains, rowNumbers } from './pulse-trains.ts';
import { checkDraws, type SampleTrains, sampleTrains } from './pulsed-update.ts';
import { type TransferMethod, transferred } from './transfer.ts';
import { type Due, dueAfter, type Schedule, scheduleAfter } from './transfer-schedule.ts';

/** How samples are written and rows handed over. */
export type LoopOptions = {
  readonly trains: PulseTrains;
  readonly transfer: TransferMethod;
  /** Pulses on a weight of the slow array at a time, at most. */
  readonly mostPulses: number;
  /** Standard deviation of a read of the fast array, in shares of a full device. */
  readonly readNoise: number;
  /** A row is read after every so many samples, or steps. */
  readonly every: number;
  readonly unit: 'samples' | 'steps';
};

/** The fast and the slow array, and their devices. */
export type Arrays = {
  readonly fastModel: PulseModel;
  readonly slowModel: PulseModel;
  readonly fast: LearningCells<Tensor>;
  readonly slow: LearningCells<Tensor>;
};

/** What a step begins with. */
export type Begun = Arrays & {
  /** What the transfer keeps, by name. */
  readonly kept: Readonly<Record<string, Tensor>>;
  readonly schedule: Schedule;
};

/** What a step has seen. */
export type LoopStep = {
  readonly factors: readonly Factors[];
  readonly learningRate: Tensor;
  /** Of the fast array. */
  readonly rate: Tensor;
  readonly key: GraphKey;
};

/** What a step leaves. */
export type After = Pick<Begun, 'fast' | 'slow' | 'kept' | 'schedule'>;

/**
 * Both arrays after the samples of a step: all in one loop over the samples, each weight by itself.
 *
 * @throws UsageError if there are more samples than draws can be numbered
 */
export function writtenAndTransferred(
  options: LoopOptions,
  { kept, schedule: begun, ...arrays }: Begun,
  { factors, learningRate, rate, key }: LoopStep,
): After {
  const { trains, transfer, unit, every } = options;
  const { fast, fastModel } = arrays;
  const pulse = fast.scale.multiply(fastModel.granularity);
  const rows = weightMatrix(fast).shape[0]!;
  const pace = { every, rows };
  const row = rowNumbers(rate, rows);
  const total = factors.reduce((sum, { x }) => sum + x.shape[0]!, 0);
  let carried = joined(arrays, kept);
  let seen = 0;
  for (const [k, operands] of factors.entries()) {
    const train = sampleTrains(operands, { rate, pulse, trains, key: key.derive(k) });
    checkDraws(train, trains.length);
    const before = seen;
    carried = recur({
      count: train.samples,
      initial: carried,
      step: (state, { item, number }) => {
        const written = writtenSample(arrays, state, train, item, key.derive(k, 'steps'), trains.length);
        if (unit === 'steps') return { next: written };
        const due = dueAfter(begun, number.cast('f32').add(before + 1), pace);
        const loop = { counts: [train.samples], item };
        return {
          next: handedOver(options, arrays, written, { due, row, learningRate, key: key.derive(k), loop }),
        };
      },
    });
    seen += train.samples;
  }
  if (unit === 'steps') {
    const due = dueAfter(begun, constant(rate, 1), pace);
    const loop = { counts: [], item: (x: Tensor): Tensor => x };
    carried = handedOver(options, arrays, carried, { due, row, learningRate, key, loop });
  }
  const schedule = scheduleAfter(begun, unit === 'steps' ? 1 : total, pace, transfer);
  return { ...parted(arrays, carried, Object.keys(kept)), schedule };
}

/** What the loop carries: both arrays and what the transfer keeps. */
function joined({ fastModel, slowModel, fast, slow }: Arrays, kept: CarriedCells): CarriedCells {
  return {
    ...prefixed('fast', carriedOf(fastModel, fast, weightMatrix(fast))),
    ...prefixed('slow', carriedOf(slowModel, slow, weightMatrix(slow))),
    ...prefixed('kept', kept),
  };
}

function parted(
  { fastModel, slowModel, fast, slow }: Arrays,
  carried: CarriedCells,
  kept: readonly string[],
): Omit<After, 'schedule'> {
  return {
    fast: cellsOfCarried(fastModel, fast, part('fast', carried)).cells,
    slow: cellsOfCarried(slowModel, slow, part('slow', carried)).cells,
    kept: Object.fromEntries(kept.map((name) => [name, carried[`kept.${name}`]!])),
  };
}

function prefixed(prefix: string, values: CarriedCells): CarriedCells {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`${prefix}.${name}`, value]));
}

function part(prefix: string, values: CarriedCells): CarriedCells {
  const own = Object.entries(values).filter(([name]) => name.startsWith(`${prefix}.`));
  return Object.fromEntries(own.map(([name, value]) => [name.slice(prefix.length + 1), value]));
}

/** The fast array after the pulses of one sample; a chopped row's input carries its sign. */
function writtenSample(
  { fastModel, fast }: Arrays,
  state: CarriedCells,
  train: SampleTrains,
  item: (x: Tensor) => Tensor,
  key: GraphKey,
  length: number,
): CarriedCells {
  const count = train.countOf(item);
  const sign = state['kept.sign'];
  const plain = train.isUpOf(item);
  const isUp =
    sign === undefined ? plain : sign.less(0).select(plain.select(0, 1), plain.select(1, 0)).cast('bool');
  const own = part('fast', state);
  const shape = [train.samples, length, ...count.shape];
  const after = recur({
    count: length,
    initial: own,
    where: constant(count, 0, 'i32').less(count),
    step: (inner, slot) => ({
      where: slot.number.less(count),
      next: afterPulse(
        fastModel,
        fast,
        inner,
        isUp,
        drawsOf(key, shape, (draw) => slot.item(item(draw))),
      ),
    }),
  });
  return { ...state, ...prefixed('fast', after) };
}

type Handing = {
  readonly due: Due;
  /** Number of each row, (rows, 1). */
  readonly row: Tensor;
  readonly learningRate: Tensor;
  readonly key: GraphKey;
  /** The loop around it: its iterations, and a tensor's part of one. */
  readonly loop: { readonly counts: readonly number[]; readonly item: (x: Tensor) => Tensor };
};

/** Both arrays after one row was read and handed over, if it is time; nothing happens to other rows. */
function handedOver(
  { transfer, mostPulses, readNoise, every }: LoopOptions,
  arrays: Arrays,
  state: CarriedCells,
  { due, row, learningRate, key, loop: { counts, item } }: Handing,
): CarriedCells {
  const { fastModel, slowModel, fast, slow } = arrays;
  const rows = row.shape[0]!;
  const { shape } = state['fast.weights']!;
  const isRow = row.equal(due.row).broadcastTo(shape);
  return recur({
    count: 1,
    initial: state,
    where: isRow,
    step: (now) => {
      const held = now['fast.weights']!;
      const full = fullWeightOf(fast, fastModel);
      const read =
        readNoise === 0
          ? held
          : held.add(
              item(key.derive('transfer read').normal([...counts, ...shape])).multiply(
                full.multiply(readNoise),
              ),
            );
      const { pulses, kept } = transferred(transfer, {
        read,
        kept: part('kept', now),
        reads: due.reads,
        learningRate,
        fastPulse: fast.scale.multiply(fastModel.granularity),
        slowPulse: slow.scale.multiply(slowModel.granularity),
        round: rows * every,
        mostPulses,
        uniform: item(key.derive('transfer rounding').uniform([...counts, ...shape])),
        ofRow: item(key.derive('transfer sign').uniform([...counts, rows, 1])),
      });
      const isUp = constant(pulses, 0).less(pulses);
      const number = pulses.abs();
      const after = recur({
        count: mostPulses,
        initial: part('slow', now),
        where: constant(number, 0).less(number),
        step: (inner, slot) => ({
          where: slot.number.cast('f32').less(number),
          next: afterPulse(
            slowModel,
            slow,
            inner,
            isUp,
            drawsOf(key.derive('transfer steps'), [...counts, mostPulses, ...shape], (all) =>
              slot.item(item(all)),
            ),
          ),
        }),
      });
      return { next: { ...now, ...prefixed('slow', after), ...prefixed('kept', kept) } };
    },
  });
}
