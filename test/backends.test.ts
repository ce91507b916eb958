// Every backend against the float64 interpreter, primitive by primitive. Many cases share one graph, because a graph
// costs one compilation. Products have a file of their own.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { elementCount, type Shape } from '../src/base/shape.ts';
import { type Engine, engineOn } from '../src/engine.ts';
import { constant, iota, type Tensor } from '../src/graph/tensor.ts';
import type { Traced } from '../src/graph/trace.ts';
import { assertAgrees, backends, runSample, type Sample, type SampleTrace, sample } from './compare.ts';

type Results = Record<string, Tensor>;

/** Scalars, single elements, fractions and multiples of every vector width, six axes. */
const SHAPES: readonly Shape[] = [[], [1], [3], [16], [5, 7], [1, 33], [2, 1, 3, 2, 5, 2], [64, 65]];

function elementwise(t: SampleTrace): Results {
  const results: Results = {};
  for (const shape of SHAPES) {
    const [x, y] = [t.normals(shape), t.normals(shape)];
    const positive = t.uniforms(shape, 0.01, 30);
    const wide = t.uniforms(shape, -20, 20);
    const quarters = t.integers(shape, -20, 20).cast('f32').multiply(0.25);
    const all: Results = {
      negate: x.negate(),
      abs: x.abs(),
      exp: wide.exp(),
      log: positive.log(),
      sqrt: positive.sqrt(),
      tanh: x.tanh(),
      cos: wide.cos(),
      sigmoid: x.sigmoid(),
      floor: quarters.floor(),
      round: quarters.round(),
      add: x.add(y),
      subtract: x.subtract(y),
      multiply: x.multiply(y),
      divide: x.divide(positive),
      maximum: x.maximum(y),
      minimum: x.minimum(y),
      relu: x.relu(),
      clip: x.clip(-0.5, 1),
      less: x.less(y),
      lessEqual: quarters.lessEqual(1.25),
      equal: quarters.equal(0.5),
      select: quarters.less(0.5).select(x, y),
      number: x.less(y).select(1, -1),
    };
    for (const [name, tensor] of Object.entries(all)) results[`${name} (${shape})`] = tensor;
  }
  return results;
}

function integers(t: SampleTrace): Results {
  const results: Results = {};
  for (const shape of SHAPES) {
    const [i, j] = [t.integers(shape, -1000, 1000), t.integers(shape, -5, 5)];
    const large = t.integers(shape, -(2 ** 30), 2 ** 30);
    const x = t.uniforms(shape, -300, 300);
    const all: Results = {
      add: large.add(large),
      subtract: i.subtract(j),
      multiply: large.multiply(i),
      maximum: i.maximum(j),
      minimum: i.minimum(j),
      less: i.less(j),
      lessEqual: j.lessEqual(0),
      equal: j.equal(2),
      select: j.equal(2).select(i, large),
      toFloat: i.cast('f32'),
      truncate: x.cast('i32'),
      'bool of f32': t.integers(shape, -1, 2).cast('f32').multiply(0.25).cast('bool'),
      'bool of i32': j.cast('bool'),
      'f32 of bool': j.less(0).cast('f32'),
      'i32 of bool': j.less(0).cast('i32'),
      'equality of bools': j.less(0).equal(i.less(0)),
    };
    for (const [name, tensor] of Object.entries(all)) results[`${name} (${shape})`] = tensor;
    for (const axis of shape.keys()) results[`iota ${axis} (${shape})`] = iota(t, shape, axis).add(j);
  }
  return results;
}

function specialValues(t: SampleTrace): Results {
  const special = [
    0,
    -0,
    1,
    -1,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    Number.NaN,
    2.5,
    -2.5,
    1e15,
  ];
  const x = t.values([10, 1], special).broadcastTo([10, 10]);
  const y = t.values([1, 10], special).broadcastTo([10, 10]);
  return {
    add: x.add(y),
    multiply: x.multiply(y),
    divide: x.divide(y),
    maximum: x.maximum(y),
    minimum: x.minimum(y),
    less: x.less(y),
    lessEqual: x.lessEqual(y),
    equal: x.equal(y),
    relu: x.relu(),
    abs: x.abs(),
    negate: x.negate(),
    floor: x.floor(),
    round: x.round(),
    sqrt: x.sqrt(),
    bool: x.cast('bool'),
    infinity: x.add(constant(t, Number.POSITIVE_INFINITY)),
    'minus infinity': x.add(constant(t, Number.NEGATIVE_INFINITY)),
  };
}

