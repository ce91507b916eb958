// Arrays that were trained in place, as a chip: instead of being programmed, its cells are those that learned.

import { throwFaults } from '../base/errors.ts';
import { driftExponent } from '../cells/cell.ts';
import type { PulseModel } from '../cells/pulse-device.ts';
import type { Graph } from '../graph/node.ts';
import type { GraphKey, Tensor } from '../graph/tensor.ts';
import { trace } from '../graph/trace.ts';
import { type Arrays, arraysOf, mapArrays, pairsOf, tensorsOfArrays } from './arrays.ts';
import { severalPairsFaults } from './hardware.ts';
import { type LearningCells, learningCellsOf, mapLearningCells } from './learning-cells.ts';
import type { PlacedLayer } from './programming.ts';

/**
 * The arrays of a chip from cells that learned: conductances as the last pulse left them. A single device is a pair
 * with one cell at the magnitude of its value. Drift exponents are drawn, as the cell of the hardware says.
 */
export function trainedArrays(
  { arrays, scale }: LearningCells<Tensor>,
  { layer, hardware }: PlacedLayer,
  key: GraphKey,
): Arrays<Tensor> {
  const [plus, minus] = arrays.map(({ values }) => values['value']!);
  const [own, other] = minus === undefined ? [plus!.relu(), plus!.negate().relu()] : [plus!, minus];
  return {
    cells: pairsOf({}).map((array) => {
      const conductance = array.polarity === 'plus' ? own : other;
      return {
        ...array,
        target: conductance,
        conductance,
        driftExponent: driftExponent(
          hardware.cell,
          conductance,
          key.derive(layer.name, array.polarity, 'drift'),
        ),
      };
    }),
    scale,
  };
}

/**
 * The graph that makes a chip of trained cells, in place of `traceProgramming`. States: the cells of every layer
 * (`learningCellsOf`), which it loads, and the tensors of `arraysOf`, which it stores. Keys: `program`.
 *
 * @throws UsageError if the hardware has several pairs a weight
 */
export function traceTrainedArrays(layers: readonly PlacedLayer[], model: PulseModel): Graph {
  throwFaults(
    'trained cells',
    layers.flatMap(({ layer, hardware }) =>
      severalPairsFaults(hardware).map((fault) => `${layer.name}: ${fault}, or program the weights anew`),
    ),
  );
  return trace((t) => {
    const key = t.key('program');
    const updates = layers.flatMap((placed): [string, Tensor][] => {
      const { layer, hardware } = placed;
      const cells = mapLearningCells(learningCellsOf(layer, model), ({ name, shape }) =>
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
