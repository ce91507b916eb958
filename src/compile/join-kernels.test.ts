// Joint kernels by their text. That they compute what the two do is tested by running (test/joint-launches.test.ts).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chunkIndex, lane } from './draft.ts';
import { plus, times } from './int.ts';
import { joinKernels } from './join-kernels.ts';
import { KernelBuilder } from './kernel-builder.ts';
import { type Kernel, printKernel, SCRATCH } from './loop.ts';

/** Doubles, or adds a word and a number from a table: to every kind of name there is one that must not be mistaken. */
function kernelOf(name: string, chunks: number, write: (b: KernelBuilder) => void, words = 0): Kernel {
  const b = new KernelBuilder(4);
  write(b);
  return b.finish({ name, buffers: 2, words, chunks });
}

test('a joint kernel does a chunk of the first, then its share of the second, with names of their own', () => {
  const row = (chunks: number) => plus(times(chunkIndex(chunks), 4), lane(4));
  const table = Array.from({ length: 32 }, (_, k) => k);
  const first = kernelOf(
    'first',
    4,
    (b) => {
      b.store(SCRATCH, lane(4), b.load(0, row(4)));
      b.store(1, row(4), b.operation('add', b.load(0, row(4)), b.lookup(table, b.word(0))));
    },
    1,
  );
  const second = kernelOf(
    'second',
    8,
    (b) => {
      b.prefetch(1, times(chunkIndex(8), 4));
      const found = b.lookup([...table].reverse(), b.word(0));
      b.loop(2, (i) =>
        b.store(1, plus(row(8), times(i, 32)), b.operation('multiply', b.load(0, row(8)), found)),
      );
    },
    1,
  );
  const joint = joinKernels(first, { kernel: second, slots: [0, 2], repeats: 2 });
  assert.deepEqual(
    [joint.name, joint.chunks, joint.buffers, joint.words, joint.constants.length],
    ['first_second', 4, 3, 2, 64],
  );
  assert.equal(
    printKernel(joint),
    `kernel first_second: 4 chunks, 4 lanes, 3 buffers
  v0 = b0[chunk * 4] vector:f32
  scratch[0] = v0 vector 4
  v1 = word 0
  v2 = constants[0 + (v1 & 31)]
  v3 = add(v0, v2)
  b1[chunk * 4] = v3 vector 4
  for repeat in 2
    prefetch b2[chunk * 8 + repeat * 4]
    v4 = word 1
    v5 = constants[32 + (v4 & 31)]
    v6 = b0[chunk * 8 + repeat * 4] vector:f32
    v7 = multiply(v6, v5)
    for i_0 in 2
      b2[chunk * 8 + repeat * 4 + i_0 * 32] = v7 vector 4
`,
  );
});
