// The fitted laws of a cell as formulas that a person can read.

import { assertNever } from '../base/errors.ts';
import type { CellSpec } from '../cells/cell.ts';
import type { Law, Point } from '../cells/law.ts';

/** A quantity of the cell and its formula; g = G / Gmax, ln the natural logarithm. */
export type Formula = { readonly quantity: string; readonly formula: string; readonly source: string };

/** Every law of a cell. */
export function formulasOf({ programmingNoise, drift, readNoise }: CellSpec): readonly Formula[] {
  const formulas: Formula[] = [];
  if (programmingNoise.kind === 'polynomial') {
    const { coefficientsMicrosiemens, fittedAtMicrosiemens, source } = programmingNoise;
    formulas.push({
      quantity: 'programming noise, standard deviation (µS)',
      formula: `σ(g) = max(0, ${polynomialText(coefficientsMicrosiemens)}) · Gmax / ${numberText(fittedAtMicrosiemens)} µS`,
      source,
    });
  }
  if (programmingNoise.kind === 'table') {
    const { pointsMicrosiemens, fittedAtMicrosiemens, source } = programmingNoise;
    formulas.push({
      quantity: 'programming noise, standard deviation (µS)',
      formula: `σ(G) = ${pointsText(pointsMicrosiemens, 'G (µS)')}, both scaled by Gmax / ${numberText(fittedAtMicrosiemens)} µS`,
      source,
    });
  }
  if (drift.kind === 'power-law') {
    const { exponentMean, exponentSpread, source } = drift;
    formulas.push({ quantity: 'drift', formula: 'G(t) = G₀ · ((t + t₀) / t₀)^−ν', source });
    formulas.push({ quantity: 'drift exponent, mean', formula: `ν(g) = ${lawText(exponentMean)}`, source });
    formulas.push({
      quantity: 'drift exponent, standard deviation',
      formula: `σν(g) = ${lawText(exponentSpread)}`,
      source,
    });
  }
  if (readNoise.kind === 'one-over-f') {
    const { strength, source } = readNoise;
    formulas.push({ quantity: 'read noise, strength', formula: `Qs(g) = ${lawText(strength)}`, source });
  }
  if (readNoise.kind === 'affine') {
    const { slope, offsetMicrosiemens, source } = readNoise;
    formulas.push({
      quantity: 'read noise, standard deviation (µS)',
      formula: `σ = ${numberText(slope)} G + ${numberText(offsetMicrosiemens)} µS`,
      source,
    });
  }
  return [...formulas, ...unknownsOf({ programmingNoise, drift, readNoise })];
}

/** Unknown effects, which are left out: each has its reason in place of a source. */
function unknownsOf(parts: Pick<CellSpec, 'programmingNoise' | 'drift' | 'readNoise'>): readonly Formula[] {
  const names = { programmingNoise: 'programming noise', drift: 'drift', readNoise: 'read noise' } as const;
  return (['programmingNoise', 'drift', 'readNoise'] as const).flatMap((part) => {
    const effect = parts[part];
    return effect.kind === 'none' && effect.unknown !== undefined
      ? [{ quantity: names[part], formula: 'not known, left out', source: effect.unknown }]
      : [];
  });
}

/** The right-hand side of a law: `clip(−0.0155 · ln g + 0.0244, 0.049, 0.1)`. */
export function lawText(law: Law): string {
  switch (law.kind) {
    case 'clipped-logarithm':
      return `clip(${numberText(law.slope)} · ln g${termText(law.offset)}, ${numberText(law.low)}, ${numberText(law.high)})`;
    case 'limited-power':
      return `min(${numberText(law.factor)} · g^${numberText(law.exponent)}, ${numberText(law.high)})`;
    case 'polynomial':
      return polynomialText(law.coefficients);
    case 'piecewise':
      return `${lawText(law.lower)} for g < ${numberText(law.below)}, else ${lawText(law.upper)}`;
    case 'table':
      return pointsText(law.points, 'g');
    default:
      return assertNever(law);
  }
}

/** `straight lines in g through (0, 0.1), (1, 0.05); flat beyond` */
function pointsText(points: readonly Point[], of: string): string {
  const pairs = points.map(([at, value]) => `(${numberText(at)}, ${numberText(value)})`);
  return `straight lines in ${of} through ${pairs.join(', ')}; flat beyond`;
}

const SUPERSCRIPTS = '⁰¹²³⁴⁵⁶⁷⁸⁹';

function polynomialText(coefficients: readonly number[]): string {
  const terms = coefficients.map((coefficient, power) => {
    const value = power === 0 ? numberText(coefficient) : termText(coefficient);
    const exponent = [...String(power)].map((digit) => SUPERSCRIPTS[Number(digit)]!).join('');
    return `${value}${power === 0 ? '' : ` g${power === 1 ? '' : exponent}`}`;
  });
  return terms.join('');
}

function termText(value: number): string {
  return value < 0 ? ` − ${numberText(-value)}` : ` + ${numberText(value)}`;
}

function numberText(value: number): string {
  return String(value).replace('-', '−');
}
