// One phase-change cell: what is written differs from the target (programming noise), what is written decays
// (drift), what is sensed fluctuates (read noise). Equations over tensors of cells; the coefficients are data
// (published-cells.ts). Left out: temperature, correlation between neighbouring cells, stuck cells, wires.

import { assertNever } from '../base/errors.ts';
import type { Microsiemens, Seconds } from '../base/units.ts';
import { constant, type GraphKey, type Tensor } from '../graph/tensor.ts';
import type { FitSummary } from './fit-summary.ts';
import { type Law, lawAt, type Point, polynomialAt, tableAt } from './law.ts';

/** The effect is left out. If that is because nobody knows how large it is, `unknown` says why. */
export type None = { readonly kind: 'none'; readonly unknown?: string };

/** Spread of the conductances that programming leaves. */
export type ProgrammingNoise =
  | None
  | {
      readonly kind: 'polynomial';
      /** Standard deviation Σₖ cₖ gᵏ, µS, for a cell of the Gmax below; g = G_T / Gmax of the cell in use. */
      readonly coefficientsMicrosiemens: readonly number[];
      /** Gmax of the fit. A cell with another Gmax scales the standard deviation in proportion. */
      readonly fittedAtMicrosiemens: Microsiemens;
      readonly source: string;
    }
  | {
      readonly kind: 'table';
      /** Target and standard deviation, both in µS, of a cell of the Gmax below; straight lines between, flat beyond. */
      readonly pointsMicrosiemens: readonly Point[];
      /** As above; targets scale with it too. */
      readonly fittedAtMicrosiemens: Microsiemens;
      readonly source: string;
    };

/** Decay of the conductance with time. */
export type Drift =
  | None
  | {
      readonly kind: 'power-law';
      /** Mean and standard deviation of ν before folding, as functions of the relative target conductance. */
      readonly exponentMean: Law;
      readonly exponentSpread: Law;
      readonly source: string;
    };

/** A spectrum of 1/f. */
type OneOverF = {
  readonly kind: 'one-over-f';
  /** Duration of one read. */
  readonly readSeconds: Seconds;
  /** Q_s as a function of the relative programmed conductance. */
  readonly strength: Law;
  readonly source: string;
};

/** Noise that does not grow with time: standard deviation slope · G + offset. */
type Affine = {
  readonly kind: 'affine';
  readonly slope: number;
  readonly offsetMicrosiemens: Microsiemens;
  readonly source: string;
};

/** Fluctuation of the sensed conductance. */
export type ReadNoise = None | OneOverF | Affine;

/** Everything that is known about a cell technology. */
export type CellSpec = {
  readonly name: string;
  readonly source: string;
  /** The conductance that the largest weight is mapped to. */
  readonly gMaxMicrosiemens: Microsiemens;
  /** t₀: from the last programming pulse to the read that defines "as programmed". Time 0 is that read. */
  readonly driftReferenceSeconds: Seconds;
  readonly programmingNoise: ProgrammingNoise;
  readonly drift: Drift;
  readonly readNoise: ReadNoise;
  /** How its coefficients were fitted to measurements, if they were (fit.ts). Nothing is computed from it. */
  readonly fit?: FitSummary;
};

/**
 * Conductance that programming leaves: G₀ = max(0, G_T + s(g) N(0, 1)), s(g) = max(0, Σₖ cₖ gᵏ) · Gmax / Gmax,fit,
 * g = G_T / Gmax; or, from a table, s = table(g Gmax,fit) · Gmax / Gmax,fit.
 *
 * @param target target conductance, any shape, µS; 0 … Gmax
 * @param key    names the draw; one draw a cell
 * @returns programmed conductance, µS; at least 0, may exceed Gmax
 * @source S. R. Nandakumar et al., ICECS 2019, as implemented in aihwkit, src/aihwkit/inference/noise/pcm.py,
 *         apply_programming_noise_to_conductance
 *
 * Not modelled: the write-verify iterations themselves; a cell at RESET has the same Gaussian,
 * cut at 0, so that half of such cells are exactly 0.
 */
export function programmedConductance(cell: CellSpec, target: Tensor, key: GraphKey): Tensor {
  const { gMaxMicrosiemens: gMax, programmingNoise } = cell;
  switch (programmingNoise.kind) {
    case 'none':
      return target;
    case 'polynomial': {
      const { coefficientsMicrosiemens, fittedAtMicrosiemens } = programmingNoise;
      const coefficients = coefficientsMicrosiemens.map((c) => (c * gMax) / fittedAtMicrosiemens);
      const s = polynomialAt(coefficients, target.multiply(1 / gMax)).relu();
      return target.add(s.multiply(key.normal(target.shape))).relu();
    }
    case 'table': {
      const { pointsMicrosiemens, fittedAtMicrosiemens } = programmingNoise;
      const scale = gMax / fittedAtMicrosiemens;
      const points = pointsMicrosiemens.map(([g, s]): Point => [g * scale, s * scale]);
      return target.add(tableAt(points, target).multiply(key.normal(target.shape))).relu();
    }
    default:
      return assertNever(programmingNoise);
  }
}

