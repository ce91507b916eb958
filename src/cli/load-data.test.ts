// Images as settings name them: which normalisation they carry.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check } from '../base/schema.ts';
import { loadData } from './load-data.ts';
import { silentProgress } from './progress.ts';
import { type NormalizationChoice, trainDataSchema } from './settings-schema.ts';

const few = { trainImages: 40, testImages: 10 };
const place = { progress: silentProgress };

test('images are normalised by themselves, or as settings say, in each channel', async () => {
  const normalized = (dataset: 'synthetic' | 'digits', normalization?: NormalizationChoice) =>
    loadData({ dataset, ...few, normalization }, place).then((split) => split.normalization);
  const measured = await normalized('synthetic');
  assert.deepEqual(await normalized('synthetic', 'dataset'), measured);
  assert.ok(measured.mean.every((mean) => mean !== 0.5));
  assert.deepEqual(await normalized('synthetic', 'half'), { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] });
  assert.deepEqual(await normalized('digits', 'none'), { mean: [0], std: [1] });
  await assert.rejects(normalized('digits', 'imagenet'), /mean: expected a number for each of 1 channels/);
});

test('an unknown normalisation is told what names there are', () => {
  assert.throws(
    () => check(trainDataSchema, 'data', { dataset: 'mnist', normalization: 'halves' }),
    /normalization: expected one of dataset, imagenet, half, none, got "halves"/,
  );
});
