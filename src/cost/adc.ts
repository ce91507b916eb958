// Energy and area of ADCs by two published formulas: a regression over surveyed converters, and the model of ZigZag-IMC.
// They differ by design: the first is the best that was published for a rate, the second a plain circuit.

import { UsageError } from '../base/errors.ts';

/** What one conversion costs. */
export type AdcFigures = { readonly picojoules: number; readonly squareMicrometers: number };

/** An ADC of the survey. */
export type SurveyedAdc = {
  readonly bits: number;
  /** Of one converter. */
  readonly samplesPerSecond: number;
  readonly nodeNanometers: number;
};

/**
 * The best published ADC for a rate f, b bits and a node n:
 *
 *     FOM = min(213.7807 − 2.8719 ln f, 128.3068 + 3.2205 ⌈b⌉) dB,  SNDR = 6.02 b + 1.76 dB
 *     E   = 1 / (2 · 10^((FOM − SNDR) / 10)) · exp(26.0496 + 1.8800 ln n − 2.8291 ln b − 1.4702)  pJ
 *     A   = exp(1.3462 + 0.99328 ln n + 0.18072 ln f + 0.29912 ln E)  µm²
 *
 * A fit to the best tenth to fifth of the survey: most converters need more. A fifth of E counts as leakage there.
 *
 * @throws UsageError below 4 bits, where the regression has no data
 * @source T. Andrulis et al., arXiv 2404.06553; constants of hwcomponents-adc, model.yaml and model.py
 */
export function surveyAdc({ bits, samplesPerSecond, nodeNanometers }: SurveyedAdc): AdcFigures {
  if (!(bits >= 4))
    throw new UsageError(
      `ADC survey: expected at least 4 bits, where its regression has data, got ${bits}; use a cost with another ADC model`,
    );
  const merit = Math.min(213.7807 - 2.8719 * Math.log(samplesPerSecond), 128.3068 + 3.2205 * Math.ceil(bits));
  const ratio = 6.02 * bits + 1.76;
  const node = Math.log(nodeNanometers);
  const picojoules =
    (1 / (2 * 10 ** ((merit - ratio) / 10))) *
    Math.exp(26.0496 + 1.88 * node - 2.8291 * Math.log(bits) - 1.4702);
  const squareMicrometers = Math.exp(
    1.3462 + 0.99328 * node + 0.18072 * Math.log(samplesPerSecond) + 0.29912 * Math.log(picojoules),
  );
  return { picojoules, squareMicrometers };
}

/**
 * A successive-approximation ADC at 28 nm: E = (0.1 b + 10⁻⁶ · 4^b) V² pJ, A = 10^(1.206 − 0.0369 b) · 2^b µm².
 *
 * @source J. Sun, P. Houshmand, M. Verhelst, ICCAD 2023; ZigZag-IMC, imc_array.py
 */
export function zigzagAdc({
  bits,
  voltage,
}: {
  readonly bits: number;
  readonly voltage: number;
}): AdcFigures {
  return {
    picojoules: (0.1 * bits + 1e-6 * 4 ** bits) * voltage ** 2,
    squareMicrometers: 10 ** (1.206 - 0.0369 * bits) * 2 ** bits,
  };
}

/** Time of a conversion of that ADC behind an array, b (0.00653 rows + 0.640) ns; source as of `zigzagAdc`. */
export function zigzagAdcNanoseconds({
  bits,
  rows,
}: {
  readonly bits: number;
  readonly rows: number;
}): number {
  return bits * (0.00653 * rows + 0.64);
}
