// The programs of a chip over a store: programming, reading, compensation factors. The store holds one chip and one
// read of it at a time. This file tracks which ones, and programs or reads another one when it is needed.

import type { HostTensor, Parameters, TensorSpec } from '../base/parameters.ts';
import { deriveKey, type Key } from '../base/random.ts';
import type { Seconds } from '../base/units.ts';
import type { PulseModel } from '../cells/pulse-device.ts';
import { arraysOf, mapSensedArrays, sensedArraysOf } from '../crossbar/arrays.ts';
import { type Chip, chipOf, chipTensors, type Reading, readingOf, readingTensors } from '../crossbar/chip.ts';
import { DRIFT_COMPENSATIONS, type DriftCompensation, driftFactors } from '../crossbar/compensation.ts';
import { type HardwareSpec, hardwareOf } from '../crossbar/hardware.ts';
import { matrixSize } from '../crossbar/mapping.ts';
import { onChip } from '../crossbar/on-chip.ts';
import { type PlacedLayer, traceProgramming } from '../crossbar/programming.ts';
import { rangesFromStates } from '../crossbar/ranges.ts';
import { traceReading } from '../crossbar/reading.ts';
import { traceTrainedArrays } from '../crossbar/trained-arrays.ts';
import type { Engine, Store } from '../engine.ts';
import { type Operator, weightsOf } from '../graph/operator.ts';
import type { Trace } from '../graph/trace.ts';
import type { Network } from '../nn/network.ts';

/** Options of `prepareChipPrograms`. */
export type ChipProgramOptions = {
  readonly engine: Engine;
  readonly network: Pick<Network, 'layers'>;
  readonly hardware: HardwareSpec;
  /** Has the weights of the network, or its trained cells. */
  readonly store: Store;
  /** The device of cells that were trained in place: every chip has these cells. Absent: chips are programmed. */
  readonly trained?: PulseModel | undefined;
  readonly seed: number;
  /** Determines the draws of all chips. */
  readonly key: Key;
};

type Read = { readonly chip: number; readonly timeSeconds: Seconds; readonly read?: number };

/** Programming and reading, on demand. */
export type ChipPrograms = {
  /** The layers on arrays. */
  readonly layers: readonly PlacedLayer[];
  /** Brings the store to a read: its sensed conductances, and the factors of every compensation. */
  readonly read: (read: Read) => Promise<void>;
  readonly chip: (number: number) => Promise<Chip>;
  readonly reading: (read: Read) => Promise<Reading>;
  /** The read right after programming, the baseline of the factors. */
  readonly baseline: (chip: number) => Promise<Reading>;
  readonly free: () => void;
};

/** The layers of a network that are on arrays. */
export function placedLayers({ layers }: Pick<Network, 'layers'>, chip: HardwareSpec): PlacedLayer[] {
  return layers.flatMap((layer) => {
    const hardware = hardwareOf(chip, layer.name);
    return hardware === undefined ? [] : [{ layer, hardware }];
  });
}

/** The operator that multiplies by the read in a store. Keys: `output`. */
export function traceOnChip(
  network: Pick<Network, 'layers'>,
  hardware: HardwareSpec,
): (t: Trace) => Operator {
  const placed = new Map(placedLayers(network, hardware).map((one) => [one.layer.name, one]));
  return (t) =>
    onChip({
      hardware,
      sensed: ({ name }) => {
        const { layer, hardware: own } = placed.get(name)!;
        const { cells, variance } = mapSensedArrays(sensedArraysOf(layer, own), (spec) =>
          t.state(spec.name, spec.shape),
        );
        const { scale } = arraysOf(layer, own);
        const compensation = compensationState(layer.name);
        return {
          cells,
          ...(variance !== undefined && { variance }),
          scale: t.state(scale.name, scale.shape),
          compensation: t.state(compensation, [1, matrixSize(layer.shape).columns]),
        };
      },
      weights: (layer) => t.state(weightsOf(layer), layer.shape),
      ranges: rangesFromStates(t),
      key: t.key('output'),
    });
}

/** Name of the state with the factors that a product uses; an alias for those of one compensation in the store. */
export function compensationState(layer: string): string {
  return `${layer}.compensation`;
}

/** For each layer, the name that products use → the name of the factors of one compensation. */
export function compensationAliases(
  layers: readonly PlacedLayer[],
  compensation: DriftCompensation,
): Record<string, string> {
  return Object.fromEntries(
    layers.map(({ layer }) => {
      const state = compensationState(layer.name);
      return [state, `${state}.${compensation}`];
    }),
  );
}

