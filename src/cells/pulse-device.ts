// Devices that learn: of a specification the equations that arrays need. Pulses change a device a step at a time; cell.ts
// is about cells that are programmed to a target once.

import { assertNever } from '../base/errors.ts';
import { pcmPulseModel } from './pcm-pulses.ts';
import type { PulseModel } from './pulse-model.ts';
import type { PulseDeviceSpec } from './pulse-spec.ts';
import { stepDeviceModel } from './step-device.ts';

export type { DeviceValues, Draw, PulseModel } from './pulse-model.ts';
export type { PulseDeviceSpec } from './pulse-spec.ts';

/**
 * The equations of a device: `pcmPulseModel` or `stepDeviceModel`, which say what they compute and where it is from.
 *
 * @param spec a checked specification (`checkPulseDevice`)
 */
export function pulseModel(spec: PulseDeviceSpec): PulseModel {
  switch (spec.kind) {
    case 'pcm-pulses':
      return pcmPulseModel(spec);
    case 'steps':
      return stepDeviceModel(spec);
    default:
      return assertNever(spec);
  }
}
