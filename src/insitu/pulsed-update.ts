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

function writeSamples(
  { cells, weights }: WeighedCells,
  model: PulseModel,
  { x, delta }: Factors,
  { rate, trains, key }: PulsedWrite,
): WeighedCells {
  const [samples, rows] = x.shape as readonly [number, number];
  const columns = delta.shape[1]!;
  const { length } = trains;
  const draws = samples * length * rows * columns;
  if (draws > MOST_DRAWS)
    throw new UsageError(
      `pulsed update: expected at most ${MOST_DRAWS} draws in a step, got ${draws} (${samples} samples, trains of ${length}, ${rows} x ${columns} devices); use smaller batches`,
    );
  const pulse = cells.scale.multiply(model.granularity);
  const { lengths, rowProbability, columnProbability } = trainsOf({ x, delta }, { rate, pulse, trains });
  const drawn = (probability: Tensor, line: string): Tensor =>
    drawTrains(probability, lengths, { length, key: key.derive(line) });
  const rowWords = drawn(rowProbability, 'rows').reshape([samples, rows, 1]);
  const columnWords = drawn(columnProbability, 'columns').reshape([samples, 1, columns]);
  const [ofRows, ofColumns] = [x.reshape([samples, rows, 1]), delta.reshape([samples, 1, columns])];
  const shape = [samples, length, rows, columns];
  const after = recur({
    count: samples,
    initial: carriedOf(model, cells, weights),
    step: (state, { item }) => {
      const count = item(rowWords).bitAnd(item(columnWords)).bitCount();
      const isUp = isUpwards(item(ofRows), item(ofColumns));
      return {
        where: constant(count, 0, 'i32').less(count),
        next: recur({
          count: length,
          initial: state,
          step: (inner, slot) => ({
            where: slot.number.less(count),
            next: afterPulse(
              model,
              cells,
              inner,
              isUp,
              drawsOf(key.derive('steps'), shape, (draw) => slot.item(item(draw))),
            ),
          }),
        }),
      };
    },
  });
  return cellsOfCarried(model, cells, after);
}
