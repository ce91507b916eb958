// Devices that learn, as data: what one programming pulse does to a device, how devices differ, what they lose. Every
// coefficient has its unit in its name or its line; published-pulse-devices.ts has numbers with their sources, pulse-device.ts
// makes the equations of a specification.

import type { Microsiemens, Seconds } from '../base/units.ts';
import type { None } from './cell.ts';

/** Decay of the value since the last pulse: value · (age / t₀)^−ν from the age t₀ on. */
export type PulseDrift =
  | None
  | {
      readonly kind: 'power-law';
      /** ν. */
      readonly exponent: number;
      /** t₀: the age at which a value counts as written. */
      readonly referenceSeconds: Seconds;
      readonly source: string;
    };

/** A coefficient slope · G + offset + memory · Pₙ; see `PcmPulseSpec`. Slope dimensionless, the others µS. */
export type PulseCoefficients = {
  readonly slope: number;
  readonly offsetMicrosiemens: Microsiemens;
  readonly memoryMicrosiemens: Microsiemens;
};

/**
 * A phase-change device under equal SET pulses. Pulse number n since the last RESET adds N(μ, s²) to the conductance G,
 * with μ = μ₁ G + μ₂ + μ₃ Pₙ, s likewise, and the memory Pₙ = e^(−n / n₀).
 */
export type PcmPulseSpec = {
  readonly kind: 'pcm-pulses';
  readonly name: string;
  readonly source: string;
  /** Conductances stay in these limits after a pulse. */
  readonly gMinMicrosiemens: Microsiemens;
  readonly gMaxMicrosiemens: Microsiemens;
  readonly increment: PulseCoefficients;
  readonly incrementSpread: PulseCoefficients;
  /** n₀: pulses after which the memory of RESET has fallen to 1/e. */
  readonly memoryPulses: number;
  /** Conductance after RESET, N(mean, spread²). */
  readonly reset: {
    readonly meanMicrosiemens: Microsiemens;
    readonly spreadMicrosiemens: Microsiemens;
    /** RESET leaves at least this. */
    readonly leastMicrosiemens: Microsiemens;
  };
  /** Standard deviation of a read: slope · G + offset. */
  readonly readNoise: { readonly slope: number; readonly offsetMicrosiemens: Microsiemens };
  readonly drift: PulseDrift;
};

/** Spread of a step from pulse to pulse: of the step itself, or of the step at zero whatever the step is. */
export type StepNoise = 'multiplicative' | 'additive';

/**
 * The mean step of a pulse as a function of the value w. s⁺, s⁻ are the device's steps, w⁺, w⁻ its bounds, ξ a fresh
 * normal draw, σ the spread from pulse to pulse. Down steps are subtracted.
 */
