import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertClose, runModule } from '../../test/run-module.ts';
import { UsageError } from '../base/errors.ts';
import {
  type ConvolutionOptions,
  convolution,
  convolution1d,
  depthwiseConvolution,
  transposedConvolution,
} from './modules.ts';

const refused = (message: RegExp) => (error: unknown) =>
  error instanceof UsageError && message.test(error.message);

type Direct = {
  readonly image: readonly [h: number, w: number, c: number];
  readonly kernel: readonly [number, number];
  readonly filters: number;
  readonly output: readonly number[];
  readonly stride: readonly [number, number];
  /** Before rows and columns. */
  readonly before: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly groups: number;
};

/** Every convolution by its definition, of two images. */
function direct(d: Direct, x: ArrayLike<number>, f: ArrayLike<number>): number[] {
  const [h, w, c] = d.image;
  const [oh, ow] = d.output as [number, number];
  const [perGroup, filtersPerGroup] = [c / d.groups, d.filters / d.groups];
  const values: number[] = [];
  for (let n = 0; n < 2; n++)
    for (let i = 0; i < oh; i++)
      for (let j = 0; j < ow; j++)
        for (let m = 0; m < d.filters; m++) {
          let sum = 0;
          for (let p = 0; p < d.kernel[0]; p++)
            for (let q = 0; q < d.kernel[1]; q++) {
              const row = i * d.stride[0] + p * d.dilation[0] - d.before[0];
              const column = j * d.stride[1] + q * d.dilation[1] - d.before[1];
              if (row < 0 || row >= h || column < 0 || column >= w) continue;
              for (let k = 0; k < perGroup; k++) {
                const channel = Math.floor(m / filtersPerGroup) * perGroup + k;
                const at = ((n * h + row) * w + column) * c + channel;
                sum += x[at]! * f[((p * d.kernel[1] + q) * perGroup + k) * d.filters + m]!;
              }
            }
          values.push(sum);
        }
  return values;
}

const unit = { stride: [1, 1], before: [0, 0], dilation: [1, 1], groups: 1 } as const;
const cases: readonly {
  readonly options: Omit<ConvolutionOptions, 'name' | 'filters'>;
  readonly expected: Partial<Direct> & Pick<Direct, 'kernel' | 'output'>;
}[] = [
  { options: { size: 2 }, expected: { kernel: [2, 2], output: [5, 6] } },
  { options: { size: [1, 3], stride: [2, 1] }, expected: { kernel: [1, 3], output: [3, 5], stride: [2, 1] } },
  {
    options: { size: [3, 2], padding: [[2, 0], 1], dilation: [1, 3] },
    expected: { kernel: [3, 2], output: [6, 6], before: [2, 1], dilation: [1, 3] },
  },
  // ⌈6 / 2⌉ and ⌈7 / 2⌉: one zero after the rows, one on both sides of the columns.
  {
    options: { size: 3, stride: 2, padding: 'same' },
    expected: { kernel: [3, 3], output: [3, 4], stride: [2, 2], before: [0, 1] },
  },
  {
    options: { size: [4, 1], padding: 'same' },
    expected: { kernel: [4, 1], output: [6, 7], before: [1, 0] },
  },
  {
    options: { size: 3, padding: 1, groups: 2 },
    expected: { kernel: [3, 3], output: [6, 7], before: [1, 1], groups: 2 },
  },
];

test('a convolution is its definition, whatever its size, stride, padding, dilation and groups', () => {
  for (const { options, expected } of cases) {
    const module = convolution({ name: 'c', filters: 6, bias: true, ...options });
    const { value, outputShape, x, parameters } = runModule(module, [6, 7, 4]);
    assert.deepEqual(outputShape, [...expected.output, 6]);
    const sums = direct({ image: [6, 7, 4], filters: 6, ...unit, ...expected }, x, parameters['c.weights']!);
    assertClose(
      value,
      sums.map((sum, i) => sum + parameters['c.bias']![i % 6]!),
    );
  }
});

test('a depthwise convolution keeps channels apart', () => {
  const module = depthwiseConvolution({ name: 'd', size: 3, padding: 1, multiplier: 2 });
  const { value, x, parameters } = runModule(module, [4, 5, 3]);
  assert.deepEqual(
    module([4, 5, 3]).layers.map((layer) => layer),
    [{ name: 'd', kind: 'convolution', shape: [3, 3, 1, 6], groups: 3 }],
  );
  const expected = { ...unit, kernel: [3, 3], output: [4, 5], before: [1, 1], groups: 3 } as const;
  assertClose(value, direct({ image: [4, 5, 3], filters: 6, ...expected }, x, parameters['d.weights']!));
});

