// Devices that learn with published coefficients, as cited data. The presets of aihwkit were read in its source (commit
// 4545f11b, src/aihwkit/simulator/presets/devices.py), which names the publications; these were not seen.

import type { PcmPulseSpec, PulseDeviceSpec, StepDeviceSpec, StepNoise } from './pulse-spec.ts';

/** Where the presets of aihwkit stand; what it names as their origin follows. */
const AIHWKIT = 'aihwkit, src/aihwkit/simulator/presets/devices.py';

/** Doped Ge₂Sb₂Te₅, 90 nm, under SET pulses [second hand]. */
export const pcmNandakumar2018: PcmPulseSpec = {
  kind: 'pcm-pulses',
  name: 'pcm-nandakumar-2018',
  source:
    'S. R. Nandakumar et al., J. Appl. Phys. 124:152135 (2018), as implemented in YigitDemirag/srnn-pcm, xbar.py, XBar',
  gMinMicrosiemens: 0.1,
  // That of its Fig. 5, by xbar.py, which itself simulates with 12 µS: a limit there cuts a standard deviation off the
  // upper side after 20 pulses. The range that weights are mapped to ends at 10.5 µS either way.
  gMaxMicrosiemens: 20,
  increment: { slope: -0.084, offsetMicrosiemens: 0.88, memoryMicrosiemens: 1.4 }, // XBar.__init__: m1, c1, A1
  incrementSpread: { slope: 0.091, offsetMicrosiemens: 0.26, memoryMicrosiemens: 2.15 }, // m2, c2, A2
  memoryPulses: 2.6, // a
  reset: { meanMicrosiemens: 0.1, spreadMicrosiemens: 0.01, leastMicrosiemens: 0.01 }, // XBar.reset; their choice
  readNoise: { slope: 0.03, offsetMicrosiemens: 0.13 }, // m3, c3
  drift: {
    kind: 'power-law',
    exponent: 0.04,
    referenceSeconds: 38.6,
    source: 'xbar.py: v, and T0 where it replicates Fig. 5',
  },
};

/** What all presets of aihwkit have unless they say otherwise: PulsedDevice, src/aihwkit/simulator/configs/devices.py. */
const pulsedDevice = {
  kind: 'steps',
  isConsistent: true,
  writeNoise: 0,
  corrupt: { kind: 'none' },
  reset: { mean: 0, deviceSpread: 0, cycleSpread: 0.01 },
  isOneSided: false,
  leak: { kind: 'none' },
  drift: { kind: 'none' },
} as const;

/**
 * One device of a pair: pulses only raise it. The first step, 0.282, is nine times the granularity, which counts the down
 * step at 0.
 */
export const pcmAihwkit: StepDeviceSpec = {
  ...pulsedDevice,
  name: 'pcm-aihwkit',
  source: `${AIHWKIT}, PCMPresetDevice, fitted to S. R. Nandakumar et al., Front. Neurosci. 14:406 (2020)`,
  law: {
    kind: 'exponential',
    a: -1,
    b: 0,
    up: { amplitude: -27.235, rate: 2.5 },
    down: { amplitude: -2.235, rate: 2.5 },
    noise: { kind: 'affine', offset: 0.042, slope: 0.108 },
  },
  step: { mean: 0.01, deviceSpread: 0.2, distribution: 'normal', cycleSpread: 0.6 },
  upDown: { mean: 0, deviceSpread: 0.05 },
  bounds: { low: 0, lowSpread: 0, high: 2, highSpread: 0.1 },
  reset: { mean: 0.01, deviceSpread: 0.02, cycleSpread: 0.01 },
  isOneSided: true,
};

/** ReRAM with exponential steps. */
export const reramES: StepDeviceSpec = {
  ...pulsedDevice,
  name: 'reram-es',
  source: `${AIHWKIT}, ReRamESPresetDevice, fitted to N. Gong et al., Nat. Commun. (2018)`,
  law: {
    kind: 'exponential',
    a: -0.5,
    b: -0.5,
    up: { amplitude: -1.18445, rate: 5 },
    down: { amplitude: -0.081404, rate: 5 },
    noise: { kind: 'multiplicative' },
  },
  step: { mean: 0.00135, deviceSpread: 0.2, distribution: 'normal', cycleSpread: 5 },
  upDown: { mean: 0.259359, deviceSpread: 0.05 },
  bounds: { low: -1, lowSpread: 0.3, high: 1, highSpread: 0.3 },
  writeNoise: 75,
};

