// Programming as a graph: weights in a store → programmed cells in the same store. The key of a draw is derived from
// the layer, the array and the noise, so a layer's cells do not depend on other layers.

import { driftExponent, programmedConductance } from '../cells/cell.ts';
import type { Graph } from '../graph/node.ts';
import { type Layer, weightsOf } from '../graph/operator.ts';
import type { GraphKey, Tensor } from '../graph/tensor.ts';
import { trace } from '../graph/trace.ts';
import { type Arrays, arrayName, arraysOf, mapArrays, pairsOf, tensorsOfArrays } from './arrays.ts';
import type { HardwareSpec } from './hardware.ts';
import { mapWeights } from './mapping.ts';

/** A layer on arrays, with its hardware. */
export type PlacedLayer = { readonly layer: Layer; readonly hardware: HardwareSpec };

/**
 * Maps and programs the weights of one layer; draws programming noise and drift exponents for all arrays.
 *
 * @param weights of the layer, dimensionless
 * @returns targets and conductances (rows, columns), µS; drift exponents; scale (1, 1) or (1, columns), 1/µS
 */
export function programArrays(
  weights: Tensor,
  { layer, hardware }: PlacedLayer,
  key: GraphKey,
): Arrays<Tensor> {
  const { cell } = hardware;
  const { gPlus, gMinus, scale } = mapWeights(weights, hardware);
  return {
    cells: pairsOf(hardware.mapping).map((array) => {
      const name = arrayName(array);
      const target = array.polarity === 'plus' ? gPlus : gMinus;
      return {
        ...array,
        target,
        conductance: programmedConductance(cell, target, key.derive(layer.name, name, 'programming')),
        driftExponent: driftExponent(cell, target, key.derive(layer.name, name, 'drift')),
      };
    }),
    scale,
  };
}

/**
 * The graph that programs a chip. States: the weights of every layer, which it loads, and the tensors of `arraysOf`,
 * which it stores. Keys: `program`.
 */
export function traceProgramming(layers: readonly PlacedLayer[]): Graph {
  return trace((t) => {
    const key = t.key('program');
    const updates = layers.flatMap((placed): [string, Tensor][] => {
      const { layer, hardware } = placed;
      const specs = arraysOf(layer, hardware);
      mapArrays(specs, ({ name, shape }) => t.state(name, shape));
      const programmed = programArrays(t.state(weightsOf(layer), layer.shape), placed, key);
      const values = tensorsOfArrays(programmed);
      return tensorsOfArrays(specs).map(({ name, shape }, k) => [name, values[k]!.broadcastTo(shape)]);
    });
    return { outputs: {}, updates: Object.fromEntries(updates) };
  });
}