test('a convolution of a sequence has one kernel row; a causal one sees nothing that comes later', () => {
  const module = convolution1d({ name: 's', filters: 4, size: 3, dilation: 2, padding: 'causal' });
  const { value, outputShape, x, parameters } = runModule(module, [9, 2]);
  assert.deepEqual(outputShape, [9, 4]);
  assert.deepEqual(module([9, 2]).parameters[0]!.shape, [1, 3, 2, 4]);
  const expected = { ...unit, kernel: [1, 3], output: [1, 9], before: [0, 4], dilation: [1, 2] } as const;
  assertClose(value, direct({ image: [1, 9, 2], filters: 4, ...expected }, x, parameters['s.weights']!));
  const changed = Float64Array.from(x).map((each, i) => (i % 18 < 10 ? each : 99));
  // Steps 0 to 4 of both examples: 20 values of 36.
  const later = runModule(module, [9, 2], { x: changed }).value;
  for (const start of [0, 36]) assertClose(later.slice(start, start + 20), value.slice(start, start + 20));
  assert.deepEqual(
    convolution1d({ name: 's', filters: 4, size: 4, stride: 3, padding: 'same' })([10, 2]).outputShape,
    [4, 4],
  );
  assert.deepEqual(
    convolution1d({ name: 's', filters: 4, size: 4, padding: [2, 0] })([10, 2]).outputShape,
    [9, 4],
  );
});

test('a transposed convolution adds every pixel times the filter to the output', () => {
  const module = transposedConvolution({
    name: 't',
    filters: 3,
    size: [3, 2],
    stride: 2,
    padding: [[1, 0], 0],
    outputPadding: [1, 0],
    bias: true,
  });
  const { value, outputShape, x, parameters } = runModule(module, [3, 4, 2]);
  // (3 − 1) · 2 − 1 + 3 + 1 and (4 − 1) · 2 + 2
  assert.deepEqual(outputShape, [7, 8, 3]);
  const wanted = new Float64Array(2 * 7 * 8 * 3).map((_, i) => parameters['t.bias']![i % 3]!);
  for (let n = 0; n < 2; n++)
    for (let i = 0; i < 3; i++)
      for (let j = 0; j < 4; j++)
        for (let p = 0; p < 3; p++)
          for (let q = 0; q < 2; q++) {
            const [row, column] = [2 * i + p - 1, 2 * j + q];
            if (row < 0 || row >= 7 || column >= 8) continue;
            for (let c = 0; c < 2; c++)
              for (let m = 0; m < 3; m++)
                wanted[((n * 7 + row) * 8 + column) * 3 + m]! +=
                  x[((n * 3 + i) * 4 + j) * 2 + c]! *
                  parameters['t.weights']![((p * 2 + q) * 2 + c) * 3 + m]!;
          }
  assertClose(value, wanted);
});

test('convolutions refuse what does not fit', () => {
  assert.throws(
    () => convolution({ name: 'c', filters: 4, size: [5, 1] })([4, 4, 1]),
    refused(/^convolution "c": filter \(5, 1\) does not fit into an input of \(4, 4, 1\)/),
  );
  assert.throws(
    () => convolution({ name: 'c', filters: 4, size: 1, groups: 3 })([4, 4, 6]),
    refused(
      /^convolution "c": groups must divide channels and filters, got 3 groups, 6 channels and 4 filters$/,
    ),
  );
  assert.throws(
    () => convolution1d({ name: 's', filters: 4, size: 1 })([4, 4, 6]),
    refused(/^convolution1d "s": expected an input of \(length, channels\), got \(4, 4, 6\)$/),
  );
  assert.throws(
    () => depthwiseConvolution({ name: 'd', size: 1 })([4]),
    refused(/^depthwiseConvolution "d": expected an input of \(height, width, channels\), got \(4\)$/),
  );
  assert.throws(
    () => transposedConvolution({ name: 't', filters: 1, size: 2, padding: 3 })([2, 2, 1]),
    refused(/^transposedConvolution "t": .* the padding leaves \(-3, -3\); use less$/),
  );
});