/** ReRAM with soft bounds, shifted to its symmetry point. */
export const reramSB: StepDeviceSpec = {
  ...pulsedDevice,
  name: 'reram-sb',
  source: `${AIHWKIT}, ReRamSBPresetDevice, loosely fitted to N. Gong et al., Nat. Commun. (2018)`,
  law: {
    kind: 'soft-bounds-reference',
    noise: 'additive',
    slopeSpread: { up: 0, down: 0 },
    reference: { mean: 0, spread: 0, isSymmetryPoint: false },
  },
  step: { mean: 0.002, deviceSpread: 0.3, distribution: 'normal', cycleSpread: 3.75 },
  upDown: { mean: 0, deviceSpread: 0.01 },
  bounds: { low: -0.75, lowSpread: 0.3 / 0.75, high: 1.25, highSpread: 0.3 / 1.25 },
  writeNoise: 56,
};

/** As both arrays of Gong 2022 were fitted; aihwkit leaves corrupt devices out unless asked. */
const reramArray = {
  ...pulsedDevice,
  law: {
    kind: 'soft-bounds-reference',
    noise: 'additive',
    slopeSpread: { up: 0, down: 0 },
    reference: { mean: 0, spread: 0.05, isSymmetryPoint: true },
  },
  upDown: { mean: 0, deviceSpread: 0.01 },
} as const;

/**
 * ReRAM array of the optimized material. Of the measured devices 13.48 % are corrupt, stuck within ±0.01:
 * `corrupt: { kind: 'stuck', share: 0.1348, largestValue: 0.01 }`.
 */
export const reramArrayOM: StepDeviceSpec = {
  ...reramArray,
  name: 'reram-array-om',
  source: `${AIHWKIT}, ReRamArrayOMPresetDevice, fitted to N. Gong, M. J. Rasch et al., IEDM (2022)`,
  step: { mean: 0.0949, deviceSpread: 0.7829, distribution: 'log-normal', cycleSpread: 0.4158 },
  bounds: { low: -1, lowSpread: 0.5695, high: 1, highSpread: 0.3499 },
  writeNoise: 1.4113,
};

/** ReRAM array of baseline HfO₂, with about four steps in its range. Of the measured devices 9.77 % are corrupt. */
export const reramArrayHfO2: StepDeviceSpec = {
  ...reramArray,
  name: 'reram-array-hfo2',
  source: `${AIHWKIT}, ReRamArrayHfO2PresetDevice, fitted to N. Gong, M. J. Rasch et al., IEDM (2022)`,
  step: { mean: 0.4622, deviceSpread: 0.7125, distribution: 'log-normal', cycleSpread: 0.2174 },
  bounds: { low: -1, lowSpread: 0.599, high: 1, highSpread: 0.4295 },
  writeNoise: 0.5841,
};

/** γ of both directions, and the spread they share. */
const linear = (up: number, down: number, deviceSpread: number, noise: StepNoise) =>
  ({
    kind: 'linear',
    up: { mean: up, deviceSpread },
    down: { mean: down, deviceSpread },
    bounds: 'mean',
    mayGrow: false,
    noise,
  }) as const;

/** A capacitor that leaks. Its lifetime in mini-batches depends on how long a mini-batch takes: set it to the machine. */
export const capacitor: StepDeviceSpec = {
  ...pulsedDevice,
  name: 'capacitor',
  source: `${AIHWKIT}, CapacitorPresetDevice, fitted to Y. Li et al., VLSI (2018)`,
  law: linear(0.05, 0.05, 0.01, 'additive'),
  step: { mean: 0.005, deviceSpread: 0.1, distribution: 'normal', cycleSpread: 0.3 },
  upDown: { mean: 0, deviceSpread: 0.06 },
  bounds: { low: -1, lowSpread: 0.07, high: 1, highSpread: 0.07 },
  leak: {
    kind: 'exponential',
    lifetimeBatches: 1e6,
    deviceSpread: 0.3,
    source: 'an assumption of the preset',
  },
};

/** Lithium ECRAM, shifted to its symmetry point. */
export const ecram: StepDeviceSpec = {
  ...pulsedDevice,
  name: 'ecram',
  source: `${AIHWKIT}, EcRamPresetDevice, fitted to J. Tang et al., IEDM (2018)`,
  law: linear(0.1153, 0.5085, 0.05, 'multiplicative'),
  step: { mean: 0.002, deviceSpread: 0.1, distribution: 'normal', cycleSpread: 0.3 },
  upDown: { mean: 0, deviceSpread: 0.01 },
  bounds: { low: -0.8276, lowSpread: 0.05, high: 1.1724, highSpread: 0.05 },
};

/** Metal-oxide ECRAM, shifted to its symmetry point. */
export const ecramMO: StepDeviceSpec = {
  ...pulsedDevice,
  name: 'ecram-mo',
  source: `${AIHWKIT}, EcRamMOPresetDevice, based on data of S. Kim et al., IEDM (2019)`,
  law: linear(0.4152, 0.7342, 0.05, 'multiplicative'),
  step: { mean: 2.8214e-4, deviceSpread: 0.1, distribution: 'normal', cycleSpread: 2 },
  upDown: { mean: 0, deviceSpread: 0.01 },
  bounds: { low: -0.8286, lowSpread: 0.05, high: 1.1714, highSpread: 0.05 },
};

