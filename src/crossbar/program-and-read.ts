// Programming and reading as graphs: weights → programmed cells, programmed cells and a time → what is sensed.
// Each draw is named by the layer, the polarity and the noise, so a layer's cells do not depend on other layers.

import {
  driftExponent,
  driftedConductance,
  programmedConductance,
  readConductance,
  readVariance,
} from '../cells/cell.ts';
import type { Graph } from '../graph/node.ts';
import type { GraphKey, Tensor } from '../graph/tensor.ts';
import { trace } from '../graph/trace.ts';
import { type CommonReadTensor, type LayerShape, type ProgrammedTensor, tensorShape } from './chip.ts';
import { columnReadOut } from './compensation.ts';
import { type HardwareSpec, hasReadNoiseInProducts } from './hardware.ts';
import { mapWeights } from './mapping.ts';

/** The quantities of a programmed layer as tensors; see `ProgrammedLayer`. */
export type ProgrammedTensors = { readonly [K in ProgrammedTensor]: Tensor };
/** The quantities of a read layer as tensors; see `LayerReading`. */
export type ReadTensors = { readonly [K in CommonReadTensor]: Tensor } & { readonly variance?: Tensor };
/** What a read needs to know of a programmed layer. */
export type DriftingCells = Pick<ProgrammedTensors, 'gPlus' | 'gMinus' | 'nuPlus' | 'nuMinus'>;

/**
 * Maps and programs the weights of one layer; draws programming noise and drift exponents for both polarities.
 *
 * @param weights (in, out) or (kh, kw, c, m), dimensionless
 * @returns targets, conductances (rows, columns), µS; drift exponents; scale (1, 1) or (1, columns), 1/µS
 */
export function programLayer(
  weights: Tensor,
  hardware: HardwareSpec,
  key: GraphKey,
  layer: string,
): ProgrammedTensors {
  const { cell } = hardware;
  const { gPlus: targetPlus, gMinus: targetMinus, scale } = mapWeights(weights, hardware);
  const program = (target: Tensor, polarity: 'plus' | 'minus'): { g: Tensor; nu: Tensor } => ({
    g: programmedConductance(cell, target, key.derive(layer, polarity, 'programming')),
    nu: driftExponent(cell, target, key.derive(layer, polarity, 'drift')),
  });
  const plus = program(targetPlus, 'plus');
  const minus = program(targetMinus, 'minus');
  return {
    targetPlus,
    targetMinus,
    gPlus: plus.g,
    gMinus: minus.g,
    nuPlus: plus.nu,
    nuMinus: minus.nu,
    scale,
  };
}

/**
 * Drifts one layer's cells to time `t` and senses them once, with fresh read noise.
 *
 * Where every product draws its own read noise, the conductances are the drifted ones and come with the variance of each
 * pair, σ₊² + σ₋². Only the column read-out then has the noise of this read: it is made of products with unit vectors,
 * each of which senses every pair of its row once. So both kinds of hardware have the same read-out under the same key.
 *
 * @param t time since programming ended, (), s; at least 0
 * @returns sensed conductances (rows, columns), µS, their column read-out (1, columns), and where products draw read
 *          noise its variance (rows, columns), µS²
 */
export function readLayer(
  cells: DriftingCells,
  hardware: HardwareSpec,
  t: Tensor,
  key: GraphKey,
  layer: string,
): ReadTensors {
  const { cell } = hardware;
  const read = (g0: Tensor, nu: Tensor, polarity: 'plus' | 'minus'): { drifted: Tensor; sensed: Tensor } => {
    const drifted =
      cell.drift.kind === 'none' ? g0 : driftedConductance(g0, nu, t, cell.driftReferenceSeconds);
    return {
      drifted,
      sensed: readConductance(cell, drifted, g0, t, key.derive(layer, polarity, 'read')),
    };
  };
  const plus = read(cells.gPlus, cells.nuPlus, 'plus');
  const minus = read(cells.gMinus, cells.nuMinus, 'minus');
  const readOut = columnReadOut(plus.sensed, minus.sensed, cell.gMaxMicrosiemens);
  if (!hasReadNoiseInProducts(hardware)) return { gPlus: plus.sensed, gMinus: minus.sensed, readOut };
  const variance = readVariance(cell, plus.drifted, cells.gPlus, t).add(
    readVariance(cell, minus.drifted, cells.gMinus, t),
  );
  return { gPlus: plus.drifted, gMinus: minus.drifted, readOut, variance };
}

/**
 * The graph that programs a chip. Inputs: `${layer}.weights`, the key `program`. Outputs: `${layer}.targetPlus`,
 * `targetMinus`, `gPlus`, `gMinus`, `nuPlus`, `nuMinus`, `scale`, which `collectChip` takes.
 */
export function traceProgramming(layers: readonly LayerShape[], hardware: HardwareSpec): Graph {
  return trace((t) => {
    const key = t.key('program');
    return {
      outputs: named(layers, ({ name, shape }) =>
        programLayer(t.input(`${name}.weights`, shape), hardware, key, name),
      ),
    };
  });
}

/**
 * The graph that reads a chip. Inputs: `readingInputs` and the key `read`. Outputs: `${layer}.gPlus`, `gMinus`,
 * `readOut`, and `variance` where products draw read noise, which `collectReading` takes.
 */
export function traceReading(layers: readonly LayerShape[], hardware: HardwareSpec): Graph {
  return trace((t) => {
    const time = t.scalar('timeSeconds');
    const key = t.key('read');
    return {
      outputs: named(layers, (layer) => {
        const cell = (tensor: ProgrammedTensor): Tensor =>
          t.input(`${layer.name}.${tensor}`, tensorShape(hardware, layer, tensor));
        const cells = {
          gPlus: cell('gPlus'),
          gMinus: cell('gMinus'),
          nuPlus: cell('nuPlus'),
          nuMinus: cell('nuMinus'),
        };
        return readLayer(cells, hardware, time, key, layer.name);
      }),
    };
  });
}

function named(
  layers: readonly LayerShape[],
  tensorsOf: (layer: LayerShape) => Readonly<Record<string, Tensor>>,
): Record<string, Tensor> {
  const entries = layers.flatMap((layer) =>
    Object.entries(tensorsOf(layer)).map(([tensor, value]): [string, Tensor] => [
      `${layer.name}.${tensor}`,
      value,
    ]),
  );
  return Object.fromEntries(entries);
}
