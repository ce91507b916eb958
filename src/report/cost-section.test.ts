// Costs in words, tables and CSV: units that suit, intervals and boundaries always stated, unknowns as such.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recordCostCsv } from './cost-csv.ts';
import { costSection } from './cost-section.ts';
import { costTable } from './cost-table.ts';
import { formatDuration, formatEnergy, formatRange, formatRate, intervalSentence } from './cost-wording.ts';
import { parseRecord, toJson } from './json.ts';
import { textOf } from './page-checks.test-data.ts';
import { costedRecord, tinyRecord } from './record-fixture.test-data.ts';
import { tableSummary } from './table-json.ts';
import { printTable } from './terminal-table.ts';

const [measured, bottomUp] = costedRecord.networks.map(({ cost }) => cost!);

test('amounts have the unit that suits, unknown ones a dash', () => {
  assert.deepEqual([0.4, 12.34, 1234, 22_750_000, 999_600, null].map(formatEnergy), [
    '0.4 pJ',
    '12.3 pJ',
    '1.23 nJ',
    '22.8 µJ',
    '1 µJ',
    '–',
  ]);
  assert.equal(formatDuration(7_702_985), '7.7 ms');
  assert.equal(formatRate(1874.4), '1\u202f870 per second');
  assert.equal(formatRange({ picojoules: 5e6, low: 1e6, high: 5e6 }), '5 µJ (1 µJ to 5 µJ)');
  assert.equal(formatRange({ picojoules: 5e6, low: 5e6, high: 5e6 }), '5 µJ');
});

test('an interval says what its ends mean', () => {
  assert.match(intervalSentence(measured!), /charge a whole tile, as it was measured/);
  assert.match(intervalSentence(bottomUp!), /as many times as much as a measured chip needs/);
});

test('the section of a report has totals, layers, times, digital machines and gaps', () => {
  assert.equal(costSection(tinyRecord), undefined);
  const text = textOf(costSection(costedRecord)!.body.source).replace(/\s+/g, ' ');
  for (const part of [
    'four phases',
    'energy of the system, as far as known',
    'cells in use of tiles at work',
    'Over time',
    '12 nJ',
    'server with an NVIDIA A2',
    'whole machine at the wall',
    'how the energy of a tile divides into array, DAC and ADC',
  ])
    assert.ok(text.includes(part), part);
});

test('a record with costs is read back, and its tables name the energy', () => {
  assert.deepEqual(parseRecord(toJson(costedRecord)), costedRecord);
  assert.match(printTable(costedRecord), /energy and latency of one example, cost hermes/);
  assert.deepEqual(tableSummary(costedRecord).networks[0]!.energyPicojoules, measured!.energy);
  const table = costTable(bottomUp!, 'one image');
  assert.match(table, /^lenet5 on standardEvaluation; cost bottom-up-14nm; for one image\n/);
  assert.match(table, /\nleakage +unknown\n/);
});

test('CSV has a row for each layer and part, whose known energies add up to the system', () => {
  const [header, ...rows] = recordCostCsv(costedRecord)
    .trimEnd()
    .split('\r\n')
    .map((line) => line.split(','));
  const at = (name: string): number => header!.indexOf(name);
  for (const { label, cost } of costedRecord.networks) {
    const own = rows.filter((row) => row[0] === label || row[0] === `"${label.split(',')[0]}`);
    assert.ok(own.length > 0, label);
    if (label.includes(',')) continue;
    const sum = own.reduce((all, row) => all + Number(row[at('picojoules')]), 0);
    assert.ok(Math.abs(sum / cost!.energy.system.picojoules - 1) < 1e-8);
    const leakage = own.find((row) => row[at('part')] === 'leakage')!;
    assert.equal(leakage[at('picojoules')], '', 'unknown, not 0');
  }
});
