// A chip without an engine: the graphs of programming and reading, evaluated in float64.

import { hostTensor, type Parameters } from '../src/base/parameters.ts';
import type { Key } from '../src/base/random.ts';
import { type Chip, chipOf, type Reading, readingOf } from '../src/crossbar/chip.ts';
import { type HardwareSpec, hardwareOf } from '../src/crossbar/hardware.ts';
import { type PlacedLayer, traceProgramming } from '../src/crossbar/programming.ts';
import { traceReading } from '../src/crossbar/reading.ts';
import { type Interpreted, interpret } from '../src/graph/interpret.ts';
import type { Graph } from '../src/graph/node.ts';
import type { Layer } from '../src/graph/operator.ts';

/** The layers that lie on arrays. */
export function placedOn(chip: HardwareSpec, layers: readonly Layer[]): PlacedLayer[] {
  return layers.flatMap((layer) => {
    const hardware = hardwareOf(chip, layer.name);
    return hardware === undefined ? [] : [{ layer, hardware }];
  });
}

/** What a graph leaves in a store, as a store holds it: 32-bit floats in the shapes of its states. */
export function storedUpdates(graph: Graph, { updates }: Interpreted): Parameters {
  return Object.fromEntries(
    Object.entries(updates).map(([name, values]) => [
      name,
      hostTensor(graph.updates[name]!.shape, Float32Array.from(values)),
    ]),
  );
}

/** Values of tensors, by name. */
export function valuesOf(tensors: Parameters): Record<string, Float32Array> {
  return Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, data]));
}

/** A chip, and what a store holds of it. */
export type InterpretedChip = {
  readonly chip: Chip;
  readonly stored: Parameters;
  readonly layers: readonly Layer[];
};

/**
 * Programs a chip.
 *
 * @param weights by the names of their parameters
 */
export function programmedChip(
  hardware: HardwareSpec,
  layers: readonly Layer[],
  weights: Readonly<Record<string, ArrayLike<number>>>,
  { seed, number = 0, key }: { readonly seed: number; readonly number?: number; readonly key: Key },
): InterpretedChip {
  const placed = placedOn(hardware, layers);
  const graph = traceProgramming(placed);
  const given = { ...weights, 'program.0': [key[0]], 'program.1': [key[1]] };
  const stored = storedUpdates(graph, interpret(graph, given));
  return { chip: chipOf(placed, stored, { hardware, seed, number }), stored, layers };
}

/** Reads a chip. */
export function readingAt({ chip, stored, layers }: InterpretedChip, timeSeconds: number, key: Key): Reading {
  const { hardware, number } = chip;
  const placed = placedOn(hardware, layers);
  const graph = traceReading(placed);
  const result = interpret(graph, {
    ...valuesOf(stored),
    timeSeconds: [timeSeconds],
    'read.0': [key[0]],
    'read.1': [key[1]],
  });
  const values = { ...stored, ...storedUpdates(graph, result) };
  return readingOf(placed, values, { hardware, chip: number, timeSeconds });
}
