import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FunctionWriter, section, signedLeb, unsignedLeb } from './assembler.ts';
import { encodeModule } from './module.ts';
import { webAssembly } from './web-assembly.ts';

test('numbers in LEB128 are those of the specification and its source, DWARF', () => {
  // DWARF 4, figures 23 and 24.
  assert.deepEqual([2, 127, 128, 129, 12857].map(unsignedLeb), [
    [2],
    [127],
    [0x80, 1],
    [0x81, 1],
    [0xb9, 0x64],
  ]);
  assert.deepEqual([2, -2, 127, -127, 128, -129].map(signedLeb), [
    [2],
    [0x7e],
    [0xff, 0],
    [0x81, 0x7f],
    [0x80, 1],
    [0xff, 0x7e],
  ]);
  assert.deepEqual(unsignedLeb(2 ** 32 - 1), [0xff, 0xff, 0xff, 0xff, 0x0f]);
  assert.deepEqual(signedLeb(-(2 ** 31)), [0x80, 0x80, 0x80, 0x80, 0x78]);
});

test('a function declares its locals in runs of one type', () => {
  const writer = new FunctionWriter(2);
  assert.equal(writer.local('i32'), 2);
  assert.equal(writer.local('v128'), 3);
  assert.equal(writer.local('v128'), 4);
  assert.deepEqual([...writer.finish()], [6, 2, 1, 0x7f, 2, 0x7b, 0x0b]);
});

test('a memory offset outside 32 bits is refused', () => {
  assert.throws(
    () => new FunctionWriter(0).loadInteger(2 ** 32),
    /memory offset 4294967296 is outside 0 … 2\^32 − 1/,
  );
  assert.throws(() => new FunctionWriter(0).loadInteger(-4), /memory offset -4 is outside/);
});

test('a module without kernels is valid, one with a broken section is not', () => {
  const bytes = encodeModule({ kernels: [] });
  assert.ok(webAssembly.validate(bytes));
  assert.ok(!webAssembly.validate(Uint8Array.of(...bytes, ...section(10, [1]))));
});

test('a module with kernels is valid with and without fused multiplication', () => {
  const kernel = {
    name: 'square',
    lanes: 4,
    buffers: 1,
    pushConstants: 0,
    constants: [],
    scratch: 0,
    chunks: 1,
    types: ['f32', 'f32'],
    body: [
      { kind: 'scalar', target: 0, type: 'f32', slot: 0 },
      { kind: 'accumulator', target: 1, type: 'f32', initial: 0 },
      { kind: 'multiplyAdd', accumulator: 1, a: 0, b: 0 },
    ],
  } as const;
  for (const relaxed of [false, true])
    assert.ok(webAssembly.validate(encodeModule({ kernels: [kernel] }, { relaxed })));
});
