import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../base/errors.ts';
import { normalFromWord, randomWord, threefry2x32, uniformFromWord } from '../base/random.ts';
import { interpret, roundHalfEven } from './interpret.ts';
import { apply, concat, constant, iota, type Tensor } from './tensor.ts';
import { type Trace, trace } from './trace.ts';

/** Values of `define` for x = 0, 1, 2, … in the given shape. */
function valuesOf(shape: readonly number[], define: (x: Tensor, t: Trace) => Tensor): number[] {
  const graph = trace((t) => ({ outputs: { y: define(t.input('x', shape), t) } }));
  const count = shape.reduce((product, size) => product * size, 1);
  return [...interpret(graph, { x: Array.from({ length: count }, (_, i) => i) }).outputs['y']!];
}

test('rounding goes to the nearest integer, ties to even', () => {
  const cases = [
    [0.5, 0],
    [1.5, 2],
    [2.5, 2],
    [-0.5, 0],
    [-1.5, -2],
    [-2.5, -2],
    [0.49999, 0],
    [2.50001, 3],
    [-1.2, -1],
  ] as const;
  for (const [x, expected] of cases) assert.equal(roundHalfEven(x) + 0, expected, String(x));
});

test('views move elements as their names say', () => {
  assert.deepEqual(
    valuesOf([2, 3], (x) => x.transpose()),
    [0, 3, 1, 4, 2, 5],
  );
  assert.deepEqual(
    valuesOf([2, 1, 2], (x) => x.transpose([2, 0, 1])),
    [0, 2, 1, 3],
  );
  assert.deepEqual(
    valuesOf([2, 1], (x) => x.broadcastTo([2, 3])),
    [0, 0, 0, 1, 1, 1],
  );
  assert.deepEqual(
    valuesOf([3, 3], (x) => x.slice([1, 0], [3, 2])),
    [3, 4, 6, 7],
  );
  assert.deepEqual(
    valuesOf([1, 2], (x) => x.add(1).pad([1, 0], [0, 1])),
    [0, 0, 0, 1, 2, 0],
  );
});

test('reductions run over their axes only', () => {
  assert.deepEqual(
    valuesOf([2, 3], (x) => x.sum([0])),
    [3, 5, 7],
  );
  assert.deepEqual(
    valuesOf([2, 3], (x) => x.mean([1])),
    [1, 4],
  );
  assert.deepEqual(
    valuesOf([2, 3], (x) => x.negate().max([1])),
    [-0, -3],
  );
});

test('integers wrap, casts truncate, and a bool is whether a number differs from zero', () => {
  assert.deepEqual(
    valuesOf([2], (x) => x.cast('i32').add(2 ** 31 - 1)),
    [2 ** 31 - 1, -(2 ** 31)],
  );
  assert.deepEqual(
    valuesOf([2], (x) =>
      x
        .cast('i32')
        .multiply(2 ** 30)
        .multiply(6),
    ),
    [0, -(2 ** 31)],
  );
  assert.deepEqual(
    valuesOf([3], (x) => x.subtract(1).multiply(1.7).cast('i32')),
    [-1, 0, 1],
  );
  assert.deepEqual(
    valuesOf([3], (x) => x.multiply(0.25).cast('bool')),
    [0, 1, 1],
  );
  assert.deepEqual(
    valuesOf([3], (x) => x.cast('i32').cast('bool').cast('f32')),
    [0, 1, 1],
  );
});

test('a matrix product over rows equals the product of the slices', () => {
  assert.deepEqual(
    valuesOf([2, 3], (x) => x.matmul(x.transpose(), [1, 3])),
    valuesOf([2, 3], (x) => x.slice([0, 1], [2, 3]).matmul(x.transpose().slice([1, 0], [3, 2]))),
  );
  assert.deepEqual(
    valuesOf([2, 3], (x) => x.matmul(x.transpose())),
    [5, 14, 14, 50],
  );
});

