// Mapping and tiling: identities of the pair, of the scales, of the cut.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../base/errors.ts';
import { keyFromSeed, randomSequence } from '../base/random.ts';
import { interpret } from '../graph/interpret.ts';
import { trace } from '../graph/trace.ts';
import type { HardwareSpec } from './hardware.ts';
import { mapWeights, matrixSize } from './mapping.ts';
import { joshi2020 } from './presets.ts';
import { tileMatrix } from './tiling.ts';

const perColumn: HardwareSpec = { ...joshi2020, mapping: { scale: 'per-column' } };

type Mapped = { readonly gPlus: Float64Array; readonly gMinus: Float64Array; readonly scale: Float64Array };

function map(weights: Float64Array, shape: readonly number[], hardware: HardwareSpec): Mapped {
  const graph = trace((t) => ({ outputs: mapWeights(t.input('weights', shape), hardware) }));
  return interpret(graph, { weights }).outputs as Mapped;
}

function randomWeights(count: number): Float64Array {
  const { normal } = randomSequence(keyFromSeed(3));
  return Float64Array.from({ length: count }, normal);
}

for (const hardware of [joshi2020, perColumn]) {
  test(`a mapped pair gives its weight back, ${hardware.mapping.scale}`, () => {
    const weights = randomWeights(3 * 3 * 2 * 5);
    const { gPlus, gMinus, scale } = map(weights, [3, 3, 2, 5], hardware);
    assert.equal(scale.length, hardware === perColumn ? 5 : 1);
    weights.forEach((weight, i) => {
      assert.ok(gPlus[i]! >= 0 && gPlus[i]! <= 25 && gMinus[i]! >= 0 && gMinus[i]! <= 25);
      assert.ok(gPlus[i] === 0 || gMinus[i] === 0, 'one cell of a pair is at RESET');
      assert.ok(Math.abs((gPlus[i]! - gMinus[i]!) * scale[i % scale.length]! - weight) < 1e-14);
    });
    assert.ok(Math.abs(Math.max(...gPlus, ...gMinus) - 25) < 1e-12);
  });
}

test('a scale per column uses at least as much of the conductance range as one per layer', () => {
  const weights = randomWeights(40 * 6);
  const byLayer = map(weights, [40, 6], joshi2020);
  const byColumn = map(weights, [40, 6], perColumn);
  weights.forEach((_, i) => {
    const used = ({ gPlus, gMinus }: Mapped): number => gPlus[i]! + gMinus[i]!;
    assert.ok(used(byColumn) >= used(byLayer) - 1e-12);
  });
});

test('zero weights map to zero conductances and a finite scale', () => {
  const weights = Float64Array.of(0, 1, 0, -2);
  for (const [values, hardware] of [
    [new Float64Array(4), joshi2020],
    [weights, perColumn],
  ] as const) {
    const { gPlus, gMinus, scale } = map(values, [2, 2], hardware);
    assert.ok([gPlus[0], gPlus[2], gMinus[0], gMinus[2]].every((g) => g === 0));
    assert.ok(scale.every((s) => Number.isFinite(s) && s > 0));
  }
});

test('weights that are neither a matrix nor a filter are refused', () => {
  assert.throws(() => matrixSize([2, 3, 4]), {
    name: UsageError.name,
    message: 'crossbar: weights must be (in, out) or (kh, kw, c, m), got (2, 3, 4)',
  });
  assert.deepEqual(matrixSize([3, 3, 16, 28]), { rows: 144, columns: 28 });
});

test('tiles cover each crosspoint once and none is larger than allowed', () => {
  for (const [rows, columns] of [
    [1, 1],
    [256, 256],
    [257, 10],
    [504, 56],
    [1000, 700],
  ] as const) {
    const { rowRanges, columnRanges, tileCount, utilisation } = tileMatrix(
      { rows, columns },
      { kind: 'limited', rows: 256, columns: 256 },
    );
    const covered = new Uint8Array(rows * columns);
    for (const [top, bottom] of rowRanges) {
      for (const [left, right] of columnRanges) {
        assert.ok(bottom - top <= 256 && right - left <= 256);
        for (let r = top; r < bottom; r++) for (let c = left; c < right; c++) covered[r * columns + c]! += 1;
      }
    }
    assert.ok(covered.every((times) => times === 1));
    assert.equal(tileCount, Math.ceil(rows / 256) * Math.ceil(columns / 256));
    assert.equal(utilisation, (rows * columns) / (tileCount * 65_536));
  }
});

test('3 x 3 x 16 patches to 16 channels fill 3.5 % of a 256 x 256 tile', () => {
  // 144 · 16 / 256²
  const { utilisation } = tileMatrix(
    { rows: 144, columns: 16 },
    { kind: 'limited', rows: 256, columns: 256 },
  );
  assert.equal(utilisation.toFixed(3), '0.035');
});

test('an unlimited tile holds any matrix', () => {
  assert.deepEqual(tileMatrix({ rows: 5000, columns: 3 }, { kind: 'unlimited' }), {
    rowRanges: [[0, 5000]],
    columnRanges: [[0, 3]],
    tileCount: 1,
    utilisation: 1,
  });
});
