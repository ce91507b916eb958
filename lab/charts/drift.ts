// Drift of the cells of a layer, on the page: g(t) = g₀ ((t + t₀) / t₀)^−ν. The equation is the library's
// `driftedConductance`. It stands here again, so that a frame does not wait for the engine; test/lab-drift.test.ts compares
// both. Read noise is left out.

import type { LayerOnChip } from '../worker/messages.ts';

/** Difference of the two arrays a time after programming, (rows, columns), µS. */
export function driftedInto(
  into: Float32Array,
  layer: Pick<LayerOnChip, 'programmed' | 'driftExponents' | 't0'>,
  timeSeconds: number,
): void {
  const { programmed, driftExponents, t0 } = layer;
  const age = Math.log1p(timeSeconds / t0);
  const [plus, minus] = programmed;
  const [plusNu, minusNu] = driftExponents;
  for (let k = 0; k < into.length; k++)
    into[k] = plus[k]! * Math.exp(-plusNu[k]! * age) - minus[k]! * Math.exp(-minusNu[k]! * age);
}
