// How images were normalised elsewhere, as a flag says it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normalizationFromFlag } from './normalization-flag.ts';

const colour = { mean: [0.4, 0.5, 0.6], std: [0.1, 0.2, 0.3] };
const grey = { mean: [0.13], std: [0.3] };

test('a name, what was measured, or numbers of one or of all channels', () => {
  assert.equal(normalizationFromFlag('dataset', colour), colour);
  assert.deepEqual(normalizationFromFlag('imagenet', colour).mean, [0.485, 0.456, 0.406]);
  assert.deepEqual(normalizationFromFlag('half', colour), { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] });
  assert.deepEqual(normalizationFromFlag('none', grey), { mean: [0], std: [1] });
  assert.deepEqual(normalizationFromFlag('0.1307/0.3081', grey), { mean: [0.1307], std: [0.3081] });
  assert.deepEqual(normalizationFromFlag('0.1, 0.2,0.3 / 0.5', colour), {
    mean: [0.1, 0.2, 0.3],
    std: [0.5, 0.5, 0.5],
  });
});

test('unknown names, wrong numbers of channels and impossible deviations are refused', () => {
  const refused = (text: string, message: RegExp, measured = colour): void =>
    assert.throws(() => normalizationFromFlag(text, measured), { name: 'UsageError', message });
  refused(
    'imagnet',
    /--normalization: expected one of dataset, imagenet, half, none, got "imagnet"; did you mean/,
  );
  refused('1/2/3', /or write mean\/std/);
  refused('imagenet', /2 faults\n.*mean: expected a number for each of 1 channels, .*got 3/, grey);
  refused('0.1,0.2/0.3', /mean: expected a number for each of 3 channels, or one for all, got 2/);
  refused('0.1/0', /std: expected numbers above 0, got 0/);
  refused('a/1', /mean: expected numbers, got NaN/);
});
