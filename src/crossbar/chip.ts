// The states of a chip as values of different types: programmed (target, conductance and drift exponent of every cell)
// and read (the conductances sensed at one time). Both are snapshots of a store, made on demand. Time never changes a
// chip.

import { echo } from '../base/echo.ts';
import { UsageError } from '../base/errors.ts';
import type { HostTensor, Parameters } from '../base/parameters.ts';
import type { Seconds } from '../base/units.ts';
import type { Layer } from '../graph/operator.ts';
import {
  type Arrays,
  arraysOf,
  mapArrays,
  mapSensedArrays,
  type SensedArrays,
  sensedArraysOf,
  tensorsOfArrays,
  tensorsOfSensedArrays,
} from './arrays.ts';
import type { HardwareSpec } from './hardware.ts';
import { type MatrixSize, matrixSize } from './mapping.ts';
import type { PlacedLayer } from './programming.ts';

/** A layer after programming. */
export type ProgrammedLayer = Layer & MatrixSize & Arrays<HostTensor>;

/** A programmed chip. */
export type Chip = {
  readonly kind: 'programmed';
  readonly hardware: HardwareSpec;
  /** Determines its draws, together with its number among the chips of that seed. */
  readonly seed: number;
  readonly number: number;
  /** The layers that are on arrays. */
  readonly layers: Readonly<Record<string, ProgrammedLayer>>;
};

/** A layer as sensed, with the scale that it was programmed with. */
export type LayerReading = Layer & MatrixSize & SensedArrays<HostTensor> & { readonly scale: HostTensor };

/** A chip as sensed at one time. */
export type Reading = {
  readonly kind: 'read';
  readonly hardware: HardwareSpec;
  /** Number of the chip. */
  readonly chip: number;
  readonly timeSeconds: Seconds;
  readonly layers: Readonly<Record<string, LayerReading>>;
};

/** The latest time at which a chip can be read: 30,000 years, far within the range of 32-bit arithmetic. */
export const LATEST_SECONDS: Seconds = 1e12;

/** @throws UsageError if a chip can't be read at that time */
export function checkReadTime(timeSeconds: Seconds): void {
  if (!(typeof timeSeconds === 'number' && timeSeconds >= 0 && timeSeconds <= LATEST_SECONDS)) {
    throw new UsageError(
      `reading a chip: time must be from 0 to ${LATEST_SECONDS} s since programming, got ${echo(timeSeconds)}`,
    );
  }
}

/** Names of a store's tensors that `chipOf` needs. */
export function chipTensors(layers: readonly PlacedLayer[]): string[] {
  return layers.flatMap(({ layer, hardware }) =>
    tensorsOfArrays(arraysOf(layer, hardware)).map(({ name }) => name),
  );
}

/** Names of a store's tensors that `readingOf` needs. */
export function readingTensors(layers: readonly PlacedLayer[]): string[] {
  return layers.flatMap(({ layer, hardware }) => [
    ...tensorsOfSensedArrays(sensedArraysOf(layer, hardware)).map(({ name }) => name),
    arraysOf(layer, hardware).scale.name,
  ]);
}

/** The chip that a store's values describe. */
export function chipOf(
  layers: readonly PlacedLayer[],
  values: Parameters,
  identity: Pick<Chip, 'hardware' | 'seed' | 'number'>,
): Chip {
  const programmed = layers.map(({ layer, hardware }): [string, ProgrammedLayer] => {
    const arrays = mapArrays(arraysOf(layer, hardware), ({ name }) => values[name]!);
    return [layer.name, { ...layer, ...matrixSize(layer.shape), ...arrays }];
  });
  return { kind: 'programmed', ...identity, layers: Object.fromEntries(programmed) };
}

/** The reading that a store's values describe. */
export function readingOf(
  layers: readonly PlacedLayer[],
  values: Parameters,
  identity: Pick<Reading, 'hardware' | 'chip' | 'timeSeconds'>,
): Reading {
  const read = layers.map(({ layer, hardware }): [string, LayerReading] => {
    const sensed = mapSensedArrays(sensedArraysOf(layer, hardware), ({ name }) => values[name]!);
    const scale = values[arraysOf(layer, hardware).scale.name]!;
    return [layer.name, { ...layer, ...matrixSize(layer.shape), ...sensed, scale }];
  });
  return { kind: 'read', ...identity, layers: Object.fromEntries(read) };
}
