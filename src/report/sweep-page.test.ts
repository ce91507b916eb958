import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type SweepRow, type SweepSummary, summarizeRows } from '../sweep/summary.ts';
import { checkSweepFile } from '../sweep/sweep-file.ts';
import { assertBalanced, assertTables, textOf } from './page-checks.test-data.ts';
import { sweepPage } from './sweep-page.ts';
import { sweepTable } from './sweep-table.ts';

const file = checkSweepFile('test', {
  base: { model: '<b>' },
  axes: { eta: [0, 0.04], bits: [4, 6, 8], cell: ['pcm', '<script>'], seed: { seeds: 2 } },
  cost: '2 ** bits',
});

/** Accuracies rise with bits; seeds differ by 2 points, chips by 1. */
const rows: SweepRow[] = [0, 0.04].flatMap((eta, e) =>
  [4, 6, 8].flatMap((bits, b) =>
    ['pcm', '<script>'].flatMap((cell, c) =>
      [0, 1].flatMap((seed) =>
        [1, 2].flatMap((chip) =>
          [25, 86_400].map(
            (timeSeconds): SweepRow => ({
              point: 1 + seed + 2 * (c + 2 * (b + 3 * e)),
              values: { eta, bits, cell, seed },
              network: 'digital',
              digitalAccuracy: 0.95,
              chip,
              timeSeconds,
              method: 'global',
              accuracy: 0.6 + 0.05 * b + 0.01 * c + 0.02 * seed + 0.01 * chip - (timeSeconds > 25 ? 0.1 : 0),
            }),
          ),
        ),
      ),
    ),
  ),
);

const summary: SweepSummary = {
  name: 'a <name>',
  ohmic: '0.1.0',
  command: 'ohmic sweep x.yaml',
  file,
  points: 24,
  donePoints: 23,
  failed: [{ point: 24, values: { eta: 0.04 }, reason: 'weights are <infinite>' }],
  backends: ['native'],
  groups: summarizeRows(file, rows),
};

test('the page has charts for every axis, pair of axes and cost, tables that are whole, and no markup from outside', () => {
  const page = sweepPage(summary);
  assertBalanced(page);
  assertTables(page);
  assert.doesNotMatch(page, /<script|<name>|<infinite>/);
  const text = textOf(page);
  for (const part of [
    'Over eta',
    'Over bits',
    'Over cell',
    'Two axes at a time',
    'What accuracy costs',
    'All means',
    'What failed',
  ])
    assert.ok(text.includes(part), part);
  // Three axes and the cost at two moments; three pairs at the last.
  assert.equal(page.match(/<svg viewBox="0 0 480/g)?.length, 3 * 2 + 3 + 2);
  assert.match(text, /weights are <infinite>/);
});

test('the verdict names the best setting, and what varies', () => {
  const text = textOf(sweepPage(summary));
  // Means over seeds 0 and 1, chips 1 and 2: 0.6 + 0.1 + 0.01 + 0.01 + 0.015 − 0.1.
  assert.match(text, /Best after 1 day: 64 ± 13 % with eta = 0, bits = 8, cell = <script>, global\./);
  // Two chips 1 point apart: 0.71. Two seeds 2 points apart: √(2² / 2 − 0.71² / 2) = 1.32.
  assert.match(text, /varies by 1\.32 percentage points from seed to seed and by 0\.71 from chip to chip/);
});

test('the table of the terminal has a row for each setting and says what its intervals are over', () => {
  const lines = sweepTable(summary).trimEnd().split('\n');
  assert.equal(lines.length, 1 + 12 + 1);
  assert.match(lines[0]!, /^eta +bits +cell +digital +25 s, global +1 day, global$/);
  assert.match(lines[1]!, /^0 +4 +pcm +95\.00 ± 0\.00 % +63 ± 13 % +53 ± 13 %$/);
  assert.match(lines.at(-1)!, /95 % interval over 2 seed replicates \(of 4 chips in all\)/);
  assert.equal(sweepTable({ ...summary, groups: [] }), 'no results yet\n');
});

test('a sweep without results has a page too', () => {
  const page = sweepPage({ ...summary, groups: [] });
  assertBalanced(page);
  assert.match(textOf(page), /No results yet\./);
});
