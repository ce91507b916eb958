// What becomes a kernel and what is computed inside another: small graphs, one line a kernel.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gradients } from '../../graph/gradients.ts';
import { isOp, type Node } from '../../graph/node.ts';
import type { Tensor } from '../../graph/tensor.ts';
import { type Trace, type Traced, trace } from '../../graph/trace.ts';
import { fuse } from './fuse.ts';
import { simplify } from './simplify.ts';

const geometry = { stride: [1, 1], padding: [1, 1] } as const;

/** `kind product → results ← loads` for every kernel; values are named by their input or by the last operation. */
function kernelsOf(define: (t: Trace) => Traced): string[] {
  const { groups, stored } = fuse(simplify(trace(define)));
  const name = (node: Node): string => (isOp(node, 'input') ? node.attributes.name : node.op);
  /** Values in memory that an expression needs. */
  const loads = (node: Node, own: readonly Node[]): Node[] => {
    const isInMemory =
      (stored.has(node) && !own.includes(node)) || (isOp(node, 'input') && node.attributes.role !== 'scalar');
    return isInMemory ? [node] : node.inputs.flatMap((input) => loads(input, own));
  };
  return groups.map((group) => {
    const kind = group.kind === 'product' ? group.product.op : group.kind;
    const loaded = new Set(
      group.results.flatMap(({ inputs }) => inputs.flatMap((input) => loads(input, group.results))),
    );
    return `${kind} → ${group.results.map(name).join(', ')} ← ${[...loaded].map(name).join(', ')}`;
  });
}

type Network = {
  readonly x: Tensor;
  readonly w1: Tensor;
  readonly w2: Tensor;
  readonly scale: Tensor;
  readonly shift: Tensor;
};

const network = (t: Trace): Network => ({
  x: t.input('x', [2, 8, 8, 4]),
  w1: t.state('w1', [3, 3, 4, 4]),
  w2: t.state('w2', [3, 3, 4, 8]),
  scale: t.state('scale', [4]),
  shift: t.state('shift', [4]),
});

test('scale, shift and rectifier between convolutions cost no kernel: they end the first', () => {
  assert.deepEqual(
    kernelsOf((t) => {
      const { x, w1, w2, scale, shift } = network(t);
      const hidden = x.convolve(w1, geometry).multiply(scale).add(shift).relu();
      return { outputs: { y: hidden.convolve(w2, geometry) } };
    }),
    ['convolution → maximum ← x, w1, scale, shift', 'convolution → convolution ← maximum, w2'],
  );
});

test('batch normalisation by its own statistics flows into the next convolution, its mean is summed in the first', () => {
  assert.deepEqual(
    kernelsOf((t) => {
      const { x, w1, w2, scale, shift } = network(t);
      const y = x.convolve(w1, geometry);
      const centred = y.subtract(y.mean([0, 1, 2]));
      const deviation = centred.square().mean([0, 1, 2]).add(1e-5).sqrt();
      const hidden = centred.divide(deviation).multiply(scale).add(shift).relu();
      return { outputs: { z: hidden.convolve(w2, geometry) } };
    }),
    [
      'convolution → convolution, sum ← x, w1',
      'map → multiply ← sum',
      'reduce → sum ← convolution, multiply',
      'map → sqrt ← sum',
      'convolution → convolution ← convolution, multiply, sqrt, scale, shift, w2',
    ],
  );
});

test('a filter gradient comes as soon as its operands are there, so that they need not be kept', () => {
  const kernels = kernelsOf((t) => {
    const { x, w1 } = network(t);
    const [w2, w3] = [t.input('second', [3, 3, 4, 4]), t.input('third', [3, 3, 4, 4])];
    const y = x.convolve(w1, geometry).relu().convolve(w2, geometry).relu().convolve(w3, geometry);
    const slopes = gradients(y.multiply(t.input('target', y.shape)).sum(), [w1, w2, w3]);
    return { outputs: Object.fromEntries(slopes.map((slope, k) => [`slope${k}`, slope])) };
  }).map((line) => line.split(' ')[0]);
  const backward = kernels.slice(kernels.lastIndexOf('convolution') + 1);
  assert.deepEqual(
    backward.filter((name) => name?.startsWith('convolution')),
    [
      'convolutionWeightGradient',
      'convolutionInputGradient',
      'convolutionWeightGradient',
      'convolutionInputGradient',
      'convolutionWeightGradient',
    ],
  );
});