export type StepLaw =
  /** s⁺, s⁻ */
  | { readonly kind: 'constant' }
  /** s⁺ (1 − γ⁺ w / w⁺), s⁻ (1 − γ⁻ w / w⁻) */
  | {
      readonly kind: 'linear';
      /** γ: the share of the step that is lost at the bound; mean and spread over devices (absolute). */
      readonly up: { readonly mean: number; readonly deviceSpread: number };
      readonly down: { readonly mean: number; readonly deviceSpread: number };
      /** The bounds w⁺, w⁻ in the law: the mean ones, or those of the device. */
      readonly bounds: 'mean' | 'own';
      /** Of γ drawn below 0: steps may grow towards the bound, or the sign is dropped. */
      readonly mayGrow: boolean;
      readonly noise: StepNoise;
    }
  /** s⁺ (1 − w / w⁺), s⁻ (1 − w / w⁻) with the bounds of the device */
  | { readonly kind: 'soft-bounds'; readonly noise: StepNoise }
  /** As soft bounds in w + r, where r is what a reference device subtracts. */
  | {
      readonly kind: 'soft-bounds-reference';
      readonly noise: StepNoise;
      /** Spread of the slopes over devices, relative; it moves the bounds: w⁺ / |1 + spread ξ|. */
      readonly slopeSpread: { readonly up: number; readonly down: number };
      readonly reference: {
        readonly mean: number;
        readonly spread: number;
        /** The reference is at the value at which up and down steps of the device are equal. */
        readonly isSymmetryPoint: boolean;
      };
    }
  /** s⁺ max(1 − A⁺ e^(γ⁺ z), 0), s⁻ max(1 − A⁻ e^(−γ⁻ z), 0), z = 2 a w / (w⁺ − w⁻) + b */
  | {
      readonly kind: 'exponential';
      readonly a: number;
      readonly b: number;
      readonly up: { readonly amplitude: number; readonly rate: number };
      readonly down: { readonly amplitude: number; readonly rate: number };
      readonly noise:
        | { readonly kind: 'multiplicative' }
        /** Standard deviation σ (|step| + offset + slope |w|). */
        | { readonly kind: 'affine'; readonly offset: number; readonly slope: number };
    }
  /** s⁺ ((w⁺ − w) / (w⁺ − w⁻))^γ⁺, s⁻ ((w − w⁻) / (w⁺ − w⁻))^γ⁻ */
  | {
      readonly kind: 'power';
      readonly exponent: number;
      /** Spread over devices, relative. */
      readonly deviceSpread: number;
      /** Difference of γ⁺ and γ⁻, as `upDown` of the step. */
      readonly upDown: { readonly mean: number; readonly deviceSpread: number };
    }
  /** s⁺ and s⁻ times straight lines between nodes that lie evenly from w⁻ to w⁺ of the device. */
  | { readonly kind: 'piecewise'; readonly up: readonly number[]; readonly down: readonly number[] };

/** Loss towards the RESET value between mini-batches: w ← w − (w − w_reset) / lifetime. */
export type Leak =
  | None
  | {
      readonly kind: 'exponential';
      readonly lifetimeBatches: number;
      /** Relative spread of lifetimes over devices. */
      readonly deviceSpread: number;
      readonly source: string;
    };

/** A device whose pulses follow a step law. Values are in weight units, or in the unit of the measurement. */
export type StepDeviceSpec = {
  readonly kind: 'steps';
  readonly name: string;
  readonly source: string;
  readonly law: StepLaw;
  readonly step: {
    /** The unit of all steps, in the unit of the value. */
    readonly mean: number;
    /** Relative spread over devices: a factor 1 + spread ξ, or e^(spread ξ). */
    readonly deviceSpread: number;
    readonly distribution: 'normal' | 'log-normal';
    /** σ: relative spread from pulse to pulse. */
    readonly cycleSpread: number;
  };
  /** Difference of up and down steps, relative: above 0 down steps are smaller by the mean, below 0 up steps. */
  readonly upDown: { readonly mean: number; readonly deviceSpread: number };
  /** Limits of the value, and their relative spreads over devices. */
  readonly bounds: {
    readonly low: number;
    readonly lowSpread: number;
    readonly high: number;
    readonly highSpread: number;
  };
  /** Every device steps in the direction of its pulses, and its bounds keep their signs. Otherwise draws may turn them. */
  readonly isConsistent: boolean;
  /** Standard deviation of the apparent around the persistent value, redrawn at each pulse, in units of `step.mean`. */
  readonly writeNoise: number;
  /** Devices that do not react: their share, and the largest size of the value at which they are stuck. */
  readonly corrupt: None | { readonly kind: 'stuck'; readonly share: number; readonly largestValue: number };
  /** Value after RESET: N(mean, deviceSpread²) once a device, plus N(0, cycleSpread²) at each RESET. */
  readonly reset: { readonly mean: number; readonly deviceSpread: number; readonly cycleSpread: number };
  /** Only up pulses do anything; down goes through RESET. */
  readonly isOneSided: boolean;
  readonly leak: Leak;
  readonly drift: PulseDrift;
};

/** A device that learns. */
export type PulseDeviceSpec = PcmPulseSpec | StepDeviceSpec;
