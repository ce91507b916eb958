// What the compiler makes of recurrences: one loop for all states, in registers; no memory for what an iteration draws.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Plan } from '../src/compile/backend.ts';
import { compile } from '../src/compile/compile.ts';
import { verifyPlan } from '../src/compile/verify-plan.ts';
import { recur } from '../src/graph/recurrence.ts';
import type { Tensor } from '../src/graph/tensor.ts';
import { type Trace, type Traced, trace } from '../src/graph/trace.ts';
import { printKernel } from '../src/kernel/print.ts';

function planOf(define: (t: Trace) => Traced, lanes = 16): Plan {
  const plan = compile(trace(define), { lanes, registers: 32 });
  assert.deepEqual(verifyPlan(plan), []);
  return plan;
}

/** Names of the loops of a plan's kernels. */
const loopsOf = ({ kernels }: Plan): string[] =>
  kernels.flatMap((kernel) =>
    printKernel(kernel)
      .split('\n')
      .flatMap((line) => /^ *for (\w+?)_\d+ in/.exec(line)?.slice(1) ?? []),
  );

/** Two states, of which one goes through a cast afterwards; draws for each iteration, for all elements and for rows. */
function pulsed(t: Trace, name = 'a'): { readonly g: Tensor; readonly n: Tensor } {
  const key = t.key('noise').derive(name);
  const [g, n] = [t.state(`g ${name}`, [100, 208]), t.state(`n ${name}`, [100, 208])];
  const after = recur({
    count: 50,
    initial: { g, n: n.cast('i32') },
    step: (s, { item }) => ({
      next: {
        g: s.g
          .add(item(key.derive('steps').normal([50, 100, 208])))
          .add(item(key.derive('rows').normal([50, 100, 1]))),
        n: s.n.add(1),
      },
      where: item(key.derive('choices').uniform([50, 100, 208])).less(0.01),
    }),
  });
  return { g: after.g, n: after.n.cast('f32') };
}

test('two states are one loop of one kernel, in place, and draws have no memory', () => {
  const plan = planOf((t) => {
    const { g, n } = pulsed(t);
    return { outputs: {}, updates: { 'g a': g, 'n a': n } };
  });
  assert.equal(plan.arenaElements, 0);
  assert.deepEqual(
    plan.launches.map((launch) => launch.kind === 'single' && launch.call.buffers),
    [
      [
        { space: 'binding', binding: 0 },
        { space: 'binding', binding: 1 },
      ],
    ],
  );
  assert.deepEqual(
    loopsOf(plan).filter((name) => name === 'at'),
    ['at'],
  );
});

test('equal recurrences of different loops share their kernel', () => {
  const plan = planOf((t) => {
    const once = (y: Tensor): Tensor =>
      recur({ count: 9, initial: { y }, step: (s) => ({ next: { y: s.y.multiply(0.5).add(1) } }) })['y']!;
    return { outputs: { early: once(t.input('x', [64])), late: once(t.input('rows', [3, 64]).sum([0])) } };
  });
  assert.equal(plan.launches.length, 3);
  assert.equal(plan.kernels.length, 2);
});

test('a value that no state changes is computed before the loop', () => {
  const [kernel] = planOf((t) => {
    const [x, y] = [t.input('x', [64]), t.input('y', [64])];
    const { s } = recur({
      count: 5,
      initial: { s: x },
      step: (state) => ({ next: { s: state.s.multiply(0.5).add(y.exp()) } }),
    });
    return { outputs: { s } };
  }).kernels;
  const lines = printKernel(kernel!).split('\n');
  const loop = lines.findIndex((line) => /for at_\d+/.test(line));
  const operations = lines.slice(loop + 1).filter((line) => line.startsWith(' '.repeat(6)));
  assert.deepEqual(
    operations.map((line) => line.trim().replaceAll(/v\d+/g, 'v')),
    ['v = floatBits(v)', 'v = bitsFloat(v)', 'v = multiply(v, v)', 'v = add(v, v)', 'v := v'],
  );
});

test('one result beside a value that is computed later is stored, not computed twice', () => {
  const plan = planOf((t) => {
    const x = t.input('x', [40, 30]);
    const { p, q } = recur({
      count: 7,
      initial: { p: x, q: x.abs() },
      step: (s) => ({ next: { p: s.p.add(s.q), q: s.q.multiply(0.5) } }),
    });
    return { outputs: { p: p.add(x.sum([1], true)), q: q.add(x) } };
  });
  assert.deepEqual(
    loopsOf(plan).filter((name) => name === 'at'),
    ['at'],
  );
});

