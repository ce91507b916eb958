import { z } from 'zod';
import { publishedPulseDevices } from './published-pulse-devices.ts';
import type { PulseDeviceSpec } from './pulse-spec.ts';
export const chosenPulseDeviceSchema: z.ZodType<PulseDeviceSpec> = z
  .unknown()
  .transform(
    (v): PulseDeviceSpec => (typeof v === 'string' ? publishedPulseDevices[v]! : (v as PulseDeviceSpec)),
  );
