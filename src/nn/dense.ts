// Modules that are one matrix: the dense layer, and the embedding, which is the dense layer of one-hot rows.

import { UsageError } from '../base/errors.ts';
import { formatShape } from '../base/shape.ts';
import { layerOf, type Module, parameter } from './module.ts';
import type { Initial } from './network.ts';

/**
 * y = x W + b. Parameters `name.weights` (in, out) and `name.bias` (out), both uniform in ±1/√in (PyTorch's default);
 * the bias is added digitally.
 *
 * @param options.initial first values of the weights; then biases begin at 0
 * @throws UsageError if the input has more than one axis
 */
export function dense({
  name,
  outputs,
  initial: given,
}: {
  readonly name: string;
  readonly outputs: number;
  readonly initial?: Initial | undefined;
}): Module {
  return (inputShape) => {
    const [inputs] = inputShape;
    if (inputs === undefined || inputShape.length !== 1) {
      throw new UsageError(
        `dense "${name}": expected an input of one axis, got ${formatShape(inputShape)}; flatten it`,
      );
    }
    const initial: Initial = { kind: 'uniform', bound: 1 / Math.sqrt(inputs) };
    const weights = parameter(name, 'weights', [inputs, outputs], given ?? initial);
    const layer = layerOf(name, 'dense', weights);
    const bias: Initial = given === undefined ? initial : { kind: 'constant', value: 0 };
    return {
      outputShape: [outputs],
      parameters: [weights, parameter(name, 'bias', [outputs], bias)],
      layers: [layer],
      apply: (x, { parameters, operator }) => {
        const product = operator.multiply(x, layer);
        return { value: product.add(parameters[`${name}.bias`]!), statistics: {} };
      },
    };
  };
}

/**
 * A row of a table for each index: (…) → (…, dimension). Parameter `name.weights` (rows, dimension), standard normal
 * (PyTorch's default). Indices are numbers from 0 to rows − 1; see `Operator` for others.
 */
export function embedding({
  name,
  rows,
  dimension,
}: {
  readonly name: string;
  readonly rows: number;
  readonly dimension: number;
}): Module {
  const weights = parameter(name, 'weights', [rows, dimension], { kind: 'normal', deviation: 1 });
  const layer = layerOf(name, 'embedding', weights);
  return (inputShape) => ({
    outputShape: [...inputShape, dimension],
    parameters: [weights],
    layers: [layer],
    apply: (x, { operator }) => ({ value: operator.multiply(x, layer), statistics: {} }),
  });
}
