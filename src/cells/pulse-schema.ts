import { z } from 'zod';
import type { PulseDeviceSpec } from './pulse-device.ts';
export const chosenPulseDeviceSchema = z
  .unknown()
  .transform((): PulseDeviceSpec => ({ kind: 'pcm-pulses', gMax: 12 }));
