// A device that learns, once training has ended: the cell that holds what it learned, with its drift and its read noise.

import { assertNever } from '../base/errors.ts';
import type { CellSpec, Drift, ReadNoise } from './cell.ts';
import { pulseModel } from './pulse-device.ts';
import type { PulseDeviceSpec } from './pulse-spec.ts';

/** What the others get: a chip is read this long after the last pulse. */
const FIRST_READ_SECONDS = 20;

/**
 * The cell of a device: it drifts from its last pulse on and is read with the noise of its model. It is not programmed, so
 * it has no programming noise. Values of devices in weight units count as µS here, which changes nothing.
 *
 * Not modelled: that some devices had their last pulse long before the others. All start to drift at the end of training.
 */
export function cellOfDevice(spec: PulseDeviceSpec): CellSpec {
  const [, high] = pulseModel(spec).range;
  const drifts = spec.drift.kind === 'power-law' ? spec.drift : undefined;
  return {
    name: `${spec.name}-trained`,
    source: spec.source,
    gMaxMicrosiemens: high,
    driftReferenceSeconds: drifts?.referenceSeconds ?? FIRST_READ_SECONDS,
    programmingNoise: { kind: 'none', unknown: 'trained in place, not programmed' },
    drift: driftOf(spec),
    readNoise: readNoiseOf(spec),
  };
}

function driftOf({ drift }: PulseDeviceSpec): Drift {
  if (drift.kind === 'none') return drift;
  return {
    kind: 'power-law',
    exponentMean: { kind: 'polynomial', coefficients: [drift.exponent] },
    exponentSpread: { kind: 'polynomial', coefficients: [0] },
    source: drift.source,
  };
}

function readNoiseOf(spec: PulseDeviceSpec): ReadNoise {
  switch (spec.kind) {
    case 'pcm-pulses':
      return { kind: 'affine', ...spec.readNoise, source: spec.source };
    case 'steps':
      return { kind: 'none' };
    default:
      return assertNever(spec);
  }
}
