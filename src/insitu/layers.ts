// Which parameters live in cells: the weights of layers, but for those that stay digital.

import { weightsOf } from '../graph/operator.ts';
import type { ParameterSpec } from '../nn/network.ts';

/** The layer that a parameter of the role `weights` belongs to. */
export function layerOfWeights({ name, shape }: Pick<ParameterSpec, 'name' | 'shape'>): {
  readonly name: string;
  readonly shape: ParameterSpec['shape'];
} {
  return { name: name.slice(0, -weightsOf({ name: '' }).length), shape };
}

/** True for a parameter that a digital rule moves. */
export function digitalParameter(parameter: ParameterSpec, isDigital: (layer: string) => boolean): boolean {
  return parameter.role !== 'weights' || isDigital(layerOfWeights(parameter).name);
}
