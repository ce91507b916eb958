// Pulse responses of simulated devices, as a measurement would give them; for the tests of fits.

import type { Engine } from '../engine.ts';
import { pulseModel } from './pulse-device.ts';
import type { PulsedDevice, PulseMeasurements } from './pulse-measurements.ts';
import type { PulseDeviceSpec } from './pulse-spec.ts';
import { fabricated, sendPulses } from './pulse-train.test-data.ts';

/** `count` devices of `spec`, each read before the first pulse and after every one. */
export async function simulatePulses(
  engine: Engine,
  spec: PulseDeviceSpec,
  { count, isUp, seed }: { readonly count: number; readonly isUp: readonly boolean[]; readonly seed: number },
): Promise<PulseMeasurements> {
  const model = pulseModel(spec);
  const devices = await fabricated(engine, model, count, seed);
  const values: Float32Array[] = [devices['value']!];
  await sendPulses(engine, model, { devices, isUp, seed, look: ({ value }) => values.push(value!) });
  return {
    devices: Array.from(
      { length: count },
      (_, d): PulsedDevice => ({
        name: `d${d}`,
        readings: values.map((all, pulse) => ({
          pulse,
          isUp: pulse > 0 && isUp[pulse - 1]!,
          value: all[d]!,
        })),
      }),
    ),
    unusedColumns: [],
  };
}

/** The CSV text of pulse responses. */
export function pulseCsvOf({ devices }: PulseMeasurements): string {
  const lines = devices.flatMap(({ name, readings }) =>
    readings.map(
      ({ pulse, isUp, value }) => `${name},${pulse},${pulse === 0 ? '' : isUp ? 'up' : 'down'},${value}`,
    ),
  );
  return ['device,pulse,direction,value', ...lines, ''].join('\n');
}
