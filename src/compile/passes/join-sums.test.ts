import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deriveKey, keyFromSeed, type RandomSequence, randomSequence } from '../../base/random.ts';
import { elementCount, sameShape } from '../../base/shape.ts';
import { gradients } from '../../graph/gradients.ts';
import { interpret } from '../../graph/interpret.ts';
import { type Graph, nodesOf, type OpName } from '../../graph/node.ts';
import { concat, type Tensor } from '../../graph/tensor.ts';
import { type Trace, trace } from '../../graph/trace.ts';
import { joinSums } from './join-sums.ts';
import { simplify } from './simplify.ts';

function countOf(graph: Graph, op: OpName): number {
  return nodesOf(graph).filter((node) => node.op === op).length;
}

function joined(define: (t: Trace) => Tensor): Graph {
  return joinSums(simplify(trace((t) => ({ outputs: { y: define(t) } }))));
}

/** Hidden states that are multiplied by the same weights at each of `steps` steps, and all returned. */
function steps(t: Trace, count: number, batch: number): { readonly loss: Tensor; readonly weights: Tensor } {
  const x = t.input('x', [count * batch, 20]);
  const weights = t.state('w', [20, 20]);
  let state = x.slice([0, 0], [batch, 20]);
  let loss = state.sum();
  for (let k = 1; k < count; k++) {
    state = state
      .matmul(weights)
      .add(x.slice([k * batch, 0], [(k + 1) * batch, 20]))
      .tanh();
    loss = loss.add(state.sum());
  }
  return { loss, weights };
}

test('the gradient of weights that are used at every step is one product', () => {
  const graph = joined((t) => {
    const { loss, weights } = steps(t, 9, 4);
    return gradients(loss, [weights])[0]!;
  });
  // 8 products forwards, 7 backwards, since the first state has no gradient, and 1 for the weights.
  assert.equal(countOf(graph, 'matmul'), 8 + 7 + 1);
  assert.equal(countOf(graph, 'concat'), 2);
});

test('products with a large inner dimension, and those of which parts are used elsewhere, stay', () => {
  const wide = joined((t) => {
    const { loss, weights } = steps(t, 9, 30);
    return gradients(loss, [weights])[0]!;
  });
  assert.equal(countOf(wide, 'concat'), 0);
  const used = trace((t) => {
    const products = [0, 1, 2].map((k) => t.input(`a${k}`, [9, 2]).matmul(t.input(`b${k}`, [2, 9])));
    return {
      outputs: { sum: products.reduce((a, b) => a.add(b)), first: products[0]!, second: products[1]! },
    };
  });
  assert.equal(countOf(joinSums(simplify(used)), 'matmul'), 3);
});

test('the gradient of a tensor that is used slice by slice is a concatenation, with zeros for what is not used', () => {
  const graph = joined((t) => {
    const x = t.input('x', [7, 3]);
    const parts = [0, 1, 2, 4, 5].map((k) =>
      x
        .slice([k, 0], [k + 1, 3])
        .exp()
        .sum(),
    );
    return gradients(
      parts.reduce((a, b) => a.add(b)),
      [x],
    )[0]!;
  });
  assert.equal(countOf(graph, 'pad'), 0);
  assert.equal(countOf(graph, 'add'), 0);
  const concats = nodesOf(graph).filter((node) => node.op === 'concat');
  assert.deepEqual(
    concats.map(({ inputs }) => inputs.map(({ shape }) => shape[0])),
    [[1, 1, 1, 1, 1, 1, 1]],
  );
});

test('operands that stand one behind the other in a concatenation are a slice of it', () => {
  const graph = joined((t) => {
    const parts = [0, 1, 2, 3, 4].map((k) => t.input(`b${k}`, [2, 9]).exp());
    const all = parts.slice(1).concat(parts[0]!);
    const whole = concat(all, 0);
    // From the last to the second, as gradients come.
    const products = [3, 2, 1].map((k) => t.input(`a${k}`, [9, 2]).matmul(parts[k]!));
    return products
      .reduce((a, b) => a.add(b))
      .sum()
      .add(whole.sum());
  });
  const product = nodesOf(graph).find((node) => node.op === 'matmul')!;
  const [left, right] = product.inputs;
  assert.deepEqual(
    left!.inputs.map((node) => node.op === 'input' && node.attributes.name),
    ['a1', 'a2', 'a3'],
  );
  assert.equal(right!.op, 'slice');
  assert.deepEqual(right!.shape, [6, 9]);
});

/** A sum of random terms, each a product or a padded or a plain value, some of which are used twice. */
function randomSum(t: Trace, draws: RandomSequence): Record<string, Tensor> {
  const [m, n] = [2 + draws.below(9), 2 + draws.below(9)];
  let inputs = 0;
  const input = (shape: readonly number[]): Tensor => t.input(`x${inputs++}`, shape);
  const shared = input([4, n]).exp();
  const terms: Tensor[] = [];
  for (let k = 3 + draws.below(12); k > 0; k--) {
    const kind = draws.below(4);
    if (kind === 0) {
      const inner = 1 + draws.below(3);
      const isTransposed = draws.below(2) === 0;
      const left = isTransposed ? input([inner, m]).transpose([1, 0]) : input([m, inner]);
      terms.push(left.matmul(input([inner, n])));
    } else if (kind === 1) {
      terms.push(input([m, 4]).matmul(shared));
    } else if (kind === 2) {
      const axis = draws.below(5) === 0 ? 0 : 1;
      const size = [m, n][axis]!;
      const start = draws.below(size);
      const length = 1 + draws.below(size - start);
      const before = [0, 0].with(axis, start);
      const after = [0, 0].with(axis, size - start - length);
      terms.push(input([m, n].with(axis, length)).pad(before, after));
    } else {
      terms.push(input([m, n]));
    }
  }
  const sum = terms.reduce((a, b) => (draws.below(2) === 0 ? a.add(b) : b.add(a)));
  return draws.below(3) === 0 ? { sum, again: terms[0]!.exp() } : { sum };
}

test('random sums keep their values', () => {
  let smaller = 0;
  for (let seed = 0; seed < 300; seed++) {
    const draws = randomSequence(deriveKey(keyFromSeed(seed), 'sums'));
    const graph = simplify(trace((t) => ({ outputs: randomSum(t, draws) })));
    const values = Object.fromEntries(
      graph.inputs.map(({ attributes: { name, shape } }) => [
        name,
        Float64Array.from({ length: elementCount(shape) }, draws.normal),
      ]),
    );
    const after = joinSums(graph);
    if (countOf(after, 'pad') + countOf(after, 'matmul') < countOf(graph, 'pad') + countOf(graph, 'matmul'))
      smaller++;
    const [expected, actual] = [interpret(graph, values).outputs, interpret(after, values).outputs];
    for (const [name, node] of Object.entries(graph.outputs)) {
      assert.ok(sameShape(after.outputs[name]!.shape, node.shape));
      for (const [k, value] of expected[name]!.entries())
        assert.ok(
          Math.abs(actual[name]![k]! - value) <= 1e-12 * Math.max(1, Math.abs(value)),
          `seed ${seed}`,
        );
    }
  }
  assert.ok(smaller > 100, `${smaller} graphs changed`);
});
