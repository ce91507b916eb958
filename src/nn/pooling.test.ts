import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertClose, normalsOf, runModule } from '../../test/run-module.ts';
import { UsageError } from '../base/errors.ts';
import { gradients } from '../graph/gradients.ts';
import { interpret } from '../graph/interpret.ts';
import { digital } from '../graph/operator.ts';
import { trace } from '../graph/trace.ts';
import { averagePool, globalAveragePool, maxPool, type PoolOptions } from './modules.ts';

const refused = (message: RegExp) => (error: unknown) =>
  error instanceof UsageError && message.test(error.message);

/** Values in each window of one image, padding as undefined. */
function windowsOf(
  x: ArrayLike<number>,
  [h, w, c]: readonly [number, number, number],
  [kh, kw]: readonly [number, number],
  [sh, sw]: readonly [number, number],
  [ph, pw]: readonly [number, number],
): (number | undefined)[][] {
  const all: (number | undefined)[][] = [];
  for (let i = 0; i * sh + kh <= h + 2 * ph; i++)
    for (let j = 0; j * sw + kw <= w + 2 * pw; j++)
      for (let k = 0; k < c; k++) {
        const window: (number | undefined)[] = [];
        for (let p = 0; p < kh; p++)
          for (let q = 0; q < kw; q++) {
            const [row, column] = [i * sh + p - ph, j * sw + q - pw];
            const isInside = row >= 0 && row < h && column >= 0 && column < w;
            window.push(isInside ? x[(row * w + column) * c + k] : undefined);
          }
        all.push(window);
      }
  return all;
}

const cases: readonly {
  readonly options: PoolOptions;
  readonly size: [number, number];
  readonly stride: [number, number];
  readonly padding: [number, number];
}[] = [
  { options: { size: 2 }, size: [2, 2], stride: [2, 2], padding: [0, 0] },
  { options: { size: 3, stride: 2, padding: 1 }, size: [3, 3], stride: [2, 2], padding: [1, 1] },
  { options: { size: [3, 2], stride: [1, 2] }, size: [3, 2], stride: [1, 2], padding: [0, 0] },
  { options: { size: [2, 4], stride: 3, padding: [0, 2] }, size: [2, 4], stride: [3, 3], padding: [0, 2] },
  { options: { size: 1, stride: 2 }, size: [1, 1], stride: [2, 2], padding: [0, 0] },
];

test('pooling reduces every window, wherever it lies', () => {
  for (const { options, size, stride, padding } of cases) {
    // Negative values throughout: a padding that counted as zero would be the maximum.
    const x = normalsOf('x', [7, 6, 2]).map((value) => value - 10);
    const windows = windowsOf(x, [7, 6, 2], size, stride, padding);
    const highest = windows.map((window) => Math.max(...window.flatMap((value) => value ?? [])));
    const means = windows.map(
      (window) => window.reduce<number>((sum, value) => sum + (value ?? 0), 0) / window.length,
    );
    assertClose(runModule(maxPool(options), [7, 6, 2], { x, batch: 1 }).value, highest);
    assertClose(runModule(averagePool(options), [7, 6, 2], { x, batch: 1 }).value, means);
  }
});

test('pooling of a sequence has windows of steps', () => {
  const x = [1, 10, 5, 20, 3, 60, 4, 30];
  assertClose(runModule(maxPool(2), [4, 2], { x, batch: 1 }).value, [5, 20, 4, 60]);
  assertClose(runModule(averagePool({ size: 3, stride: 1 }), [4, 2], { x, batch: 1 }).value, [
    3,
    30,
    4,
    110 / 3,
  ]);
  assertClose(runModule(globalAveragePool, [4, 2], { x, batch: 1 }).value, [13 / 4, 30]);
});

test('the gradient of a maximum goes to one pixel of each window', () => {
  const placed = maxPool({ size: 3, stride: 2, padding: 1 })([5, 5, 1]);
  const graph = trace((t) => {
    const x = t.input('x', [1, 5, 5, 1]);
    const context = { parameters: {}, operator: digital(() => x), mode: { kind: 'training' } } as const;
    const { value } = placed.apply(x, context);
    return { outputs: { slope: gradients(value.sum(), [x])[0]! } };
  });
  const x = normalsOf('x', [25]);
  const { slope } = interpret(graph, { x }).outputs;
  const wanted = new Float64Array(25);
  for (let i = 0; i < 3; i++)
    for (let j = 0; j < 3; j++) {
      const inside = [-1, 0, 1].flatMap((p) =>
        [-1, 0, 1].flatMap((q) => {
          const [row, column] = [2 * i + p, 2 * j + q];
          return row < 0 || row > 4 || column < 0 || column > 4 ? [] : [row * 5 + column];
        }),
      );
      wanted[inside.reduce((best, at) => (x[at]! > x[best]! ? at : best))]! += 1;
    }
  assert.deepEqual(slope, wanted);
});

test('pooling refuses windows that can not be', () => {
  assert.throws(
    () => maxPool({ size: 2, padding: 2 })([4, 4, 1]),
    refused(/^maxPool: padding must be at most half a window of \(2, 2\), got \(2, 2\)$/),
  );
  assert.throws(
    () => averagePool({ size: [2, 2] })([4, 1]),
    refused(/^averagePool: expected one number .* got a pair$/),
  );
  assert.throws(
    () => averagePool({ size: 2, stride: 0.5 })([4, 1]),
    refused(/expected whole sizes and strides from 1/),
  );
  assert.throws(() => maxPool(5)([4, 1]), refused(/^maxPool: a window of 5 does not fit into \(4, 1\)$/));
});
