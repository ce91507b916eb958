// Named hardware, as constants. Variants are spreads: `{ ...standardEvaluation, outputNoise: { kind: 'none' } }`.

import { hermesTwoDevices, idealCell, pcmNandakumar2019 } from '../cells/published-cells.ts';
import type { HardwareSpec } from './hardware.ts';

/** Exact cells behind an exact periphery: equals the digital network. */
export const ideal: HardwareSpec = {
  name: 'ideal',
  source: 'definition',
  cell: idealCell,
  mapping: { scale: 'per-layer' },
  tile: { kind: 'unlimited' },
  dac: { kind: 'ideal' },
  adc: { kind: 'ideal' },
  outputNoise: { kind: 'none' },
};

/**
 * The million-device array, whose conductances are read back and multiplied in software: real cells, ideal periphery.
 *
 * @source V. Joshi et al., Nat. Commun. 11:2473 (2020); cells and Gmax = 25 µS as shipped in aihwkit
 */
export const joshi2020: HardwareSpec = {
  ...ideal,
  name: 'joshi2020',
  source: 'V. Joshi et al., Nat. Commun. 11:2473 (2020); cell model of aihwkit (PCMLikeNoiseModel)',
  cell: pcmNandakumar2019,
};

/**
 * A core of the 64-core HERMES chip: 256 x 256 unit cells of four devices, 8-bit inputs, read in four phases, as in all
 * accuracies that its publication measured.
 *
 * @source M. Le Gallo et al., Nat. Electron. 6:680 (2023), known from notes on it. Ours: one scale a column, an 8-bit
 *         view of its ADCs, calibrated ADC range.
 *
 * Not modelled: the ADCs' own non-linearity and offsets, IR drop.
 */
export const hermes256: HardwareSpec = {
  name: 'hermes256',
  source: 'M. Le Gallo et al., Nat. Electron. 6:680 (2023); cell model of aihwkit (HermesNoiseModel)',
  cell: hermesTwoDevices,
  mapping: { scale: 'per-column' },
  tile: { kind: 'limited', rows: 256, columns: 256 },
  dac: { kind: 'uniform', bits: 8 },
  adc: { kind: 'uniform', bits: 8, range: { kind: 'calibrated' } },
  outputNoise: { kind: 'none' },
  readMode: { kind: 'four-phase' },
};

/**
 * The same core read in one phase, faster and with more error: a relative standard deviation of 1.94 % of a product.
 *
 * @source R. Khaddam-Aljameh et al., IEEE J. Solid-State Circuits (2022), known from notes on it. What 1.94 % are relative
 *         to was not seen; here it is the full scale of the ADC, and it comes on top of the noise of the cells: ours.
 */
export const hermes256OnePhase: HardwareSpec = {
  ...hermes256,
  name: 'hermes256OnePhase',
  source: 'as hermes256; error of the one-phase read: R. Khaddam-Aljameh et al., JSSC (2022)',
  readMode: { kind: 'one-phase', relativeError: 0.0194 },
};

/**
 * The evaluation protocol of Rasch et al.: 8-bit converters of 254 steps, ADC range ±10, output noise 0.04.
 *
 * @source M. J. Rasch et al., Nat. Commun. 14:5282 (2023); aihwkit, src/aihwkit/simulator/presets/inference.py,
 *         StandardHWATrainingPreset. It limits the rows (512) only; the 512 columns are ours.
 *
 * Not modelled: IR drop, the protocol's read noise in every product, 0.0175 √(Σ |ŵ| x̂²), learned column scales.
 */
export const standardEvaluation: HardwareSpec = {
  name: 'standardEvaluation',
  source: 'M. J. Rasch et al., Nat. Commun. 14:5282 (2023), as aihwkit StandardHWATrainingPreset',
  cell: pcmNandakumar2019,
  mapping: { scale: 'per-column' },
  tile: { kind: 'limited', rows: 512, columns: 512 },
  dac: { kind: 'uniform', bits: 8 },
  adc: { kind: 'uniform', bits: 8, range: { kind: 'fixed', fullScale: 10 } },
  outputNoise: { kind: 'gaussian', relativeStandardDeviation: 0.04 },
};

/**
 * Arrays for training in the cells, with the periphery that aihwkit gives its training presets: 7-bit inputs, scaled for
 * each example, 9-bit outputs with a full scale of 20 and iterative bound management, output noise 0.1. The cells of
 * a training are those of its update rule; the cell here is for networks that are programmed instead.
 *
 * @source aihwkit, src/aihwkit/simulator/presets/utils.py, PresetIOParameters; tiles of 512 x 512: ours
 *
 * Not modelled: bound management of the product backwards, which aihwkit leaves out too.
 */
export const inCellTraining: HardwareSpec = {
  name: 'inCellTraining',
  source: 'aihwkit, PresetIOParameters; cell model of aihwkit (PCMLikeNoiseModel)',
  cell: pcmNandakumar2019,
  mapping: { scale: 'per-layer' },
  tile: { kind: 'limited', rows: 512, columns: 512 },
  dac: { kind: 'uniform', bits: 7, range: { kind: 'per-example' } },
  adc: {
    kind: 'uniform',
    bits: 9,
    range: { kind: 'fixed', fullScale: 20 },
    boundManagement: { kind: 'iterative', halvings: 10 },
  },
  outputNoise: { kind: 'gaussian', relativeStandardDeviation: 0.1 },
};
