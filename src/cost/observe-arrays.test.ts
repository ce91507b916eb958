// The energy of arrays for inputs that occur, against a sum over every cell and every pixel.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  convolutionLayer,
  denseInputs,
  denseLayer,
  geometry,
  given,
  imageShape,
} from '../../test/two-layers.ts';
import type { HardwareSpec } from '../crossbar/hardware.ts';
import { hermes256 } from '../crossbar/presets.ts';
import { interpret } from '../graph/interpret.ts';
import type { ConvolutionGeometry } from '../graph/node.ts';
import { digital, type Layer } from '../graph/operator.ts';
import type { Tensor } from '../graph/tensor.ts';
import { trace } from '../graph/trace.ts';
import { arrayPicojoules } from './energy.ts';
import { drivePicojoules, observingArrays, rowConductanceState, rowConductances } from './observe-arrays.ts';
import { tile14 } from './published-costs.ts';

const RANGE = 3;
/** Converters so fine that pulses are |x| / range, clipped at 1. */
const hardware: HardwareSpec = { ...hermes256, dac: { kind: 'uniform', bits: 24 } };

/** Conductances of the two arrays of a layer, µS. */
function arraysOf(cells: number): readonly [Float32Array, Float32Array] {
  return [
    Float32Array.from({ length: cells }, (_, k) => (k * 7) % 11),
    Float32Array.from({ length: cells }, (_, k) => (k * 5) % 3),
  ];
}

/** The drive of a layer for inputs. */
function driveOf(
  layer: Layer,
  x: { readonly shape: readonly number[]; readonly values: ArrayLike<number> },
  by?: ConvolutionGeometry,
): number {
  const cells = layer.shape.reduce((all, size) => all * size, 1);
  const graph = trace((t) => {
    const weights = t.input('w', layer.shape);
    const behind = rowConductanceState(layer);
    const { operator, drives } = observingArrays(
      digital(() => weights),
      hardware,
      { inputRange: (_, own) => ({ x: own, range: RANGE }), outputRange: () => 1 },
      (): Tensor => t.input('behind', behind.shape),
    );
    operator.multiply(t.input('x', x.shape), layer, by);
    return { outputs: drives() };
  });
  const behind = Float64Array.from(rowConductances(layer, arraysOf(cells)));
  const { outputs } = interpret(graph, { w: new Float64Array(cells), x: x.values, behind });
  return outputs[`${layer.name}.drive`]![0]!;
}

const pulse = (x: number): number => Math.min(1, Math.abs(x) / RANGE);

/** Rounding of 2²³ steps and of 32-bit row sums. */
function same(a: number, b: number): void {
  assert.ok(Math.abs(a / b - 1) < 1e-6, `${a} is not ${b}`);
}

test('of a dense layer: V² Σ G T over cells, a mean over examples', () => {
  const [plus, minus] = arraysOf(80);
  const crosspoints = plus.map((g, k) => g + minus[k]!);
  const [examples, rows] = denseInputs as readonly [number, number];
  const expected = Array.from({ length: examples }, (_, n) => {
    const pulses = Array.from({ length: rows }, (__, r) => 2 ** 23 * pulse(given.x[n * rows + r]!));
    return arrayPicojoules(crosspoints, pulses, 0.2);
  });
  const mean = expected.reduce((sum, one) => sum + one, 0) / examples;
  const drive = driveOf(denseLayer, { shape: denseInputs, values: given.x });
  same(drivePicojoules(tile14, hardware, drive)!, mean);
});

test('of a convolution: padding drives no row', () => {
  const [plus, minus] = arraysOf(108);
  const [examples, height, width, channels] = imageShape as readonly [number, number, number, number];
  let sum = 0;
  let products = 0;
  for (let n = 0; n < examples; n++)
    for (let top = -1; top <= height - 2; top += 1)
      for (let left = -1; left <= width - 2; left += 2) {
        products++;
        for (let row = 0; row < 27; row++) {
          const [y, x, c] = [top + Math.floor(row / 9), left + (Math.floor(row / 3) % 3), row % 3];
          if (y < 0 || x < 0 || y >= height || x >= width) continue;
          const value = given.images[((n * height + y) * width + x) * channels + c]!;
          for (let m = 0; m < 4; m++) sum += pulse(value) * (plus[row * 4 + m]! + minus[row * 4 + m]!);
        }
      }
  same(driveOf(convolutionLayer, { shape: imageShape, values: given.images }, geometry), sum / products);
});

test('groups count their own columns; zeros cost nothing; an embedding drives one row', () => {
  const grouped: Layer = { name: 'grouped', kind: 'convolution', shape: [1, 1, 2, 4], groups: 2 };
  const [plus, minus] = arraysOf(8);
  const own = (row: number, columns: readonly number[]): number =>
    columns.reduce((sum, m) => sum + plus[row * 4 + m]! + minus[row * 4 + m]!, 0);
  // Channels 0 and 1 meet columns 0 and 1, channels 2 and 3 the others.
  const expected = own(0, [0, 1]) / 3 + (2 / 3) * own(1, [2, 3]);
  const image = { shape: [1, 1, 1, 4], values: [1, 0, 0, -2] };
  same(driveOf(grouped, image, { stride: [1, 1], padding: [0, 0], groups: 2 }), expected);
  assert.equal(driveOf(denseLayer, { shape: [3, 20], values: new Float64Array(60) }), 0);
  const table: Layer = { name: 'table', kind: 'embedding', shape: [5, 3] };
  const [up, down] = arraysOf(15);
  const row = (index: number): number =>
    [0, 1, 2].reduce((sum, m) => sum + up[index * 3 + m]! + down[index * 3 + m]!, 0);
  same(driveOf(table, { shape: [1, 2], values: [4, 1] }), (row(4) + row(1)) / 2);
});
