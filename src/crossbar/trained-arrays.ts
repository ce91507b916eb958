// Arrays that were trained in place, as a chip: instead of being programmed, its cells are those that learned.

import { driftExponent } from '../cells/cell.ts';
import type { PulseModel } from '../cells/pulse-device.ts';
import type { Graph } from '../graph/node.ts';
import type { GraphKey, Tensor } from '../graph/tensor.ts';
import { trace } from '../graph/trace.ts';
import { type Arrays, arrayName, arraysOf, mapArrays, pairsOf, tensorsOfArrays } from './arrays.ts';
import { type LearningCells, learningCellsOf, mapLearningCells, pairsOfCells } from './learning-cells.ts';
import type { PlacedLayer } from './programming.ts';

/**
 * The arrays of a chip from cells that learned: conductances as the last pulse left them. A single device is a pair
 * with one cell at the magnitude of its value. Drift exponents are drawn, as the cell of the hardware says.
 */
export function trainedArrays(
  cells: LearningCells<Tensor>,
  { layer, hardware }: PlacedLayer,
  key: GraphKey,
): Arrays<Tensor> {
  const pairs = pairsOfCells(cells);
  const values = pairs.map(([{ values: plus }, minus]) => {
    const value = plus['value']!;
    return minus === undefined
      ? { plus: value.relu(), minus: value.negate().relu() }
      : { plus: value, minus: minus.values['value']! };
  });
  return {
    cells: pairsOf({ pairs: pairs.length }).map((array) => {
      const conductance = values[(array.pair ?? 1) - 1]![array.polarity];
      return {
        ...array,
        target: conductance,
        conductance,
        driftExponent: driftExponent(
          hardware.cell,
          conductance,
          key.derive(layer.name, arrayName(array), 'drift'),
        ),
      };
    }),
    // A weight is the mean of its pairs.
    scale: pairs.length === 1 ? cells.scale : cells.scale.multiply(pairs.length),
  };
}

/**
 * The graph that makes a chip of trained cells, in place of `traceProgramming`. States: the cells of every layer
 * (`learningCellsOf`), which it loads, and the tensors of `arraysOf`, which it stores. Keys: `program`. The mapping has as
 * many pairs as the cells.
 */
export function traceTrainedArrays(layers: readonly PlacedLayer[], model: PulseModel): Graph {
  return trace((t) => {
    const key = t.key('program');
    const updates = layers.flatMap((placed): [string, Tensor][] => {
      const { layer, hardware } = placed;
      const cells = mapLearningCells(learningCellsOf(layer, model, hardware.mapping), ({ name, shape }) =>
        t.state(name, shape),
      );
      const specs = arraysOf(layer, hardware);
      mapArrays(specs, ({ name, shape }) => t.state(name, shape));
      const values = tensorsOfArrays(trainedArrays(cells, placed, key));
      return tensorsOfArrays(specs).map(({ name, shape }, k) => [name, values[k]!.broadcastTo(shape)]);
    });
    return { outputs: {}, updates: Object.fromEntries(updates) };
  });
}
