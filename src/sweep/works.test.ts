import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type SweepRow, summarizeRows } from './summary.ts';
import { checkSweepFile } from './sweep-file.ts';
import { type EvaluationWork, named, needsOf, taskName } from './works.ts';

const work: EvaluationWork = {
  kind: 'evaluation',
  backend: 'native',
  data: { dataset: 'synthetic', trainImages: 10 },
  weights: { kind: 'training', training: 'abc' },
  hardware: { name: 'a' } as never,
  evaluation: { timesSeconds: [25], methods: ['none'] } as never,
  seed: 1,
};

test('the name of a work is its content, whatever the order of fields and whether absent fields are written', async () => {
  const { name } = await named(work);
  assert.match(name, /^[\da-f]{20}$/);
  const { seed, ...rest } = work;
  assert.equal(
    (await named({ seed, ...rest, data: { trainImages: 10, testImages: undefined, dataset: 'synthetic' } }))
      .name,
    name,
  );
  assert.notEqual((await named({ ...work, seed: 2 })).name, name);
  assert.notEqual((await named({ ...work, backend: 'wasm' })).name, name);
});

test('a work needs the trainings whose weights it has; a task is named by its chips', () => {
  assert.deepEqual(needsOf(work), ['abc']);
  assert.deepEqual(needsOf({ ...work, weights: { kind: 'file', sha256: 'x' } }), []);
  assert.equal(
    taskName({ kind: 'evaluation', name: 'n', work, from: 16, to: 32, digital: false }),
    'n-16-32',
  );
});

test('rows are summed up by what is no replicate, with seeds as replicates', () => {
  const file = checkSweepFile('test', {
    base: {},
    axes: { bits: [4, 8], seed: { seeds: 2 } },
    cost: '2 ** bits',
  });
  const row = (point: number, bits: number, seed: number, chip: number, accuracy: number): SweepRow => ({
    point,
    values: { bits, seed },
    network: 'digital',
    digitalAccuracy: 0.9 + seed / 100,
    chip,
    timeSeconds: 25,
    method: 'none',
    accuracy,
  });
  const rows = [
    row(1, 4, 0, 1, 0.5),
    row(1, 4, 0, 2, 0.7),
    row(2, 4, 1, 1, 0.8),
    row(2, 4, 1, 2, 0.8),
    row(3, 8, 0, 1, 1),
  ];
  const groups = summarizeRows(file, rows);
  assert.deepEqual(
    groups.map(({ values, cost, results }) => [
      values,
      cost,
      results[0]!.seeds,
      results[0]!.chips,
      Number(results[0]!.mean.toFixed(12)),
    ]),
    [
      [{ bits: 4 }, 16, 2, 4, 0.7],
      [{ bits: 8 }, 256, 1, 1, 1],
    ],
  );
  assert.ok(Math.abs(groups[0]!.digital!.mean - 0.905) < 1e-12);
});
