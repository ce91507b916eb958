// Cells with published coefficients, as cited data. All were read in IBM's aihwkit (commit 4545f11b), which names the
// publications; the publications' own tables were not seen.

import type { CellSpec } from './cell.ts';

const HERMES_PUBLICATION =
  'M. Le Gallo et al., Nat. Electron. 6:680 (2023) and R. Khaddam-Aljameh et al., JSSC (2022), as shipped in aihwkit, src/aihwkit/inference/noise/hermes.py';

/** The million-device array, 90 nm [second hand]: one device a polarity. */
export const pcmNandakumar2019: CellSpec = {
  name: 'pcm-nandakumar-2019',
  source:
    'S. R. Nandakumar et al., ICECS 2019, as shipped in aihwkit (PCMLikeNoiseModel), src/aihwkit/inference/noise/pcm.py',
  gMaxMicrosiemens: 25,
  driftReferenceSeconds: 20,
  programmingNoise: {
    kind: 'polynomial',
    coefficientsMicrosiemens: [0.26348, 1.965, -1.1731],
    fittedAtMicrosiemens: 25,
    source: 'aihwkit pcm.py, PCMLikeNoiseModel.__init__, prog_coeff',
  },
  drift: {
    kind: 'power-law',
    exponentMean: { kind: 'clipped-logarithm', slope: -0.0155, offset: 0.0244, low: 0.049, high: 0.1 },
    exponentSpread: { kind: 'clipped-logarithm', slope: -0.0125, offset: -0.0059, low: 0.008, high: 0.045 },
    source: 'aihwkit pcm.py, generate_drift_coefficients',
  },
  readNoise: {
    kind: 'one-over-f',
    readSeconds: 250e-9,
    strength: { kind: 'limited-power', factor: 0.0088, exponent: -0.65, high: 0.2 },
    source: 'aihwkit pcm.py, apply_drift_noise_to_conductance',
  },
};

/** HERMES project chip, 14 nm: one device a polarity. */
export const hermesOneDevice: CellSpec = {
  name: 'hermes-one-device',
  source: HERMES_PUBLICATION,
  gMaxMicrosiemens: 10.35,
  driftReferenceSeconds: 200,
  programmingNoise: {
    kind: 'polynomial',
    coefficientsMicrosiemens: [0.15781817, 2.32443916, -2.16310839, 0.68841818],
    fittedAtMicrosiemens: 10.35,
    source: 'aihwkit hermes.py, HermesNoiseModel.__init__, num_devices = 1',
  },
  drift: {
    kind: 'power-law',
    exponentMean: {
      kind: 'piecewise',
      below: 0.0945,
      lower: { kind: 'clipped-logarithm', slope: -0.0387, offset: -0.0182, low: 0.072, high: 0.13 },
      upper: { kind: 'polynomial', coefficients: [0.0736, -0.0126, -0.0436] },
    },
    exponentSpread: {
      kind: 'piecewise',
      below: 0.3039,
      lower: { kind: 'clipped-logarithm', slope: -0.012, offset: -0.0023, low: 0.0124, high: 0.04 },
      upper: { kind: 'polynomial', coefficients: [0.0104, 0.0116, -0.0165] },
    },
    source: 'aihwkit hermes.py, generate_drift_coefficients, num_devices = 1',
  },
  readNoise: {
    kind: 'one-over-f',
    readSeconds: 512e-9,
    strength: {
      kind: 'piecewise',
      below: 0.1591,
      lower: { kind: 'clipped-logarithm', slope: -0.0078, offset: 0.0038, low: 0.0179, high: 0.04 },
      upper: { kind: 'polynomial', coefficients: [0.0088, 0.0768, -0.1352, 0.0664] },
    },
    source: 'aihwkit hermes.py, apply_drift_noise_to_conductance, num_devices = 1',
  },
};

/**
 * HERMES project chip, 14 nm: two devices a polarity, taken together as one cell of twice the conductance.
 *
 * @source as `hermesOneDevice`; the programming method behind these coefficients is that of Vasilopoulos et al., IEEE
 *         TED (2023). By the docstring of hermes.py both devices are taken to hold the same conductance, which gives a
 *         worse drift than that publication measured on the chip.
 */
export const hermesTwoDevices: CellSpec = {
  name: 'hermes-two-devices',
  source: HERMES_PUBLICATION,
  gMaxMicrosiemens: 20.7,
  driftReferenceSeconds: 300,
  programmingNoise: {
    kind: 'polynomial',
    coefficientsMicrosiemens: [0.16603222, 4.71806468, -8.48101252, 4.68961419],
    fittedAtMicrosiemens: 20.7,
    source: 'aihwkit hermes.py, HermesNoiseModel.__init__, num_devices = 2',
  },
  drift: {
    kind: 'power-law',
    exponentMean: {
      kind: 'piecewise',
      below: 0.0945,
      lower: { kind: 'clipped-logarithm', slope: -0.0387, offset: -0.0182, low: 0.072, high: 0.13 },
      upper: { kind: 'polynomial', coefficients: [0.0736, -0.0126, -0.0436] },
    },
    exponentSpread: {
      kind: 'piecewise',
      below: 0.3055,
      lower: { kind: 'clipped-logarithm', slope: -0.0117, offset: -0.0057, low: 0.0091, high: 0.04 },
      upper: { kind: 'polynomial', coefficients: [0.0073, 0.0093, -0.0118] },
    },
    source: 'aihwkit hermes.py, generate_drift_coefficients, num_devices = 2',
  },
  readNoise: {
    kind: 'one-over-f',
    readSeconds: 512e-9,
    strength: {
      kind: 'piecewise',
      below: 0.16,
      lower: { kind: 'clipped-logarithm', slope: -0.0117, offset: -0.0069, low: 0.015, high: 0.04 },
      upper: { kind: 'polynomial', coefficients: [0.0123, 0.0211, -0.028, 0.0069] },
    },
    source: 'aihwkit hermes.py, apply_drift_noise_to_conductance, num_devices = 2',
  },
};

/** A cell that keeps exactly what is written: no programming noise, no drift, no read noise. */
export const idealCell: CellSpec = {
  name: 'ideal',
  source: 'definition',
  gMaxMicrosiemens: 25,
  driftReferenceSeconds: 20,
  programmingNoise: { kind: 'none' },
  drift: { kind: 'none' },
  readNoise: { kind: 'none' },
};

/** All published cells by the names that settings give them; the ideal one is not called as ideal hardware is. */
export const publishedCells: Readonly<Record<string, CellSpec>> = {
  'pcm-nandakumar-2019': pcmNandakumar2019,
  'hermes-one-device': hermesOneDevice,
  'hermes-two-devices': hermesTwoDevices,
  'ideal-cell': idealCell,
};
