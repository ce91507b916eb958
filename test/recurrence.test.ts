// Recurrences on every backend against the float64 interpreter: one state and several, integers, draws, conditions,
// loops in loops. States that are compared hold multiples of 1/4, which f32 and float64 compute alike.

import type { Shape } from '../src/base/shape.ts';
import { recur } from '../src/graph/recurrence.ts';
import { iota, type Tensor } from '../src/graph/tensor.ts';
import type { Traced } from '../src/graph/trace.ts';
import type { SampleTrace } from './compare.ts';
import { testEverywhere } from './everywhere.ts';

/** Scalars, fractions and multiples of every vector width, several axes. */
const SHAPES: readonly Shape[] = [[], [3], [16], [5, 7], [2, 3, 33], [64, 65]];

/** Small multiples of 1/4. */
const quarters = (t: SampleTrace, shape: Shape): Tensor =>
  t.integers(shape, -20, 20).cast('f32').multiply(0.25);

function single(t: SampleTrace): Traced {
  const outputs: Record<string, Tensor> = {};
  for (const shape of SHAPES) {
    for (const count of [1, 2, 9]) {
      const [x, step] = [t.normals(shape), t.normals(shape, 0.3)];
      const { y } = recur({
        count,
        initial: { y: x },
        step: ({ y }, { number }) => ({
          next: { y: y.multiply(0.9).add(step).add(number.cast('f32').multiply(0.1)) },
        }),
      });
      outputs[`${count} times (${shape})`] = y;
      outputs[`${count} times, and more (${shape})`] = y.tanh().add(x);
    }
  }
  return { outputs };
}

/** Both conditions, none, all and some of the elements. */
function conditions(t: SampleTrace): Traced {
  const outputs: Record<string, Tensor> = {};
  for (const shape of SHAPES) {
    for (const [name, least] of [
      ['never', 100],
      ['always', -100],
      ['sometimes', 3],
      ['seldom', 4.5],
    ] as const) {
      const x = quarters(t, shape);
      const step = (state: { g: Tensor; n: Tensor }): { next: typeof state; where: Tensor } => ({
        next: { g: state.g.subtract(0.75).abs(), n: state.n.add(1) },
        where: state.n.cast('f32').multiply(-0.5).add(least).lessEqual(state.g),
      });
      const initial = { g: x, n: t.integers(shape, 0, 3) };
      const where = quarters(t, shape).less(name === 'always' ? 100 : 0);
      for (const [kind, options] of [
        ['inner', {}],
        ['both', { where }],
      ] as const) {
        const { g, n } = recur({ count: 7, initial, step, ...options });
        outputs[`${name}, ${kind} (${shape}): g`] = g;
        outputs[`${name}, ${kind} (${shape}): n`] = n;
      }
      const outer = recur({ count: 3, initial, step: (state) => ({ next: step(state).next }), where });
      outputs[`${name}, outer (${shape}): g`] = outer.g;
      outputs[`${name}, outer (${shape}): n as f32`] = outer.n.cast('f32').add(outer.g);
    }
  }
  return { outputs };
}

/** As many iterations as each element says, none and more than there are among them, alone and within another loop. */
function numbered(t: SampleTrace): Traced {
  const outputs: Record<string, Tensor> = {};
  for (const shape of SHAPES) {
    const bounds = { integers: t.integers(shape, -1, 9), fractions: quarters(t, shape) };
    const x = t.normals(shape);
    const times = (g: Tensor, bound: Tensor, where?: Tensor): Tensor =>
      recur({
        count: 7,
        initial: { g },
        step: (s, { number }) => ({
          next: { g: s.g.multiply(0.75).add(1) },
          where: number.cast(bound.dtype).less(bound),
        }),
        where,
      }).g;
    for (const [name, bound] of Object.entries(bounds)) {
      outputs[`${name} (${shape})`] = times(x, bound);
      outputs[`${name}, where (${shape})`] = times(x, bound, quarters(t, shape).less(0));
      const { g } = recur({
        count: 3,
        initial: { g: x },
        step: (s, { number }) => ({ next: { g: times(s.g, bound.subtract(number.cast(bound.dtype))) } }),
      });
      outputs[`${name}, in a loop (${shape})`] = g;
    }
  }
  return { outputs };
}

