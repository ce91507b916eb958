// Plans of small graphs: their text, and where results and states are written.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constant, type Tensor } from '../graph/tensor.ts';
import { type Trace, type Traced, trace } from '../graph/trace.ts';
import { type Plan, printPlan } from './backend.ts';
import { compile } from './compile.ts';

const planOf = (define: (t: Trace) => Traced, lanes = 4): Plan =>
  compile(trace(define), { lanes, registers: 16 });

/** `kernel(buffers)` of every launch. */
function launchesOf(define: (t: Trace) => Traced): string[] {
  return printPlan(planOf(define))
    .split('\n')
    .filter((line) => line.startsWith('launch '))
    .map((line) => line.slice('launch '.length).replaceAll(/_\d+\(/g, '('));
}

test('the plan of a reduction and an update in place', () => {
  const plan = planOf((t) => {
    const w = t.state('w', [2, 5]);
    const step = t.input('step', [5]).multiply(t.scalar('rate'));
    return { outputs: { largest: w.max() }, updates: { w: w.subtract(step) } };
  });
  assert.equal(
    printPlan(plan),
    `plan: 4 launches of 4 kernels, arena 32 elements
state w f32 (2, 5)
input step f32 (5)
output largest f32 ()
scalar 0 rate f32
launch reduce_0(arena+0, w)
launch map_1(largest, arena+0)
launch map_2(arena+0, step)
launch map_3(w, arena+0)
kernel reduce_0: 1 chunks, 4 lanes, 2 buffers
  v0 = -Infinity:f32
  var v1 = v0
  v2 = b1[0] vector:f32
  v3 = maximum(v1, v2)
  v4 = equal(v1, v1)
  v5 = select(v4, v3, v1)
  v1 := v5
  v6 = b1[4] vector:f32
  v7 = maximum(v1, v6)
  v8 = equal(v1, v1)
  v9 = select(v8, v7, v1)
  v1 := v9
  v10 = b1[8] vector:f32
  v11 = index lane
  v12 = 2:i32
  v13 = lessInt(v11, v12)
  v14 = select(v13, v10, v0)
  v15 = maximum(v1, v14)
  v16 = equal(v1, v1)
  v17 = select(v16, v15, v1)
  v1 := v17
  v18 = fold maximum v1
  b0[0] = v18 vector 1

kernel map_1: 1 chunks, 4 lanes, 2 buffers
  v0 = b1[0] splat:f32
  b0[0] = v0 vector 1

kernel map_2: 1 chunks, 4 lanes, 2 buffers
  v0 = b1[0] vector:f32
  v1 = scalar 0:f32
  v2 = multiply(v0, v1)
  b0[0] = v2 vector 4
  v3 = b1[4] vector:f32
  v4 = multiply(v3, v1)
  b0[4] = v4 vector 1

kernel map_3: 2 chunks, 4 lanes, 2 buffers
  v0 = b0[chunk * 5] vector:f32
  v1 = b1[0] vector:f32
  v2 = subtract(v0, v1)
  b0[chunk * 5] = v2 vector 4
  v3 = b0[chunk * 5 + 4] vector:f32
  v4 = b1[4] vector:f32
  v5 = subtract(v3, v4)
  b0[chunk * 5 + 4] = v5 vector 1

`,
  );
});

test('the plan of a small product', () => {
  const plan = planOf((t) => ({
    outputs: {
      y: t
        .input('x', [2, 3])
        .matmul(t.input('w', [3, 5]))
        .relu(),
    },
  }));
  assert.equal(
    printPlan(plan),
    `plan: 1 launches of 1 kernels, arena 0 elements
input x f32 (2, 3)
input w f32 (3, 5)
output y f32 (2, 5)
launch matmul_0(y, w, x)
kernel matmul_0: 1 chunks, 4 lanes, 3 buffers
  v0 = 0:f32
  var v1 = v0
  var v2 = v0
  var v3 = v0
  var v4 = v0
  for t_0 in 3
    v5 = b1[t_0 * 5] vector:f32
    v6 = b1[t_0 * 5 + 4] vector:f32
    v7 = b2[t_0] splat:f32
    v1 += v7 * v5
    v2 += v7 * v6
    v8 = b2[t_0 + 3] splat:f32
    v3 += v8 * v5
    v4 += v8 * v6
  v9 = maximum(v0, v1)
  v10 = maximum(v0, v3)
  b0[0] = v9 vector 4
  b0[5] = v10 vector 4
  v11 = maximum(v0, v2)
  v12 = maximum(v0, v4)
  b0[4] = v11 vector 1
  b0[9] = v12 vector 1

`,
  );
});

test('every kernel of a plan has the lanes that were asked for', () => {
  for (const lanes of [4, 8, 16]) {
    const plan = planOf((t) => ({ outputs: { y: t.input('x', [1000]).exp() } }), lanes);
    assert.equal(plan.lanes, lanes);
    for (const kernel of plan.kernels) assert.equal(kernel.lanes, lanes);
  }
});

test('equal kernels of a plan are one', () => {
  const plan = planOf((t) => {
    const layer = (x: Tensor, k: number): Tensor => x.matmul(t.input(`w${k}`, [8, 8])).relu();
    return { outputs: { y: [0, 1, 2, 3].reduce(layer, t.input('x', [4, 8])) } };
  });
  assert.deepEqual([plan.launches.length, plan.kernels.length], [4, 1]);
});

test('kernels that differ only in an infinity, or only in the sign of zero, are two', () => {
  const kernels = (a: number, b: number): number =>
    planOf((t) => {
      // Different levels of the graph, so that they are two kernels even if they are alike.
      const first = t.input('x', [8]).maximum(constant(t, a));
      return { outputs: { first, second: first.maximum(constant(t, b)) } };
    }).kernels.length;
  const { POSITIVE_INFINITY, NEGATIVE_INFINITY } = Number;
  assert.equal(kernels(1, 1), 1);
  assert.equal(kernels(1, 2), 2);
  assert.equal(kernels(POSITIVE_INFINITY, NEGATIVE_INFINITY), 2);
  assert.equal(kernels(Number.NaN, NEGATIVE_INFINITY), 2);
  assert.equal(kernels(0, -0), 2);
});

test('a value that is used twice is visited once, however deep that goes', () => {
  const plan = planOf((t) => {
    let w: Tensor = t.state('w', [6, 6]);
    for (let depth = 0; depth < 60; depth++) w = w.multiply(w).subtract(0.5);
    const x = t
      .input('x', [2, 3, 3, 4])
      .convolve(t.input('f', [1, 1, 4, 4]), { stride: [1, 1], padding: [0, 0] });
    let y = x;
    for (let depth = 0; depth < 60; depth++) y = y.multiply(y).subtract(0.5);
    return { outputs: { sum: y.add(1).sum([0, 1, 2]), x }, updates: { w } };
  });
  for (const kernel of plan.kernels)
    assert.ok(kernel.types.length < 2000, `${kernel.name}: ${kernel.types.length}`);
});

test('an elementwise update is written over its state', () => {
  assert.deepEqual(
    launchesOf((t) => {
      const [w, v] = [t.state('w', [9]), t.state('v', [9])];
      const velocity = v.multiply(0.9).add(t.input('slope', [9]));
      return { outputs: {}, updates: { w: w.subtract(velocity), v: velocity } };
    }),
    ['map(v, slope)', 'map(w, v)'],
  );
});

test('so is one that looks at other values through views', () => {
  assert.deepEqual(
    launchesOf((t) => {
      const [w, v] = [t.state('w', [4, 4]), t.state('v', [4, 4])];
      return { outputs: {}, updates: { w: w.add(v.transpose()).clip(-1, v.max().reshape([1, 1])) } };
    }),
    ['reduce(arena+0, v)', 'map(w, arena+0, v)'],
  );
});

const copied: Readonly<Record<string, readonly [define: (t: Trace) => Traced, launches: readonly string[]]>> =
  {
    'an update that is a view of its state': [
      (t) => ({ outputs: {}, updates: { w: t.state('w', [3, 3]).transpose() } }),
      ['map(arena+0, w)', 'copy(arena+0, w)'],
    ],
    'an update beside a view of its state': [
      (t) => {
        const w = t.state('w', [3, 3]);
        return { outputs: { y: w.transpose() }, updates: { w: w.add(1) } };
      },
      ['map(y, arena+0, w)', 'copy(arena+0, w)'],
    ],
    'an update that moves elements': [
      (t) => ({ outputs: {}, updates: { w: t.state('w', [3, 3]).transpose().add(1) } }),
      ['map(arena+0, w)', 'copy(arena+0, w)'],
    ],
    'an update of a state that is loaded later': [
      (t) => {
        const w = t.state('w', [4]);
        const next = w.add(1);
        return { outputs: { y: next.exp().sum().add(w) }, updates: { w: next } };
      },
      ['map(arena+0, w)', 'reduce(arena+32, arena+0)', 'map(y, arena+32, w)', 'copy(arena+0, w)'],
    ],
    'an update of a state whose old value is an output': [
      (t) => {
        const w = t.state('w', [4]);
        return { outputs: { old: w }, updates: { w: w.add(1) } };
      },
      ['map(arena+0, w)', 'copy(w, old)', 'copy(arena+0, w)'],
    ],
    'two states that change places': [
      (t) => {
        const [a, b] = [t.state('a', [4]), t.state('b', [4])];
        return { outputs: {}, updates: { a: b, b: a } };
      },
      ['copy(b, arena+0)', 'copy(a, arena+32)', 'copy(arena+0, a)', 'copy(arena+32, b)'],
    ],
    'one value as an output and as two updates': [
      (t) => {
        const next = t.state('a', [4]).add(t.state('b', [4]));
        return { outputs: { next }, updates: { a: next, b: next } };
      },
      ['map(next, a, b)', 'copy(next, a)', 'copy(next, b)'],
    ],
    'an input as an output, twice': [
      (t) => {
        const x = t.input('x', [4]);
        return { outputs: { a: x, b: x } };
      },
      ['copy(x, a)', 'copy(x, b)'],
    ],
  };

for (const [what, [define, launches]] of Object.entries(copied)) {
  test(`${what}: copied at the end, in an order that disturbs nothing`, () => {
    assert.deepEqual(launchesOf(define), launches);
  });
}

test('a state that keeps its value costs nothing', () => {
  assert.deepEqual(
    launchesOf((t) => ({ outputs: {}, updates: { w: t.state('w', [4]) } })),
    [],
  );
});

test('rows that are reduced each by itself share chunks; where sizes have no divisors, each row is one', () => {
  const chunksOf = (shape: readonly number[]): number =>
    planOf((t) => ({ outputs: { sums: t.input('x', shape).sum([shape.length - 1]) } })).kernels[0]!.chunks;
  assert.equal(chunksOf([32, 4, 256, 64]), 256);
  assert.equal(chunksOf([20, 1024]), 20);
  assert.equal(chunksOf([8, 10]), 1);
  assert.equal(chunksOf([1009, 64]), 1009);
});
