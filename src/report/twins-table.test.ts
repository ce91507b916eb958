// Twins on a terminal and as comma-separated values.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { twinsCsv } from './twins-csv.ts';
import { generatingTwins, tinyTwins } from './twins-fixture.test-data.ts';
import { twinsTable } from './twins-table.ts';

test('the table of tiny twins is this text', () => {
  assert.equal(
    twinsTable(tinyTwins),
    [
      'tiny: mlp on synthetic, trained in the cells: accuracy (%)',
      '        in cells  in floating point  difference',
      'seed 3     90.00              94.00       −4.00',
      'seed 5     92.00              95.00       −3.00',
      'mean     91 ± 13         94.5 ± 6.4  −3.5 ± 6.4',
      'published, on the chip (cells): 90.00, Fig. 1',
      'published, digital (float): 94.50, text, second hand',
      'published, loss (difference): −3.00, abstract',
    ].join('\n'),
  );
});

test('one seed has no row of means; an amount has four decimals', () => {
  const lines = twinsTable({ ...generatingTwins, title: 'a\u001b[31mb' }).split('\n');
  assert.match(lines[0]!, /^a.*b: Fréchet distance$/);
  assert.ok(!lines[0]!.includes('\u001b'));
  assert.match(lines[2]!, /^seed 3 +7\.8100 +2\.5000 +5\.3100$/);
  assert.ok(!lines.some((line) => line.startsWith('mean')));
});

test('values are this text: a line for each seed, training and epoch; what was not measured is empty', () => {
  const [pair] = tinyTwins.pairs;
  const [epoch] = pair!.inFloat.history;
  const { testAccuracy: _, ...unscored } = epoch!;
  const record = { ...tinyTwins, pairs: [{ ...pair!, inFloat: { history: [unscored], score: 0.9 } }] };
  assert.equal(
    twinsCsv(record),
    [
      'network,dataset,seed,training,epoch,trainLoss,trainScore,testScore,pulses,refreshes',
      'mlp,synthetic,3,in cells,1,0.5,0.79,0.8,12345,67',
      'mlp,synthetic,3,in cells,2,0.25,0.89,0.9,10345,68',
      'mlp,synthetic,3,in floating point,1,0.5,0.84,,,',
      '',
    ].join('\r\n'),
  );
});
