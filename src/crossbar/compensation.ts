// Drift compensation, estimated from the chip's own read-outs: all unit vectors are applied and the magnitudes of the
// outputs averaged, right after programming and again later; outputs are scaled by the ratio. No data, no
// reprogramming. Left out: statistics of batch normalisation (AdaBS), which need images.

import { assertNever, throwFaults, UsageError } from '../base/errors.ts';
import type { HostTensor } from '../base/parameters.ts';
import { meanOf } from '../base/statistics.ts';
import type { Microsiemens } from '../base/units.ts';
import { constant, type Tensor } from '../graph/tensor.ts';
import type { Reading } from './chip.ts';

/** No factor, one for a layer, or one for each of its columns. */
export type DriftCompensation = 'none' | 'global' | 'per-column';

/** All of them. */
export const DRIFT_COMPENSATIONS: readonly DriftCompensation[] = ['none', 'global', 'per-column'];

/** Lower bound of read-outs, so that the factor of an empty layer is finite. */
const SMALLEST_READ_OUT = 1e-4;

/**
 * The read-out of all unit vectors: the mean over the rows of |G| / Gmax, for each column.
 *
 * @param g net conductances (G⁺ − G⁻ of a pair) with the noise of one read, also if products draw read noise: a product
 *          with a unit vector senses the cells of one row once; (rows, columns), µS
 * @returns (1, columns)
 * @source aihwkit, src/aihwkit/inference/compensation/drift.py
 *
 * Not modelled: output noise and ADC steps of these reads, which a chip averages out by repeating them.
 */
export function columnReadOut(g: Tensor, gMax: Microsiemens): Tensor {
  return g
    .abs()
    .mean([0], true)
    .multiply(1 / gMax);
}

/**
 * Factors for the outputs of each layer: baseline read-out / current read-out, both at least 10⁻⁴.
 *
 * @param baseline the chip as read right after programming (time 0 by convention)
 * @param current  the same chip as read later
 * @returns by layer, (1, columns): ones for `none`, all equal for `global`
 * @throws UsageError if `baseline` is of another chip, or a layer of `current` is missing in it
 * @source aihwkit, src/aihwkit/inference/compensation/drift.py: GlobalDriftCompensation, PerColumnDriftCompensation
 */
export function compensationFactors(
  compensation: DriftCompensation,
  baseline: Reading,
  current: Reading,
): Record<string, HostTensor> {
  if (baseline.chip !== current.chip) {
    throw new UsageError(
      `drift compensation: the baseline is of chip ${baseline.chip}, the reading of chip ${current.chip}; read the same chip for both`,
    );
  }
  const names = Object.keys(current.layers);
  const missing = names.filter((name) => baseline.layers[name] === undefined);
  throwFaults(
    'drift compensation',
    missing.map((name) => `layer "${name}" has no baseline; read the same chip for both`),
  );
  const factors = names.map((name): [string, HostTensor] => {
    const before = baseline.layers[name]!.readOut.data;
    const { shape, data: now } = current.layers[name]!.readOut;
    return [name, { shape, data: driftFactors(compensation, before, now) }];
  });
  return Object.fromEntries(factors);
}

/** The factors of one layer from its column read-outs, before and now, each (columns). */
export function driftFactors(
  compensation: DriftCompensation,
  before: Float32Array,
  now: Float32Array,
): Float32Array {
  const floored = (readOut: number): number => Math.max(readOut, SMALLEST_READ_OUT);
  switch (compensation) {
    case 'none':
      return new Float32Array(now.length).fill(1);
    case 'global':
      return new Float32Array(now.length).fill(floored(meanOf(before)) / floored(meanOf(now)));
    case 'per-column':
      return now.map((readOut, column) => floored(before[column]!) / floored(readOut));
    default:
      return assertNever(compensation);
  }
}

/** `driftFactors` in a graph: (1, 1) or (1, columns), from read-outs of (1, columns). */
export function tracedDriftFactors(compensation: DriftCompensation, before: Tensor, now: Tensor): Tensor {
  const ratio = (from: Tensor, to: Tensor): Tensor =>
    from.maximum(SMALLEST_READ_OUT).divide(to.maximum(SMALLEST_READ_OUT));
  switch (compensation) {
    case 'none':
      return constant(now, 1).broadcastTo([1, 1]);
    case 'global':
      return ratio(before.mean([1], true), now.mean([1], true));
    case 'per-column':
      return ratio(before, now);
    default:
      return assertNever(compensation);
  }
}