test('a product of stacks is the product of each pair of matrices', () => {
  const right = (x: Tensor): Tensor => x.reshape([2, 3, 2]).add(1);
  const whole = valuesOf([2, 2, 3], (x) => x.matmul(right(x), [1, 3]));
  const pair = (k: number): number[] =>
    valuesOf([2, 2, 3], (x) => {
      const of = (y: Tensor): Tensor =>
        y.slice([k, 0, 0], [k + 1, ...y.shape.slice(1)]).reshape(y.shape.slice(1));
      return of(x).matmul(of(right(x)), [1, 3]);
    });
  assert.deepEqual(whole, [...pair(0), ...pair(1)]);
  assert.deepEqual(
    valuesOf([2, 2, 3], (x) => x.matmul(right(x).slice([1, 0, 0], [2, 3, 2]))),
    valuesOf([2, 2, 3], (x) => x.matmul(right(x).slice([1, 0, 0], [2, 3, 2]).reshape([3, 2]))),
  );
});

test('a convolution is a cross-correlation with zeros around the image', () => {
  // [0 1 2] with the filter [1, 10]: pads 0, so 0·1 + 0·10, 0·1 + 1·10, 1·1 + 2·10, 2·1 + 0·10.
  const geometry = { stride: [1, 1], padding: [0, 1] } as const;
  assert.deepEqual(
    valuesOf([1, 1, 3, 1], (x, t) =>
      x.convolve(iota(t, [1, 2, 1, 1], 1).cast('f32').multiply(9).add(1), geometry),
    ),
    [0, 10, 21, 2],
  );
});

test('a 1x1 convolution is a matrix product over pixels', () => {
  const filter = (t: Trace): Tensor =>
    iota(t, [2, 3], 1)
      .add(iota(t, [2, 3], 0))
      .cast('f32');
  assert.deepEqual(
    valuesOf([2, 2, 3, 2], (x, t) =>
      x.convolve(filter(t).reshape([1, 1, 2, 3]), { stride: [1, 1], padding: [0, 0] }),
    ),
    valuesOf([2, 2, 3, 2], (x, t) => x.reshape([12, 2]).matmul(filter(t))),
  );
});

test('a concatenation puts its parts one behind the other', () => {
  assert.deepEqual(
    valuesOf([2, 2], (x) => concat([x, x.slice([0, 1], [2, 2]).negate()], -1)),
    [0, 1, -1, 2, 3, -3],
  );
  assert.deepEqual(
    valuesOf([1, 2, 1], (x) => concat([x, x.add(5), x], 0)),
    [0, 1, 5, 6, 0, 1],
  );
});

test('indices look up rows of a table; beyond its ends they stand for the last and the first', () => {
  const at =
    (...indices: readonly number[]) =>
    (x: Tensor): Tensor =>
      x.gather(
        concat(
          indices.map((index) => constant(x, index).reshape([1])),
          0,
        ),
      );
  assert.deepEqual(valuesOf([3, 2], at(2, 0, 2)), [4, 5, 0, 1, 4, 5]);
  assert.deepEqual(valuesOf([3], at(-1, -0.5, 0.9, 1.99, 2, 3, 1e30, Number.NaN)), [0, 0, 0, 1, 2, 2, 2, 0]);
  assert.deepEqual(
    valuesOf([3, 2], (x) => x.gather(constant(x, 1, 'i32'))),
    [2, 3],
  );
});

test('what belongs to equal indices is added up', () => {
  assert.deepEqual(
    valuesOf([4, 2], (x, t) =>
      apply(t.builder, 'scatterAdd', [iota(t, [2, 2], 1).multiply(5), x.reshape([2, 2, 2])], { rows: 3 }),
    ),
    [4, 6, 0, 0, 8, 10],
  );
});

/** A filter of small whole numbers. */
const counted = (t: Trace, shape: readonly number[]): Tensor =>
  iota(t, [shape.reduce((product, size) => product * size, 1)], 0)
    .cast('f32')
    .multiply(7)
    .cos()
    .multiply(9)
    .round()
    .reshape(shape);

