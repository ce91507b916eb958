// Damaged files: whatever bytes are changed, cut off or repeated, importing ends in a network or in a UsageError, in bounded
// time and memory.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../../base/errors.ts';
import { nodeMessage } from './encode.ts';
import { importOnnx } from './import-onnx.ts';
import { drawsOf, floats, type Sketch, wholes, writeSketch } from './oracle.test-data.ts';
import { encodeMessage } from './wire.ts';

const FILES = 500;

/** Longest that a file of a few kilobytes may take, on a slow machine. */
const MOST_MILLISECONDS = 5000;

/** Most memory that is added by importing all of them. */
const MOST_BYTES = 400e6;

const draw = drawsOf(3);

/** Files with much of what can be damaged: shapes, windows, branches, recurrences, tables. */
const sketches: readonly Sketch[] = [
  {
    inputs: { x: ['n', 2, 6, 6] },
    constants: {
      w: floats(draw, [3, 2, 3, 3]),
      b: floats(draw, [3]),
      s: wholes([0, 3, -1]),
      starts: wholes([1]),
      ends: wholes([9]),
      axes: wholes([2]),
      steps: wholes([2]),
      scale: floats(draw, [3]),
    },
    nodes: [
      {
        op: 'Conv',
        inputs: ['x', 'w', 'b'],
        outputs: ['c'],
        attributes: { pads: [1, 1, 1, 1], strides: [1, 1] },
      },
      { op: 'BatchNormalization', inputs: ['c', 'scale', 'scale', 'b', 'scale'], outputs: ['n1'] },
      {
        op: 'MaxPool',
        inputs: ['n1'],
        outputs: ['p'],
        attributes: { kernel_shape: [2, 2], strides: [2, 2] },
      },
      { op: 'Slice', inputs: ['p', 'starts', 'ends', 'axes', 'steps'], outputs: ['part'] },
      { op: 'Reshape', inputs: ['part', 's'], outputs: ['r'] },
      { op: 'Softmax', inputs: ['r'], outputs: ['y'], attributes: { axis: 2 } },
    ],
    outputs: ['y'],
  },
  {
    inputs: { x: ['n', 5, 3] },
    constants: {
      w: floats(draw, [1, 8, 3]),
      r: floats(draw, [1, 8, 2]),
      seq: wholes([1, 0, 2]),
      reps: wholes([1, 1, 2]),
      shape: wholes([2, 3]),
      m: floats(draw, [4, 2]),
    },
    nodes: [
      { op: 'Transpose', inputs: ['x'], outputs: ['t'], attributes: { perm: [1, 0, 2] } },
      { op: 'LSTM', inputs: ['t', 'w', 'r'], outputs: ['y0', 'h'], attributes: { hidden_size: 2 } },
      { op: 'Squeeze', inputs: ['h'], outputs: ['h1'] },
      { op: 'Tile', inputs: ['h', 'reps'], outputs: ['tiled'] },
      { op: 'ConstantOfShape', inputs: ['shape'], outputs: ['zeros'] },
      { op: 'MatMul', inputs: ['tiled', 'm'], outputs: ['z'] },
      { op: 'Transpose', inputs: ['z'], outputs: ['y'], attributes: { perm: [1, 0, 2] } },
    ],
    outputs: ['y'],
  },
  {
    inputs: { x: ['n', 2, 4, 4] },
    constants: {
      scales: floats(() => 2, [4]),
      ends: wholes([0, 0, 1, 2, 0, 0, 2, 1]),
      k: floats(draw, [2, 2, 2, 2]),
    },
    nodes: [
      { op: 'Resize', inputs: ['x', '', 'scales'], outputs: ['big'], attributes: { mode: 'linear' } },
      { op: 'Pad', inputs: ['x', 'ends'], outputs: ['wide'], attributes: { mode: 'reflect' } },
      { op: 'ConvTranspose', inputs: ['wide', 'k'], outputs: ['up'], attributes: { strides: [2, 2] } },
      {
        op: 'AveragePool',
        inputs: ['up'],
        outputs: ['a'],
        attributes: { kernel_shape: [3, 3], pads: [1, 1, 1, 1] },
      },
      { op: 'ReduceMean', inputs: ['a'], outputs: ['y'], attributes: { axes: [2, 3], keepdims: 0 } },
    ],
    outputs: ['y'],
  },
];

/** One damaged version of some bytes. */
function mutated(bytes: Uint8Array, random: () => number): Uint8Array {
  const at = (length: number): number => Math.min(length - 1, Math.floor(((random() + 1) / 2) * length));
  const copy = new Uint8Array(bytes);
  switch (at(5)) {
    case 0:
      return copy.subarray(0, at(copy.length));
    case 1: {
      const [from, count] = [at(copy.length), 1 + at(40)];
      return Uint8Array.from([...copy.subarray(0, from), ...copy.subarray(from + count)]);
    }
    case 2: {
      const [from, count] = [at(copy.length), 1 + at(40)];
      return Uint8Array.from([...copy.subarray(0, from + count), ...copy.subarray(from)]);
    }
    default: {
      const changes = 1 + at(4);
      for (let k = 0; k < changes; k++)
        copy[at(copy.length)] = at(2) === 0 ? at(256) : [0, 1, 0x7f, 0xff][at(4)]!;
      return copy;
    }
  }
}

