import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attributionCsv, toCsv } from './csv.ts';
import { attributedRecord, reproducedRecord, tinyRecord } from './record-fixture.test-data.ts';

const HEADER =
  'hardware,seed,network,model,dataset,trainingNoise,digitalAccuracy,testImages,chip,timeSeconds,method,accuracy';

test('the values of a tiny record are this text; a label with a comma is quoted', () => {
  const first = 'standardEvaluation,7,noise-trained,mlp,synthetic,0,0.93,200';
  const second = 'standardEvaluation,7,"control, plain",mlp,synthetic,0,0.94,200';
  const lines = [
    HEADER,
    `${first},1,25,none,0.91`,
    `${first},2,25,none,0.92`,
    `${first},1,86400,none,0.61`,
    `${first},2,86400,none,0.65`,
    `${first},1,25,global,0.915`,
    `${first},2,25,global,0.925`,
    `${first},1,86400,global,0.9`,
    `${first},2,86400,global,0.904`,
    `${second},1,25,none,0.8`,
    `${second},2,25,none,0.82`,
    `${second},1,86400,none,0.1`,
    `${second},2,86400,none,0.1`,
    `${second},1,25,global,0.8`,
    `${second},2,25,global,0.82`,
    '',
  ];
  assert.equal(toCsv(tinyRecord), lines.join('\r\n'));
});

test('the networks of a sweep follow with their training noise', () => {
  const lines = toCsv(reproducedRecord).split('\r\n').slice(-5);
  assert.deepEqual(lines, [
    'standardEvaluation,7,eta 0.038,mlp,synthetic,0.038,0.882,200,1,25,global,0.88',
    'standardEvaluation,7,eta 0.038,mlp,synthetic,0.038,0.882,200,2,25,global,0.89',
    'standardEvaluation,7,eta 0,mlp,synthetic,0,0.92,200,1,25,global,0.88',
    'standardEvaluation,7,eta 0,mlp,synthetic,0,0.92,200,2,25,global,0.89',
    '',
  ]);
});

test('there is a row for every chip, time and method, and each row is a whole one', () => {
  for (const record of [tinyRecord, reproducedRecord]) {
    const results = [...record.networks, ...(record.noiseSweep?.points ?? [])].flatMap((one) => one.deployed);
    const [header, ...rows] = parsed(toCsv(record));
    assert.equal(rows.length, results.flatMap(({ accuracies }) => accuracies).length);
    for (const row of rows) {
      assert.equal(row.length, header!.length);
      assert.ok(row.every((cell) => cell !== '' && cell.length < 24));
    }
    assert.equal(new Set(rows.map((row) => row.slice(0, -1).join('|'))).size, rows.length);
  }
});

test('test images are those of the network’s own evaluation', () => {
  const [network] = tinyRecord.networks;
  const evaluation = { ...tinyRecord.evaluation, testImages: 50 };
  const text = toCsv({ ...tinyRecord, networks: [{ ...network!, evaluation }] });
  assert.ok(parsed(text).every((row, index) => index === 0 || row[7] === '50'));
});

test('a quotient loses the noise of its last bits', () => {
  const [network] = tinyRecord.networks;
  const deployed = [{ ...network!.deployed[0]!, accuracies: [1 / 3, 0.1 + 0.2] }];
  const rows = parsed(toCsv({ ...tinyRecord, networks: [{ ...network!, deployed }] })).slice(1);
  assert.deepEqual(
    rows.map((row) => row.at(-1)),
    ['0.3333333333', '0.3'],
  );
});

test('quotes are doubled and line breaks are quoted', () => {
  const text = labelled('so-called "robust"\nnetwork');
  assert.ok(text.includes(',7,"so-called ""robust""\nnetwork",mlp,'));
});

test('no text is a formula for a spreadsheet, and none is obeyed by a terminal', () => {
  for (const start of ['=', '+', '-', '@']) {
    const cell = parsed(labelled(`${start}1+cmd|' /C calc'!A0`))[1]![2]!;
    assert.equal(cell, `'${start}1+cmd|' /C calc'!A0`);
  }
  assert.equal(parsed(labelled('\t=1+1'))[1]![2], "' =1+1");
  assert.ok(!labelled('\u001b[2J').includes('\u001b'));
});

test('an attribution has a row for each subject, role, point and chip', () => {
  const [header, ...rows] = parsed(attributionCsv(attributedRecord));
  assert.equal(
    header!.join(),
    'hardware,seed,network,dataset,digitalAccuracy,testImages,subject,name,layers,role,chip,timeSeconds,method,accuracy',
  );
  const { entries, chips, points } = attributedRecord.attribution!;
  assert.equal(rows.length, (entries.length + 2) * chips * points.length);
  const of = (subject: string) => rows.filter((row) => row[6] === subject).map((row) => row.slice(5).join());
  assert.deepEqual(of('reference').slice(0, 2), [
    '200,reference,,,,1,25,none,0.9',
    '200,reference,,,,2,25,none,0.91',
  ]);
  assert.ok(of('exact').includes('200,exact,,,,3,86400,global,0.93'));
  assert.ok(of('source').includes('200,source,read-noise,,left-out,3,86400,global,0.895'));
  assert.ok(of('layers').includes('200,layers,stage1,stage1.conv1 stage1.conv2,alone,1,25,none,0.91'));
  assert.equal(attributionCsv(tinyRecord).trim().split('\r\n').length, 1);
});

function labelled(label: string): string {
  return toCsv({ ...tinyRecord, networks: [{ ...tinyRecord.networks[0]!, label }] });
}

/** Comma-separated values, read as RFC 4180 says. */
function parsed(text: string): readonly (readonly string[])[] {
  const rows: string[][] = [[]];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    rows.at(-1)!.push(quoted?.replaceAll('""', '"') ?? plain!);
    if (end !== ',') rows.push([]);
  }
  return rows.slice(0, -1);
}
