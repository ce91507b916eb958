// Which parameters live in cells: the weights of layers, but for those that stay digital.

import type { Mapping } from '../crossbar/hardware.ts';
import { weightsOf } from '../graph/operator.ts';
import type { ParameterSpec } from '../nn/network.ts';

/** The layer that a parameter of the role `weights` belongs to. */
export function layerOfWeights({ name, shape }: Pick<ParameterSpec, 'name' | 'shape'>): {
  readonly name: string;
  readonly shape: ParameterSpec['shape'];
} {
  return { name: name.slice(0, -weightsOf({ name: '' }).length), shape };
}

/** How arrays hold the weights of a layer, by its name; undefined for one that stays digital. */
export type LayerMapping = (layer: string) => Pick<Mapping, 'pairs'> | undefined;

/** True for a parameter that a digital rule moves. */
export function digitalParameter(parameter: ParameterSpec, mapping: LayerMapping): boolean {
  return parameter.role !== 'weights' || mapping(layerOfWeights(parameter).name) === undefined;
}
