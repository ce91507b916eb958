// Which calls are paired, and in what order everything comes then.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KernelBuilder } from '../../kernel/builder.ts';
import type { DraftLaunch, Memory } from '../draft.ts';
import { pairLaunches } from './pair-launches.ts';

const large = (label: string): Memory => ({ label, elements: 2 ** 20 });
const small = (label: string): Memory => ({ label, elements: 100 });

const [x, gradient] = [large('x'), large('gradient')];
const [sums, weights, weightGradient] = [small('sums'), small('weights'), small('weight gradient')];
const inputGradient = large('input gradient');

function launch(
  name: string,
  loads: readonly Memory[],
  writes: readonly Memory[],
  shape: { readonly chunks?: number; readonly images?: number } = {},
): DraftLaunch {
  const { chunks = 1, images } = shape;
  const kernel = new KernelBuilder(4).finish({ name, buffers: loads.length + 1, pushConstants: 0, chunks });
  const memories = [...loads, ...writes];
  return {
    kernel,
    memories,
    pushConstants: [],
    writes: new Set(writes),
    ...(images !== undefined && { images }),
  };
}

const forWeights = launch('w', [x, gradient], [sums], { chunks: 4, images: 8 });
const combine = launch('combine', [sums], [weightGradient]);
const transform = launch('transform', [weights], [small('transformed')]);
const forInput = launch('i', [gradient, x], [inputGradient], { chunks: 32, images: 1 });

/** Names in order; `w with 8 i` is a pair. */
const namesOf = (calls: readonly DraftLaunch[]): string =>
  pairLaunches(calls)
    .map((pair) =>
      pair.kind === 'single'
        ? pair.call.kernel.name
        : `${pair.first.kernel.name} with ${pair.ratio} ${pair.second.kernel.name}`,
    )
    .join(', ');

test('both gradients of a layer are paired; what needs the first comes after it, what the second needs before', () => {
  assert.equal(namesOf([forWeights, combine, transform, forInput]), 'transform, w with 8 i, combine');
});

test('an update of the weights in between stays behind what still needs the old ones', () => {
  const update = launch('update', [weightGradient], [weights]);
  const reader = launch('i', [gradient, x, weights], [inputGradient], { chunks: 32, images: 1 });
  // The second needs the new weights, which need the first: nothing to join.
  assert.equal(namesOf([forWeights, combine, update, reader]), 'w, combine, update, i');
});

test('launches that share less, or small values, or other images, or that need one another, stay apart', () => {
  const apart: readonly DraftLaunch[] = [
    launch('i', [gradient], [inputGradient], { chunks: 32, images: 1 }),
    launch('i', [gradient, x], [inputGradient], { chunks: 16, images: 1 }),
    launch('i', [gradient, x], [inputGradient], { chunks: 2, images: 16 }),
    launch('i', [gradient, x], [inputGradient], { chunks: 32 }),
    launch('i', [gradient, x, sums], [inputGradient], { chunks: 32, images: 1 }),
    launch('i', [gradient, x], [x], { chunks: 32, images: 1 }),
  ];
  for (const other of apart) assert.equal(namesOf([forWeights, other]), 'w, i');
  const few = [small('x'), small('gradient')];
  const others = [
    launch('w', few, [sums], { chunks: 4, images: 8 }),
    launch('i', few, [inputGradient], { chunks: 32, images: 1 }),
  ];
  assert.equal(namesOf(others), 'w, i');
});
