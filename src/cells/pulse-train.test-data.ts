// Devices under trains of pulses on an engine, for tests: one pulse is a program over a store, run once a pulse.

import { hostTensor } from '../base/parameters.ts';
import { keyFromSeed } from '../base/random.ts';
import type { Engine } from '../engine.ts';
import type { GraphKey, Tensor } from '../graph/tensor.ts';
import { trace } from '../graph/trace.ts';
import type { DeviceValues, Draw, PulseModel } from './pulse-model.ts';

/** Numbered draws under a key. */
export function drawsOf(key: GraphKey, shape: readonly number[]): Draw {
  let count = 0;
  return () => key.derive(count++).normal(shape);
}

/** Quantities of devices on the host. */
export type HostValues = Readonly<Record<string, Float32Array>>;

/** `count` devices, as made; their quantities by name. */
export async function fabricated(
  engine: Engine,
  model: PulseModel,
  count: number,
  seed: number,
): Promise<HostValues> {
  const graph = trace((t) => ({ outputs: model.fabricate([count], t.key('key')) }));
  const program = await engine.compile(graph);
  const values = await program.run({ keys: { key: keyFromSeed(seed) } });
  program.free();
  return values;
}

/**
 * Sends pulses to devices.
 *
 * @param isUp direction of each pulse
 * @param look called after each pulse with the states of the devices
 */
export async function sendPulses(
  engine: Engine,
  model: PulseModel,
  {
    devices,
    isUp,
    seed,
    look,
  }: {
    readonly devices: HostValues;
    readonly isUp: readonly boolean[];
    readonly seed: number;
    readonly look: (states: HostValues, pulse: number) => void;
  },
): Promise<void> {
  const count = devices['value']!.length;
  const graph = trace((t) => {
    const values: DeviceValues = Object.fromEntries(
      [...model.states, ...model.parameters].map((name): [string, Tensor] => [name, t.state(name, [count])]),
    );
    const direction = t.scalar('isUp').broadcastTo([count]).equal(1);
    const next = model.pulse(values, direction, drawsOf(t.key('key'), [count]));
    return { outputs: next, updates: next };
  });
  const program = await engine.compile(graph);
  const used = new Set(program.states.map(({ name }) => name));
  const store = await engine.store(
    Object.fromEntries(
      Object.entries(devices)
        .filter(([name]) => used.has(name))
        .map(([name, data]) => [name, hostTensor([count], data)]),
    ),
  );
  for (const [k, up] of isUp.entries()) {
    const states = await program.run({
      state: store,
      scalars: { isUp: up ? 1 : 0 },
      keys: { key: keyFromSeed(seed * 1000 + k) },
    });
    look(states, k);
  }
  store.free();
  program.free();
}

/** So many up pulses, then so many down. */
export function upThenDown(up: number, down: number): readonly boolean[] {
  return [...new Array<boolean>(up).fill(true), ...new Array<boolean>(down).fill(false)];
}

/** Mean and standard deviation with their standard errors, the latter from the fourth moment. */
export function momentsOf(values: ArrayLike<number>): {
  readonly mean: number;
  readonly std: number;
  readonly meanError: number;
  readonly stdError: number;
} {
  const all = Array.from(values);
  const n = all.length;
  const mean = all.reduce((sum, x) => sum + x, 0) / n;
  const central = (power: number): number => all.reduce((sum, x) => sum + (x - mean) ** power, 0) / n;
  const variance = central(2);
  const std = Math.sqrt(variance);
  const stdError = std === 0 ? 0 : Math.sqrt(Math.max(0, central(4) - variance ** 2) / n) / (2 * std);
  return { mean, std, meanError: std / Math.sqrt(n), stdError };
}