/**
 * Drift exponent of each cell, drawn once: ν = |N(μ(g), s(g)²)|, g = G_T / Gmax: of the target, not of the programmed
 * conductance. Without drift, zeros.
 *
 * @param target target conductance, any shape, µS
 * @param key    names the draw; one draw a cell
 * @returns drift exponent, in the shape of `target`; at least 0
 * @source as `programmedConductance`, generate_drift_coefficients
 */
export function driftExponent(cell: CellSpec, target: Tensor, key: GraphKey): Tensor {
  const { drift } = cell;
  switch (drift.kind) {
    case 'none':
      return constant(target, 0).broadcastTo(target.shape);
    case 'power-law': {
      const g = target.multiply(1 / cell.gMaxMicrosiemens);
      return lawAt(drift.exponentMean, g)
        .add(lawAt(drift.exponentSpread, g).multiply(key.normal(target.shape)))
        .abs();
    }
    default:
      return assertNever(drift);
  }
}

/**
 * Conductance a time `t` after programming: g(t) = g₀ · ((t + t₀) / t₀)^−ν.
 *
 * @param g0 programmed conductance, any shape, µS
 * @param nu drift exponent of each cell, in the shape of `g0`
 * @param t  time since programming ended (the first read), (), s; at least 0, which the host checks
 * @param t0 time of the first read after the last programming pulse, s
 * @returns conductance at `t`, µS
 * @throws UsageError if the shapes do not fit
 * @source V. Joshi et al., Nat. Commun. 11:2473 (2020), G(t) = G(t₀)(t/t₀)^−ν; the offset is that of aihwkit,
 *         src/aihwkit/inference/noise/pcm.py, apply_drift_noise_to_conductance
 */
export function driftedConductance(g0: Tensor, nu: Tensor, t: Tensor, t0: Seconds): Tensor {
  const age = t
    .multiply(1 / t0)
    .add(1)
    .log();
  return g0.multiply(nu.multiply(age).negate().exp());
}

/**
 * Conductance that one read senses: G_read = max(0, G(t) (1 + Q_s(g₀) √ln((t + t₀ + T_read) / (2 T_read)) N(0, 1))),
 * g₀ = G₀ / Gmax: the noise of a 1/f spectrum, integrated since programming; or max(0, G(t) + (slope G(t) + offset) N(0, 1)).
 * Every read draws anew.
 *
 * @param drifted    conductance at `t`, any shape, µS
 * @param programmed programmed conductance of the same cells, µS: Q_s depends on it, not on the target
 * @param t          time since programming ended, (), s; at least 0
 * @param key        names the draw; another key is another read
 * @returns sensed conductance, µS; at least 0
 * @source as `programmedConductance`, apply_drift_noise_to_conductance
 *
 * Not modelled: correlation between successive reads, which real 1/f noise has.
 */
export function readConductance(
  cell: CellSpec,
  drifted: Tensor,
  programmed: Tensor,
  t: Tensor,
  key: GraphKey,
): Tensor {
  const { readNoise } = cell;
  switch (readNoise.kind) {
    case 'none':
      return drifted;
    case 'one-over-f': {
      const sigma = relativeReadNoise(cell, readNoise, programmed, t);
      return drifted.multiply(sigma.multiply(key.normal(drifted.shape)).add(1)).relu();
    }
    case 'affine':
      return drifted.add(affineDeviation(readNoise, drifted).multiply(key.normal(drifted.shape))).relu();
    default:
      return assertNever(readNoise);
  }
}

/**
 * Variance of what one read senses: σ² = (G(t) Q_s(g₀) √ln((t + t₀ + T_read) / (2 T_read)))², as in `readConductance`.
 *
 * @param drifted    conductance at `t`, any shape, µS
 * @param programmed programmed conductance of the same cells, µS
 * @param t          time since programming ended, (), s; at least 0
 * @returns variance, in the shape of `drifted`, µS²; zeros without read noise
 * @source as `readConductance`
 *
 * Not modelled: the limit at 0 of `readConductance`, which cells near RESET reach. At most, for a cell of
 * `pcmNandakumar2019` with σ = 1.13 G(t) after a year, it takes 29 % off the variance and adds 12 % to the mean.
 */
export function readVariance(cell: CellSpec, drifted: Tensor, programmed: Tensor, t: Tensor): Tensor {
  const { readNoise } = cell;
  switch (readNoise.kind) {
    case 'none':
      return constant(drifted, 0).broadcastTo(drifted.shape);
    case 'one-over-f':
      return drifted.multiply(relativeReadNoise(cell, readNoise, programmed, t)).square();
    case 'affine':
      return affineDeviation(readNoise, drifted).square();
    default:
      return assertNever(readNoise);
  }
}

function affineDeviation({ slope, offsetMicrosiemens }: Affine, drifted: Tensor): Tensor {
  return drifted.multiply(slope).add(offsetMicrosiemens);
}

/** σ / G(t) of one read: Q_s(g₀) √ln((t + t₀ + T_read) / (2 T_read)). */
function relativeReadNoise(
  { driftReferenceSeconds: t0, gMaxMicrosiemens: gMax }: CellSpec,
  { readSeconds: tRead, strength }: OneOverF,
  programmed: Tensor,
  t: Tensor,
): Tensor {
  const growth = t
    .add(t0 + tRead)
    .multiply(1 / (2 * tRead))
    .log()
    .sqrt();
  return lawAt(strength, programmed.multiply(1 / gMax)).multiply(growth);
}