function views(t: SampleTrace): Results {
  const x = t.normals([4, 6, 10]);
  const six = t.normals([2, 3, 1, 4, 5, 2]);
  const row = t.normals([17]);
  return {
    'matrix transposed': t.normals([37, 21]).transpose().add(1),
    'axes rotated': x.transpose([2, 0, 1]).add(1),
    'six axes reversed': six.transpose().add(1),
    'six axes reordered': six.transpose([5, 0, 3, 2, 4, 1]).multiply(2),
    'transposed and regrouped': x.transpose([1, 0, 2]).reshape([8, 30]).add(1),
    'regrouped and transposed': x.reshape([5, 48]).transpose().reshape([10, 24]).add(1),
    'sliced columns': t.normals([9, 100]).slice([0, 3], [9, 4]).add(1),
    'sliced rows and columns': x.slice([1, 2, 3], [3, 6, 8]).add(1),
    'slice of a transposition': x.transpose().slice([1, 1, 1], [9, 5, 3]).add(1),
    'one element': x.slice([2, 3, 4], [3, 4, 5]).reshape([]).add(1),
    'stretched rows': row.reshape([17, 1]).broadcastTo([17, 19]).multiply(2),
    'stretched columns': row.broadcastTo([3, 5, 17]).multiply(2),
    'stretched, transposed, cut': row
      .reshape([1, 17, 1])
      .broadcastTo([3, 17, 5])
      .transpose([2, 1, 0])
      .slice([1, 3, 0], [4, 11, 2])
      .add(1),
    'stretched scalar': t
      .normals([])
      .broadcastTo([3, 5])
      .add(t.normals([3, 1])),
    'joined and stretched': x.sum([1], true).broadcastTo([4, 6, 10]).multiply(x),
    'padded vector': row.pad([3], [5]),
    'padded matrix': t.normals([5, 7]).add(1).pad([1, 0], [2, 3]),
    'padded six axes': six.pad([0, 1, 2, 0, 0, 1], [1, 0, 0, 3, 0, 0]).multiply(2),
    'padded transposition': x.transpose().pad([0, 0, 1], [1, 0, 0]),
    'padded integers': t.integers([5, 7], -9, 9).pad([1, 1], [1, 1]),
    'a pad of a pad': t.normals([4]).pad([1], [0]).reshape([1, 5]).pad([1, 0], [0, 1]),
    'a long vector': t.normals([40_003]).multiply(2),
    'view of a reduction': x.sum([2]).transpose().exp(),
    'views of one value': x.reshape([24, 10]).add(x.transpose([1, 0, 2]).reshape([24, 10])),
  };
}

/** Every set of axes of `shape` but the empty one; of six axes, those that alternate. */
function axisSets(shape: Shape): number[][] {
  if (shape.length === 6)
    return [
      [0, 2, 4],
      [1, 3, 5],
      [0, 1, 5],
      [2, 3],
    ];
  return Array.from({ length: 2 ** shape.length - 1 }, (_, bits) =>
    [...shape.keys()].filter((axis) => ((bits + 1) >> axis) & 1),
  );
}

function reductions(t: SampleTrace): Results {
  const results: Results = {};
  for (const shape of [[19], [3, 5], [2, 17, 3], [3, 5, 4, 7], [2, 3, 4, 3, 2, 5]] as const) {
    const x = t.uniforms(shape, 0.5, 1.5);
    const y = t.normals(shape);
    for (const axes of axisSets(shape)) {
      results[`sum [${axes}] of (${shape})`] = x.sum(axes, true);
      results[`max [${axes}] of (${shape})`] = y.max(axes);
    }
  }
  const x = t.normals([6, 10, 4]);
  return {
    ...results,
    'of a transposition': x.transpose([2, 0, 1]).square().sum([1]),
    'of a stretched value': t
      .uniforms([6, 1, 4], 0, 1)
      .broadcastTo([6, 10, 4])
      .multiply(x.square())
      .sum([0, 2]),
    'of a slice': x.slice([1, 0, 1], [5, 9, 4]).exp().sum([0]),
    'of random draws': t.key('noise').derive('reduced').uniform([31, 7]).sum([0]),
    'of a single element': t.normals([1, 1]).add(1).sum(),
    'of nothing but ones': t.normals([1, 5, 1]).exp().sum([0, 2]),
    mean: x.abs().mean([0, 2]),
    'softmax of rows': x.exp().divide(x.exp().sum([2], true)),
  };
}