test(`${FILES} damaged files end in a network or a clear message`, async () => {
  const files = sketches.map(writeSketch);
  const random = drawsOf(11);
  const before = process.memoryUsage().rss;
  let refused = 0;
  for (let k = 0; k < FILES; k++) {
    const bytes = mutated(files[k % files.length]!, random);
    const begun = performance.now();
    try {
      await importOnnx(bytes, { name: `file ${k}` });
    } catch (thrown) {
      assert.ok(
        thrown instanceof UsageError,
        `file ${k}: ${thrown instanceof Error ? thrown.stack : thrown}`,
      );
      refused++;
    }
    const taken = performance.now() - begun;
    assert.ok(taken < MOST_MILLISECONDS, `file ${k} took ${taken} ms`);
  }
  const added = process.memoryUsage().rss - before;
  assert.ok(added < MOST_BYTES, `${added} bytes`);
  assert.ok(refused > FILES / 2, `only ${refused} were refused`);
});

test('sizes that no file of that length could fill are refused before anything is allocated', async () => {
  const huge = (dims: readonly number[]): Uint8Array =>
    encodeMessage('Model', {
      irVersion: 8,
      opsetImport: [{ domain: '', version: 17 }],
      functions: [],
      graph: {
        node: [nodeMessage({ op: 'Relu', inputs: ['x'], outputs: ['y'] })],
        initializer: [
          {
            dims,
            dataType: 1,
            name: 'w',
            rawData: new Uint8Array(16),
            floatData: [],
            int32Data: [],
            int64Data: [],
            doubleData: [],
            uint64Data: [],
            externalData: [],
          },
        ],
        input: [
          {
            name: 'x',
            type: { tensorType: { elemType: 1, shape: { dim: [{ dimParam: 'n' }, { dimValue: 3 }] } } },
          },
        ],
        output: [{ name: 'y' }],
      },
    });
  await assert.rejects(
    importOnnx(huge([2 ** 31, 2 ** 20]), { name: 'huge' }),
    /huge: tensor "w" has 16 bytes, expected \d+ for float32 \(2147483648, 1048576\)/,
  );
  await assert.rejects(
    importOnnx(huge([-1]), { name: 'huge' }),
    /tensor "w" has sizes \(-1\), expected whole numbers from 0/,
  );
});

const blownUp: readonly { readonly what: string; readonly sketch: Sketch; readonly expected: RegExp }[] = [
  {
    what: 'a tensor of zeros',
    sketch: {
      inputs: { x: ['n', 2] },
      constants: { shape: wholes([1_000_000, 1_000_000]) },
      nodes: [
        { op: 'ConstantOfShape', inputs: ['shape'], outputs: ['z'] },
        { op: 'ReduceSum', inputs: ['z'], outputs: ['s'], attributes: { keepdims: 0 } },
        { op: 'Add', inputs: ['x', 's'], outputs: ['y'] },
      ],
      outputs: ['y'],
    },
    expected: /node "ConstantOfShape_0" \(ConstantOfShape\): a tensor \(1000000, 1000000\) is too large/,
  },
  {
    what: 'a range',
    sketch: {
      inputs: { x: ['n', 2] },
      constants: { a: wholes([0], []), b: wholes([1e12], []), c: wholes([1], []) },
      nodes: [
        { op: 'Range', inputs: ['a', 'b', 'c'], outputs: ['r'] },
        { op: 'Gather', inputs: ['x', 'r'], outputs: ['y'], attributes: { axis: 1 } },
      ],
      outputs: ['y'],
    },
    expected: /a range of 1000000000000 numbers, expected at most 65536/,
  },
  {
    what: 'a window',
    sketch: {
      inputs: { x: ['n', 2, 8, 8] },
      nodes: [
        {
          op: 'MaxPool',
          inputs: ['x'],
          outputs: ['y'],
          attributes: { kernel_shape: [100_000, 1], pads: [100_000, 0, 100_000, 0] },
        },
      ],
      outputs: ['y'],
    },
    expected: /a window of 100000, expected at most 4096/,
  },
  {
    what: 'a repetition',
    sketch: {
      inputs: { x: ['n', 2] },
      constants: { r: wholes([1, 1_000_000]), r2: wholes([1, 1_000_000]) },
      nodes: [
        { op: 'Tile', inputs: ['x', 'r'], outputs: ['t'] },
        { op: 'Tile', inputs: ['t', 'r2'], outputs: ['y'] },
      ],
      outputs: ['y'],
    },
    expected: /node "Tile_1" \(Tile\): a tensor \(13, 2000000000000\) is too large/,
  },
];

for (const { what, sketch, expected } of blownUp) {
  test(`${what} that is larger than anything could compute is refused`, async () => {
    await assert.rejects(importOnnx(writeSketch(sketch), { name: 'large' }), expected);
  });
}
