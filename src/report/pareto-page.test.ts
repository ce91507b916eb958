// Accuracy against energy: which variants there are, which no other beats, and the page that shows them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countNetwork } from '../cost/count.ts';
import { estimateCost } from '../cost/estimate.ts';
import { bottomUp14 } from '../cost/published-costs.ts';
import { hermes256, hermes256OnePhase } from '../crossbar/presets.ts';
import {
  PARETO_FORMAT,
  type ParetoPoint,
  type ParetoRecord,
  paretoFront,
  replicasOf,
  variantsOf,
} from '../experiment/pareto-record.ts';
import { checkPareto } from '../experiment/pareto-record-schema.ts';
import { networkByName } from '../nn/networks.ts';
import { assertBalanced, assertTables, textOf } from './page-checks.test-data.ts';
import { paretoCsv, paretoPage, paretoTable, paretoVerdict } from './pareto-page.ts';

const network = networkByName('lenet5', { inputShape: [28, 28, 1], classes: 10 });
const variants = variantsOf(hermes256, {
  adcBits: [4, 8],
  readModes: ['one-phase', 'four-phase'],
  copies: [1, 2],
});
/** By bits and phases. */
const accuracies: Readonly<Record<string, number>> = {
  '4-bit ADC, one phase': 0.5,
  '4-bit ADC, four phases': 0.45,
  '8-bit ADC, one phase': 0.8,
  '8-bit ADC, four phases': 0.9,
};
const points = variants.map(({ name, hardware, copies }): ParetoPoint => {
  const mean = accuracies[name.replace(', 2 copies', '')]!;
  const cost = estimateCost({
    count: countNetwork(network, hardware),
    hardware,
    cost: bottomUp14,
    replicas: replicasOf(copies),
  });
  const spread = {
    accuracies: [mean - 0.01, mean + 0.01],
    mean,
    interval95: [mean - 0.127, mean + 0.127] as const,
  };
  return { name, hardware, copies, accuracy: spread, cost };
});
const record: ParetoRecord = {
  format: PARETO_FORMAT,
  title: 'lenet5 on <hermes256>',
  ohmic: '0',
  command: 'ohmic pareto --out "a&b"',
  machine: { backend: 'b', processor: 'p', node: 'n' },
  seed: 0,
  dataset: 'mnist',
  testImages: 100,
  network: 'lenet5',
  digitalAccuracy: 0.99,
  timeSeconds: 86_400,
  method: 'global',
  chips: 2,
  points,
};

test('variants are all combinations; a read mode brings its own noise', () => {
  assert.equal(variants.length, 8);
  assert.equal(new Set(variants.map(({ name }) => name)).size, 8);
  const one = variants.find(({ name }) => name === '8-bit ADC, one phase')!;
  assert.deepEqual(one.hardware, { ...hermes256OnePhase, name: one.hardware.name, source: hermes256.source });
  assert.equal(one.hardware.name, 'hermes256 (8-bit ADC, one phase)');
  assert.deepEqual(variantsOf(hermes256, {}), [{ name: 'hermes256', hardware: hermes256, copies: 1 }]);
  const [tile] = variantsOf(hermes256, { tileSizes: [64] });
  assert.deepEqual(tile!.hardware.tile, { kind: 'limited', rows: 64, columns: 64 });
});

test('the front has what no other beats, by energy; copies stand beside each other', () => {
  const names = paretoFront(points).map(({ name }) => name);
  assert.deepEqual(names, [
    '4-bit ADC, one phase',
    '4-bit ADC, one phase, 2 copies',
    '8-bit ADC, one phase',
    '8-bit ADC, one phase, 2 copies',
    '8-bit ADC, four phases',
    '8-bit ADC, four phases, 2 copies',
  ]);
  for (const point of points) {
    const better = points.filter(
      ({ accuracy, cost }) =>
        accuracy.mean > point.accuracy.mean &&
        cost.energy.chip.picojoules < point.cost.energy.chip.picojoules,
    );
    assert.ok(better.length === 0 || !names.includes(point.name));
  }
});

test('the page is well-formed, escapes its texts and has a point for each hardware', () => {
  const page = paretoPage(record);
  assertBalanced(page);
  assertTables(page);
  assert.ok(!page.includes('<hermes256>') && page.includes('&quot;a&amp;b&quot;'));
  assert.equal([...page.matchAll(/<circle /g)].length, 4);
  const text = textOf(page);
  for (const part of [
    '1, 2 4-bit ADC, one phase, on the front',
    'Not in these energies: leakage',
    '8 variants',
  ])
    assert.ok(text.includes(part), part);
  assert.match(
    paretoVerdict(record),
    /^Of 8 variants, 6 are on the front: 4-bit ADC, one phase has 50 ± 13 % for /,
  );
});

test('the table and the CSV have every variant, the record is read back', () => {
  assert.equal([...paretoTable(record).matchAll(/ {2}front$/gm)].length, 6);
  const lines = paretoCsv(record).trimEnd().split('\r\n');
  assert.equal(lines.length, 1 + 8 * 2);
  assert.deepEqual(checkPareto(JSON.parse(JSON.stringify(record))), record);
  assert.throws(() => checkPareto({ ...record, points: [] }), {
    name: 'UsageError',
    message: /pareto record: points/,
  });
});
