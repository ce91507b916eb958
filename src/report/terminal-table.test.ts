import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ExperimentRecord } from '../experiment/record.ts';
import {
  attributedRecord,
  reproducedRecord,
  tinyAttribution,
  tinyRecord,
} from './record-fixture.test-data.ts';
import { printAttribution, printTable } from './terminal-table.ts';

test('the table of a tiny record is this text', () => {
  assert.equal(
    printTable(tinyRecord),
    `noise-trained (digital 93.00 %, 2 chips)
                            25 s            1 day
  no compensation   91.5 ± 1.0 %     63.0 ± 5.0 %
  global            92.0 ± 1.0 %   90.20 ± 0.25 %

control, plain (digital 94.00 %, 2 chips)
                            25 s            1 day
  no compensation   81.0 ± 1.0 %   10.00 ± 0.00 %
  global            81.0 ± 1.0 %                –

At 1 day, noise-trained has 90.20 ± 0.25 % with global compensation, 2.8 ± 2.5 percentage points below its digital 93.00 %; without compensation it has 63.0 ± 5.0 %. control, plain has at best 10.00 ± 0.00 % (no compensation), 80.2 ± 2.5 points less (paired over 2 chips).
`,
  );
});

test('a sweep and published figures follow the networks, in the order of noise and of the publication', () => {
  const text = printTable(reproducedRecord);
  const from = text.indexOf('amount of training noise');
  assert.equal(
    text.slice(from, text.indexOf('At 1 day')),
    `amount of training noise (60 epochs from the digital weights)
              digital   25 s, global
  η = 0 %     92.00 %   88.5 ± 1.3 %
  η = 3.8 %   88.20 %   88.5 ± 1.3 %

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

test('where accuracy is lost is this text, by itself and within the table of its record', () => {
  const text = printAttribution(tinyAttribution);
  assert.equal(
    text,
    `where noise-trained loses accuracy (percentage points below the digital 93.00 % when alone, regained when left out; 3 chips)
                                25 s, no compensation   1 day, global
  programming noise, alone                  1.5 ± 1.2       2.5 ± 1.2
  programming noise, left out               2.0 ± 1.2       3.0 ± 3.7
  read noise, alone                         1.0 ± 1.2       2.0 ± 1.2
  read noise, left out                    1.17 ± 0.72       2.2 ± 3.1
  drift, alone                            0.00 ± 0.25     1.00 ± 0.25
  drift, left out                           0.5 ± 2.2       1.5 ± 4.5
  stage1 (2 layers), alone                  2.0 ± 2.5       3.0 ± 2.5
  stage1 (2 layers), left out               2.0 ± 1.2       3.0 ± 3.7
  dense, alone                            0.10 ± 0.25     1.10 ± 0.25
  dense, left out                         0.03 ± 0.14       1.0 ± 2.4
  no source at all                        0.00 ± 0.00     0.00 ± 0.00
  the whole chip                            3.0 ± 2.5       5.0 ± 5.0

25 s, no compensation: the chip costs 3.0 ± 2.5 percentage points; the largest source is programming noise: alone it costs 1.5 ± 1.2.
1 day, global: the chip costs 5.0 ± 5.0 percentage points; the largest source is programming noise: alone it costs 2.5 ± 1.2.
`,
  );
  assert.ok(printTable(attributedRecord).includes(text.slice(0, text.indexOf('\n\n'))));
});

test('a single chip has no interval in the table', () => {
  const deployed = [{ timeSeconds: 3600, method: 'none' as const, accuracies: [0.9], mean: 0.9 }];
  const single: ExperimentRecord = {
    ...tinyRecord,
    evaluation: { ...tinyRecord.evaluation, chips: 1 },
    networks: [{ ...tinyRecord.networks[0]!, deployed }],
  };
  assert.equal(
    printTable(single),
    `noise-trained (digital 93.00 %, one chip)
                        1 h
  no compensation   90.00 %

At 1 h, noise-trained has 90.00 % without compensation, 3.00 percentage points below its digital 93.00 % (one chip, so no interval).
`,
  );
});

test('no text of a record moves the cursor, colours the terminal or begins a line', () => {
  const hostile = 'a\u001b[31m\u009b2J\r\nzzz\u202e\u0007';
  const { published } = reproducedRecord;
  const record: ExperimentRecord = {
    ...reproducedRecord,
    networks: reproducedRecord.networks.map((network) => ({ ...network, label: hostile })),
    published: {
      source: hostile,
      figures: published!.figures.map((figure) => ({
        ...figure,
        what: hostile,
        locator: hostile,
        network: hostile,
      })),
    },
    attribution: {
      ...tinyAttribution,
      network: hostile,
      entries: [
        { ...tinyAttribution.entries[0]!, subject: { kind: 'layers', name: hostile, layers: [hostile] } },
      ],
    },
  };
  const text = printTable(record);
  assert.doesNotMatch(text, /(?!\n)\p{Cc}|\p{Bidi_Control}/u);
  assert.ok(text.includes('a\ufffd[31m\ufffd2J  zzz\ufffd\ufffd (digital'));
  assert.doesNotMatch(text, /^zzz/m);
});
