// A layer on chip as one record: its arrays of cells, the tensors that each cell model needs, and the scale from
// conductance to weight. The same record holds names and shapes (the tensors of a store), symbolic tensors (a trace) or
// values (a snapshot). No other file makes the names.

import type { TensorSpec } from '../base/parameters.ts';
import type { Shape } from '../base/shape.ts';
import type { Layer } from '../graph/operator.ts';
import type { Tensor } from '../graph/tensor.ts';
import { type HardwareSpec, hasReadNoiseInProducts, type Mapping } from './hardware.ts';
import { matrixSize } from './mapping.ts';

/** The sign with which an array contributes to the weight. */
export type Polarity = 'plus' | 'minus';

/** The two cells of a differential pair. */
export const POLARITIES: readonly Polarity[] = ['plus', 'minus'];

/** Which array of a layer: of which pair, of which sign. */
export type ArrayPlace = {
  readonly polarity: Polarity;
  /** Of a weight with several pairs: which one, from 2 on. Absent: the first. */
  readonly pair?: number;
};

/** One array of cells of a layer: its part of the weight is ± significance · conductance · scale. */
export type ArraySpec = ArrayPlace & { readonly significance: number };

/** A programmed array; each quantity (rows, columns). */
export type CellArray<T> = ArraySpec & {
  /** Target conductance, µS. */
  readonly target: T;
  /** Programmed conductance, µS. */
  readonly conductance: T;
  /** ν of each cell. */
  readonly driftExponent: T;
};

/** A layer after programming: weight = scale · Σ ± significance · conductance. */
export type Arrays<T> = {
  readonly cells: readonly CellArray<T>[];
  /** (1, 1) or (1, columns), 1/µS */
  readonly scale: T;
};

/** A sensed array: its conductance (rows, columns), µS, at the time of a read. */
export type SensedArray<T> = ArraySpec & { readonly conductance: T };

/** A layer as sensed by one read. */
export type SensedArrays<T> = {
  /** Conductances have no read noise if every product draws its own. */
  readonly cells: readonly SensedArray<T>[];
  /** (1, columns): see `columnReadOut`. */
  readonly readOut: T;
  /** If every product draws read noise: the variance of Σ ± significance · conductance, (rows, columns), µS². */
  readonly variance?: T;
};

/** The arrays of a layer: `pairs` differential pairs, each one positive and one negative cell of a weight. */
export function pairsOf({ pairs = 1 }: Pick<Mapping, 'pairs'>): ArraySpec[] {
  const significance = 1 / pairs;
  return Array.from({ length: pairs }, (_, k) =>
    POLARITIES.map((polarity) => ({ polarity, significance, ...(k > 0 && { pair: k + 1 }) })),
  ).flat();
}

/** The name of an array among those of its layer, in stores and in keys of draws: `plus`, `minus2`. */
export function arrayName({ polarity, pair }: ArrayPlace): string {
  return pair === undefined ? polarity : `${polarity}${pair}`;
}

/** The factor with which an array contributes to the weight. */
export function signedSignificance({ polarity, significance }: ArraySpec): number {
  return polarity === 'plus' ? significance : -significance;
}

/** Shape of a layer's scale, and of other tensors with one value for each scale. */
export function scaleShape({ shape }: Layer, { mapping }: HardwareSpec): Shape {
  return [1, mapping.scale === 'per-layer' ? 1 : matrixSize(shape).columns];
}

/** Names and shapes of a programmed layer's tensors: `conv1.arrays.plus.conductance`. */
export function arraysOf(layer: Layer, hardware: HardwareSpec): Arrays<TensorSpec> {
  const { rows, columns } = matrixSize(layer.shape);
  return {
    cells: pairsOf(hardware.mapping).map((array) => {
      const tensor = (quantity: string): TensorSpec => ({
        name: `${layer.name}.arrays.${arrayName(array)}.${quantity}`,
        shape: [rows, columns],
      });
      return {
        ...array,
        target: tensor('target'),
        conductance: tensor('conductance'),
        driftExponent: tensor('driftExponent'),
      };
    }),
    scale: { name: `${layer.name}.arrays.scale`, shape: scaleShape(layer, hardware) },
  };
}

/** Names and shapes of a sensed layer's tensors: `conv1.sensed.plus.conductance`. */
export function sensedArraysOf(layer: Layer, hardware: HardwareSpec): SensedArrays<TensorSpec> {
  const { rows, columns } = matrixSize(layer.shape);
  const tensor = (quantity: string, shape: Shape): TensorSpec => ({
    name: `${layer.name}.sensed.${quantity}`,
    shape,
  });
  return {
    cells: pairsOf(hardware.mapping).map((array) => ({
      ...array,
      conductance: tensor(`${arrayName(array)}.conductance`, [rows, columns]),
    })),
    readOut: tensor('readOut', [1, columns]),
    ...(hasReadNoiseInProducts(hardware) && { variance: tensor('variance', [rows, columns]) }),
  };
}

/** The same layer with other tensors. */
export function mapArrays<A, B>({ cells, scale }: Arrays<A>, to: (tensor: A) => B): Arrays<B> {
  return {
    cells: cells.map(({ target, conductance, driftExponent, ...array }) => ({
      ...array,
      target: to(target),
      conductance: to(conductance),
      driftExponent: to(driftExponent),
    })),
    scale: to(scale),
  };
}

/** The same read with other tensors. */
export function mapSensedArrays<A, B>(
  { cells, readOut, variance }: SensedArrays<A>,
  to: (tensor: A) => B,
): SensedArrays<B> {
  return {
    cells: cells.map(({ conductance, ...array }) => ({ ...array, conductance: to(conductance) })),
    readOut: to(readOut),
    ...(variance !== undefined && { variance: to(variance) }),
  };
}

/** All tensors of a programmed layer, in order. */
export function tensorsOfArrays<T>(arrays: Arrays<T>): T[] {
  const all: T[] = [];
  mapArrays(arrays, (tensor) => all.push(tensor));
  return all;
}

/** All tensors of a sensed layer, in order. */
export function tensorsOfSensedArrays<T>(arrays: SensedArrays<T>): T[] {
  const all: T[] = [];
  mapSensedArrays(arrays, (tensor) => all.push(tensor));
  return all;
}

/** Σ ± significance · conductance over the arrays of a layer, (rows, columns), µS. */
export function netConductance(cells: readonly SensedArray<Tensor>[]): Tensor {
  const terms = cells.map(({ polarity, significance, conductance }) => {
    return { polarity, value: significance === 1 ? conductance : conductance.multiply(significance) };
  });
  const [first, ...rest] = terms as [(typeof terms)[number], ...typeof terms];
  return rest.reduce(
    (sum, { polarity, value }) => (polarity === 'plus' ? sum.add(value) : sum.subtract(value)),
    first.polarity === 'plus' ? first.value : first.value.negate(),
  );
}
