// Digital corrections of low rank beside layers on arrays: the product of a layer plus that of two thin matrices. Where the
// matrices come from is not known here; experiment/lora.ts fits them.

import type { TensorSpec } from '../base/parameters.ts';
import { exactProduct, type Layer, type Operator } from '../graph/operator.ts';
import type { Tensor } from '../graph/tensor.ts';
import { matrixSize } from './mapping.ts';

/** The two matrices of a correction: W + down · up. */
export type LowRank<T> = {
  /** (in, rank), or in the shape of a filter, (kh, kw, c, rank). */
  readonly down: T;
  /** (rank, out) */
  readonly up: T;
};

/** The matrices of a layer's correction; the rank is at most the smaller side of its weights. Undefined for groups. */
export function lowRankOf({ name, shape, groups = 1 }: Layer, rank: number): LowRank<TensorSpec> | undefined {
  if (groups > 1) return undefined;
  const { rows, columns } = matrixSize(shape);
  const inner = Math.min(rank, rows, columns);
  return {
    down: { name: `${name}.lora.down`, shape: [...shape.slice(0, -1), inner] },
    up: { name: `${name}.lora.up`, shape: [inner, columns] },
  };
}

/**
 * Multiplication as by `base`, and a digital correction: y = base(x) + (x · down) · up. The correction sees x as it
 * reaches the layer, before the DAC, and has no noise.
 *
 * @param lowRank the correction of a layer; undefined: none
 * @source E. J. Hu et al., ICLR 2022 (arXiv 2106.09685), equation 3, without its factor α / r, which the rate contains
 */
export function corrected(base: Operator, lowRank: (layer: Layer) => LowRank<Tensor> | undefined): Operator {
  return {
    multiply: (x, layer, geometry) => {
      const y = base.multiply(x, layer, geometry);
      const found = lowRank(layer);
      if (found === undefined) return y;
      return y.add(exactProduct(x, found.down, layer.kind, geometry).matmul(found.up));
    },
  };
}
