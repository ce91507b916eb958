// Measurements of simulated devices: the cell's own graph functions through the float64 interpreter, with a fixed seed.
// For tests of fits only.

import { interpret } from '../graph/interpret.ts';
import { trace } from '../graph/trace.ts';
import {
  type CellSpec,
  driftExponent,
  driftedConductance,
  programmedConductance,
  readConductance,
} from './cell.ts';
import type { MeasuredDevice, Measurements } from './measurements.ts';

/** What to measure. */
export type Campaign = {
  /** µS. */
  readonly targets: readonly number[];
  readonly devicesEach: number;
  /** Since the last pulse, s; at least the cell's t₀. */
  readonly times: readonly number[];
  /** Reads at each time. */
  readonly reads?: number;
  readonly seed: number;
};

/** Programs devices and reads them again and again. */
export function simulateMeasurements(
  cell: CellSpec,
  { targets, devicesEach, times, reads = 1, seed }: Campaign,
): Measurements {
  const all = targets.flatMap((target) => new Array<number>(devicesEach).fill(target));
  const n = all.length;
  const moments = times.flatMap((time) => new Array<number>(reads).fill(time));
  const t0 = cell.driftReferenceSeconds;
  const graph = trace((t) => {
    const target = t.input('target', [n]);
    const key = t.key('key');
    const programmed = programmedConductance(cell, target, key.derive('programming'));
    const nu = driftExponent(cell, target, key.derive('drift'));
    const outputs = moments.map((_, j) => {
      const time = t.scalar(`t${j}`);
      const drifted = driftedConductance(programmed, nu, time, t0);
      return [`read${j}`, readConductance(cell, drifted, programmed, time, key.derive('read', j))] as const;
    });
    return { outputs: Object.fromEntries(outputs) };
  });
  const inputs = Object.fromEntries(moments.map((time, j) => [`t${j}`, [time - t0]]));
  const { outputs } = interpret(graph, { target: all, ...inputs, 'key.0': [seed], 'key.1': [11] });
  const devices = all.map(
    (target, d): MeasuredDevice => ({
      name: `d${d}`,
      target,
      times: moments,
      conductances: moments.map((_, j) => outputs[`read${j}`]![d]!),
    }),
  );
  return { devices, unusedColumns: [] };
}

/** The CSV text of measurements. */
export function csvOf({ devices }: Measurements): string {
  const lines = devices.flatMap(({ name, target, times, conductances }) =>
    times.map((time, j) => `${name},${target},${time},${conductances[j]}`),
  );
  return ['device,targetMicrosiemens,timeSeconds,conductanceMicrosiemens', ...lines, ''].join('\n');
}
