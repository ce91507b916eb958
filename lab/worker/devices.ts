// Single devices: those that learn, under pulses, and cells that are programmed once, over time. The equations are the
// library's; here they become small programs over arrays of a few devices.

import {
  checkPulseDevice,
  deriveKey,
  driftExponent,
  driftedConductance,
  type Engine,
  type GraphKey,
  keyFromSeed,
  type PulseModel,
  programmedConductance,
  publishedCells,
  publishedPulseDevices,
  pulseModel,
  readConductance,
  type Tensor,
  trace,
  UsageError,
} from 'ohmic';
import type { CellChoice, CellCurves, PulseChoice, PulseCurves } from './messages.ts';
import { type Step, stepsOf } from './sequence.ts';

/** What single devices are asked. */
export type Devices = {
  readonly pulses: (choice: PulseChoice) => Promise<PulseCurves>;
  readonly cell: (choice: CellChoice) => Promise<CellCurves>;
};

/** A second to ten years, eight times a decade. */
const TIMES: readonly number[] = Array.from({ length: 69 }, (_, k) => 10 ** (k / 8));

type Program = Awaited<ReturnType<Engine['compile']>>;
type PulsePrograms = {
  readonly model: PulseModel;
  readonly fabricate: Program;
  readonly up: Program;
  readonly down: Program;
  readonly reset: Program;
  readonly look: Program;
};

/** Programs are compiled once for each device and cell. */
export function createDevices(engine: Engine): Devices {
  const pulsed = new Map<string, Promise<PulsePrograms>>();
  const cells = new Map<string, Promise<Program>>();
  return {
    pulses: async (choice) => {
      const steps = stepsOf(choice.sequence);
      const label = `${choice.device} ${choice.devices}`;
      const programs = pulsed.get(label) ?? compilePulses(engine, choice);
      pulsed.set(label, programs);
      return runPulses(engine, await programs, choice, steps);
    },
    cell: async (choice) => {
      const label = `${choice.cell} ${choice.devices}`;
      const program = cells.get(label) ?? compileCell(engine, choice);
      cells.set(label, program);
      return runCell(await program, choice);
    },
  };
}

async function compilePulses(engine: Engine, { device, devices }: PulseChoice): Promise<PulsePrograms> {
  const model = pulseModel(checkPulseDevice('device', device));
  const shape = [devices];
  const names = [...model.states, ...model.parameters];
  const draws = (key: GraphKey): (() => Tensor) => {
    let count = 0;
    return () => key.derive('draw', count++).normal(shape);
  };
  /** A program that changes the devices, and says what they hold afterwards. */
  const changing = (change: (values: Record<string, Tensor>, key: GraphKey) => Record<string, Tensor>) =>
    engine.compile(
      trace((t) => {
        const held = Object.fromEntries(names.map((name) => [name, t.state(name, shape)]));
        const after = { ...held, ...change(held, t.key('draw')) };
        const noise = t.key('read').normal(shape).multiply(model.readVariance(after).sqrt());
        const updates = names.map((name) => [name, after[name]!.broadcastTo(shape)]);
        const value = after['value']!.broadcastTo(shape);
        return { outputs: { value, sensed: value.add(noise) }, updates: Object.fromEntries(updates) };
      }),
    );
  const pulse = (direction: 1 | -1) =>
    changing((values, key) => {
      const isUp = values['value']!.multiply(0).lessEqual(direction);
      return { ...model.pulse(values, isUp, draws(key)) };
    });
  return {
    model,
    fabricate: await changing((_, key) => ({ ...model.fabricate(shape, key) })),
    up: await pulse(1),
    down: await pulse(-1),
    reset: await changing((values, key) => ({ ...model.reset(values, draws(key)) })),
    look: await changing((values) => values),
  };
}

async function runPulses(
  engine: Engine,
  { model, fabricate, ...programs }: PulsePrograms,
  { device, devices, seed }: PulseChoice,
  steps: readonly Step[],
): Promise<PulseCurves> {
  const key = deriveKey(keyFromSeed(seed), 'lab', device);
  const store = await engine.store();
  try {
    store.reserve(fabricate.states);
    const values = new Float32Array((steps.length + 1) * devices);
    const sensed = new Float32Array(values.length);
    for (const [k, step] of (['fabricate', ...steps] as const).entries()) {
      const program = step === 'fabricate' ? fabricate : programs[step];
      const keys = { draw: deriveKey(key, 'change', k), read: deriveKey(key, 'read', k) };
      const now = await program.run({ state: store, keys: keysOf(program, keys) });
      values.set(now['value']!, k * devices);
      sensed.set(now['sensed']!, k * devices);
    }
    const { range, isOneSided } = model;
    const { kind } = publishedPulseDevices[device]!;
    return { values, sensed, range, isOneSided, unit: kind === 'pcm-pulses' ? 'µS' : 'weight' };
  } finally {
    store.free();
  }
}

/** Keys that a program draws from; some draw nothing. */
function keysOf<T>({ plan }: Program, keys: Readonly<Record<string, T>>): Record<string, T> {
  const used = Object.entries(keys).filter(([name]) =>
    plan.scalars.some((scalar) => scalar.name === `${name}.0`),
  );
  return Object.fromEntries(used);
}

function compileCell(engine: Engine, { cell: name, devices }: CellChoice): Promise<Program> {
  const cell = publishedCells[name];
  if (cell === undefined)
    throw new UsageError(
      `cell: expected one of ${Object.keys(publishedCells).join(', ')}, got "${name}"; choose one of these`,
    );
  return engine.compile(
    trace((t) => {
      const target = t.input('target', [devices]);
      const time = t.scalar('time');
      const key = t.key('program');
      const programmed = programmedConductance(cell, target, key.derive('programming'));
      const exponent = driftExponent(cell, target, key.derive('drift'));
      const drifted = driftedConductance(programmed, exponent, time, cell.driftReferenceSeconds);
      const sensed = readConductance(cell, drifted, programmed, time, t.key('read'));
      return { outputs: { drifted, sensed } };
    }),
  );
}

async function runCell(program: Program, choice: CellChoice): Promise<CellCurves> {
  const { cell, target, devices, seed } = choice;
  const key = deriveKey(keyFromSeed(seed), 'lab', cell);
  const drifted = new Float32Array(TIMES.length * devices);
  const sensed = new Float32Array(TIMES.length * devices);
  for (const [k, time] of TIMES.entries()) {
    const now = await program.run({
      inputs: { target: new Float32Array(devices).fill(target) },
      scalars: { time },
      keys: { program: key, read: deriveKey(key, 'read', k) },
    });
    drifted.set(now['drifted']!, k * devices);
    sensed.set(now['sensed']!, k * devices);
  }
  return { timesSeconds: TIMES, drifted, sensed, gMax: publishedCells[cell]!.gMaxMicrosiemens };
}