test('noisy weights are computed once, and both the forward and the backward product load them', () => {
  assert.deepEqual(
    kernelsOf((t) => {
      const { x, w1 } = network(t);
      const noise = t
        .key('noise')
        .normal(w1.shape)
        .multiply(w1.abs().max().multiply(t.scalar('noiseScale')));
      const y = x.convolve(w1.add(noise.detach()), geometry);
      const [gx, gw] = gradients(y.multiply(t.input('target', y.shape)).sum(), [x, w1]) as [Tensor, Tensor];
      return { outputs: { y, gx, gw } };
    }),
    [
      'reduce → reduceMax ← w1',
      'convolutionWeightGradient → convolutionWeightGradient ← x, target',
      'map → add ← w1, reduceMax',
      'convolution → convolution ← x, add',
      'convolutionInputGradient → convolutionInputGradient ← target, add',
    ],
  );
});

test('scale, output noise and rounding are an epilogue of the product', () => {
  assert.deepEqual(
    kernelsOf((t) => {
      const { x, w1 } = network(t);
      const noisy = x
        .convolve(w1, geometry)
        .multiply(t.scalar('step'))
        .add(t.key('noise').normal([2, 8, 8, 4]));
      return { outputs: { y: noisy.round().clip(-127, 127) } };
    }),
    ['convolution → maximum ← x, w1'],
  );
});

test('a result that somebody else needs ends the epilogue', () => {
  assert.deepEqual(
    kernelsOf((t) => {
      const { x, w1 } = network(t);
      const y = x.convolve(w1, geometry);
      return { outputs: { y, rectified: y.relu() } };
    }),
    ['convolution → convolution ← x, w1', 'map → maximum ← convolution'],
  );
});

test('an update of the weights is the epilogue of their gradient', () => {
  assert.deepEqual(
    kernelsOf((t) => {
      const [x, w] = [t.input('x', [64, 8]), t.state('w', [8, 5])];
      const y = x
        .matmul(w)
        .add(t.state('bias', [5]))
        .tanh();
      const [slope] = gradients(y.square().sum(), [w]) as [Tensor];
      return { outputs: { y }, updates: { w: w.subtract(slope.multiply(t.scalar('rate'))) } };
    }),
    ['matmul → tanh ← x, w, bias', 'map → multiply ← tanh', 'matmul → subtract ← w, x, multiply'],
  );
});

test('reductions of one pass share a kernel, and so do maps over one shape', () => {
  assert.deepEqual(
    kernelsOf((t) => {
      const x = t.input('x', [64, 8]);
      return {
        outputs: {
          sum: x.sum([0], true),
          max: x.max([0], true),
          across: x.sum([1], true),
          exp: x.exp(),
          next: x.add(1),
        },
      };
    }),
    ['reduce → sum, reduceMax ← x', 'reduce → sum ← x', 'map → exp, add ← x'],
  );
});

test('a value that is stretched over a larger tensor is computed before, not once per element', () => {
  assert.deepEqual(
    kernelsOf((t) => ({ outputs: { y: t.input('x', [64, 8]).multiply(t.input('row', [8]).exp()) } })),
    ['map → exp ← row', 'map → multiply ← x, exp'],
  );
});

test('an expensive value with two users is computed once', () => {
  assert.deepEqual(
    kernelsOf((t) => {
      const y = t.input('x', [64, 8]).tanh();
      return { outputs: { a: y.sum([0], true), b: y.sum([1], true) } };
    }),
    ['map → tanh ← x', 'reduce → sum ← tanh', 'reduce → sum ← tanh'],
  );
});

test('views and constants are never stored', () => {
  assert.deepEqual(
    kernelsOf((t) => {
      const x = t.input('x', [4, 6]);
      return { outputs: { y: x.transpose().reshape([2, 12]).slice([0, 3], [2, 9]).add(1).exp() } };
    }),
    ['map → exp ← x'],
  );
});

test('the filter of a product is in memory, a reshaped one where it lies', () => {
  assert.deepEqual(
    kernelsOf((t) => {
      const { x, w1 } = network(t);
      const matrix = t.state('matrix', [36, 4]);
      const stored = x.convolve(matrix.reshape([3, 3, 4, 4]), geometry);
      return { outputs: { stored, computed: x.convolve(w1.multiply(2), geometry) } };
    }),
    [
      'convolution → convolution ← x, matrix',
      'map → multiply ← w1',
      'convolution → convolution ← x, multiply',
    ],
  );
});

test('a sum of very many tensors is cut into kernels of few streams', () => {
  const kernels = kernelsOf((t) => {
    const parts = Array.from({ length: 20 }, (_, k) => t.input(`x${k}`, [32]));
    return { outputs: { sum: parts.reduce((sum, part) => sum.add(part)) } };
  });
  for (const kernel of kernels) assert.ok(kernel.split('←')[1]!.split(',').length <= 9, kernel);
  assert.ok(kernels.length <= 4);
});
