// Groups that are like an earlier one share its kernels, with memories and random streams of their own.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertAgrees, backends, sample, withEngine } from '../../../test/compare.ts';
import type { Tensor } from '../../graph/tensor.ts';
import { trace } from '../../graph/trace.ts';
import { callsOf } from '../backend.ts';
import { compile } from '../compile.ts';

const target = { lanes: 4, registers: 16 };
const shape = [3, 8];

test('equal layers are lowered once, and each keeps its memories and its random stream', () => {
  const plan = compile(
    trace((t) => {
      const key = t.key('noise');
      const first = t.input('x', shape).add(key.derive('layer', 0).normal(shape));
      const second = first.add(key.derive('layer', 1).normal(shape));
      return { outputs: { first, second, third: second.add(key.derive('layer', 2).normal(shape)) } };
    }),
    target,
  );
  assert.equal(plan.kernels.length, 1);
  const calls = plan.launches.flatMap((launch) => callsOf(launch));
  const places = calls.map(({ buffers }) => JSON.stringify(buffers));
  const constants = calls.map((call) => call.pushConstants.join());
  assert.deepEqual([new Set(places).size, new Set(constants).size], [3, 3]);
});

test('what differs by a constant, a scalar or by which operands are the same is not alike', () => {
  type Step = (x: Tensor, y: Tensor, scalars: { readonly a: Tensor; readonly b: Tensor }) => Tensor;
  /** Kernels of a chain of steps, each stored. */
  const kernelsOf = (...steps: readonly Step[]): number => {
    const graph = trace((t) => {
      const scalars = { a: t.scalar('a'), b: t.scalar('b') };
      const y = t.input('y', shape);
      const results = [t.input('x', shape)];
      for (const step of steps) results.push(step(results.at(-1)!, y, scalars));
      return { outputs: Object.fromEntries(results.slice(1).map((result, k) => [`result${k}`, result])) };
    });
    return compile(graph, target).kernels.length;
  };
  const times =
    (factor: number): Step =>
    (x) =>
      x.add(1).multiply(factor);
  assert.equal(kernelsOf(times(2), times(2), times(2)), 1);
  assert.equal(kernelsOf(times(2), times(3), times(2)), 2);
  assert.equal(kernelsOf(times(Number.POSITIVE_INFINITY), times(Number.NaN)), 2);
  assert.equal(
    kernelsOf(
      (x, _, { a }) => x.multiply(a),
      (x, _, { b }) => x.multiply(b),
    ),
    2,
  );
  const product: Step = (x, y) => x.multiply(y);
  assert.equal(kernelsOf(product, product), 1);
  assert.equal(
    kernelsOf(product, (x) => x.multiply(x)),
    2,
  );
});

for (const choice of backends) {
  test(`${choice.name}: ten equal noisy layers give what the interpreter gives`, () =>
    withEngine(choice, 2, async (engine) => {
      const given = sample((t) => {
        const key = t.key('noise');
        let x = t.normals([4, 6]);
        const outputs: Record<string, Tensor> = {};
        for (let layer = 0; layer < 10; layer++) {
          const weights = t.normals([6, 6], 0.4).add(key.derive('layer', layer).normal([6, 6]).multiply(0.1));
          x = x.matmul(weights).tanh();
          outputs[`layer ${layer}`] = x;
        }
        return { outputs };
      });
      await assertAgrees(engine, given);
    }));
}
