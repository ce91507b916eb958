// The loop of Tiki-Taka over the samples of a step: pulses on the fastest array, now and then a row of an array read, and
// pulses on the next slower one. Each weight runs through all samples by itself.

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
  /** Pulses on a weight of a slower array at a time, at most. */
  readonly mostPulses: number;
  /** Standard deviation of a read of an array, in shares of a full device. */
  readonly readNoise: number;
  readonly unit: 'samples' | 'steps';
};

/** One array of a layer, and its devices. */
export type ChainArray = { readonly model: PulseModel; readonly cells: LearningCells<Tensor> };

/** What array n + 1 hands over to array n: a row after every `every` samples, or steps. */
export type Handover = {
  readonly every: number;
  /** What the transfer keeps, by name. */
  readonly kept: Readonly<Record<string, Tensor>>;
  readonly schedule: Schedule;
};

/** The arrays of a layer, slowest first, and what each gets from the next. */
export type Chain = { readonly arrays: readonly ChainArray[]; readonly handovers: readonly Handover[] };

/** What a step has seen. */
export type LoopStep = {
  readonly factors: readonly Factors[];
  readonly learningRate: Tensor;
  /** Of the fastest array. */
  readonly rate: Tensor;
  readonly key: GraphKey;
};

/**
 * A chain after the samples of a step: all in one loop over the samples, each weight by itself.
 *
 * @throws UsageError if there are more samples than draws can be numbered
 */
export function writtenAndTransferred(
  options: LoopOptions,
  chain: Chain,
  { factors, learningRate, rate, key }: LoopStep,
): Chain {
  const { trains, transfer, unit } = options;
  const fast = chain.arrays.at(-1)!;
  const pulse = fast.cells.scale.multiply(fast.model.granularity);
  const rows = weightMatrix(fast.cells).shape[0]!;
  const row = rowNumbers(rate, rows);
  const total = factors.reduce((sum, { x }) => sum + x.shape[0]!, 0);
  /** Every handover in turn, that to the slowest array last. */
  const handedOn = (
    state: CarriedCells,
    passed: Tensor,
    own: GraphKey,
    loop: Handing['loop'],
  ): CarriedCells =>
    chain.handovers.reduceRight((now, { schedule, every }, to) => {
      const due = dueAfter(schedule, passed, { every, rows });
      return handedOver(options, chain, to, now, { due, row, learningRate, key: own, loop });
    }, state);
  let carried = joined(chain);
  let seen = 0;
  for (const [k, operands] of factors.entries()) {
    const train = sampleTrains(operands, { rate, pulse, trains, key: key.derive(k) });
    checkDraws(train, trains.length);
    const before = seen;
    carried = recur({
      count: train.samples,
      initial: carried,
      step: (state, { item, number }) => {
        const written = writtenSample(chain, state, train, item, key.derive(k, 'steps'), trains.length);
        if (unit === 'steps') return { next: written };
        const passed = number.cast('f32').add(before + 1);
        return { next: handedOn(written, passed, key.derive(k), { counts: [train.samples], item }) };
      },
    });
    seen += train.samples;
  }
  if (unit === 'steps') carried = handedOn(carried, constant(rate, 1), key, { counts: [], item: (x) => x });
  return {
    arrays: chain.arrays.map(({ model, cells }, n) => ({
      model,
      cells: cellsOfCarried(model, cells, part(arrayPrefix(n), carried)).cells,
    })),
    handovers: chain.handovers.map(({ every, kept, schedule }, n) => ({
      every,
      kept: Object.fromEntries(Object.keys(kept).map((name) => [name, carried[`${keptPrefix(n)}.${name}`]!])),
      schedule: scheduleAfter(schedule, unit === 'steps' ? 1 : total, { every, rows }, transfer),
    })),
  };
}

/** What the loop carries: all arrays, and what the transfers keep. */
function joined({ arrays, handovers }: Chain): CarriedCells {
  const ofArrays = arrays.map(({ model, cells }, n) =>
    prefixed(arrayPrefix(n), carriedOf(model, cells, weightMatrix(cells))),
  );
  const ofTransfers = handovers.map(({ kept }, n) => prefixed(keptPrefix(n), kept));
  return Object.assign({}, ...ofArrays, ...ofTransfers);
}