/** States that need the old values of one another. */
function swaps(t: SampleTrace): Traced {
  const [a, b, c] = [t.normals([37]), t.normals([1]), t.normals([37])];
  const turned = recur({
    count: 5,
    initial: { a, b, c },
    step: (s) => ({ next: { a: s.b, b: s.c.multiply(0.5), c: s.a.add(s.b) } }),
  });
  const { n } = recur({
    count: 31,
    initial: { n: t.integers([6, 19], -(2 ** 31), 2 ** 31 - 1) },
    step: (s, { number }) => ({
      next: { n: s.n.multiply(1664525).add(number) },
      where: s.n.bitAnd(1).equal(1),
    }),
  });
  return { outputs: { ...turned, n } };
}

function drawn(t: SampleTrace): Traced {
  const key = t.key('noise');
  const outputs: Record<string, Tensor> = {};
  for (const shape of [[], [21], [5, 7], [3, 2, 20]] as const) {
    const normal = key.derive('steps', ...shape).normal([6, ...shape]);
    const uniform = key.derive('choices', ...shape).uniform([6, ...shape]);
    const { y, n } = recur({
      count: 6,
      initial: { y: t.normals(shape), n: t.integers(shape, 0, 9) },
      step: ({ y, n }, { item }) => ({
        next: { y: y.add(item(normal).multiply(0.2)), n: n.add(1) },
        where: item(uniform).less(0.4),
      }),
    });
    outputs[`y (${shape})`] = y;
    outputs[`n (${shape})`] = n;
    // Draws that are needed elsewhere too.
    outputs[`draws (${shape})`] = normal.sum([0]);
  }
  const rows = key.derive('rows').normal([6, 5, 1]);
  const { z } = recur({
    count: 6,
    initial: { z: t.normals([5, 7]) },
    step: ({ z }, { item }) => ({ next: { z: z.multiply(0.5).add(item(rows)) } }),
  });
  return { outputs: { ...outputs, z } };
}

/** Trains of bits for rows and for columns: where both have a bit, a cell gets a pulse. */
function trains(t: SampleTrace): Traced {
  const [samples, rows, columns] = [9, 13, 21];
  const word = (shape: Shape): Tensor => t.integers(shape, -(2 ** 31), 2 ** 31 - 1);
  const [x, d] = [word([samples, rows, 1]), word([samples, 1, columns])];
  const signs = quarters(t, [samples, 1, columns]).less(0).select(-1, 1);
  const { g, n } = recur({
    count: samples,
    initial: { g: quarters(t, [rows, columns]), n: t.integers([1, 1], 0, 1) },
    step: ({ g, n }, { item }) => {
      const pulses = item(x).bitAnd(item(d)).bitCount();
      return {
        next: { g: g.add(pulses.cast('f32').multiply(item(signs)).multiply(0.25)), n: n.add(pulses) },
        where: pulses.equal(8).cast('i32').equal(0),
      };
    },
  });
  return { outputs: { g, n, bits: x.bitCount(), both: x.bitAnd(d) } };
}

/** Pulses in samples. */
function nested(t: SampleTrace): Traced {
  const [samples, pulses] = [5, 4];
  const key = t.key('noise');
  const outputs: Record<string, Tensor> = {};
  for (const shape of [[19], [6, 11], [16, 32]] as const) {
    const own = key.derive(...shape);
    const [uniform, normal] = [
      own.derive('choices').uniform([samples, pulses, ...shape]),
      own.derive('steps').normal([samples, pulses, ...shape]),
    ];
    const gain = t.uniforms([samples, ...shape.map((size, k) => (k === 0 ? size : 1))], 0.5, 1);
    const { g, n } = recur({
      count: samples,
      initial: { g: t.normals(shape), n: t.integers(shape, 0, 2) },
      step: (outer, sample) => {
        const fires = sample.item(uniform);
        const steps = sample.item(normal);
        const inner = recur({
          count: pulses,
          initial: outer,
          step: (state, pulse) => ({
            next: {
              g: state.g
                .add(pulse.item(steps).multiply(sample.item(gain)).multiply(0.1))
                .add(outer.g.multiply(0.01)),
              n: state.n.add(sample.number).add(pulse.number),
            },
            where: pulse.item(fires).less(0.3),
          }),
        });
        return {
          next: { g: inner.g.multiply(0.99), n: inner.n },
          where: sample.number.equal(2).cast('i32').equal(0),
        };
      },
    });
    Object.assign(outputs, { [`g (${shape})`]: g, [`n (${shape})`]: n });
  }
  return { outputs };
}

