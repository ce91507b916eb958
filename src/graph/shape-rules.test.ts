import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../base/errors.ts';
import { type ConvolutionGeometry, fullGeometry } from './node.ts';
import { convolvedSize } from './shape-rules.ts';
import { apply, concat, iota, type Tensor } from './tensor.ts';
import { type Trace, trace } from './trace.ts';

const unit: ConvolutionGeometry = { stride: [1, 1], padding: [0, 0] };

/** Runs `body` within a trace. */
function within(body: (t: Trace) => void): void {
  trace((t) => {
    body(t);
    return { outputs: {} };
  });
}

test('every primitive has the shape and the element type of its definition', () => {
  within((t) => {
    const x = t.input('x', [2, 3, 4]);
    const whole = t.input('whole', [2, 3, 4], 'i32');
    const results: readonly (readonly [Tensor, readonly number[], string])[] = [
      [x.add(x), [2, 3, 4], 'f32'],
      [whole.multiply(2), [2, 3, 4], 'i32'],
      [x.less(0), [2, 3, 4], 'bool'],
      [whole.equal(whole), [2, 3, 4], 'bool'],
      [x.less(0).select(whole, 1), [2, 3, 4], 'i32'],
      [x.less(0).select(1, 0), [2, 3, 4], 'f32'],
      [x.cast('i32'), [2, 3, 4], 'i32'],
      [x.reshape([4, -1]), [4, 6], 'f32'],
      [x.transpose(), [4, 3, 2], 'f32'],
      [x.transpose([2, 0, 1]), [4, 2, 3], 'f32'],
      [x.broadcastTo([5, 2, 3, 4]), [5, 2, 3, 4], 'f32'],
      [x.slice([0, 1, 2], [1, 3, 4]), [1, 2, 2], 'f32'],
      [x.pad([1, 0, 0], [0, 2, 0]), [3, 5, 4], 'f32'],
      [concat([whole, whole.slice([0, 0, 0], [2, 3, 1])], 2), [2, 3, 5], 'i32'],
      [x.gather(whole), [2, 3, 4, 3, 4], 'f32'],
      [whole.gather(x.sum()), [3, 4], 'i32'],
      [x.sum([1]), [2, 4], 'f32'],
      [x.sum([1], true), [2, 1, 4], 'f32'],
      [x.mean(), [], 'f32'],
      [x.max([-1]), [2, 3], 'f32'],
      [x.reshape([6, 4]).matmul(x.reshape([4, 6])), [6, 6], 'f32'],
      [x.matmul(x.transpose([0, 2, 1])), [2, 3, 3], 'f32'],
      [x.matmul(x.reshape([1, 4, 6]).broadcastTo([5, 1, 4, 6])), [5, 2, 3, 6], 'f32'],
      [x.matmul(x.reshape([4, 6])), [2, 3, 6], 'f32'],
      [x.convolve1d(t.input('w', [2, 4, 5]), { padding: [2, 0] }), [2, 4, 5], 'f32'],
      [iota(t, [2, 3], 1), [2, 3], 'i32'],
      [t.key('k').normal([7]), [7], 'f32'],
      [whole.bitAnd(3).bitCount(), [2, 3, 4], 'i32'],
    ];
    for (const [tensor, shape, dtype] of results) {
      assert.deepEqual([tensor.shape, tensor.dtype], [shape, dtype], tensor.node.op);
    }
  });
});

test('a transposed convolution has the size from which the convolution leads back', () => {
  const geometry = {
    stride: [3, 2],
    padding: [[1, 0], 1],
    dilation: [2, 1],
    outputPadding: [2, 1],
  } as const;
  within((t) => {
    // (h − 1) · stride − padding + dilation · (k − 1) + 1 + output padding
    const y = t.input('x', [2, 5, 4, 3]).convolveTransposed(t.input('w', [3, 4, 3, 6]), geometry);
    assert.deepEqual(y.shape, [2, 4 * 3 - 1 + 4 + 1 + 2, 3 * 2 - 2 + 3 + 1 + 1, 6]);
    assert.deepEqual(convolvedSize([18, 9], [3, 4], geometry), [5, 4]);
  });
});