test('uneven margins are zeros put around the images before', () => {
  const margins = [
    [2, 1],
    [0, 3],
  ] as const;
  assert.deepEqual(
    valuesOf([1, 4, 5, 2], (x, t) =>
      x.convolve(counted(t, [3, 2, 2, 3]), { stride: [2, 1], padding: margins }),
    ),
    valuesOf([1, 4, 5, 2], (x, t) =>
      x
        .pad([0, 2, 0, 0], [0, 1, 3, 0])
        .convolve(counted(t, [3, 2, 2, 3]), { stride: [2, 1], padding: [0, 0] }),
    ),
  );
});

test('a dilated convolution is one by a filter with zeros between its elements', () => {
  const spaced = (filter: Tensor): Tensor =>
    filter
      .reshape([2, 1, 3, 1, 2, 2])
      .pad([0, 0, 0, 0, 0, 0], [0, 2, 0, 1, 0, 0])
      .reshape([6, 6, 2, 2])
      .slice([0, 0, 0, 0], [4, 5, 2, 2]);
  assert.deepEqual(
    valuesOf([1, 6, 7, 2], (x, t) =>
      x.convolve(counted(t, [2, 3, 2, 2]), { stride: [1, 2], padding: [1, 1], dilation: [3, 2] }),
    ),
    valuesOf([1, 6, 7, 2], (x, t) =>
      x.convolve(spaced(counted(t, [2, 3, 2, 2])), { stride: [1, 2], padding: [1, 1] }),
    ),
  );
});

test('each group of a convolution is a convolution of its own share of the channels', () => {
  const geometry = { stride: [1, 1], padding: [1, 0] } as const;
  const rows = [3, 10] as const;
  const grouped = valuesOf([1, 3, 4, 6], (x, t) =>
    x.convolve(counted(t, [2, 3, 2, 6]), { ...geometry, groups: 3 }, rows),
  );
  for (const group of [0, 1, 2]) {
    const share = valuesOf([1, 3, 4, 6], (x, t) =>
      x
        .slice([0, 0, 0, 2 * group], [1, 3, 4, 2 * group + 2])
        .convolve(
          counted(t, [2, 3, 2, 6]).slice([0, 0, 0, 2 * group], [2, 3, 2, 2 * group + 2]),
          geometry,
          rows,
        ),
    );
    const own = grouped.filter((_, i) => Math.floor((i % 6) / 2) === group);
    assert.deepEqual(own, share);
  }
});

test('a convolution of signals is one of images of one row', () => {
  assert.deepEqual(
    valuesOf([2, 5, 4], (x, t) =>
      x.convolve1d(counted(t, [2, 2, 6]), { stride: 2, padding: [1, 2], dilation: 3, groups: 2 }, [1, 4]),
    ),
    valuesOf([2, 5, 4], (x, t) =>
      x
        .reshape([2, 1, 5, 4])
        .convolve(
          counted(t, [1, 2, 2, 6]),
          { stride: [1, 2], padding: [0, [1, 2]], dilation: [1, 3], groups: 2 },
          [1, 4],
        ),
    ),
  );
  // Causal, all defaults: [0 1 2] with the filter [1, 10].
  assert.deepEqual(
    valuesOf([1, 3, 1], (x, t) =>
      x.convolve1d(iota(t, [2, 1, 1], 0).cast('f32').multiply(9).add(1), { padding: [1, 0] }),
    ),
    [0, 10, 21],
  );
});

test('a transposed convolution is one of the images with zeros between their pixels, by the filter turned round', () => {
  const [stride, dilation, margin, extra] = [3, 2, [1, 2], 1] as const;
  const kernel = [2, 3] as const;
  const geometry = {
    stride: [stride, stride],
    padding: [margin, margin],
    dilation: [dilation, dilation],
  } as const;
  const spaced = (x: Tensor): Tensor =>
    x
      .reshape([2, 3, 1, 4, 1, 2])
      .pad([0, 0, 0, 0, 0, 0], [0, 0, stride - 1, 0, stride - 1, 0])
      .reshape([2, 3 * stride, 4 * stride, 2])
      .slice([0, 0, 0, 0], [2, 3 * stride - 2, 4 * stride - 2, 2]);
  const turned = (filter: Tensor): Tensor =>
    filter
      .reshape([6, 2, 3])
      .gather(iota(filter, [6], 0).multiply(-1).add(5))
      .reshape([2, 3, 2, 3]);
  const around = (size: number): readonly [number, number] => {
    const reach = dilation * (size - 1);
    return [reach - margin[0], reach - margin[1] + extra];
  };
  const direct = valuesOf([2, 3, 4, 2], (x, t) =>
    x.convolveTransposed(counted(t, [2, 3, 2, 3]), { ...geometry, outputPadding: [extra, extra] }),
  );
  assert.deepEqual(
    direct,
    valuesOf([2, 3, 4, 2], (x, t) => {
      const [before, after] = [kernel[0], kernel[1]].map(around) as [
        readonly [number, number],
        readonly [number, number],
      ];
      return spaced(x)
        .pad([0, before[0], after[0], 0], [0, before[1], after[1], 0])
        .convolve(turned(counted(t, [2, 3, 2, 3])), { ...geometry, stride: [1, 1], padding: [0, 0] });
    }),
  );
});