/** The device of Gokmen and Vlasov with finer steps and without asymmetry: 10,000 steps. */
export const idealized: StepDeviceSpec = {
  ...pulsedDevice,
  name: 'idealized',
  source: `${AIHWKIT}, IdealizedPresetDevice, after T. Gokmen and Y. Vlasov, Front. Neurosci. (2016)`,
  law: { kind: 'constant' },
  step: { mean: 0.0002, deviceSpread: 0.3, distribution: 'normal', cycleSpread: 0.3 },
  upDown: { mean: 0, deviceSpread: 0 },
  bounds: { low: -1, lowSpread: 0.3, high: 1, highSpread: 0.3 },
};

/** What a resistive device needs to train by pulses alone: about 1,200 steps. */
export const gokmenVlasov: StepDeviceSpec = {
  ...pulsedDevice,
  name: 'gokmen-vlasov',
  source: `${AIHWKIT}, GokmenVlasovPresetDevice, after T. Gokmen and Y. Vlasov, Front. Neurosci. (2016)`,
  law: { kind: 'constant' },
  step: { mean: 0.0016, deviceSpread: 0.3, distribution: 'normal', cycleSpread: 0.3 },
  upDown: { mean: 0, deviceSpread: 0.01 },
  bounds: { low: -1, lowSpread: 0.3, high: 1, highSpread: 0.3 },
};

/** Equal, exact steps up and down in a wide range; `step.mean` may be set. No device has steps of size 0. */
export const idealDevice: StepDeviceSpec = {
  ...pulsedDevice,
  name: 'ideal-device',
  source: 'definition',
  law: { kind: 'constant' },
  step: { mean: 1e-4, deviceSpread: 0, distribution: 'normal', cycleSpread: 0 },
  upDown: { mean: 0, deviceSpread: 0 },
  bounds: { low: -10, lowSpread: 0, high: 10, highSpread: 0 },
  reset: { mean: 0, deviceSpread: 0, cycleSpread: 0 },
};

/**
 * A device with soft bounds and a number of states: steps of 2 bound / states at 0, which shrink to 0 at the bounds.
 *
 * @param states          steps of the size at 0 that fit into the range; at least 1
 * @param bound           limits of the value, ±bound
 * @param stepSpread      relative spread of steps over devices
 * @param upDownSpread    relative spread of the difference of up and down steps over devices
 * @param boundSpread     relative spread of each bound over devices
 * @param cycleSpread     relative spread of steps from pulse to pulse
 * @param noise           whether that spread shrinks with the step
 * @source the device of most published comparisons of update rules, as M. J. Rasch et al., Nat. Commun. 15:7133 (2024),
 *         eq. 4, where the spread from pulse to pulse is additive
 */
export function softBoundsDevice({
  states,
  bound = 1,
  stepSpread = 0,
  upDownSpread = 0,
  boundSpread = 0,
  cycleSpread = 0,
  noise = 'additive',
}: {
  readonly states: number;
  readonly bound?: number;
  readonly stepSpread?: number;
  readonly upDownSpread?: number;
  readonly boundSpread?: number;
  readonly cycleSpread?: number;
  readonly noise?: StepNoise;
}): StepDeviceSpec {
  return {
    ...pulsedDevice,
    name: `soft-bounds-${states}`,
    source: `definition: soft bounds with ${states} states`,
    law: { kind: 'soft-bounds', noise },
    step: { mean: (2 * bound) / states, deviceSpread: stepSpread, distribution: 'normal', cycleSpread },
    upDown: { mean: 0, deviceSpread: upDownSpread },
    bounds: { low: -bound, lowSpread: boundSpread, high: bound, highSpread: boundSpread },
    reset: { mean: 0, deviceSpread: 0, cycleSpread: 0 },
  };
}

/**
 * Soft bounds with 100 states, to be changed: `{ preset: soft-bounds, step: { mean: 0.2 } }` has 10 states.
 *
 * @source definition, as `softBoundsDevice`
 */
export const softBounds: StepDeviceSpec = {
  ...softBoundsDevice({ states: 100 }),
  name: 'soft-bounds',
  source: 'definition: soft bounds',
};

/** All devices by the names that settings give them. */
export const publishedPulseDevices: Readonly<Record<string, PulseDeviceSpec>> = Object.fromEntries(
  [
    pcmNandakumar2018,
    pcmAihwkit,
    reramES,
    reramSB,
    reramArrayOM,
    reramArrayHfO2,
    capacitor,
    ecram,
    ecramMO,
    idealized,
    gokmenVlasov,
    idealDevice,
    softBounds,
  ].map((spec) => [spec.name, spec]),
);
