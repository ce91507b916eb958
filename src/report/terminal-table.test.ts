import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ExperimentRecord } from '../experiment/record.ts';
import { reproducedRecord, tinyRecord } from './record-fixture.test-data.ts';
import { printTable } from './terminal-table.ts';
import { verdict } from './verdict.ts';
import { formatCount, formatFixed } from './wording.ts';

test('the table of a tiny record is this text', () => {
  assert.equal(
    printTable(tinyRecord),
    `noise-trained (digital 93.00 %)
                              25 s            1 day
  no compensation   91.50 ± 1.00 %   63.00 ± 5.00 %
  global            92.00 ± 1.00 %   90.20 ± 0.25 %

control, plain (digital 94.00 %)
                              25 s            1 day
  no compensation   81.00 ± 1.00 %   10.00 ± 0.00 %
  global            81.00 ± 1.00 %                –

At 1 day, the highest mean accuracy is 90.20 ± 0.25 % (noise-trained, global), 2.80 percentage points below the digital 93.00 %; without compensation it is 63.00 ± 5.00 %; control, plain reaches at best 10.00 ± 0.00 % (no compensation).
`,
  );
});

test('a sweep and published figures follow the networks, in the order of noise and of the publication', () => {
  const text = printTable(reproducedRecord);
  const from = text.indexOf('amount of training noise');
  assert.equal(
    text.slice(from, text.indexOf('At 1 day')),
    `amount of training noise (60 epochs from the digital weights)
              digital     25 s, global
  η = 0 %     92.00 %   88.50 ± 1.35 %
  η = 3.8 %   88.20 %   88.50 ± 1.35 %

beside A. Author et al., J. Exp. 1:1 (2001)
                           published             ours   difference
  digital (Fig. 1 *)         93.87 %          93.00 %        −0.87
  after a day (abstract)      > 90 %   90.20 ± 0.25 %        +0.20
  after 1,000 s (Fig. 2)      ≈ 10 %                –            –
  after a year (Fig. 2)         80 %                –            –
  * known from notes on the publication, not read in it

`,
  );
});

test('a single chip has no interval in the table', () => {
  assert.equal(
    printTable(singleChip(0.9)),
    `noise-trained (digital 93.00 %)
                        1 h
  no compensation   90.00 %

At 1 h, the mean accuracy is 90.00 % (noise-trained, no compensation), 3.00 percentage points below the digital 93.00 %.
`,
  );
});

test('the verdict says equal, above, all the same, or nothing deployed', () => {
  assert.match(verdict(singleChip(0.93)), /equal to the digital 93\.00 %\.$/);
  assert.match(verdict(singleChip(0.94)), /1\.00 percentage points above the digital 93\.00 %\.$/);
  const [network] = singleChip(0.9).networks;
  const twice = { ...tinyRecord, networks: [network!, { ...network!, label: 'other' }] };
  assert.equal(verdict(twice), 'At 1 h, all networks and methods have the same mean accuracy, 90.00 %.');
  assert.equal(verdict({ ...tinyRecord, networks: [] }), 'No network was deployed.');
});

test('numbers have a real minus sign, no minus zero, and thousands set apart', () => {
  assert.equal(formatFixed(-1.234, 2), '−1.23');
  assert.equal(formatFixed(-0.001, 2), '0.00');
  assert.equal(formatCount(1_234_567), '1\u202f234\u202f567');
  assert.equal(formatCount(123), '123');
});

function singleChip(accuracy: number): ExperimentRecord {
  const deployed = [{ timeSeconds: 3600, method: 'none' as const, accuracies: [accuracy], mean: accuracy }];
  return { ...tinyRecord, networks: [{ ...tinyRecord.networks[0]!, deployed }] };
}
