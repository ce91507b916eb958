// Protobuf: what is written is read again, and bytes that are no message are refused.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GraphMessage } from './messages.ts';
import { decodeMessage, encodeMessage } from './wire.ts';

test('a message is read as it was written', () => {
  const tensor = {
    dims: [2, 3],
    dataType: 1,
    floatData: [0.5, -1],
    int32Data: [-1, 2 ** 31 - 1],
    int64Data: [-(2 ** 52), 2 ** 52],
    doubleData: [1e300],
    uint64Data: [2 ** 53],
    rawData: Uint8Array.of(1, 2, 3),
    name: 'a ü',
    externalData: [{ key: 'location', value: 'w' }],
    dataLocation: 1,
  };
  assert.deepEqual(decodeMessage('Tensor', encodeMessage('Tensor', tensor)), tensor);
});

test('the largest int64 is written although no number is equal to it', () => {
  const bytes = encodeMessage('Attribute', { ints: [2 ** 63], floats: [], strings: [] });
  assert.deepEqual(decodeMessage('Attribute', bytes).ints, [2 ** 63]);
});

test('fields that are not known are skipped', () => {
  // Field 99 with the text "x", then the name.
  const bytes = Uint8Array.of(0x9a, 0x06, 1, 0x78, ...encodeMessage('Entry', { key: 'k' }));
  assert.deepEqual(decodeMessage('Entry', bytes), { key: 'k' });
});

test('lists are read packed and one by one', () => {
  // dims, field 1: 5 alone, then 6 and 7 packed.
  assert.deepEqual(decodeMessage('Tensor', Uint8Array.of(0x08, 5, 0x0a, 2, 6, 7)).dims, [5, 6, 7]);
});

test('a field of another type, a cut message and endless nesting are refused', () => {
  assert.throws(
    () => decodeMessage('Entry', Uint8Array.of(0x08, 5)),
    /Entry\.key has wire type 0, expected 2 \(string\)/,
  );
  assert.throws(() => decodeMessage('Entry', Uint8Array.of(0x0a, 9, 0x78)), /premature EOF/);
  assert.throws(() => decodeMessage('Tensor', Uint8Array.of(0x0a, 1, 0x80)));
  let graph: GraphMessage = { node: [], initializer: [], input: [], output: [] };
  for (let depth = 0; depth < 60; depth++) {
    const attribute = [{ name: 'g', g: graph, floats: [], ints: [], strings: [] }];
    graph = { ...graph, node: [{ input: [], output: [], opType: 'If', attribute }] };
  }
  const bytes = encodeMessage('Graph', graph);
  assert.throws(() => decodeMessage('Graph', bytes), /its messages are nested more than 100 deep/);
});