/** Sums that are shared out among chunks, and such that cannot be: sizes are primes, products of primes and powers. */
function longReductions(t: SampleTrace): Results {
  const results: Results = {};
  const shapes: readonly Shape[] = [
    [16_385],
    [40_009],
    [20_000],
    [65_536],
    [2, 17_011],
    [17_011, 2],
    [19, 1009],
    [1009, 19],
    [3, 7001, 2],
    [131, 3, 67],
    [4, 33, 5, 41],
  ];
  for (const shape of shapes) {
    const x = t.uniforms(shape, 0.5, 1.5);
    for (const axes of axisSets(shape)) {
      results[`sum [${axes}] of (${shape})`] = x.sum(axes);
      results[`max [${axes}] of (${shape})`] = x.max(axes);
    }
  }
  const x = t.uniforms([50, 401], 0.5, 1.5);
  return {
    ...results,
    'long, of an expression': x
      .multiply(t.uniforms([401], 0, 1))
      .exp()
      .sum(),
    'long, a mean over rows': x.square().mean([0]),
  };
}

function randomDraws(t: SampleTrace): Results {
  const key = t.key('noise');
  const results: Results = {};
  for (const shape of [...SHAPES, [100_003]]) {
    results[`uniform (${shape})`] = key.derive('uniform', elementCount(shape)).uniform(shape);
    results[`normal (${shape})`] = key.derive('normal', elementCount(shape)).normal(shape);
  }
  return {
    ...results,
    'normal, transposed': key.normal([5, 7]).transpose().add(1),
    'uniform, cut': key.uniform([50]).slice([7], [31]).add(1),
  };
}

const batches: Readonly<Record<string, (t: SampleTrace) => Results>> = {
  'elementwise operations': elementwise,
  'integers, bools and casts': integers,
  'infinities, NaN and signed zeros': specialValues,
  'views and pads': views,
  'reductions over every set of axes': reductions,
  'long reductions over every set of axes': longReductions,
  'random draws': randomDraws,
};

const stateCases: Readonly<Record<string, (t: SampleTrace) => Traced>> = {
  'updates in place, of each other': (t) => {
    const [w, v] = [t.normalState('w', [33]), t.normalState('v', [33])];
    const velocity = v.multiply(0.9).add(t.normals([33]));
    return {
      outputs: { norm: w.square().sum() },
      updates: { w: w.subtract(velocity.multiply(0.1)), v: velocity },
    };
  },
  'two states that change places': (t) => {
    const [a, b] = [t.normalState('a', [5, 7]), t.normalState('b', [5, 7])];
    return { outputs: {}, updates: { a: b, b: a } };
  },
  'three states in a ring, one of them changed': (t) => {
    const [a, b, c] = [t.normalState('a', [19]), t.normalState('b', [19]), t.normalState('c', [19])];
    return { outputs: { old: a }, updates: { a: b, b: c, c: a.multiply(2) } };
  },
  'a state that takes another’s value before that changes': (t) => {
    const a = t.normalState('a', [40]);
    t.normalState('b', [40]);
    return { outputs: {}, updates: { a: a.add(1), b: a } };
  },
  'an update that reads a state which another update overwrites': (t) => {
    const [a, b] = [t.normalState('a', [8, 8]), t.normalState('b', [8, 8])];
    return { outputs: { product: a.matmul(b) }, updates: { a: a.add(b), b: b.multiply(a.transpose()) } };
  },
  'an old value as output, with and without a new one': (t) => {
    const [a, b] = [t.normalState('a', [9]), t.normalState('b', [9])];
    const next = a.add(1);
    return { outputs: { old: a, next, other: b }, updates: { a: next, b: b.negate() } };
  },
  'one value as two outputs and two updates': (t) => {
    const [a, b] = [t.normalState('a', [9]), t.normalState('b', [9])];
    const next = a.multiply(b);
    return { outputs: { x: next, y: next }, updates: { a: next, b: next } };
  },
  'inputs, scalars and constants as outputs and updates': (t) => {
    const a = t.normalState('a', [3]);
    t.normalState('b', []);
    const x = t.normals([3]);
    const rate = t.givenScalar('rate', 0.3);
    return { outputs: { x, again: x, rate, two: constant(t, 2), a }, updates: { a: x, b: rate } };
  },
  'an update at other places than it reads': (t) => {
    const a = t.normalState('a', [6, 6]);
    const shifted = a.slice([1, 0], [6, 6]).pad([0, 0], [1, 0]);
    return {
      outputs: { sum: a.sum() },
      updates: {
        a: a
          .transpose()
          .add(shifted)
          .add(a.mean([0])),
      },
    };
  },
  'a state that is transposed': (t) => ({
    outputs: {},
    updates: { a: t.normalState('a', [20, 20]).transpose() },
  }),
  'a state that others see transposed': (t) => {
    const a = t.normalState('a', [20, 20]);
    return { outputs: { y: a.transpose(), z: a.add(a.transpose().exp()) }, updates: { a: a.add(1) } };
  },
  'a state that is limited by its own deviation': (t) => {
    const a = t.normalState('a', [13, 7]);
    const next = a.subtract(t.normals([13, 7]).multiply(0.1));
    const limit = next.square().mean().sqrt();
    return { outputs: {}, updates: { a: next.clip(limit.negate(), limit) } };
  },
  'a state that is still needed when its new value is known': (t) => {
    const a = t.normalState('a', [50]);
    const next = a.multiply(0.5).add(1);
    return { outputs: { y: next.exp().sum().add(a) }, updates: { a: next } };
  },
  'a state that stays': (t) => {
    const a = t.normalState('a', [5]);
    return { outputs: { twice: a.multiply(2) }, updates: { a } };
  },
};

