import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../base/errors.ts';
import { keyFromSeed, randomSequence } from '../base/random.ts';
import { PADDING_ELEMENTS } from '../compile/backend.ts';
import { type Block, SharedHeap } from './memory.ts';
import { webAssembly } from './web-assembly.ts';

test('blocks are aligned, padded, apart from each other and zeroed, whatever the order of freeing', () => {
  const heap = new SharedHeap();
  const draw = randomSequence(keyFromSeed(1));
  const blocks: { readonly block: Block; readonly elements: number }[] = [];
  for (let step = 0; step < 400; step++) {
    if (blocks.length > 0 && draw.uniform() < 0.45) {
      const [{ block }] = blocks.splice(draw.below(blocks.length), 1) as [(typeof blocks)[number]];
      heap.free(block);
      continue;
    }
    const elements = draw.below(5000);
    const block = heap.allocate(elements);
    assert.equal(block.address % 64, 0);
    assert.ok(block.address > 0 && block.bytes >= (elements + PADDING_ELEMENTS) * 4);
    for (const { block: other } of blocks) {
      assert.ok(block.address + block.bytes <= other.address || other.address + other.bytes <= block.address);
    }
    const words = heap.words(block, elements + PADDING_ELEMENTS);
    assert.ok(words.every((word) => word === 0));
    words.fill(step + 1);
    blocks.push({ block, elements });
  }
});

test('freed neighbours join, and memory that was given back is used again', () => {
  const heap = new SharedHeap();
  const blocks = [1000, 1000, 1000].map((elements) => heap.allocate(elements));
  const last = heap.allocate(10);
  heap.free(blocks[0]!);
  heap.free(blocks[2]!);
  heap.free(blocks[1]!);
  assert.equal(heap.allocate(3000).address, blocks[0]!.address);
  heap.free(last);
  const size = heap.memory.buffer.byteLength;
  for (let round = 0; round < 100; round++) heap.free(heap.allocate(10_000));
  assert.ok(heap.memory.buffer.byteLength <= Math.max(size * 2, 2 ** 18));
});

for (const isShared of [true, false]) {
  test(`content survives growth, ${isShared ? 'shared' : 'not shared'}`, () => {
    const heap = new SharedHeap({ isShared });
    assert.equal(heap.memory.buffer instanceof SharedArrayBuffer, isShared);
    const block = heap.allocate(4);
    heap.words(block, 4).set([1, 2, 3, 4]);
    heap.allocate(10_000_000);
    assert.deepEqual([...heap.words(block, 4)], [1, 2, 3, 4]);
  });
}

/** A WebAssembly.Memory that is refused with a larger maximum. */
function grantingAtMost(pages: number): typeof webAssembly.Memory {
  return new Proxy(webAssembly.Memory, {
    construct: (memory, [limits]: ConstructorParameters<typeof webAssembly.Memory>) => {
      if (limits.maximum > pages) throw new RangeError('could not allocate memory');
      return new memory(limits);
    },
  });
}

test('a host that sets less aside gives less memory, and none is an error', (t) => {
  const granted = t.mock.property(webAssembly, 'Memory', grantingAtMost(16_384));
  const heap = new SharedHeap();
  assert.throws(
    () => heap.allocate(2 ** 28),
    new UsageError(
      'wasm memory: 268435456 elements (1024 MiB) do not fit, 0 of at most 1024 MiB are taken; ' +
        'use smaller batches or the native backend',
    ),
  );
  assert.equal(heap.words(heap.allocate(4), 4).length, 4);
  granted.mock.restore();
  t.mock.property(webAssembly, 'Memory', grantingAtMost(1));
  assert.throws(
    () => new SharedHeap(),
    new UsageError(
      'wasm memory: expected room for at least 256 MiB, the system grants none (could not allocate memory); ' +
        'close other programs or pages',
    ),
  );
});

test('more than 4 GiB are refused, and nothing is lost by asking', () => {
  const heap = new SharedHeap();
  const fault = new UsageError(
    'wasm memory: 1073741824 elements (4096 MiB) do not fit, 0 of at most 4096 MiB are taken; ' +
      'use smaller batches or the native backend',
  );
  assert.throws(() => heap.allocate(2 ** 30), fault);
  const first = heap.allocate(10);
  heap.free(first);
  assert.throws(() => heap.allocateAll([10, 2 ** 30]), UsageError);
  assert.equal(heap.allocate(10).address, first.address);
});