test('what only a new state needs is computed under the condition of its iteration', () => {
  const plan = planOf((t) => {
    const { g, n } = pulsed(t);
    return { outputs: {}, updates: { 'g a': g, 'n a': n } };
  });
  const lines = printKernel(plan.kernels[0]!).split('\n');
  const indentOf = (line: string): number => line.search(/\S/);
  const condition = lines.findIndex((line) => line.includes('if any'));
  const loop = lines.findIndex((line) => /for at_\d+/.test(line));
  const end = lines.findIndex((line, k) => k > condition && indentOf(line) <= indentOf(lines[condition]!));
  assert.ok(loop >= 0 && loop < condition);
  // Both normal draws look up their five coefficients there; the uniform draw of the condition has none.
  const lookups = lines.flatMap((line, k) => (line.includes('constants[') ? [k] : []));
  assert.equal(lookups.length, 10);
  assert.ok(lookups.every((k) => k > condition && k < end));
});

/** A state that changes where `fires` says, and what the test adds. */
const sparse = (t: Trace, add: (g: Tensor, after: Tensor) => Record<string, Tensor> = () => ({})): Traced => {
  const [g, n] = [t.state('g', [100, 208]), t.state('n', [100, 208])];
  const after = recur({
    count: 8,
    initial: { g, n },
    step: (s) => ({ next: { g: s.g.multiply(0.5), n: s.n.add(1) }, where: s.n.less(4) }),
    where: t.input('fires', [100, 208]).less(0),
  });
  return { outputs: add(g, after.g), updates: after };
};

/** Statements of a plan's maps that stand under no condition and reach memory: `b0 =` and `= b0`. */
const unconditional = ({ kernels }: Plan): string[] =>
  kernels.flatMap((kernel) => {
    let depth = Number.POSITIVE_INFINITY;
    return printKernel(kernel)
      .split('\n')
      .flatMap((line) => {
        const indent = line.search(/\S/);
        if (indent <= depth) depth = line.includes('if any') ? indent : Number.POSITIVE_INFINITY;
        return depth < indent
          ? []
          : (/= b\d|b\d+\[.* = v/.exec(line) ?? []).map((found) => found.replace(/\[.*/, ' ='));
      });
  });

test('states are neither loaded nor stored where the condition of the whole recurrence holds for no lane', () => {
  assert.deepEqual([...new Set(unconditional(planOf((t) => sparse(t))))], ['= b2']);
});

test('they are, where another result needs their old values, or where the results are not in place', () => {
  for (const [add, count] of [
    [(g: Tensor) => ({ doubled: g.multiply(2) }), 3],
    [(g: Tensor) => ({ old: g }), 3],
    [(_: Tensor, after: Tensor) => ({ after }), 3],
  ] as const) {
    const found = unconditional(planOf((t) => sparse(t, add)));
    assert.ok(found.length >= count, found.join());
  }
});

test('a loop whose condition is its number below what stays ends with it; another condition is tested to the end', () => {
  type Condition = (state: { readonly s: Tensor }, number: Tensor, most: Tensor) => Tensor;
  const endsWith = (where: Condition): boolean => {
    const { kernels } = planOf((t) => {
      const [x, most] = [t.input('x', [64]), t.input('most', [64])];
      const { s } = recur({
        count: 5,
        initial: { s: x },
        step: (state, { number }) => ({
          next: { s: state.s.multiply(0.5) },
          where: where(state, number, most),
        }),
      });
      return { outputs: { s } };
    });
    return kernels.some((kernel) => printKernel(kernel).includes('else leave the loop'));
  };
  assert.ok(endsWith((_, number, most) => number.less(most.cast('i32'))));
  assert.ok(endsWith((_, number, most) => number.cast('f32').less(most.abs())));
  assert.ok(!endsWith(({ s }, number) => number.cast('f32').less(s)));
  assert.ok(!endsWith((_, number, most) => most.less(number.cast('f32'))));
  assert.ok(!endsWith((_, number, most) => number.cast('f32').lessEqual(most)));
  assert.ok(!endsWith((_, number, most) => number.cast('f32').equal(most)));
});

test('a loop is written once, also along short rows', () => {
  const plan = planOf((t) => {
    const x = t.input('x', [30, 64, 1]);
    return {
      outputs: recur({
        count: 30,
        initial: { y: t.input('y', [64, 96]) },
        step: ({ y }, { item }) => ({ next: { y: y.multiply(0.5).add(item(x)) } }),
      }),
    };
  });
  assert.deepEqual(
    loopsOf(plan).filter((name) => name === 'at'),
    ['at'],
  );
});

test('the result of an inner loop has no memory, also beside values that are computed before the outer one', () => {
  const plan = planOf((t) => {
    const [g, x] = [t.state('g', [8, 16]), t.input('x', [8, 16])];
    const isChosen = t
      .scalar('least')
      .less(x.sum([1], true))
      .broadcastTo([8, 16]);
    const after = recur({
      count: 3,
      initial: { g },
      where: isChosen,
      step: (outer) => ({
        next: recur({
          count: 2,
          initial: outer,
          step: (inner) => ({ next: { g: inner.g.multiply(0.5) } }),
        }),
      }),
    });
    return { outputs: { sum: after.g.add(x) }, updates: { g: after.g } };
  });
  assert.equal(loopsOf(plan).filter((name) => name === 'at').length, 2);
});
