// The law of a device that learns, with its numbers, as people read it. The equations are those of the library
// (docs/pulse-devices.md); nothing is computed from these texts.

import type { PcmPulseSpec, PulseDeviceSpec, StepDeviceSpec, StepLaw } from 'ohmic';
import { short } from '../page/words.ts';

type Formula = readonly [quantity: string, formula: string];

/** Every law of a device. */
export function pulseFormulas(spec: PulseDeviceSpec): readonly Formula[] {
  const own = spec.kind === 'pcm-pulses' ? pcmFormulas(spec) : stepFormulas(spec);
  const { drift } = spec;
  if (drift.kind === 'none') return own;
  const { exponent, referenceSeconds } = drift;
  return [...own, ['drift since the last pulse', `G (t / ${short(referenceSeconds)} s)^−${short(exponent)}`]];
}

function pcmFormulas({
  increment,
  incrementSpread,
  memoryPulses,
  reset,
  readNoise,
}: PcmPulseSpec): Formula[] {
  const law = ({
    slope,
    offsetMicrosiemens: offset,
    memoryMicrosiemens: memory,
  }: PcmPulseSpec['increment']): string => `${short(slope)} G + ${short(offset)} + ${short(memory)} Pₙ`;
  return [
    ['pulse n since RESET', 'G ← G + μ + s ξ, Pₙ = e^(−n / n₀)'],
    ['mean step μ (µS)', `${law(increment)}, n₀ = ${short(memoryPulses)}`],
    ['spread of a step s (µS)', law(incrementSpread)],
    ['after RESET (µS)', `N(${short(reset.meanMicrosiemens)}, ${short(reset.spreadMicrosiemens)}²)`],
    ['read noise (µS)', `${short(readNoise.slope)} G + ${short(readNoise.offsetMicrosiemens)}`],
  ];
}

const SHAPES: Readonly<Record<StepLaw['kind'], string>> = {
  constant: 'w ← w ± s ξ′',
  linear: 'w ← w ± s (1 − γ w / w±) ξ′',
  'soft-bounds': 'w ← w ± s (1 − w / w±) ξ′',
  'soft-bounds-reference': 'w ← w ± s (1 − (w + r) / w±) ξ′, r a reference device',
  exponential: 'w ← w ± s max(1 − A e^(±γ z), 0) ξ′, z = 2 a w / (w⁺ − w⁻) + b',
  power: 'w ← w ± s (distance to the bound / range)^γ ξ′',
  piecewise: 'w ← w ± s × straight lines between nodes ξ′',
};

function stepFormulas({ law, step, bounds, reset, writeNoise, isOneSided, leak }: StepDeviceSpec): Formula[] {
  const formulas: Formula[] = [
    [`pulse (${law.kind})${isOneSided ? ', up only' : ''}`, SHAPES[law.kind]],
    [
      'step s',
      `${short(step.mean)} on average; from device to device ± ${short(100 * step.deviceSpread)} %, from pulse to pulse ± ${short(100 * step.cycleSpread)} %`,
    ],
    [
      'bounds w⁻, w⁺',
      `${short(bounds.low)} and ${short(bounds.high)}, with spreads ${short(bounds.lowSpread)} and ${short(bounds.highSpread)}`,
    ],
    [
      'after RESET',
      `N(${short(reset.mean)}, ${short(reset.deviceSpread)}²) a device, + N(0, ${short(reset.cycleSpread)}²) a RESET`,
    ],
  ];
  if (writeNoise > 0)
    formulas.push(['write noise', `apparent value: w + ${short(writeNoise * step.mean)} ξ`]);
  if (leak.kind === 'exponential') formulas.push(['leak', `w / ${short(leak.lifetimeBatches)} a mini-batch`]);
  return formulas;
}