test('a transposed convolution is the sum of those over parts of its rows, group by group', () => {
  const geometry = { stride: [2, 1], padding: [1, 0], groups: 2 } as const;
  const over = (x: Tensor, t: Trace, rows?: readonly [number, number]): Tensor =>
    x.convolveTransposed(counted(t, [3, 2, 2, 4]), geometry, rows);
  assert.deepEqual(
    valuesOf([1, 3, 3, 4], (x, t) => over(x, t)),
    valuesOf([1, 3, 3, 4], (x, t) =>
      over(x, t, [0, 5])
        .add(over(x, t, [5, 6]))
        .add(over(x, t, [6, 12])),
    ),
  );
  const whole = valuesOf([1, 3, 3, 4], (x, t) => over(x, t));
  for (const group of [0, 1]) {
    const own = valuesOf([1, 3, 3, 4], (x, t) =>
      x
        .slice([0, 0, 0, 2 * group], [1, 3, 3, 2 * group + 2])
        .convolveTransposed(counted(t, [3, 2, 2, 4]).slice([0, 0, 0, 2 * group], [3, 2, 2, 2 * group + 2]), {
          stride: [2, 1],
          padding: [1, 0],
        }),
    );
    assert.deepEqual(
      whole.filter((_, i) => Math.floor((i % 4) / 2) === group),
      own,
    );
  }
});

test('random element i is draw i of the stream under the key', () => {
  const graph = trace((t) => {
    const key = t.key('k').derive('stream');
    return { outputs: { uniform: key.uniform([2, 2]), normal: key.normal([4]) } };
  });
  const { outputs } = interpret(graph, { 'k.0': [11], 'k.1': [22] });
  const { stream } = trace((t) => ({ outputs: { stream: t.key('k').derive('stream').uniform([1]) } }))
    .outputs['stream']!.attributes as { stream: readonly [number, number] };
  const key = threefry2x32(11, 22, stream[0], stream[1]);
  for (let i = 0; i < 4; i++) {
    const word = randomWord(key, i);
    assert.equal(outputs['uniform']![i], uniformFromWord(word));
    assert.equal(outputs['normal']![i], normalFromWord(word));
  }
});

test('outputs and updates are told apart', () => {
  const graph = trace((t) => {
    const w = t.state('w', [2]);
    return { outputs: { w: w.add(1) }, updates: { w: w.multiply(2) } };
  });
  assert.deepEqual(interpret(graph, { w: [1, 2] }), {
    outputs: { w: Float64Array.of(2, 3) },
    updates: { w: Float64Array.of(2, 4) },
  });
});

test('missing and ill-fitting values are refused by name', () => {
  const graph = trace((t) => ({ outputs: { y: t.input('x', [2, 3]).multiply(t.scalar('rate')) } }));
  assert.throws(() => interpret(graph, { rate: [1] }), new UsageError('interpret: no value for input "x"'));
  assert.throws(
    () => interpret(graph, { x: new Float32Array(6) }),
    new UsageError('interpret: no value for scalar "rate"'),
  );
  assert.throws(
    () => interpret(graph, { x: [1], rate: [1] }),
    new UsageError('interpret: "x" needs 6 values, got 1'),
  );
});
