// The stochastic pulsed update: samples are written one after another, each by trains of pulses on rows and columns.

import { UsageError } from '../base/errors.ts';
import type { PulseModel } from '../cells/pulse-device.ts';
import {
  afterPulse,
  carriedOf,
  cellsOfCarried,
  drawsOf,
  type WeighedCells,
} from '../crossbar/learning-cells.ts';
import { recur } from '../graph/recurrence.ts';
import { constant, type GraphKey, type Tensor } from '../graph/tensor.ts';
import type { Factors } from '../rules/update-rule.ts';
import { drawTrains, isUpwards, type PulseTrains, trainsOf } from './pulse-trains.ts';

/** How samples are written. */
export type PulsedWrite = {
  /** Learning rate, (). */
  readonly rate: Tensor;
  readonly trains: PulseTrains;
  readonly key: GraphKey;
};

/** Draws of one loop are numbered by 31 bits. */
const MOST_DRAWS = 2 ** 31;

/**
 * The cells after −rate · x ⊗ δ was written for every sample of the factors, in their order. In a slot in which a row and
 * a column fire, the device between them gets one pulse, upwards where −x δ is above 0; lines fire independently of one
 * another, and for all devices of a line at once.
 *
 * @throws UsageError if there are more samples than draws can be numbered
 * @source T. Gokmen, Y. Vlasov, Front. Neurosci. 10:333 (2016); aihwkit, src/rpucuda/sparse_bit_line_maker.cpp
 */
export function pulsedUpdate(
  written: WeighedCells,
  model: PulseModel,
  factors: readonly Factors[],
  { rate, trains, key }: PulsedWrite,
): WeighedCells {
  return factors.reduce(
    (now, one, k) => writeSamples(now, model, one, { rate, trains, key: key.derive(k) }),
    written,
  );
}

/** The trains of samples, ready for a loop over them. */
export type SampleTrains = {
  readonly samples: number;
  readonly rows: number;
  readonly columns: number;
  /** Of a sample, the slots in which a device gets a pulse, a bit for each of 31 at most, i32, (rows, columns). */
  readonly slotsOf: (item: (x: Tensor) => Tensor) => Tensor;
  /** Of a sample, where pulses go upwards, bool. */
  readonly isUpOf: (item: (x: Tensor) => Tensor) => Tensor;
};

/** Draws the trains of samples. */
export function sampleTrains(
  { x, delta }: Factors,
  { rate, pulse, trains, key }: PulsedWrite & { readonly pulse: Tensor },
): SampleTrains {
  const [samples, rows] = x.shape as readonly [number, number];
  const columns = delta.shape[1]!;
  const { lengths, rowProbability, columnProbability } = trainsOf({ x, delta }, { rate, pulse, trains });
  const drawn = (probability: Tensor, line: string): Tensor =>
    drawTrains(probability, lengths, { length: trains.length, key: key.derive(line) });
  const rowWords = drawn(rowProbability, 'rows').reshape([samples, rows, 1]);
  const columnWords = drawn(columnProbability, 'columns').reshape([samples, 1, columns]);
  const [ofRows, ofColumns] = [x.reshape([samples, rows, 1]), delta.reshape([samples, 1, columns])];
  return {
    samples,
    rows,
    columns,
    slotsOf: (item) => item(rowWords).bitAnd(item(columnWords)),
    isUpOf: (item) => isUpwards(item(ofRows), item(ofColumns)),
  };
}

/** @throws UsageError if the draws of a step can't be numbered */
export function checkDraws({ samples, rows, columns }: SampleTrains, length: number): void {
  const draws = samples * length * rows * columns;
  if (draws <= MOST_DRAWS) return;
  throw new UsageError(
    `pulsed update: expected at most ${MOST_DRAWS} draws in a step, got ${draws} (${samples} samples, trains of ${length}, ${rows} x ${columns} devices); use smaller batches`,
  );
}

function writeSamples(
  { cells, weights }: WeighedCells,
  model: PulseModel,
  factors: Factors,
  { rate, trains, key }: PulsedWrite,
): WeighedCells {
  const { length } = trains;
  const pulse = cells.scale.multiply(model.granularity);
  const train = sampleTrains(factors, { rate, pulse, trains, key });
  checkDraws(train, length);
  const { samples, rows, columns } = train;
  const shape = [samples, length, rows, columns];
  const after = recur({
    count: samples,
    initial: carriedOf(model, cells, weights),
    step: (state, { item }) => {
      const slots = train.slotsOf(item);
      const count = slots.bitCount();
      const isUp = train.isUpOf(item);
      return {
        where: constant(slots, 0, 'i32').less(slots),
        next: recur({
          count: length,
          initial: state,
          step: (inner, slot) => ({
            where: slot.number.less(count),
            next: afterPulse(
              model,
              cells,
              inner,
              { isUp },
              drawsOf(key.derive('steps'), shape, (draw) => slot.item(item(draw))),
            ),
          }),
        }),
      };
    },
  });
  return cellsOfCarried(model, cells, after);
}
