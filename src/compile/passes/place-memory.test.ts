import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyFromSeed, randomSequence } from '../../base/random.ts';
import { KernelBuilder } from '../../kernel/builder.ts';
import { callsOf, type Launch } from '../backend.ts';
import type { DraftLaunch, Memory } from '../draft.ts';
import { placeMemory } from './place-memory.ts';

const kernel = new KernelBuilder(4).finish({ name: 'none', buffers: 0, pushConstants: 0, chunks: 1 });

const draft = (...memories: readonly Memory[]): DraftLaunch => ({
  kernel,
  memories,
  pushConstants: [],
  writes: new Set(),
});

const launch = (...memories: readonly Memory[]): Launch<DraftLaunch> => ({
  kind: 'single',
  call: draft(...memories),
});

const memory = (label: string, elements: number): Memory => ({ label, elements });

test('memories that are never alive together share a place, those that are do not', () => {
  const [a, b, c] = [memory('a', 100), memory('b', 100), memory('c', 100)];
  const { offsets, elements } = placeMemory([launch(a), launch(a, b), launch(b, c)], new Set());
  assert.equal(offsets.get(a), offsets.get(c));
  assert.notEqual(offsets.get(a), offsets.get(b));
  // 100 elements are 7 lines of 16, and a line is kept free behind each: 128.
  assert.equal(elements, 256);
});

test('what the calls of a pair touch is alive together', () => {
  const [a, b, c] = [memory('a', 100), memory('b', 100), memory('c', 100)];
  const pair: Launch<DraftLaunch> = { kind: 'pair', first: draft(a), second: draft(b), ratio: 2 };
  const { offsets } = placeMemory([pair, launch(c)], new Set());
  assert.notEqual(offsets.get(a), offsets.get(b));
  assert.equal(offsets.get(c), Math.min(offsets.get(a)!, offsets.get(b)!));
});

test('a small memory goes into the gap that a large one left', () => {
  const [large, other, small] = [memory('large', 1000), memory('other', 500), memory('small', 200)];
  const { offsets, elements } = placeMemory([launch(large, other), launch(other, small)], new Set());
  assert.equal(offsets.get(small), offsets.get(large));
  assert.equal(elements, 1024 + 528);
});

test('external memories have no place in the arena', () => {
  const [inside, outside] = [memory('inside', 10), memory('outside', 10)];
  const { offsets } = placeMemory([launch(inside, outside)], new Set([outside]));
  assert.deepEqual([...offsets.keys()], [inside]);
});

test('no launches need no arena', () => {
  assert.equal(placeMemory([], new Set()).elements, 0);
});

test('no two memories alive together overlap, in a thousand random plans, with a line between them', () => {
  const draw = randomSequence(keyFromSeed(9));
  for (let plan = 0; plan < 1000; plan++) {
    const memories = Array.from({ length: 2 + draw.below(20) }, (_, k) =>
      memory(`m${k}`, 1 + draw.below(draw.below(10) === 0 ? 5000 : 90)),
    );
    const launches = Array.from({ length: 1 + draw.below(15) }, () =>
      launch(...memories.filter(() => draw.below(5) === 0)),
    );
    const { offsets, elements } = placeMemory(launches, new Set());
    const used = [...offsets.keys()];
    const touches = (m: Memory) => (other: Launch<DraftLaunch>) =>
      callsOf(other).some(({ memories: touched }) => touched.includes(m));
    const lifetime = (m: Memory): [number, number] => [
      launches.findIndex(touches(m)),
      launches.findLastIndex(touches(m)),
    ];
    for (const a of used) {
      assert.equal(offsets.get(a)! % 16, 0);
      assert.ok(offsets.get(a)! + a.elements + 16 <= elements + 15);
      for (const b of used) {
        const [[fromA, toA], [fromB, toB]] = [lifetime(a), lifetime(b)];
        if (a === b || toA < fromB || toB < fromA) continue;
        const apart =
          offsets.get(a)! + a.elements + 15 < offsets.get(b)! ||
          offsets.get(b)! + b.elements + 15 < offsets.get(a)!;
        assert.ok(apart, `${a.label} and ${b.label}`);
      }
    }
  }
});
