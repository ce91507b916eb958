import assert from 'node:assert/strict';
import { test } from 'node:test';
import { estimateOf } from '../base/statistics.ts';
import { ATTRIBUTION_SOURCES, type Attribution } from '../experiment/attribution.ts';
import { exactLoss, lossRows, lossSentences, subjectName, wholeLoss } from './losses.ts';
import { tinyAttribution } from './record-fixture.test-data.ts';

test('a subject alone costs what is below the digital accuracy; left out, what is above the reference', () => {
  const row = lossRows(tinyAttribution).find(({ name }) => name === 'read noise')!;
  const { digitalAccuracy, reference } = tinyAttribution;
  const close = (a: number, b: number) => assert.ok(Math.abs(a - b) < 1e-12, `${a}, ${b}`);
  const alone = [0.92, 0.925, 0.915].map((accuracy) => digitalAccuracy - accuracy);
  close(row.alone![0]!.loss.mean, estimateOf(alone).mean);
  close(row.alone![0]!.loss.interval95![0], estimateOf(alone).interval95![0]);
  const leftOut = [0.91, 0.92, 0.905].map((accuracy, chip) => accuracy - reference[0]![chip]!);
  close(row.leftOut![0]!.loss.mean, estimateOf(leftOut).mean);
  close(row.leftOut![0]!.loss.interval95![1], estimateOf(leftOut).interval95![1]);
  assert.deepEqual(row.alone![0]!.accuracy, estimateOf([0.92, 0.925, 0.915]));
});

test('if losses of two sources add up on every chip, alone and left out agree', () => {
  const loss = { drift: [0.01, 0.02], 'read-noise': [0.03, 0.01] };
  const less = (...taken: readonly (readonly number[])[]) => [
    [0, 1].map((chip) => 0.9 - taken.reduce((sum, one) => sum + one[chip]!, 0)),
  ];
  const additive: Attribution = {
    network: 'a',
    points: [{ timeSeconds: 25, method: 'none' }],
    chips: 2,
    digitalAccuracy: 0.9,
    reference: less(loss.drift, loss['read-noise']),
    entries: (['drift', 'read-noise'] as const).flatMap((source) => [
      { subject: { kind: 'source', source }, role: 'alone', accuracies: less(loss[source]) },
      {
        subject: { kind: 'source', source },
        role: 'left-out',
        accuracies: less(loss[source === 'drift' ? 'read-noise' : 'drift']),
      },
    ]),
  };
  for (const { alone, leftOut } of lossRows(additive))
    assert.ok(Math.abs(alone![0]!.loss.mean - leftOut![0]!.loss.mean) < 1e-12);
  const sum = lossRows(additive).reduce((total, { alone }) => total + alone![0]!.loss.mean, 0);
  assert.ok(Math.abs(sum - wholeLoss(additive)[0]!.loss.mean) < 1e-12);
});

test('sources come in the order of the signal, then layers as they were given; each subject once', () => {
  const rows = lossRows(tinyAttribution);
  assert.deepEqual(
    rows.map(({ name }) => name),
    ['programming noise', 'read noise', 'drift', 'stage1', 'dense'],
  );
  assert.deepEqual(rows.map(subjectName).slice(3), ['stage1 (2 layers)', 'dense']);
  assert.equal(new Set(ATTRIBUTION_SOURCES).size, ATTRIBUTION_SOURCES.length);
});

test('without any source nothing is lost on an exact chip; what was not measured is absent', () => {
  assert.deepEqual(
    exactLoss(tinyAttribution)!.map(({ loss }) => loss.mean),
    [0, 0],
  );
  const { exact: _, ...bare } = tinyAttribution;
  assert.equal(exactLoss(bare), undefined);
  const [first] = tinyAttribution.entries;
  const rows = lossRows({ ...tinyAttribution, entries: [first!] });
  assert.equal(rows.length, 1);
  assert.equal(rows[0]!.leftOut, undefined);
});

test('a largest source is named only if its loss is, and others only if they are told apart from it', () => {
  assert.match(
    lossSentences(tinyAttribution)[0]!,
    /the largest source is programming noise: alone it costs 1\.5 ± 1\.2\.$/,
  );
  const [drift, , , , read] = tinyAttribution.entries;
  const uneven = { ...read!, accuracies: [[0.9, 0.93, 0.915], [0.9, 0.9, 0.9]] }; // biome-ignore format: one point each
  const programming = tinyAttribution.entries.find(
    ({ subject, role }) =>
      subject.kind === 'source' && subject.source === 'programming-noise' && role === 'alone',
  )!;
  assert.match(
    lossSentences({ ...tinyAttribution, entries: [programming, uneven] })[0]!,
    /costs most, .* alone, but is not told apart from .* by 3 chips\.$|: the chip costs 3\.0 ± 2\.5 percentage points\.$/,
  );
  assert.match(
    lossSentences({ ...tinyAttribution, entries: [drift!] })[0]!,
    /: the chip costs 3\.0 ± 2\.5 percentage points\.$/,
  );
});
