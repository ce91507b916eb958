// Weights as the cells of a chip would give them, in one graph: programmed, drifted, read and compensated. Training sees
// through them what inference will meet.

import type { Layer } from '../graph/operator.ts';
import type { GraphKey, Tensor } from '../graph/tensor.ts';
import { netConductance } from './arrays.ts';
import { type DriftCompensation, tracedDriftFactors } from './compensation.ts';
import type { HardwareSpec } from './hardware.ts';
import { asMatrix } from './mapping.ts';
import { programArrays } from './programming.ts';
import { readArrays } from './reading.ts';

/** When cells are read, and how their drift is compensated. */
export type CellNoise = {
  /** Since programming, (), s. */
  readonly time: Tensor;
  readonly compensation: DriftCompensation;
};

/** A layer's weights as sensed, and what a full conductance stands for. */
export type WeightsInCells = {
  /** (rows, columns); the gradient for the weights is that for these. */
  readonly matrix: Tensor;
  /** (1, 1) or (1, columns), not differentiated */
  readonly weightScale: Tensor;
};

/**
 * W̃ = (G⁺(t) − G⁻(t)) · scale · factor with the programming noise, drift exponents and read noise of the cells, and the factor that
 * compensates the drift since a read of its own at time 0; a new key is a new chip. To differentiation W̃ − W is a
 * constant.
 *
 * A step reads the cells once, also where the hardware draws read noise in every product (`readNoise`).
 *
 * Not modelled: cells that stay the same from step to step; output noise and steps of the ADC in the read-outs.
 */
export function weightsInCells(
  layer: Layer,
  hardware: HardwareSpec,
  weights: Tensor,
  { time, compensation, key }: CellNoise & { readonly key: GraphKey },
): WeightsInCells {
  const { readNoise: _, ...readOnce } = hardware;
  const placed = { layer, hardware: readOnce };
  const arrays = programArrays(weights.detach(), placed, key);
  const sensed = readArrays(arrays, placed, time, key);
  // The baseline of a chip is read by itself, with noise of its own.
  const begin = readArrays(arrays, placed, time.multiply(0), key.derive('baseline'));
  const scale = arrays.scale
    .multiply(tracedDriftFactors(compensation, begin.readOut, sensed.readOut))
    .detach();
  const matrix = asMatrix(weights);
  const noise = netConductance(sensed.cells).multiply(scale).subtract(matrix).detach();
  return {
    matrix: matrix.add(noise),
    weightScale: scale.multiply(hardware.cell.gMaxMicrosiemens),
  };
}