const engines = new Map<string, Engine>();
before(async () => {
  for (const { name, start } of backends) engines.set(name, engineOn(await start(2)));
});
after(async () => {
  for (const engine of engines.values()) await engine.close();
});

for (const [what, define] of Object.entries(batches)) {
  const given: { sample?: Sample } = {};
  for (const { name } of backends) {
    test(`${name} agrees with the interpreter: ${what}`, async () => {
      given.sample ??= sample((t) => ({ outputs: define(t) }));
      await assertAgrees(engines.get(name)!, given.sample);
    });
  }
}

/** All the cases in one graph, under names of their own. */
const allStateCases = (t: SampleTrace): Traced => {
  const outputs: Results = {};
  const updates: Results = {};
  for (const [what, define] of Object.entries(stateCases)) {
    const under = (name: string): string => `${what}: ${name}`;
    const own: Traced = define({
      ...t,
      normalState: (name, shape) => t.normalState(under(name), shape),
      givenScalar: (name, value) => t.givenScalar(under(name), value),
    });
    for (const [name, tensor] of Object.entries(own.outputs)) outputs[under(name)] = tensor;
    for (const [name, tensor] of Object.entries(own.updates ?? {})) updates[under(name)] = tensor;
  }
  return { outputs, updates };
};

for (const { name } of backends) {
  test(`${name} agrees with the interpreter: states, all cases in one graph`, () =>
    assertAgrees(engines.get(name)!, sample(allStateCases)));
}

// One by one only where that costs no C compilation; the order of copies is the compiler's work, not the backend's.
for (const [what, define] of Object.entries(stateCases)) {
  test(`wasm agrees with the interpreter: ${what}`, () => assertAgrees(engines.get('wasm')!, sample(define)));
}

test('uniform draws are those of the interpreter exactly', async () => {
  const given = sample((t) => ({ outputs: { draws: t.key('noise').derive('exact').uniform([10_007]) } }));
  for (const engine of engines.values()) {
    assert.deepEqual((await runSample(engine, given)).outputs, given.expected.outputs, engine.backend.name);
  }
});

test('elementary functions and random draws have the same bits on every backend', {
  skip: backends.length > 1 ? false : 'no C compiler found',
}, async () => {
  const given = sample((t) => {
    const [x, positive] = [t.normals([10_007], 20), t.uniforms([10_007], 0, 100)];
    const key = t.key('noise');
    return {
      outputs: {
        exp: x.exp(),
        log: positive.log(),
        tanh: x.tanh(),
        cos: x.cos(),
        sqrt: positive.sqrt(),
        divide: x.divide(positive),
        uniform: key.uniform([10_007]),
        normal: key.normal([10_007]),
      },
    };
  });
  const [first, ...others] = await Promise.all(
    [...engines.values()].map((engine) => runSample(engine, given)),
  );
  for (const other of others) assert.deepEqual(other.outputs, first!.outputs);
});

test('a view of far apart elements does not load what lies beyond them', async () => {
  const size = 3_000_000;
  const given = sample((t) => {
    const x = t.values([2, size], new Float32Array(2 * size).fill(1));
    return {
      outputs: { y: x.slice([0, 5], [2, 6]).multiply(2), z: x.transpose().slice([7, 0], [8, 2]).add(1) },
    };
  });
  for (const engine of engines.values()) await assertAgrees(engine, given);
});
