// Tensor files: what another reader and another writer make of them, and every way in which they can be damaged.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../base/errors.ts';
import { hostTensor, type Parameters } from '../base/parameters.ts';
import { keyFromSeed, randomSequence } from '../base/random.ts';
import { floatsOf, integersOf } from './number-formats.ts';
import { decodeTensors, encodeTensors, nonFiniteNumbers, readStored } from './safetensors.ts';

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
  const body = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) body.writeFloatLE(value, 4 * i);
  return writeBytes(header, body);
}

function writeBytes(header: unknown, body: Uint8Array): Uint8Array {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header), 'utf8');
  const length = Buffer.alloc(8);
  length.writeUInt32LE(text.length, 0);
  return new Uint8Array(Buffer.concat([length, text, body]));
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
  ['has a header that is null', writeIndependently(null), /the header is wrong: expected object/],
  ['has a list for a header', writeIndependently([1]), /the header is wrong: expected object/],
  ['has a tensor that is null', writeIndependently({ x: null }), /the header is wrong: x: expected/],
  [
    'has a tensor without shape',
    writeIndependently({ x: { dtype: 'F32' } }),
    /the header is wrong: x.shape: expected/,
  ],
  [
    'has a negative offset',
    writeIndependently({ x: { ...entry, data_offsets: [-8, 0] } }, [1, 2]),
    /the header is wrong: x.data_offsets.0: expected/,
  ],
  [
    'has a number in its metadata',
    writeIndependently({ __metadata__: { step: 1 } }),
    /the header is wrong: __metadata__.step: expected/,
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
    'has tensors that overlap',
    writeIndependently({ x: entry, y: { ...entry, data_offsets: [4, 12] } }, [1, 2, 3]),
    /tensor "y" overlaps another: it begins at byte 4, expected 8/,
  ],
  [
    'has two names for the same bytes',
    writeIndependently({ x: entry, y: entry }, [1, 2]),
    /tensor "y" overlaps another: it begins at byte 0, expected 8/,
  ],
  [
    'has a gap between tensors',
    writeIndependently({ x: entry, y: { ...entry, data_offsets: [12, 20] } }, [1, 2, 3, 4, 5]),
    /tensor "y" leaves a gap before it: it begins at byte 12, expected 8/,
  ],
  [
    'has bytes after the last tensor',
    writeIndependently({ x: entry }, [1, 2, 3]),
    /its tensors end at byte 8, the file holds 12/,
  ],
  [
    'has a tensor twice',
    writeIndependently(`{"x": ${JSON.stringify(entry)}, "\\u0078" : ${JSON.stringify(entry)}}`, [1, 2]),
    /the header names "\\u0078" more than once/,
  ],
  [
    'has a shape twice',
    writeIndependently('{"x": {"dtype": "F32", "shape": [1], "shape": [2], "data_offsets": [0, 8]}}', [1, 2]),
    /the header names "shape" more than once/,
  ],
  [
    'has a type that nobody knows',
    writeIndependently({ x: { ...entry, dtype: 'F31' } }, [1, 2]),
    /tensor "x" is F31; known types are BOOL, F4, .*F64/,
  ],
  [
    'has a shape whose size is no number',
    writeIndependently({ x: { ...entry, shape: [...new Array(40).fill(2 ** 52), 0] } }, [1, 2]),
    /tensor "x" has 8 bytes for shape \(4503599627370496, /,
  ],
  [
    'has a digest that is not one',
    writeIndependently({ __metadata__: { sha256: '' }, x: entry }, [1, 2]),
    /its SHA-256 is [0-9a-f]{64}, expected /,
  ],
  [
    'has a header longer than any network needs',
    Buffer.concat([Buffer.from([0, 0, 0, 8, 0, 0, 0, 0]), Buffer.alloc(0x8000000)]),
    /expected a header of 134217728 bytes, got 100000000 at most/,
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

test('numbers of other types are refused as floats, with what to do', async () => {
  const bytes = writeIndependently({ x: { ...entry, dtype: 'I64', shape: [] } }, [1, 2]);
  await assert.rejects(decodeTensors('some.file', bytes), {
    name: 'UsageError',
    message: 'some.file: tensor "x" is I64, expected F32, F16, BF16 or F64; convert it to float32',
  });
  const { tensors: read } = await readStored('some.file', await encodeTensors({ tensors, metadata }));
  assert.throws(() => integersOf('some.file', read[0]!), {
    name: 'UsageError',
    message: /^some.file: tensor "conv.weights" is F32, expected integers: BOOL, U8, .*I64$/,
  });
});

test('a tensor may not have a name that the header cannot hold', async () => {
  for (const name of ['__metadata__', '__proto__']) {
    const named = Object.fromEntries([[name, hostTensor([], Float32Array.of(1))]]);
    await assert.rejects(encodeTensors({ tensors: named, metadata: {} }), {
      name: 'UsageError',
      message: `safetensors: a tensor may not be named "${name}"; rename it`,
    });
  }
});

test('a tensor may have a name that objects use themselves', async () => {
  for (const name of ['constructor', 'toString', 'hasOwnProperty', '', '7']) {
    const named = Object.fromEntries([[name, hostTensor([1], Float32Array.of(5))]]);
    const { tensors: read } = await decodeTensors('a', await encodeTensors({ tensors: named, metadata: {} }));
    assert.deepEqual(Object.entries(read), Object.entries(named), name);
  }
});

/** A file with one tensor of any type. */
async function readOne(dtype: string, shape: readonly number[], body: Uint8Array) {
  const bytes = writeBytes({ x: { dtype, shape, data_offsets: [0, body.length] } }, body);
  return (await readStored('a', bytes)).tensors[0]!;
}

test('all half-precision numbers are read exactly', async () => {
  const words = Uint16Array.from({ length: 0x10000 }, (_, i) => i);
  const tensor = await readOne('F16', [0x10000], new Uint8Array(words.buffer));
  const read = floatsOf('a', tensor);
  // Node's own conversion, which ohmic does not use because older engines lack it.
  const view = new DataView(words.buffer) as DataView & { getFloat16(at: number, little: boolean): number };
  if (!('getFloat16' in view)) return;
  for (let i = 0; i < 0x10000; i++) {
    assert.ok(Object.is(read[i], view.getFloat16(2 * i, true)), `0x${i.toString(16)}: ${read[i]}`);
  }
});

test('half-precision numbers have their published values', async () => {
  // IEEE 754-2019, binary16: smallest subnormal and normal, 1, the next above it, largest, infinities, -0.
  const words = Uint16Array.of(0x0001, 0x0400, 0x3c00, 0x3c01, 0x7bff, 0x7c00, 0xfc00, 0x8000, 0xc000);
  const read = floatsOf('a', await readOne('F16', [9], new Uint8Array(words.buffer)));
  assert.deepEqual(
    [...read],
    [2 ** -24, 2 ** -14, 1, 1 + 2 ** -10, 65504, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, -2],
  );
});

test('a BF16 number is the upper half of its float32, to the bit', async () => {
  const words = Uint16Array.from({ length: 0x10000 }, (_, i) => i);
  const read = floatsOf('a', await readOne('BF16', [256, 256], new Uint8Array(words.buffer)));
  const bits = new Uint32Array(read.buffer);
  assert.deepEqual(
    bits,
    Uint32Array.from(words, (word) => word * 0x10000),
  );
});

test('F64 is rounded to the nearest float32', async () => {
  const values = Float64Array.of(0.1, 1 / 3, -1e-320, 1e39, 16777217, Number.NaN);
  const read = floatsOf('a', await readOne('F64', [2, 3], new Uint8Array(values.buffer)));
  assert.deepEqual([...read], [...values].map(Math.fround));
});

test('integers of all types are read where a caller asks for them', async () => {
  const cases: readonly (readonly [string, { readonly buffer: ArrayBuffer }, readonly bigint[]])[] = [
    ['I64', BigInt64Array.of(-(2n ** 63n), 2n ** 53n + 1n), [-(2n ** 63n), 2n ** 53n + 1n]],
    ['U64', BigUint64Array.of(2n ** 64n - 1n, 0n), [2n ** 64n - 1n, 0n]],
    ['I32', Int32Array.of(-(2 ** 31), 7), [-(2n ** 31n), 7n]],
    ['U32', Uint32Array.of(2 ** 32 - 1, 7), [2n ** 32n - 1n, 7n]],
    ['I16', Int16Array.of(-32768, 1), [-32768n, 1n]],
    ['U16', Uint16Array.of(65535, 1), [65535n, 1n]],
    ['I8', Int8Array.of(-128, 1), [-128n, 1n]],
    ['U8', Uint8Array.of(255, 1), [255n, 1n]],
    ['BOOL', Uint8Array.of(1, 0), [1n, 0n]],
  ];
  for (const [dtype, { buffer }, expected] of cases) {
    assert.deepEqual(integersOf('a', await readOne(dtype, [2], new Uint8Array(buffer))), expected, dtype);
  }
  const counter = await readOne('I64', [], new Uint8Array(BigInt64Array.of(42n).buffer));
  assert.deepEqual([counter.shape, integersOf('a', counter)], [[], [42n]]);
});

test('tensors of types without values here take their place', async () => {
  const body = new Uint8Array(12).fill(1);
  const { tensors: read } = await readStored(
    'a',
    writeBytes(
      {
        small: { dtype: 'F8_E4M3', shape: [3], data_offsets: [0, 3] },
        four: { dtype: 'F4', shape: [2], data_offsets: [3, 4] },
        complex: { dtype: 'C64', shape: [1], data_offsets: [4, 12] },
      },
      body,
    ),
  );
  assert.deepEqual(
    read.map(({ name, dtype, bytes }) => [name, dtype, bytes.length]),
    [
      ['small', 'F8_E4M3', 3],
      ['four', 'F4', 1],
      ['complex', 'C64', 8],
    ],
  );
  assert.throws(() => floatsOf('a', read[0]!), /tensor "small" is F8_E4M3, expected F32, F16, BF16 or F64/);
});

test('stored tensors come in the order of their bytes, whatever the order of the header', async () => {
  const header = {
    second: { data_offsets: [4, 12], shape: [2], dtype: 'F32' },
    none: { data_offsets: [4, 4], shape: [0], dtype: 'F32' },
    first: { dtype: 'F32', shape: [1, 1], data_offsets: [0, 4] },
  };
  const { tensors: read } = await readStored('a', writeIndependently(header, [1, 2, 3]));
  assert.deepEqual(
    read.map(({ name }) => name),
    ['first', 'none', 'second'],
  );
});

test('numbers that are not finite are reported by tensor, count and place', () => {
  assert.deepEqual(
    nonFiniteNumbers({
      fine: hostTensor([2], Float32Array.of(1, 2)),
      one: hostTensor([2], Float32Array.of(1, Number.NaN)),
      two: hostTensor([3], Float32Array.of(Number.NEGATIVE_INFINITY, 0, Number.NaN)),
    }),
    [
      '"one": 1 of 2 numbers are not finite, the first NaN at index 1',
      '"two": 2 of 3 numbers are not finite, the first -Infinity at index 0',
    ],
  );
});

const latin = (text: string): Uint8Array => Buffer.from(text.padEnd(64, '\0'), 'latin1');
const zip = (entry: string): Uint8Array => {
  const bytes = Buffer.alloc(200);
  bytes.write('PK\x03\x04\0\0\x08\x08', 'latin1');
  bytes.writeUInt16LE(entry.length, 26);
  bytes.write(entry, 30);
  return bytes;
};

const others: readonly (readonly [what: string, bytes: Uint8Array, message: RegExp])[] = [
  [
    'ONNX',
    latin('\x08\x08\x12\x07pytorch\x1a\x062.13.0:'),
    /an ONNX model \(protobuf\); import it as a network, without a model/,
  ],
  [
    'PyTorch',
    zip('archive/data.pkl'),
    /a file of torch.save \(zip.*\); convert it in Python: safetensors.torch/,
  ],
  ['old PyTorch', latin('\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.'), /a pickle .*; convert it in Python/],
  ['npz', zip('conv1.weight.npy'), /a NumPy archive \(.npz\); .*safetensors.numpy.save_file/],
  ['zip', zip('readme.txt'), /a zip archive; unpack it/],
  ['GGUF', latin('GGUF\x03\0\0\0\x01'), /a GGUF file/],
  ['npy', latin('\x93NUMPY\x01\0v\0'), /a NumPy array \(.npy\); save it under a name/],
  ['Keras', latin('\x89HDF\r\n\x1a\n'), /an HDF5 file \(Keras, h5py\); save its arrays by name/],
  ['TFLite', latin('\x1c\0\0\0TFL3'), /a TensorFlow Lite model; save the weights/],
  ['gzip', latin('\x1f\x8b\x08\0\0\0\0\0'), /a gzip file; unpack it first/],
  [
    'Git LFS',
    latin('version https://git-lfs.github.com/spec/v1\noid'),
    /a pointer of Git LFS.*; .*git lfs pull/,
  ],
  ['HTML', latin('\n<!DOCTYPE html><html>'), /a web page; download the file itself/],
  ['JSON', latin('{\n  "weight_map": {'), /JSON; give the safetensors file/],
];

for (const [what, bytes, message] of others) {
  test(`a file of another format is called by its name: ${what}`, async () => {
    await assert.rejects(readStored('some.file', bytes), {
      name: 'UsageError',
      message: new RegExp(`^some.file: expected a safetensors file, got what looks like ${message.source}`),
    });
  });
}

test('whatever a header says, the answer is tensors or a UsageError', async () => {
  const header = {
    __metadata__: { format: 'pt' },
    'conv1.weight': { dtype: 'F16', shape: [2, 1, 1, 1], data_offsets: [0, 4] },
    'bn1.num_batches_tracked': { dtype: 'I64', shape: [], data_offsets: [4, 12] },
    'fc.bias': { dtype: 'F64', shape: [1], data_offsets: [12, 20] },
  };
  const good = writeBytes(header, new Uint8Array(20).fill(0x3c));
  const pieces = '{}[],:"0123456789-.eE\\ntrue null F16 I64 shape dtype 1e999 -1 \u0000';
  const draw = randomSequence(keyFromSeed(11));
  const pick = (count: number): number => Math.min(count - 1, Math.floor(draw.uniform() * count));
  let accepted = 0;
  for (let round = 0; round < 4000; round++) {
    const bytes = [...good];
    for (let change = pick(4); change >= 0; change--) {
      // Behind the length field, for the most part, or hardly anything else is reached.
      const at = draw.uniform() < 0.1 ? pick(8) : 8 + pick(bytes.length - 8);
      const start = pick(pieces.length);
      const piece = [...Buffer.from(pieces.slice(start, start + 1 + pick(4)))];
      const action = pick(4);
      if (action === 0) bytes[at] = pick(256);
      else if (action === 1) bytes.splice(at, 1 + pick(8));
      else if (action === 2) bytes.splice(at, 0, ...piece);
      else bytes.splice(at, piece.length, ...piece);
    }
    // Half of them with the length that their header has.
    const end = bytes.lastIndexOf('}'.charCodeAt(0));
    if (round % 2 === 0 && end > 8) bytes.splice(0, 8, (end - 7) & 0xff, (end - 7) >> 8, 0, 0, 0, 0, 0, 0);
    try {
      const { tensors: read } = await readStored('fuzz', Uint8Array.from(bytes));
      accepted++;
      for (const { shape, dtype } of read)
        assert.ok(shape.every(Number.isSafeInteger) && dtype !== undefined);
    } catch (thrown) {
      assert.ok(thrown instanceof UsageError, `${Buffer.from(bytes).toString('latin1')}: ${thrown}`);
    }
  }
  assert.ok(
    accepted > 100 && accepted < 3900,
    `${accepted} of 4000 are read: some mutations hurt, some do not`,
  );
});
