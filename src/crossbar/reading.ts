// Reading as a graph: programmed cells in a store, a time and a key → sensed conductances, in the same store. The cells
// do not change.

import { driftedConductance, readConductance, readVariance } from '../cells/cell.ts';
import type { Graph } from '../graph/node.ts';
import type { GraphKey, Tensor } from '../graph/tensor.ts';
import { trace } from '../graph/trace.ts';
import {
  type Arrays,
  arrayName,
  arraysOf,
  mapArrays,
  mapSensedArrays,
  netConductance,
  type SensedArrays,
  sensedArraysOf,
  tensorsOfSensedArrays,
} from './arrays.ts';
import { columnReadOut } from './compensation.ts';
import { hasReadNoiseInProducts } from './hardware.ts';
import type { PlacedLayer } from './programming.ts';

/**
 * Drifts one layer's cells to time `t` and senses them once, with fresh read noise.
 *
 * If every product draws its own read noise, the conductances are the drifted ones, with the variance of their sum, Σ
 * significance² σ². Then only the column read-out has the noise of this read: it consists of products with unit
 * vectors, each of which senses the cells of its row once. So both kinds of hardware have the same read-out for the
 * same key.
 *
 * @param t time since programming ended, (), s; at least 0
 */
export function readArrays(
  arrays: Arrays<Tensor>,
  { layer, hardware }: PlacedLayer,
  t: Tensor,
  key: GraphKey,
): SensedArrays<Tensor> {
  const { cell } = hardware;
  const read = arrays.cells.map(({ target: _, conductance: g0, driftExponent: nu, ...array }) => {
    const drifted =
      cell.drift.kind === 'none' ? g0 : driftedConductance(g0, nu, t, cell.driftReferenceSeconds);
    const sensed = readConductance(cell, drifted, g0, t, key.derive(layer.name, arrayName(array), 'read'));
    return { array, g0, drifted, sensed };
  });
  const sensed = read.map(({ array, sensed: conductance }) => ({ ...array, conductance }));
  const readOut = columnReadOut(netConductance(sensed), cell.gMaxMicrosiemens);
  if (!hasReadNoiseInProducts(hardware)) return { cells: sensed, readOut };
  const variances = read.map(({ array: { significance }, drifted, g0 }) => {
    const variance = readVariance(cell, drifted, g0, t);
    return significance === 1 ? variance : variance.multiply(significance ** 2);
  });
  return {
    cells: read.map(({ array, drifted: conductance }) => ({ ...array, conductance })),
    readOut,
    variance: variances.reduce((sum, variance) => sum.add(variance)),
  };
}

/**
 * The graph that reads a chip. States: the tensors of `arraysOf`, which it loads, and those of `sensedArraysOf`, which
 * it stores. Scalars: `timeSeconds`, from 0 to `LATEST_SECONDS`. Keys: `read`.
 */
export function traceReading(layers: readonly PlacedLayer[]): Graph {
  return trace((t) => {
    const time = t.scalar('timeSeconds');
    const key = t.key('read');
    const updates = layers.flatMap((placed): [string, Tensor][] => {
      const { layer, hardware } = placed;
      const arrays = mapArrays(arraysOf(layer, hardware), ({ name, shape }) => t.state(name, shape));
      const specs = sensedArraysOf(layer, hardware);
      mapSensedArrays(specs, ({ name, shape }) => t.state(name, shape));
      const values = tensorsOfSensedArrays(readArrays(arrays, placed, time, key));
      return tensorsOfSensedArrays(specs).map(({ name }, k) => [name, values[k]!]);
    });
    return { outputs: {}, updates: Object.fromEntries(updates) };
  });
}