test('a convolution has an output pixel for every whole step of the filter', () => {
  assert.deepEqual(convolvedSize([32, 32], [3, 3], { stride: [1, 1], padding: [1, 1] }), [32, 32]);
  assert.deepEqual(convolvedSize([32, 32], [3, 3], { stride: [2, 2], padding: [1, 1] }), [16, 16]);
  assert.deepEqual(convolvedSize([7, 8], [3, 2], { stride: [3, 2], padding: [0, 1] }), [2, 5]);
  assert.deepEqual(
    convolvedSize([7, 8], [3, 2], {
      stride: [2, 2],
      padding: [
        [0, 3],
        [1, 0],
      ],
    }),
    [4, 4],
  );
  assert.deepEqual(
    convolvedSize([9, 9], [3, 2], { stride: [1, 2], padding: [0, 1], dilation: [2, 5] }),
    [5, 3],
  );
  within((t) => {
    const y = t
      .input('x', [5, 7, 8, 3])
      .convolve(t.input('w', [3, 2, 3, 6]), { stride: [3, 2], padding: [0, 1] });
    assert.deepEqual(y.shape, [5, 2, 5, 6]);
  });
});

const faults: Readonly<Record<string, readonly [build: (t: Trace) => unknown, message: string]>> = {
  'an input without elements': [
    (t) => t.input('x', [2, 0]),
    'input "x": sizes must be whole numbers from 1, got (2, 0)',
  ],
  'an input of half a row': [
    (t) => t.input('x', [1.5]),
    'input "x": sizes must be whole numbers from 1, got (1.5)',
  ],
  'random draws without elements': [
    (t) => t.key('k').uniform([0]),
    'uniform: sizes must be whole numbers from 1, got (0)',
  ],
  'more random draws than a stream has': [
    (t) => t.key('k').normal([2 ** 20, 2 ** 13]),
    'normal: a stream has 2^32 draws, (1048576, 8192) has more; take several streams, of keys with other names',
  ],
  'bits of masks': [
    (t) =>
      t
        .input('x', [2])
        .less(0)
        .bitAnd(t.input('x', [2]).less(1)),
    'bitAnd: expected i32, got bool; cast it',
  ],
  'bits of floats': [(t) => t.input('x', [2]).bitCount(), 'bitCount: expected i32, got f32; cast it'],
  'an index along a missing axis': [(t) => iota(t, [2, 3], 2), 'iota: axis 2 is outside a tensor of 2 axes'],
  'an index without elements': [(t) => iota(t, [0], 0), 'iota: sizes must be whole numbers from 1, got (0)'],
  'operands that do not broadcast': [
    (t) => t.input('x', [2, 3]).add(t.input('y', [4])),
    'add: shapes (2, 3) and (4) do not broadcast',
  ],
  'unequal shapes under the broadcast': [
    (t) => apply(t.builder, 'add', [t.input('x', [2]), t.input('y', [3])], {}),
    'add: shapes (2) and (3) differ',
  ],
  'mixed element types': [
    (t) => t.input('x', [2]).multiply(t.input('i', [2], 'i32')),
    'multiply: element types f32 and i32 differ; cast one of them',
  ],
  'arithmetic with bools': [
    (t) =>
      t
        .input('x', [2])
        .less(0)
        .maximum(t.input('x', [2]).less(1)),
    'maximum: expected numbers, got bool; cast it',
  ],
  'an order of bools': [
    (t) =>
      t
        .input('x', [2])
        .less(0)
        .less(t.input('x', [2]).less(1)),
    'less: expected numbers, got bool; cast it',
  ],
  'an exponential of integers': [
    (t) => t.input('i', [2], 'i32').exp(),
    'exp: expected f32, got i32; cast it',
  ],
  'a quotient of integers': [
    (t) => t.input('i', [2], 'i32').divide(2),
    'divide: expected f32, got i32; cast it',
  ],
  'a sum of integers': [(t) => t.input('i', [2], 'i32').sum(), 'sum: expected f32, got i32; cast it'],
  'a maximum of bools': [
    (t) => t.input('x', [2]).less(0).max(),
    'reduceMax: expected f32, got bool; cast it',
  ],
  'a condition that is no bool': [
    (t) => t.input('x', [2]).select(1, 0),
    'select: expected bool, got f32; cast it',
  ],
  'a condition of another shape': [
    (t) => apply(t.builder, 'select', [t.input('c', [3]).less(0), t.input('x', [2]), t.input('y', [2])], {}),
    'select: condition (3) and values (2) differ',
  ],
  'a reshape to another size': [
    (t) => t.input('x', [2, 3]).reshape([4]),
    'reshape: (2, 3) does not have as many elements as (4)',
  ],
  'a reshape whose open axis does not come out whole': [
    (t) => t.input('x', [10]).reshape([-1, 7]),
    `reshape: sizes must be whole numbers from 1, got (${10 / 7}, 7)`,
  ],
  'a fraction beside integers': [
    (t) => t.input('i', [2], 'i32').less(0.5),
    'constant: expected a whole number of 32 bits beside i32, got 0.5; cast the tensor to f32',
  ],
  'an order of too few axes': [
    (t) => t.input('x', [2, 3]).transpose([0]),
    'transpose: [0] does not order the axes of (2, 3)',
  ],
  'an order that repeats an axis': [
    (t) => t.input('x', [2, 3]).transpose([1, 1]),
    'transpose: [1, 1] does not order the axes of (2, 3)',
  ],
  'a stretch of an axis that is not 1': [
    (t) => t.input('x', [2, 3]).broadcastTo([4, 3]),
    'broadcast: (2, 3) does not stretch to (4, 3)',
  ],
  'a stretch to fewer axes': [
    (t) => t.input('x', [2, 3]).broadcastTo([3]),
    'broadcast: (2, 3) does not stretch to (3)',
  ],
  'a stretch to nothing': [
    (t) => t.input('x', [1]).broadcastTo([0]),
    'broadcast: sizes must be whole numbers from 1, got (0)',
  ],
  'a slice beyond the end': [
    (t) => t.input('x', [2, 3]).slice([0, 1], [2, 4]),
    'slice: [0, 1] to [2, 4] is outside (2, 3)',
  ],
  'an empty slice': [(t) => t.input('x', [2]).slice([1], [1]), 'slice: [1] to [1] is outside (2)'],
  'a slice of too few axes': [
    (t) => t.input('x', [2, 3]).slice([0], [2, 3]),
    'slice: [0] to [2, 3] is outside (2, 3)',
  ],
  'a slice at half an index': [
    (t) => t.input('x', [4]).slice([0.5], [2.5]),
    'slice: [0.5] to [2.5] is outside (4)',
  ],
  'a negative pad': [(t) => t.input('x', [2]).pad([-1], [0]), 'pad: [-1] and [0] do not fit (2)'],
  'a pad of too few axes': [(t) => t.input('x', [2, 3]).pad([0], [0]), 'pad: [0] and [0] do not fit (2, 3)'],
  'a table without rows': [
    (t) => t.input('x', []).gather(t.input('i', [2], 'i32')),
    'gather: the table must have rows, got a scalar ()',
  ],
  'indices that are bools': [
    (t) => t.input('x', [2]).gather(t.input('i', [2]).less(0)),
    'gather: expected indices of i32 or f32, got bool; cast them',
  ],
  'values for other indices': [
    (t) => apply(t.builder, 'scatterAdd', [t.input('i', [3], 'i32'), t.input('x', [2, 4])], { rows: 5 }),
    'scatterAdd: values (2, 4) must have a row for each of the indices (3)',
  ],
  'values that are integers': [
    (t) => apply(t.builder, 'scatterAdd', [t.input('i', [2], 'i32'), t.input('x', [2], 'i32')], { rows: 5 }),
    'scatterAdd: expected f32, got i32; cast it',
  ],
  'a sum into no rows': [
    (t) => apply(t.builder, 'scatterAdd', [t.input('i', [2], 'i32'), t.input('x', [2])], { rows: 0 }),
    'scatterAdd: sizes must be whole numbers from 1, got (0)',
  ],
  'a concatenation of nothing': [() => concat([], 0), 'concat: expected at least one tensor, got none'],
  'a concatenation along a missing axis': [
    (t) => concat([t.input('x', [2])], 1),
    'concat: axis 1 is outside a tensor of 1 axes',
  ],
  'a concatenation of different rows': [
    (t) => concat([t.input('x', [2, 3]), t.input('y', [3, 3])], 1),
    'concat: expected tensors of one element type that differ in axis 1 only, got f32 (2, 3), f32 (3, 3)',
  ],
  'a concatenation of different types': [
    (t) => concat([t.input('x', [2]), t.input('y', [3], 'i32')], 0),
    'concat: expected tensors of one element type that differ in axis 0 only, got f32 (2), i32 (3)',
  ],
  'a concatenation along an axis of a primitive’s own': [
    (t) => apply(t.builder, 'concat', [t.input('x', [2, 3])], { axis: 2 }),
    'concat: expected tensors of one element type that differ in axis 2 only, got f32 (2, 3)',
  ],
  'a sum over a missing axis': [
    (t) => t.input('x', [2]).sum([1]),
    'sum: axis 1 is outside a tensor of 1 axes',
  ],
  'a product of vectors': [
    (t) => t.input('x', [2]).matmul(t.input('w', [2, 2])),
    'matmul: the left matrix must have at least 2 axes, got (2)',
  ],
  'a product with a vector': [
    (t) => t.input('w', [2, 2]).matmul(t.input('x', [2])),
    'matmul: the right matrix must have at least 2 axes, got (2)',
  ],
  'a product of integers': [
    (t) => t.input('i', [2, 2], 'i32').matmul(t.input('w', [2, 2])),
    'matmul: expected f32, got i32; cast it',
  ],
  'matrices that do not chain': [
    (t) => t.input('x', [2, 3]).matmul(t.input('w', [4, 5])),
    'matmul: (2, 3) and (4, 5) do not chain',
  ],
  'stacks of matrices that do not chain': [
    (t) => t.input('x', [2, 2, 3]).matmul(t.input('w', [2, 4, 5])),
    'matmul: (2, 2, 3) and (2, 4, 5) do not chain',
  ],
  'stacks of different heights': [
    (t) => t.input('x', [2, 2, 3]).matmul(t.input('w', [3, 3, 5])),
    'matmul: shapes (2) and (3) do not broadcast',
  ],
  'stacks of different heights, as a primitive': [
    (t) => apply(t.builder, 'matmul', [t.input('x', [2, 2, 3]), t.input('w', [3, 3, 5])], { rows: [0, 3] }),
    'matmul: (2, 2, 3) and (3, 3, 5) do not chain',
  ],
  'a stack of vectors': [
    (t) => t.input('x', [2, 2, 3]).matmul(t.input('w', [3])),
    'matmul: the right matrix must have at least 2 axes, got (3)',
  ],
  'rows beyond the matrix': [
    (t) => t.input('x', [2, 3]).matmul(t.input('w', [3, 5]), [1, 4]),
    'matmul: rows 1 to 4 are outside a matrix of 3 rows',
  ],
  'no rows at all': [
    (t) => t.input('x', [2, 3]).matmul(t.input('w', [3, 5]), [1, 1]),
    'matmul: rows 1 to 1 are outside a matrix of 3 rows',
  ],
  'images without channels': [
    (t) => t.input('x', [2, 3, 4]).convolve(t.input('w', [1, 1, 4, 2]), unit),
    'convolution: images must have 4 axes, got (2, 3, 4)',
  ],
  'a filter that is a matrix': [
    (t) => t.input('x', [2, 3, 4, 1]).convolve(t.input('w', [1, 2]), unit),
    'convolution: the filter must have 4 axes, got (1, 2)',
  ],
  'rows beyond the filter': [
    (t) => t.input('x', [2, 3, 4, 1]).convolve(t.input('w', [2, 2, 1, 2]), unit, [0, 5]),
    'convolution: rows 0 to 5 are outside a matrix of 4 rows',
  ],
  'channels that do not fit': [
    (t) => t.input('x', [2, 3, 4, 1]).convolve(t.input('w', [2, 2, 3, 2]), unit),
    'convolution: images (2, 3, 4, 1) have 1 channels, filter (2, 2, 3, 2) expects 3',
  ],
  'a filter larger than its images': [
    (t) => t.input('x', [2, 3, 4, 1]).convolve(t.input('w', [5, 5, 1, 2]), unit),
    'convolution: filter (5, 5, 1, 2) does not fit into images (2, 3, 4, 1); add padding',
  ],
  'a stride of nothing': [
    (t) =>
      t.input('x', [2, 3, 4, 1]).convolve(t.input('w', [1, 1, 1, 2]), { stride: [0, 1], padding: [0, 0] }),
    'convolution: expected whole strides from 1 and paddings from 0, got strides (0, 1), paddings (0, 0)',
  ],
  'a negative padding': [
    (t) =>
      t.input('x', [2, 3, 4, 1]).convolve(t.input('w', [1, 1, 1, 2]), { stride: [1, 1], padding: [0, -1] }),
    'convolution: expected whole strides from 1 and paddings from 0, got strides (1, 1), paddings (0, -1)',
  ],
  'a negative padding on one side': [
    (t) =>
      t
        .input('x', [2, 3, 4, 1])
        .convolve(t.input('w', [1, 1, 1, 2]), { stride: [1, 1], padding: [[1, -1], 0] }),
    'convolution: expected whole strides from 1 and paddings from 0, got strides (1, 1), paddings (1+-1, 0)',
  ],
  'a dilation of nothing': [
    (t) => t.input('x', [2, 3, 4, 1]).convolve(t.input('w', [1, 1, 1, 2]), { ...unit, dilation: [1, 0] }),
    'convolution: expected whole dilations and groups from 1, got dilations (1, 0), 1 groups',
  ],
  'a dilated filter larger than its images': [
    (t) => t.input('x', [2, 3, 4, 1]).convolve(t.input('w', [2, 2, 1, 2]), { ...unit, dilation: [3, 3] }),
    'convolution: filter (2, 2, 1, 2) does not fit into images (2, 3, 4, 1); add padding',
  ],
  'groups that do not divide the channels': [
    (t) => t.input('x', [2, 3, 4, 5]).convolve(t.input('w', [1, 1, 2, 4]), { ...unit, groups: 2 }),
    'convolution: 2 groups need channels and outputs in multiples of 2, and a filter of 1/2 of the channels; got images (2, 3, 4, 5), filter (1, 1, 2, 4)',
  ],
  'groups that do not divide the outputs': [
    (t) => t.input('x', [2, 3, 4, 4]).convolve(t.input('w', [1, 1, 2, 3]), { ...unit, groups: 2 }),
    'convolution: 2 groups need channels and outputs in multiples of 2, and a filter of 1/2 of the channels; got images (2, 3, 4, 4), filter (1, 1, 2, 3)',
  ],
  'signals that are images': [
    (t) => t.input('x', [2, 3, 4, 1]).convolve1d(t.input('w', [1, 1, 1]), {}),
    'convolve1d: signals must have 3 axes, got (2, 3, 4, 1)',
  ],
  'a filter of signals that is one of images': [
    (t) => t.input('x', [2, 3, 4]).convolve1d(t.input('w', [1, 1, 4, 2]), {}),
    'convolve1d: the filter must have 3 axes, got (1, 1, 4, 2)',
  ],
  'signals with zeros above': [
    (t) => t.input('x', [2, 3, 4]).convolve(t.input('w', [1, 4, 2]), { ...unit, padding: [1, 0] }),
    'convolution: signals (2, 3, 4) have one row, which must not be padded',
  ],
  'transposed images without channels': [
    (t) => t.input('x', [2, 3, 4]).convolveTransposed(t.input('w', [1, 1, 4, 2]), unit),
    'transposedConvolution: images must have 4 axes, got (2, 3, 4)',
  ],
  'a transposed filter for other channels': [
    (t) => t.input('x', [2, 3, 4, 1]).convolveTransposed(t.input('w', [2, 2, 3, 2]), unit),
    'transposedConvolution: images (2, 3, 4, 1) have 1 channels, filter (2, 2, 3, 2) expects 3',
  ],
  'rows beyond a transposed filter': [
    (t) => t.input('x', [2, 3, 4, 1]).convolveTransposed(t.input('w', [2, 2, 1, 2]), unit, [3, 5]),
    'transposedConvolution: rows 3 to 5 are outside a matrix of 4 rows',
  ],
  'an output padding of a stride': [
    (t) =>
      t
        .input('x', [2, 3, 4, 1])
        .convolveTransposed(t.input('w', [2, 2, 1, 2]), { ...unit, stride: [2, 1], outputPadding: [2, 0] }),
    'transposedConvolution: expected whole output paddings from 0, smaller than the stride or the dilation, got (2, 0)',
  ],
  'a padding that leaves nothing': [
    (t) =>
      t.input('x', [2, 1, 4, 1]).convolveTransposed(t.input('w', [2, 2, 1, 2]), { ...unit, padding: [1, 1] }),
    'transposedConvolution: of images (2, 1, 4, 1) and filter (2, 2, 1, 2) the padding leaves nothing, (0, 3); use less',
  ],
  'a gradient that is no output of the convolution, for the images': [
    (t) =>
      apply(t.builder, 'convolutionInputGradient', [t.input('g', [2, 3, 3, 2]), t.input('w', [2, 2, 1, 2])], {
        ...fullGeometry(unit),
        imageShape: [2, 3, 4, 1],
      }),
    'convolutionInputGradient: gradient (2, 3, 3, 2) is not (2, 2, 3, 2)',
  ],
  'a gradient that is no output of the convolution, for the filter': [
    (t) =>
      apply(
        t.builder,
        'convolutionWeightGradient',
        [t.input('x', [2, 3, 4, 1]), t.input('g', [2, 3, 3, 2])],
        {
          ...fullGeometry(unit),
          filterShape: [2, 2, 1, 2],
        },
      ),
    'convolutionWeightGradient: gradient (2, 3, 3, 2) is not (2, 2, 3, 2)',
  ],
};

for (const [what, [build, message]] of Object.entries(faults)) {
  test(`${what}: refused, with what was expected`, () => {
    within((t) => assert.throws(() => build(t), new UsageError(message)));
  });
}
