// What a chip computes with, as parameters of its network: weights as they were sensed, with the factors of the
// compensation in them, and the statistics that AdaBS estimated. A digital machine that has them computes as the chip
// does with ideal converters.

import { type HostTensor, hostTensor, type Parameters, type TensorSpec } from '../base/parameters.ts';
import { arraysOf, mapSensedArrays, sensedArraysOf, signedSignificance } from '../crossbar/arrays.ts';
import type { LowRank } from '../crossbar/low-rank.ts';
import { matrixSize } from '../crossbar/mapping.ts';
import type { PlacedLayer } from '../crossbar/programming.ts';
import type { Store } from '../engine.ts';
import { type Layer, weightsOf } from '../graph/operator.ts';
import type { Network } from '../nn/network.ts';
import { compensationState } from './chip-programs.ts';

/** A read that a store holds. */
export type StoredRead = {
  readonly store: Store;
  readonly network: Network;
  /** The layers on arrays. */
  readonly layers: readonly PlacedLayer[];
  /** Names that tensors have in the store, of factors and of statistics. */
  readonly aliases: Readonly<Record<string, string>>;
  /** Corrections of low rank that the store holds; absent, or undefined for a layer: none. */
  readonly correctionOf?: ((layer: Layer) => LowRank<TensorSpec> | undefined) | undefined;
};

/**
 * The parameters of the network as a chip has them: W = Σ ± significance · G · scale · compensation for layers on arrays,
 * plus their corrections of low rank, down · up; all others as they are in the store.
 */
export async function chipParameters({
  store,
  network,
  layers,
  aliases,
  correctionOf = () => undefined,
}: StoredRead): Promise<Parameters> {
  const placed = new Map(layers.map((one) => [weightsOf(one.layer), one]));
  const own = network.parameters.filter(({ name }) => !placed.has(name));
  const inStore = (name: string): string => aliases[name] ?? name;
  const values = await store.read([
    ...own.map(({ name }) => inStore(name)),
    ...layers.flatMap((one) => tensorNames(one).map(inStore)),
    ...layers.flatMap(({ layer }) => {
      const found = correctionOf(layer);
      return found === undefined ? [] : [found.down.name, found.up.name];
    }),
  ]);
  const of = (name: string): HostTensor => values[inStore(name)]!;
  return Object.fromEntries(
    network.parameters.map(({ name }) => {
      const layer = placed.get(name);
      if (layer === undefined) return [name, of(name)];
      const sensed = sensedWeights(layer, of);
      const correction = correctionOf(layer.layer);
      if (correction !== undefined)
        addProductInto(sensed.data, of(correction.down.name), of(correction.up.name));
      return [name, sensed];
    }),
  );
}

function tensorNames({ layer, hardware }: PlacedLayer): string[] {
  const { cells } = sensedArraysOf(layer, hardware);
  return [
    ...cells.map(({ conductance }) => conductance.name),
    arraysOf(layer, hardware).scale.name,
    compensationState(layer.name),
  ];
}

function sensedWeights({ layer, hardware }: PlacedLayer, of: (name: string) => HostTensor): HostTensor {
  const { rows, columns } = matrixSize(layer.shape);
  const { cells } = mapSensedArrays(sensedArraysOf(layer, hardware), ({ name, shape }) => ({ name, shape }));
  const scale = of(arraysOf(layer, hardware).scale.name).data;
  const factors = of(compensationState(layer.name)).data;
  const weights = new Float32Array(rows * columns);
  for (const cell of cells) {
    const { data } = of(cell.conductance.name);
    const sign = signedSignificance(cell);
    for (const [k, g] of data.entries()) weights[k]! += sign * g;
  }
  const scaled = weights.map(
    (net, k) => net * scale[scale.length === 1 ? 0 : k % columns]! * factors[k % columns]!,
  );
  return hostTensor(layer.shape, scaled);
}

/** Adds the product of two matrices, (rows, rank) · (rank, columns), to a third. */
function addProductInto(target: Float32Array, down: HostTensor, up: HostTensor): void {
  const [rank, columns] = up.shape as readonly [number, number];
  for (let k = 0; k < target.length; k++) {
    const [row, column] = [Math.floor(k / columns), k % columns];
    let sum = 0;
    for (let r = 0; r < rank; r++) sum += down.data[row * rank + r]! * up.data[r * columns + column]!;
    target[k]! += sum;
  }
}
