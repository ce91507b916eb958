// Tensor files: what another reader and another writer make of them, and every way in which they can be damaged.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../base/errors.ts';
import { hostTensor, type Parameters } from '../base/parameters.ts';
import { decodeTensors, encodeTensors } from './safetensors.ts';

const tensors: Parameters = {
  'conv.weights': hostTensor(
    [2, 3],
    Float32Array.of(1, -0, 1e-40, Number.NaN, Number.NEGATIVE_INFINITY, 0.1),
  ),
  scalar: hostTensor([], Float32Array.of(7)),
  empty: hostTensor([0, 4], new Float32Array(0)),
  'große Ströme': hostTensor([1, 1, 2], Float32Array.of(3, 4)),
};
const metadata = { format: 'test', note: '"quoted", µS' };

type Entry = { readonly dtype: string; readonly shape: number[]; readonly data_offsets: [number, number] };

/**
 * A reader that shares nothing with ohmic's: 8 bytes little-endian length N, N bytes of JSON that begin with `{` and may
 * end in spaces, then the values; data_offsets count from there and leave no holes.
 */
function readIndependently(bytes: Uint8Array): {
  readonly values: Record<string, { readonly shape: number[]; readonly values: number[] }>;
  readonly metadata: Record<string, string>;
} {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(0, true);
  assert.equal(view.getUint32(4, true), 0);
  assert.equal(bytes[8], '{'.charCodeAt(0));
  const text = Buffer.from(bytes.slice(8, 8 + length)).toString('utf8');
  assert.match(text, /\} *$/);
  const { __metadata__: texts, ...entries } = JSON.parse(text) as Record<string, Entry> & {
    __metadata__: Record<string, string>;
  };
  let end = 0;
  const values: Record<string, { shape: number[]; values: number[] }> = {};
  for (const [name, { dtype, shape, data_offsets: offsets }] of Object.entries(entries)) {
    assert.equal(dtype, 'F32');
    assert.equal(offsets[0], end);
    end = offsets[1];
    const count = (offsets[1] - offsets[0]) / 4;
    const start = 8 + length + offsets[0];
    const numbers = Array.from({ length: count }, (_, i) => view.getFloat32(start + 4 * i, true));
    values[name] = { shape, values: numbers };
  }
  assert.equal(8 + length + end, bytes.length);
  return { values, metadata: texts };
}

/** A file as another program writes it: no digest. */
function writeIndependently(header: unknown, values: readonly number[] = []): Uint8Array {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header), 'utf8');
  const bytes = Buffer.alloc(8 + text.length + 4 * values.length);
  bytes.writeUInt32LE(text.length, 0);
  text.copy(bytes, 8);
  for (const [i, value] of values.entries()) bytes.writeFloatLE(value, 8 + text.length + 4 * i);
  return new Uint8Array(bytes);
}

test('tensors and metadata come back to the bit, in their order', async () => {
  const decoded = await decodeTensors('a', await encodeTensors({ tensors, metadata }));
  assert.deepEqual(decoded, { tensors, metadata });
  assert.deepEqual(Object.keys(decoded.tensors), Object.keys(tensors));
  const bits = (values: Float32Array): Uint32Array => new Uint32Array(values.slice().buffer);
  for (const [name, { data }] of Object.entries(tensors))
    assert.deepEqual(bits(decoded.tensors[name]!.data), bits(data));
});

test('a tensor that is part of a larger buffer is written alone', async () => {
  const part = { part: hostTensor([2], Float32Array.of(1, 2, 3, 4).subarray(1, 3)) };
  const decoded = await decodeTensors('a', await encodeTensors({ tensors: part, metadata: {} }));
  assert.deepEqual(decoded.tensors['part']!.data, Float32Array.of(2, 3));
});

test('bytes that lie anywhere in a larger buffer are read', async () => {
  const bytes = await encodeTensors({ tensors, metadata });
  const larger = new Uint8Array(bytes.length + 3);
  larger.set(bytes, 3);
  assert.deepEqual((await decodeTensors('a', larger.subarray(3))).tensors, tensors);
});

test('another reader of the format finds the same', async () => {
  const bytes = await encodeTensors({ tensors, metadata });
  const read = readIndependently(bytes);
  const expected = Object.entries(tensors).map(([name, { shape, data }]) => [
    name,
    { shape, values: [...data] },
  ]);
  assert.deepEqual(read.values, Object.fromEntries(expected));
  const { sha256, ...texts } = read.metadata;
  assert.deepEqual(texts, metadata);
  assert.match(sha256!, /^[0-9a-f]{64}$/);
});

test('values start at a multiple of 8 bytes, as the format asks', async () => {
  for (let length = 0; length < 8; length++) {
    const bytes = await encodeTensors({ tensors, metadata: { note: 'x'.repeat(length) } });
    assert.equal(new DataView(bytes.buffer).getUint32(0, true) % 8, 0);
  }
});

