// A phase-change device under SET pulses: the model of Nandakumar et al. 2018, in which steps shrink with the conductance
// and with the pulses since RESET. Left out: partial RESET pulses, other pulse shapes, temperature, endurance.

import { normalQuantile } from '../base/statistics.ts';
import { constant, type Tensor } from '../graph/tensor.ts';
import { type Point, tableAt, tableValue } from './law.ts';
import { driftedSince } from './pulse-drift.ts';
import type { DeviceValues, PulseModel } from './pulse-model.ts';
import type { PcmPulseSpec, PulseCoefficients } from './pulse-spec.ts';

/** Pulses whose mean step is the granularity. */
const GRANULARITY_PULSES = 10;
/** Pulse counts at which the mean curve is tabulated for `at`; beyond them it hardly rises. */
const CURVE_COUNTS: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 26, 32, 40];

/**
 * The equations of a PCM device under pulses. States: `value` (G, µS) and `pulses` (n, since RESET); no parameters.
 *
 * Pulse n = 1, 2, … after RESET: G ← clip(G + μ + s ξ, Gmin, Gmax), μ = μ₁ G + μ₂ + μ₃ Pₙ, s = s₁ G + s₂ + s₃ Pₙ,
 * Pₙ = e^(−n / n₀). A RESET leaves max(N(mean, spread²), least) and n = 0. A read has the variance (r₁ G + r₂)².
 *
 * The range is from the mean after RESET to where pulses no longer raise the mean, −μ₂ / μ₁, or Gmax.
 *
 * @source S. R. Nandakumar et al., J. Appl. Phys. 124:152135 (2018), as implemented in YigitDemirag/srnn-pcm, xbar.py,
 *         which counts the pulse itself in Pₙ; the publication was not seen
 *
 * Not modelled: differences between devices, other than those of their histories.
 */
export function pcmPulseModel(spec: PcmPulseSpec): PulseModel {
  const { gMinMicrosiemens: gMin, gMaxMicrosiemens: gMax, readNoise, drift } = spec;
  const { meanMicrosiemens: resetMean, spreadMicrosiemens: resetSpread, leastMicrosiemens } = spec.reset;
  const afterReset = (draw: Tensor): DeviceValues => ({
    value: draw.multiply(resetSpread).add(resetMean).maximum(leastMicrosiemens),
    pulses: constant(draw, 0).broadcastTo(draw.shape),
  });
  const curve = meanCurveOf(spec);
  return {
    states: ['value', 'pulses'],
    parameters: [],
    fabricate: (shape, key) => afterReset(key.derive('reset').normal(shape)),
    pulse: ({ value, pulses }, _isUp, draw) => {
      const count = pulses!.add(1);
      const memory = count.multiply(-1 / spec.memoryPulses).exp();
      const mean = coefficientAt(spec.increment, value!, memory);
      const spread = coefficientAt(spec.incrementSpread, value!, memory);
      const raised = value!.add(mean).add(spread.multiply(draw()));
      return { value: raised.clip(gMin, gMax), pulses: count };
    },
    reset: (_values, draw) => afterReset(draw()),
    at: (_values, value) => {
      const limited = value.clip(Math.min(gMin, leastMicrosiemens), gMax);
      return { value: limited, pulses: tableAt(countsOf(curve), limited) };
    },
    isLeaky: false,
    leak: ({ value, pulses }) => ({ value: value!, pulses: pulses! }),
    drifted: (value, age) => driftedSince(drift, value, age),
    hasReadNoise: readNoise.slope !== 0 || readNoise.offsetMicrosiemens !== 0,
    readVariance: ({ value }) => value!.multiply(readNoise.slope).add(readNoise.offsetMicrosiemens).square(),
    granularity: (tableValue(curve, GRANULARITY_PULSES) - curve[0]![1]) / GRANULARITY_PULSES,
    range: [resetMean, Math.min(gMax, saturationOf(spec))],
    isOneSided: true,
  };
}

function coefficientAt(
  { slope, offsetMicrosiemens, memoryMicrosiemens }: PulseCoefficients,
  g: Tensor,
  memory: Tensor,
): Tensor {
  return g.multiply(slope).add(memory.multiply(memoryMicrosiemens)).add(offsetMicrosiemens);
}

/** Where pulses without memory no longer raise the mean; infinite if they always do. */
function saturationOf({ increment: { slope, offsetMicrosiemens } }: PcmPulseSpec): number {
  return slope < 0 ? -offsetMicrosiemens / slope : Number.POSITIVE_INFINITY;
}

/** Counts against values: the mean curve read the other way, as far as it rises. */
function countsOf(curve: readonly Point[]): readonly Point[] {
  const rising = curve.filter(([, g], k) => curve.slice(0, k).every(([, before]) => g > before + 1e-3));
  return rising.map(([count, g]): Point => [g, count]);
}

/** Cells of the grid of conductances, and draws a cell, of `meanCurveOf`. */
const GRID = 256;
const DRAWS = 64;

/**
 * Mean conductance of many devices after n pulses, at the counts above. The limits make it differ from the curve of μ
 * alone: a device can't fall below Gmin. The distribution of G is carried along on a grid, with normal draws at evenly
 * spaced probabilities; its mean is exact to a percent.
 */
function meanCurveOf(spec: PcmPulseSpec): readonly Point[] {
  const { gMinMicrosiemens: gMin, gMaxMicrosiemens: gMax, increment, incrementSpread, reset } = spec;
  const draws = Array.from({ length: DRAWS }, (_, k) => normalQuantile((k + 0.5) / DRAWS));
  const width = (gMax - gMin) / GRID;
  const place = (shares: Float64Array, g: number, share: number): void => {
    const at = (Math.max(gMin, Math.min(gMax, g)) - gMin) / width;
    const cell = Math.min(GRID - 1, Math.floor(at));
    // Shared between both ends of the cell, so that the mean stays.
    shares[cell]! += share * (cell + 1 - at);
    shares[cell + 1]! += share * (at - cell);
  };
  const coefficient = (c: PulseCoefficients, g: number, memory: number): number =>
    c.slope * g + c.offsetMicrosiemens + c.memoryMicrosiemens * memory;
  let shares = new Float64Array(GRID + 1);
  place(shares, reset.meanMicrosiemens, 1);
  const means = [reset.meanMicrosiemens];
  for (let n = 1; n <= CURVE_COUNTS.at(-1)!; n++) {
    const memory = Math.exp(-n / spec.memoryPulses);
    const next = new Float64Array(GRID + 1);
    for (let cell = 0; cell <= GRID; cell++) {
      if (shares[cell] === 0) continue;
      const g = gMin + cell * width;
      const centre = g + coefficient(increment, g, memory);
      const spread = coefficient(incrementSpread, g, memory);
      for (const xi of draws) place(next, centre + spread * xi, shares[cell]! / DRAWS);
    }
    shares = next;
    means.push(shares.reduce((sum, share, cell) => sum + share * (gMin + cell * width), 0));
  }
  return CURVE_COUNTS.map((n): Point => [n, means[n]!]);
}
