// The energy of a training with what it recorded.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkByName } from '../nn/networks.ts';
import { costedTwins, tinyTwins } from '../report/twins-fixture.test-data.ts';
import { trainingSchema } from '../train/settings.ts';
import { recordedPulses, twinCost } from './twin-cost.ts';
import { checkTwinRecord } from './twin-record-schema.ts';

const network = networkByName('mlp', { inputShape: [8, 8, 1], classes: 4 });

test('pulses are means over seeds, epochs and examples; an epoch that did not count makes them unknown', () => {
  const { pairs } = tinyTwins;
  // 12,345 and 10,345 pulses, 67 and 68 refreshes in two epochs of either seed.
  assert.deepEqual(recordedPulses(pairs, 100), { pulses: 113.45, refreshes: 0.675 });
  const [first] = pairs;
  const silent = [{ ...first!, inCells: first!.inFloat }];
  assert.deepEqual(recordedPulses(silent, 100), { pulses: null, refreshes: null });
  assert.deepEqual(recordedPulses([], 100), { pulses: null, refreshes: null });
});

test('a training without converters, or by a rule that is not modelled, has no cost', () => {
  const common = { network, pairs: tinyTwins.pairs, examples: 100 };
  for (const settings of [
    { rule: { kind: 'mixed-precision' } },
    { rule: { kind: 'mixed-precision' }, hardware: 'joshi2020' },
    { rule: { kind: 'tiki-taka' }, hardware: 'inCellTraining' },
  ])
    assert.equal(
      twinCost({ ...common, settings: trainingSchema.parse({ epochs: 1, ...settings }) }),
      undefined,
    );
});

test('a record with its energy is read back', () => {
  assert.deepEqual(checkTwinRecord(JSON.parse(JSON.stringify(costedTwins))), costedTwins);
  assert.equal(costedTwins.cost!.training.batchSize, 10);
});