function arrayPrefix(n: number): string {
  return `array${n}`;
}

function keptPrefix(n: number): string {
  return `kept${n}`;
}

function prefixed(prefix: string, values: CarriedCells): CarriedCells {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`${prefix}.${name}`, value]));
}

function part(prefix: string, values: CarriedCells): CarriedCells {
  const own = Object.entries(values).filter(([name]) => name.startsWith(`${prefix}.`));
  return Object.fromEntries(own.map(([name, value]) => [name.slice(prefix.length + 1), value]));
}

/** The fastest array after the pulses of one sample; a chopped row's input carries its sign. */
function writtenSample(
  { arrays }: Chain,
  state: CarriedCells,
  train: SampleTrains,
  item: (x: Tensor) => Tensor,
  key: GraphKey,
  length: number,
): CarriedCells {
  const at = arrays.length - 1;
  const { model, cells } = arrays[at]!;
  const slots = train.slotsOf(item);
  const count = slots.bitCount();
  const sign = state[`${keptPrefix(at - 1)}.sign`];
  const plain = train.isUpOf(item);
  const isUp =
    sign === undefined ? plain : sign.less(0).select(plain.select(0, 1), plain.select(1, 0)).cast('bool');
  const shape = [train.samples, length, ...count.shape];
  const after = recur({
    count: length,
    initial: part(arrayPrefix(at), state),
    where: constant(slots, 0, 'i32').less(slots),
    step: (inner, slot) => ({
      where: slot.number.less(count),
      next: afterPulse(
        model,
        cells,
        inner,
        { isUp },
        drawsOf(key, shape, (draw) => slot.item(item(draw))),
      ),
    }),
  });
  return { ...state, ...prefixed(arrayPrefix(at), after) };
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

/** The chain after array `to` was given one row of the next, if it is time; nothing happens to other rows. */
function handedOver(
  { transfer, mostPulses, readNoise }: LoopOptions,
  { arrays, handovers }: Chain,
  to: number,
  state: CarriedCells,
  { due, row, learningRate, key: whole, loop: { counts, item } }: Handing,
): CarriedCells {
  const [slow, fast] = [arrays[to]!, arrays[to + 1]!];
  const [slowPrefix, keptName] = [arrayPrefix(to), keptPrefix(to)];
  const key = to === arrays.length - 2 ? whole : whole.derive('to', to);
  const rows = row.shape[0]!;
  const heldName = `${arrayPrefix(to + 1)}.weights`;
  const { shape } = state[heldName]!;
  return recur({
    count: 1,
    initial: state,
    where: row.equal(due.row).broadcastTo(shape),
    step: (now) => {
      const held = now[heldName]!;
      const noise = (): Tensor =>
        item(key.derive('transfer read').normal([...counts, ...shape])).multiply(
          fullWeightOf(fast.cells, fast.model).multiply(readNoise),
        );
      const { pulses, kept } = transferred(transfer, {
        read: readNoise === 0 ? held : held.add(noise()),
        kept: part(keptName, now),
        reads: due.reads,
        learningRate,
        fastPulse: fast.cells.scale.multiply(fast.model.granularity),
        slowPulse: slow.cells.scale.multiply(slow.model.granularity),
        round: rows * handovers[to]!.every,
        mostPulses,
        uniform: item(key.derive('transfer rounding').uniform([...counts, ...shape])),
        ofRow: item(key.derive('transfer sign').uniform([...counts, rows, 1])),
      });
      const isUp = constant(pulses, 0).less(pulses);
      const number = pulses.abs();
      const after = recur({
        count: mostPulses,
        initial: part(slowPrefix, now),
        where: constant(number, 0).less(number),
        step: (inner, slot) => ({
          where: slot.number.cast('f32').less(number),
          next: afterPulse(
            slow.model,
            slow.cells,
            inner,
            { isUp },
            drawsOf(key.derive('transfer steps'), [...counts, mostPulses, ...shape], (all) =>
              slot.item(item(all)),
            ),
          ),
        }),
      });
      return { next: { ...now, ...prefixed(slowPrefix, after), ...prefixed(keptName, kept) } };
    },
  });
}