test('files of other writers are read: any order, spaces, no metadata, no digest', async () => {
  const header = {
    second: { data_offsets: [4, 12], shape: [2], dtype: 'F32' },
    first: { dtype: 'F32', shape: [1, 1], data_offsets: [0, 4] },
  };
  const bytes = writeIndependently(`${JSON.stringify(header, null, 1)}   `, [1, 2, 3]);
  assert.deepEqual(await decodeTensors('a', bytes), {
    metadata: {},
    tensors: {
      second: hostTensor([2], Float32Array.of(2, 3)),
      first: hostTensor([1, 1], Float32Array.of(1)),
    },
  });
});

test('a file cut off anywhere is refused', async () => {
  const bytes = await encodeTensors({ tensors, metadata });
  for (let length = 0; length < bytes.length; length++) {
    await assert.rejects(decodeTensors('cut', bytes.subarray(0, length)), {
      name: 'UsageError',
      message: /^cut: .*; it is damaged or not a safetensors file; use an earlier file$/s,
    });
  }
});

test('a flipped bit anywhere is found out, or changes nothing', async () => {
  const bytes = await encodeTensors({ tensors, metadata });
  const undetected: number[] = [];
  for (let at = 0; at < bytes.length; at++) {
    const damaged = bytes.slice();
    damaged[at] = damaged[at]! ^ (1 << (at % 8));
    try {
      const { tensors: read, metadata: texts } = await decodeTensors('flipped', damaged);
      const { format, note } = texts;
      assert.deepEqual({ tensors: read, metadata: { format, note } }, { tensors, metadata });
      undetected.push(at);
    } catch (thrown) {
      assert.ok(thrown instanceof UsageError, `byte ${at}: ${thrown}`);
    }
  }
  // A space behind the header may become another, and the digest lose its name, which leaves the content as it is.
  const digestName = Buffer.from(bytes).indexOf('sha256');
  const isHarmless = (at: number): boolean =>
    bytes[at] === 0x20 || (at >= digestName && at < digestName + 'sha256'.length);
  assert.deepEqual(
    undetected.filter((at) => !isHarmless(at)),
    [],
  );
});

const entry = { dtype: 'F32', shape: [2], data_offsets: [0, 8] };
const broken: readonly (readonly [what: string, bytes: Uint8Array, message: RegExp])[] = [
  ['is empty', new Uint8Array(0), /expected at least 8 bytes, got 0/],
  ['is a picture', new Uint8Array(100).fill(0xff), /expected a header of \d+ bytes, got 92/],
  ['has a header that is not JSON', writeIndependently('{"x": '), /the header is not JSON \(/],
  ['has a header that is null', writeIndependently(null), /the header is wrong at ""/],
  ['has a list for a header', writeIndependently([1]), /the header is wrong at ""/],
  ['has a tensor that is null', writeIndependently({ x: null }), /the header is wrong at "x"/],
  [
    'has a tensor without shape',
    writeIndependently({ x: { dtype: 'F32' } }),
    /the header is wrong at "x.shape"/,
  ],
  [
    'has a negative offset',
    writeIndependently({ x: { ...entry, data_offsets: [-8, 0] } }, [1, 2]),
    /the header is wrong at "x.data_offsets.0"/,
  ],
  [
    'has a number in its metadata',
    writeIndependently({ __metadata__: { step: 1 } }),
    /the header is wrong at "__metadata__.step"/,
  ],
  [
    'has too few values',
    writeIndependently({ x: entry }, [1]),
    /tensor "x" ends at byte 8, the file holds 4/,
  ],
  [
    'has values for another shape',
    writeIndependently({ x: { ...entry, shape: [3] } }, [1, 2]),
    /tensor "x" has 8 bytes for shape \(3\)/,
  ],
  [
    'has another digest',
    writeIndependently({ __metadata__: { sha256: '00' }, x: entry }, [1, 2]),
    /its SHA-256 is [0-9a-f]{64}, expected 00/,
  ],
];

for (const [what, bytes, message] of broken) {
  test(`a file is refused that ${what}`, async () => {
    await assert.rejects(decodeTensors('some.file', bytes), {
      name: 'UsageError',
      message: new RegExp(
        `^some.file: .*${message.source}.*; it is damaged or not a safetensors file; use an earlier file$`,
        's',
      ),
    });
  });
}

test('values of another type are refused with what to do', async () => {
  const bytes = writeIndependently({ x: { ...entry, dtype: 'F64', shape: [1] } }, [1, 2]);
  await assert.rejects(decodeTensors('some.file', bytes), {
    name: 'UsageError',
    message: 'some.file: tensor "x" is F64, expected F32; convert the file',
  });
});
