// Learned factors on what layers give: a network around a network.

import { throwFaults } from '../base/errors.ts';
import { unknownName } from '../base/suggest.ts';
import { type Operator, weightsOf } from '../graph/operator.ts';
import { checkContext } from './define-network.ts';
import { parameter } from './module.ts';
import type { Network, ParameterSpec } from './network.ts';

/** One factor for each layer, or one for each of its columns. */
export type OutputScales = 'per-layer' | 'per-column';

const choices: readonly OutputScales[] = ['per-layer', 'per-column'];

/**
 * The network with a digital factor on the product of every layer, before the bias: y = α ⊙ (x W). The parameters
 * `layer.scale`, (1) or (columns), have the role `scale`, begin at 1 and are trained with the others.
 *
 * On arrays α comes after the converters: it scales the noise of a product too, and the product backwards gets α ⊙ δ. So
 * a layer reaches beyond the range of its cells.
 *
 * @param network its name stays; weights are only found again by name if a network of this name has factors
 * @throws UsageError if a parameter of the network has the name of a factor
 * @source aihwkit, src/aihwkit/simulator/parameters/mapping.py, learn_out_scaling and out_scaling_columnwise
 */
export function withOutputScales(network: Network, per: OutputScales): Network {
  throwFaults('withOutputScales', choices.includes(per) ? [] : [unknownName(per, choices)]);
  const scales = new Map(
    network.layers.map((layer): [string, ParameterSpec] => {
      const size = per === 'per-layer' ? 1 : layer.shape.at(-1)!;
      return [weightsOf(layer), parameter(layer.name, 'scale', [size], { kind: 'constant', value: 1 })];
    }),
  );
  const added = [...scales.values()];
  const taken = new Set(network.parameters.map(({ name }) => name));
  throwFaults(
    `withOutputScales: network "${network.name}"`,
    added.filter(({ name }) => taken.has(name)).map(({ name }) => `expected no parameter "${name}", got one`),
  );
  return {
    ...network,
    parameters: network.parameters.flatMap((spec) => [spec, scales.get(spec.name) ?? []].flat()),
    apply: (context) => {
      checkContext({ ...network, parameters: added }, context);
      const operator: Operator = {
        multiply: (x, layer, geometry) =>
          context.operator
            .multiply(x, layer, geometry)
            .multiply(context.parameters[scales.get(weightsOf(layer))!.name]!),
      };
      return network.apply({ ...context, operator });
    },
  };
}
