// Gradients of operands with few bits: their grid, their mean, and that many bits change nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyFromSeed, randomSequence } from '../base/random.ts';
import { interpret } from '../graph/interpret.ts';
import { trace } from '../graph/trace.ts';
import { quantizedGradient } from './operand-bits.ts';

const [SAMPLES, ROWS, COLUMNS] = [3, 2, 4];
const draw = randomSequence(keyFromSeed(8));
const numbers = (count: number): number[] => Array.from({ length: count }, () => 2 * draw.uniform() - 1);
const [x, delta] = [numbers(SAMPLES * ROWS), numbers(SAMPLES * COLUMNS)];

function gradient(bits: number, key: number, size = SAMPLES): readonly number[] {
  const graph = trace((t) => {
    const factors = [{ x: t.input('x', [size, ROWS]), delta: t.input('delta', [size, COLUMNS]) }];
    const shape = t.input('exact', [ROWS, COLUMNS]);
    return {
      outputs: {
        gradient: quantizedGradient(
          { factors: () => factors, gradient: shape, key: () => t.key('rule') },
          { bits },
        ),
      },
    };
  });
  const given = { x: x.slice(0, size * ROWS), delta: delta.slice(0, size * COLUMNS) };
  const exact = new Float64Array(ROWS * COLUMNS);
  return Array.from(
    interpret(graph, { ...given, exact, 'rule.0': [key], 'rule.1': [1] }).outputs['gradient']!,
  );
}

function exactOf(size: number): readonly number[] {
  return Array.from({ length: ROWS * COLUMNS }, (_, k) => {
    let sum = 0;
    for (let s = 0; s < size; s++)
      sum += x[s * ROWS + Math.floor(k / COLUMNS)]! * delta[s * COLUMNS + (k % COLUMNS)]!;
    return sum;
  });
}

test('one sample of 3 bits has products of whole numbers of −3 … 3', () => {
  const [mx, md] = [x.slice(0, ROWS), delta.slice(0, COLUMNS)].map((v) => Math.max(...v.map(Math.abs)));
  const products = new Set<number>();
  for (let key = 0; key < 20; key++)
    for (const value of gradient(3, key, 1)) {
      const whole = value / ((mx! / 3) * (md! / 3));
      assert.ok(Math.abs(whole - Math.round(whole)) < 1e-9 && Math.abs(whole) < 9.5, `${whole}`);
      products.add(Math.round(whole));
    }
  assert.ok(products.size > 5, `${[...products]}`);
});

test('the mean over draws is the gradient; 2,000 draws, 8 means, false alarms below 1e-6', () => {
  const count = 2000;
  const sums = new Float64Array(ROWS * COLUMNS);
  const squares = new Float64Array(ROWS * COLUMNS);
  for (let key = 0; key < count; key++)
    for (const [k, value] of gradient(3, key).entries()) {
      sums[k]! += value;
      squares[k]! += value ** 2;
    }
  for (const [k, exact] of exactOf(SAMPLES).entries()) {
    const mean = sums[k]! / count;
    const error = Math.sqrt((squares[k]! / count - mean ** 2) / count);
    assert.ok(error > 0 && Math.abs(mean - exact) < 5.5 * error, `${k}: ${mean} beside ${exact} ± ${error}`);
  }
});

test('24 bits change a gradient by less than a millionth', () => {
  const values = gradient(24, 3);
  for (const [k, exact] of exactOf(SAMPLES).entries()) assert.ok(Math.abs(values[k]! - exact) < 1e-6);
});