/** Compiles programming and reading, and reserves their tensors in the store. */
export async function prepareChipPrograms(options: ChipProgramOptions): Promise<ChipPrograms> {
  const { engine, network, hardware, store, seed, key } = options;
  const layers = placedLayers(network, hardware);
  const { trained } = options;
  const programming = await engine.compile(
    trained === undefined ? traceProgramming(layers) : traceTrainedArrays(layers, trained),
  );
  const reading = await engine.compile(traceReading(layers));
  const factors = factorTensors(layers);
  store.reserve([...programming.states, ...reading.states, ...factors]);
  await store.write(ones(factors.filter(({ name }) => name.endsWith('.none'))));
  const readOuts = layers.map(({ layer, hardware: own }) => sensedArraysOf(layer, own).readOut.name);
  let held: { readonly chip: number; readonly baseline: Parameters; readonly read: string } | undefined;
  const sense = (timeSeconds: Seconds, readKey: Key): Promise<unknown> =>
    reading.run({ state: store, scalars: { timeSeconds }, keys: { read: readKey } });
  const program = async (chip: number): Promise<Parameters> => {
    if (held?.chip === chip) return held.baseline;
    held = undefined;
    await programming.run({ state: store, keys: { program: deriveKey(key, 'program', chip) } });
    await sense(0, deriveKey(key, 'baseline', chip));
    const baseline = await store.read(readOuts);
    held = { chip, baseline, read: 'baseline' };
    return baseline;
  };
  const read = async ({ chip, timeSeconds, read: number = 0 }: Read): Promise<void> => {
    const baseline = await program(chip);
    const name = `${timeSeconds} ${number}`;
    if (held?.read === name) return;
    const path = number === 0 ? [chip, timeSeconds] : [chip, timeSeconds, number];
    held = { chip, baseline, read: 'none' };
    await sense(timeSeconds, deriveKey(key, 'read', ...path));
    await store.write(driftFactorTensors(layers, baseline, await store.read(readOuts)));
    held = { chip, baseline, read: name };
  };
  const snapshot = async (chip: number, timeSeconds: Seconds): Promise<Reading> =>
    readingOf(layers, await store.read(readingTensors(layers)), { hardware, chip, timeSeconds });
  return {
    layers,
    read,
    chip: async (number) => {
      await program(number);
      return chipOf(layers, await store.read(chipTensors(layers)), { hardware, seed, number });
    },
    reading: async (one) => {
      await read(one);
      return snapshot(one.chip, one.timeSeconds);
    },
    baseline: async (chip) => {
      const baseline = await program(chip);
      if (held?.read !== 'baseline') {
        held = { chip, baseline, read: 'none' };
        await sense(0, deriveKey(key, 'baseline', chip));
        held = { chip, baseline, read: 'baseline' };
      }
      return snapshot(chip, 0);
    },
    free: () => {
      programming.free();
      reading.free();
    },
  };
}

/** A place in the store for the factors of every layer under every compensation. */
function factorTensors(layers: readonly PlacedLayer[]): TensorSpec[] {
  return layers.flatMap(({ layer }) =>
    DRIFT_COMPENSATIONS.map((compensation) => ({
      name: `${compensationState(layer.name)}.${compensation}`,
      shape: [1, matrixSize(layer.shape).columns],
    })),
  );
}

function ones(specs: readonly TensorSpec[]): Parameters {
  const tensors = specs.map(({ name, shape }): [string, HostTensor] => [
    name,
    { shape, data: new Float32Array(shape[1]!).fill(1) },
  ]);
  return Object.fromEntries(tensors);
}

/** The factors of a read, all but those of `none`, which never change. */
function driftFactorTensors(
  layers: readonly PlacedLayer[],
  baseline: Parameters,
  current: Parameters,
): Parameters {
  const tensors = layers.flatMap(({ layer, hardware }) => {
    const { name: readOut } = sensedArraysOf(layer, hardware).readOut;
    const [before, now] = [baseline[readOut]!, current[readOut]!];
    return DRIFT_COMPENSATIONS.filter((one) => one !== 'none').map((compensation): [string, HostTensor] => [
      `${compensationState(layer.name)}.${compensation}`,
      { shape: now.shape, data: driftFactors(compensation, before.data, now.data) },
    ]);
  });
  return Object.fromEntries(tensors);
}
