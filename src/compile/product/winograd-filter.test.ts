import assert from 'node:assert/strict';
import { test } from 'node:test';
import { literal } from '../../kernel/int.ts';
import { type FilterTaps, pointRanges } from './winograd-filter.ts';

const CHANNELS = 56;

/** Kernel rows of a 3 x 3 filter with 56 channels, of whose matrix the rows from `start` to `end` take part. */
function share(firstKernelRow: number, kernelRows: number, start: number, end: number): FilterTaps {
  const firstRow = (row: number, tap: number): number => (3 * (firstKernelRow + row) + tap) * CHANNELS;
  return {
    memory: { label: 'filter', elements: 0 },
    kernelRows,
    channels: CHANNELS,
    columns: 1,
    index: () => literal(0),
    channelsOf: (row, tap) => [start - firstRow(row, tap), end - firstRow(row, tap)],
  };
}

test('a whole filter has one range for all points', () => {
  assert.deepEqual(pointRanges(share(0, 3, 0, 504)), [{ first: 0, count: 6, range: [0, 168] }]);
});

test('a crossbar tile leaves out the points whose taps are all zero', () => {
  // Of the second kernel row, the first tile has all of tap 0, 32 channels of tap 1, nothing of tap 2.
  assert.deepEqual(pointRanges(share(0, 2, 0, 256)), [
    { first: 0, count: 5, range: [0, 112] },
    { first: 5, count: 1, range: [0, 56] },
  ]);
  assert.deepEqual(pointRanges(share(1, 2, 256, 504)), [
    { first: 0, count: 1, range: [56, 112] },
    { first: 1, count: 5, range: [0, 112] },
  ]);
});

test('a part of one tap leaves only its own channels', () => {
  assert.deepEqual(pointRanges(share(0, 1, 10, 20)), [
    { first: 0, count: 5, range: [10, 20] },
    { first: 5, count: 1, range: [0, 0] },
  ]);
});