/** Recurrences before and after everything else that a kernel may do. */
function surrounded(t: SampleTrace): Traced {
  const [a, b] = [t.normals([9, 20]), t.normals([20, 12])];
  const once = (x: Tensor, by: Tensor): Tensor =>
    recur({ count: 3, initial: { x }, step: ({ x }) => ({ next: { x: x.multiply(0.5).add(by) } }) })['x']!;
  const product = a.matmul(b);
  const r = once(product, t.normals([12]));
  const twice = once(once(a, t.normals([20])), a.exp());
  const two = recur({
    count: 4,
    initial: { p: a, q: a.abs() },
    step: ({ p, q }) => ({ next: { p: p.add(q.multiply(0.1)), q: q.multiply(0.9) } }),
  });
  // A loop that does not depend on the loop around it.
  const around = recur({
    count: 3,
    initial: { x: a },
    step: ({ x }) => ({ next: { x: x.add(once(a, t.normals([20]))) } }),
  });
  return {
    outputs: {
      'of a product': r,
      'as rows of a product': once(a, t.normals([20])).matmul(b),
      'as a filter': a.matmul(once(b, t.normals([12]))),
      'after a product': product.add(once(t.normals([9, 12]), t.normals([12]))).relu(),
      sum: once(a, t.normals([1]))
        .square()
        .sum([0]),
      'sum of all': once(a, t.normals([1])).sum(),
      transposed: once(a, t.normals([20]))
        .transpose()
        .add(1),
      stretched: once(t.normals([20]), t.normals([1]))
        .broadcastTo([9, 20])
        .add(a),
      'with a later value': two.p.add(product.sum([1], true)),
      'other state': two.q.multiply(2),
      twice,
      'used twice': two.p.add(two.q).multiply(two.p),
      around: around.x,
      indices: t.normals([5, 3]).gather(once(t.uniforms([7], 0, 4), t.values([1], [0.5]))),
      index: recur({
        count: 3,
        initial: { n: iota(t, [4, 9], 1) },
        step: ({ n }) => ({ next: { n: n.add(iota(t, [4, 9], 0)) } }),
      }).n,
    },
  };
}

function states(t: SampleTrace): Traced {
  const key = t.key('noise');
  const [g, n, h] = [t.normalState('g', [8, 20]), t.normalState('n', [8, 20]), t.normalState('h', [6, 20])];
  const fires = quarters(t, [8, 20]).less(-2);
  const noise = key.normal([5, 8, 20]);
  const pulsed = recur({
    count: 5,
    initial: { g, n },
    step: (s, { item }) => ({
      next: { g: s.g.add(item(noise).multiply(0.1)), n: s.n.add(1) },
      where: s.n.less(3),
    }),
    where: fires,
  });
  const counted = recur({
    count: 5,
    initial: { h: h.multiply(2).cast('i32') },
    step: (s) => ({ next: { h: s.h.add(2) } }),
  });
  return {
    outputs: { other: g.square().sum([1]) },
    updates: { ...pulsed, h: counted.h.cast('f32') },
  };
}

/** Updates of states that only some elements need, or none: the others are not even loaded. */
function sparse(t: SampleTrace): Traced {
  const updates: Record<string, Tensor> = {};
  const key = t.key('noise');
  for (const shape of [[], [7], [5, 7], [3, 2, 20], [64, 65]] as const) {
    for (const [name, limit] of [
      ['never', -100],
      ['seldom', -4.5],
      ['often', 0],
    ] as const) {
      const names = [`g ${name} (${shape})`, `n ${name} (${shape})`] as const;
      const [g, n] = [t.normalState(names[0], shape), t.normalState(names[1], shape)];
      const noise = key.derive(...names).normal([4, ...shape]);
      const after = recur({
        count: 4,
        initial: { g, n },
        step: (s, { item, number }) => ({
          next: { g: s.g.add(item(noise).multiply(0.1)), n: s.n.add(1) },
          where: number.equal(2).cast('i32').equal(0),
        }),
        where: quarters(t, shape).less(limit),
      });
      Object.assign(updates, { [names[0]]: after.g, [names[1]]: after.n });
    }
  }
  return { outputs: {}, updates };
}

testEverywhere({
  'one state': single,
  conditions,
  'numbers of iterations': numbered,
  'several states': swaps,
  draws: drawn,
  'trains of bits': trains,
  'loops in loops': nested,
  'recurrences amid other kernels': surrounded,
  'states of a store': states,
  'states that few elements change': sparse,
});
