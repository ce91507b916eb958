import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { UsageError } from '../base/errors.ts';
import type { EvaluationWork, Named, Task, TrainingWork, WeightsSource } from '../sweep/works.ts';
import { createSchedule } from './schedule.ts';
import { openTable, type SweepIdentity, type Table } from './table.ts';

const folder = mkdtempSync(join(tmpdir(), 'ohmic-schedule-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const identity: SweepIdentity = { ohmic: '1.0.0', backend: 'native', base: { model: 'mlp' } };
let tables = 0;

const training = (name: string, initial?: string): Named<TrainingWork> => ({
  name,
  work: {
    kind: 'training',
    ...(initial && { initial: { kind: 'training', training: initial } }),
  } as TrainingWork,
});
const evaluation = (name: string, weights: WeightsSource): Named<EvaluationWork> => ({
  name,
  work: {
    kind: 'evaluation',
    weights,
    evaluation: { timesSeconds: [25, 60], methods: ['none'] },
  } as unknown as EvaluationWork,
});
const from = (name: string): WeightsSource => ({ kind: 'training', training: name });

/** A table with trainings d and n, which begins with d, and one evaluation of each. */
function someTable(chips = 5): Table {
  const table = openTable(join(folder, `${tables++}.sqlite`), identity);
  plan(table, chips);
  return table;
}

function plan(table: Table, chips: number): void {
  const points = table.replacePoints();
  const [d, n] = [training('d'), training('n', 'd')];
  points.add(
    {
      number: 1,
      values: { x: 1 },
      networks: [
        { label: 'digital', evaluation: evaluation('e', from('d')), chips },
        { label: 'noisy', evaluation: evaluation('f', from('n')), chips },
      ],
    },
    [d, n].map(({ name, work }) => ({ name, content: JSON.stringify(work) })),
  );
  points.end();
}

const textOf = (task: Task | undefined): string =>
  task === undefined
    ? 'none'
    : task.kind === 'training'
      ? task.name
      : `${task.name} ${task.from}-${task.to}${task.digital ? ' digital' : ''}`;
const done = (table: Table, task: Task): void =>
  table.keep([
    {
      task,
      result:
        task.kind === 'training'
          ? { kind: 'trained', accuracy: 0.9, seconds: 1, backend: 'native' }
          : {
              kind: 'evaluated',
              ...(task.digital && { digitalAccuracy: 0.95 }),
              backend: 'native',
              chips: Array.from({ length: task.to - task.from }, (_, k) => ({
                chip: task.from + k,
                accuracies: [0.5, (task.from + k) / 10],
                seconds: 2,
              })),
            },
    },
  ]);

test('works come when what they need is done, chips in batches, and the end is the end', () => {
  const table = someTable();
  const schedule = createSchedule(table, { chips: 2 });
  const run = (): string => {
    const task = schedule.next();
    if (task === undefined) return 'none';
    done(table, task);
    schedule.finished(task, false);
    return textOf(task);
  };
  const first = schedule.next()!;
  assert.equal(textOf(first), 'd');
  assert.equal(textOf(schedule.next()), 'none');
  assert.equal(schedule.isOver(), false);
  done(table, first);
  schedule.finished(first, false);
  assert.deepEqual(Array.from({ length: 8 }, run), [
    'n',
    'e 0-2 digital',
    'e 2-4',
    'e 4-5',
    'f 0-2 digital',
    'f 2-4',
    'f 4-5',
    'none',
  ]);
  assert.ok(schedule.isOver());
  assert.deepEqual(table.counts(), {
    trainings: 2,
    trainingsDone: 2,
    chips: 10,
    chipsDone: 10,
    failed: 0,
    trainingSeconds: 1,
    chipSeconds: 2,
  });
  assert.equal(table.donePoints(), 1);
  // Opened again, nothing is left; with more chips, those alone.
  assert.ok(createSchedule(table, { chips: 2 }).isOver());
  plan(table, 7);
  assert.equal(textOf(createSchedule(table, { chips: 4 }).next()), 'e 5-7');
  table.close();
});

test('workers stay with their evaluation, take one that nobody is at, and share one only at the end', () => {
  const table = someTable();
  for (const name of ['d', 'n']) done(table, { kind: 'training', ...training(name) });
  const schedule = createSchedule(table, { chips: 1 });
  const [a, b] = [schedule.next()!, schedule.next()!];
  assert.deepEqual([textOf(a), textOf(b)], ['e 0-1 digital', 'f 0-1 digital']);
  assert.equal(textOf(schedule.next('e')), 'e 1-2');
  assert.equal(textOf(schedule.next('f')), 'f 1-2');
  assert.equal(textOf(schedule.next()), 'e 2-3');
  table.close();
});

test('a task that is returned is asked for again, without the chips that were kept', () => {
  const table = someTable(4);
  for (const name of ['d', 'n']) done(table, { kind: 'training', ...training(name) });
  const schedule = createSchedule(table, { chips: 4 });
  const task = schedule.next()!;
  schedule.returned(task, new Set([1]));
  assert.equal(textOf(schedule.next('e')), 'e 0-1 digital');
  assert.equal(textOf(schedule.next('e')), 'e 2-4');
  table.close();
});

test('what needs a failed training is never asked for, and its points say why', () => {
  const table = someTable();
  const schedule = createSchedule(table, { chips: 9 });
  const d = schedule.next()!;
  done(table, d);
  schedule.finished(d, false);
  const n = schedule.next()!;
  table.keep([{ task: n, result: { kind: 'failed', reason: 'it diverged' } }]);
  schedule.finished(n, true);
  const e = schedule.next()!;
  assert.equal(textOf(e), 'e 0-5 digital');
  done(table, e);
  schedule.finished(e, false);
  assert.equal(textOf(schedule.next()), 'none');
  assert.ok(schedule.isOver());
  const needs = (content: string): string[] => {
    const { weights } = JSON.parse(content) as { weights?: { training: string } };
    return weights === undefined ? [] : [weights.training];
  };
  assert.deepEqual(table.failedPoints(needs), [{ point: 1, values: { x: 1 }, reason: 'it diverged' }]);
  assert.equal(table.donePoints(), 0);
  assert.equal(table.forgetFailures(), 1);
  assert.equal(textOf(createSchedule(table, { chips: 9 }).next()), 'n');
  table.close();
});

test('a result that comes twice is kept once, and rows come in the order of points', () => {
  const table = someTable(2);
  const e: Task = { kind: 'evaluation', ...evaluation('e', from('d')), from: 0, to: 2, digital: true };
  done(table, e);
  done(table, e);
  assert.deepEqual(
    [...table.rows()].map(({ point, network, digitalAccuracy, chip, timeSeconds, accuracy }) => [
      point,
      network,
      digitalAccuracy,
      chip,
      timeSeconds,
      accuracy,
    ]),
    [
      [1, 'digital', 0.95, 1, 25, 0.5],
      [1, 'digital', 0.95, 1, 60, 0],
      [1, 'digital', 0.95, 2, 25, 0.5],
      [1, 'digital', 0.95, 2, 60, 0.1],
    ],
  );
  table.close();
});

test('tables are merged; those of other sweeps, versions and forms are refused', () => {
  const [one, two] = [someTable(2), someTable(2)];
  const path = join(folder, `${tables - 1}.sqlite`);
  done(two, { kind: 'evaluation', ...evaluation('e', from('d')), from: 0, to: 2, digital: true });
  two.close();
  assert.equal(one.merge(path).chips, 2);
  assert.equal([...one.rows()].length, 4);
  assert.throws(
    () => openTable(path, { ...identity, base: { model: 'lenet5' } }),
    new UsageError(
      `${path}: the table of another sweep, whose results stay as they are; choose another --out: base.model: "mlp" there, "lenet5" here`,
    ),
  );
  assert.throws(
    () => openTable(path, { ...identity, ohmic: '2.0.0' }),
    /ohmic: "1\.0\.0" there, "2\.0\.0" here/,
  );
  const other = join(folder, 'other');
  openTable(other, { ...identity, backend: 'wasm' }).close();
  assert.throws(() => one.merge(other), /backend: "wasm" there, "native" here/);
  one.close();
  const text = join(folder, 'text');
  writeFileSync(text, 'no table at all, but a text that is long enough to be taken for one');
  assert.throws(
    () => openTable(text, identity),
    /can't be used as the table of a sweep \(file is not a database\); choose another --out/,
  );
});

test('a failure in one part of an evaluation outlasts the success of another part, in any order', () => {
  const failed = someTable();
  const task = { kind: 'evaluation', ...evaluation('f', from('n')), from: 0, to: 2, digital: true } as Task;
  failed.keep([{ task, result: { kind: 'failed', reason: 'no reason' } }]);
  const failedPath = join(folder, `${tables - 1}.sqlite`);
  const fine = someTable();
  const chips = [{ chip: 3, accuracies: [0.5, 0.5], seconds: 1 }];
  fine.keep([{ task, result: { kind: 'evaluated', chips, backend: 'one' } }]);
  const finePath = join(folder, `${tables - 1}.sqlite`);
  for (const order of [
    [failedPath, finePath],
    [finePath, failedPath],
  ]) {
    const all = someTable();
    for (const path of order) all.merge(path);
    assert.deepEqual(
      all.failures().map(({ name, reason }) => [name, reason]),
      [['f', 'no reason']],
    );
    all.close();
  }
  failed.close();
  fine.close();
});

test('a table that was just begun has nothing to merge, and a file that is none is refused', () => {
  const one = someTable();
  const begun = join(folder, 'begun.sqlite');
  writeFileSync(begun, '');
  assert.deepEqual(one.merge(begun), { chips: 0, trainings: 0 });
  const text = join(folder, 'text.sqlite');
  writeFileSync(text, 'no table at all\n'.repeat(100));
  assert.throws(() => one.merge(text), {
    name: 'UsageError',
    message: /text\.sqlite: expected the table of a sweep/,
  });
  assert.equal(one.pointCount(), 1);
  one.close();
});

test('a table waits for another process that has it locked', async () => {
  const one = someTable();
  const path = join(folder, `${tables - 1}.sqlite`);
  const holder = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
     const { DatabaseSync } = require('node:sqlite');
     const held = new DatabaseSync(workerData);
     held.exec('BEGIN EXCLUSIVE');
     parentPort.postMessage('held');
     setTimeout(() => { held.exec('COMMIT'); held.close(); }, 300);`,
    { eval: true, workerData: path },
  );
  await once(holder, 'message');
  const task = { kind: 'training', ...training('d') } as Task;
  one.keep([{ task, result: { kind: 'trained', accuracy: 0.5, seconds: 1, backend: 'one' } }]);
  assert.equal(one.stateOf('d'), 'done');
  one.close();
  await once(holder, 'exit');
});
