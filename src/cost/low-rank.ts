// What digital corrections of low rank cost: parameters and multiply-adds, beside those of the layers that they correct.

import { echo } from '../base/echo.ts';
import { UsageError } from '../base/errors.ts';
import type { HardwareSpec } from '../crossbar/hardware.ts';
import { lowRankOf } from '../crossbar/low-rank.ts';
import { matrixSize } from '../crossbar/mapping.ts';
import type { Network } from '../nn/network.ts';
import { countNetwork } from './count.ts';

/** The corrections of all layers on arrays, for one example, and the same of the layers themselves. */
export type LowRankCost = {
  readonly parameters: number;
  readonly multiplyAdds: number;
  readonly layerWeights: number;
  readonly layerMultiplyAdds: number;
};

/**
 * The cost of corrections of rank r: r (rows + columns) parameters a layer, and as many multiply-adds for each of its
 * products; of an embedding, whose rows are looked up, r columns. Layers that stay digital and convolutions in groups
 * have none.
 *
 * @throws UsageError if the rank is no whole number from 1
 */
export function lowRankCost(network: Network, hardware: HardwareSpec, rank: number): LowRankCost {
  if (!Number.isInteger(rank) || rank < 1)
    throw new UsageError(`lowRankCost: rank must be a whole number from 1, got ${echo(rank)}`);
  const counts = new Map(countNetwork(network, hardware).layers.map((one) => [one.name, one]));
  let [parameters, multiplyAdds, layerWeights, layerMultiplyAdds] = [0, 0, 0, 0];
  for (const layer of network.layers) {
    const count = counts.get(layer.name);
    const correction = lowRankOf(layer, rank);
    if (count === undefined || count.isDigital || correction === undefined) continue;
    const { rows, columns } = matrixSize(layer.shape);
    const [inner] = correction.up.shape as readonly [number];
    parameters += inner * (rows + columns);
    multiplyAdds += count.vectors * inner * ((layer.kind === 'embedding' ? 0 : rows) + columns);
    layerWeights += rows * columns;
    layerMultiplyAdds += count.multiplyAdds;
  }
  return { parameters, multiplyAdds, layerWeights, layerMultiplyAdds };
}
