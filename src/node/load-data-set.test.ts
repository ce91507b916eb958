import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, type TestContext, test } from 'node:test';
import { UsageError } from '../base/errors.ts';
import type { LoadProgress } from '../data/load-named-set.ts';
import { generateSynthetic } from '../data/synthetic.ts';
import { firstImages, loadDataSet } from './load-data-set.ts';

const folder = mkdtempSync(join(tmpdir(), 'ohmic-data-'));
const variables = ['OHMIC_DATA', 'OHMIC_CACHE'] as const;
const given = variables.map((name) => process.env[name]);
after(() => {
  rmSync(folder, { recursive: true, force: true });
  for (const [k, name] of variables.entries()) {
    if (given[k] === undefined) delete process.env[name];
    else process.env[name] = given[k];
  }
});
beforeEach(() => {
  delete process.env['OHMIC_DATA'];
  process.env['OHMIC_CACHE'] = join(folder, 'cache');
});

/** Answers every download; returns the addresses that were asked for. */
function serve(t: TestContext, answer: () => Response): string[] {
  const asked: string[] = [];
  t.mock.method(globalThis, 'fetch', async (address: string) => {
    asked.push(address);
    return answer();
  });
  return asked;
}

test('the generated set needs no files, and comes as large as asked for', async () => {
  const steps: LoadProgress[] = [];
  const data = await loadDataSet('synthetic', {
    trainImages: 30,
    testImages: 20,
    onProgress: (step) => steps.push(step),
  });
  assert.deepEqual(data, generateSynthetic({ trainCount: 30, testCount: 20 }));
  assert.deepEqual(steps, [{ step: 'generate', file: 'synthetic', done: 0, total: 1 }]);
  assert.equal((await loadDataSet('synthetic', { trainImages: 10 })).test.count, 1000);
});

test('a folder must exist and hold the set, whether an option or OHMIC_DATA names it; nothing is downloaded', async (t) => {
  const asked = serve(t, () => new Response('', { status: 500 }));
  const absent = new UsageError(
    'data: expected a folder, but /nowhere does not exist; correct --data or OHMIC_DATA',
  );
  await assert.rejects(loadDataSet('mnist', { folder: '/nowhere' }), absent);
  process.env['OHMIC_DATA'] = '/nowhere';
  await assert.rejects(loadDataSet('mnist'), absent);
  const empty = join(folder, 'empty');
  mkdirSync(empty);
  await assert.rejects(loadDataSet('mnist', { folder: empty }), {
    name: 'UsageError',
    message:
      /^data set mnist: missing train-images-idx3-ubyte\.gz, .* in folder .*empty; pass --data FOLDER or set OHMIC_DATA/,
  });
  mkdirSync(join(empty, 'mnist'));
  writeFileSync(join(empty, 'mnist', 'train-images-idx3-ubyte.gz'), 'no images');
  process.env['OHMIC_DATA'] = empty;
  await assert.rejects(loadDataSet('mnist'), {
    name: 'UsageError',
    message: /^data set mnist: missing train-labels-idx1-ubyte\.gz, /,
  });
  assert.deepEqual(asked, []);
});

test('without a folder the set is downloaded, and what is not the set is neither stored nor used', async (t) => {
  // An empty variable counts as none.
  process.env['OHMIC_DATA'] = '';
  const asked = serve(t, () => new Response('not the file'));
  const steps: LoadProgress[] = [];
  await assert.rejects(loadDataSet('fashion-mnist', { onProgress: (step) => steps.push(step) }), {
    name: 'UsageError',
    message: /^data set fashion-mnist: wrong download, .*4 faults\n.*expected SHA-256 3aede/s,
  });
  assert.equal(asked.length, 4);
  assert.deepEqual(steps.filter(({ step }) => step === 'download').length, 4);
  assert.ok(!existsSync(join(folder, 'cache')));
});

test('a server that refuses is named, with what it said and what to do', async (t) => {
  serve(t, () => new Response('', { status: 404, statusText: 'Not Found' }));
  await assert.rejects(loadDataSet('mnist'), {
    name: 'UsageError',
    message:
      /^data set mnist: https:\S+ failed: the server answered 404 Not Found; https:.* check the network or pass --data/,
  });
});

test('unknown names are refused', async () => {
  await assert.rejects(loadDataSet('imagenet'), {
    name: 'UsageError',
    message: /^data set: expected one of cifar10, .*, got "imagenet"/,
  });
});

test('the first images are a part of the set; more than it has are refused, all faults at once', () => {
  const whole = generateSynthetic({ trainCount: 20, testCount: 10 });
  assert.equal(firstImages('tiny', whole, {}), whole);
  const some = firstImages('tiny', whole, { testImages: 4 });
  assert.deepEqual([some.train.count, some.test.count], [20, 4]);
  assert.deepEqual(some.test.labels, whole.test.labels.subarray(0, 4));
  assert.throws(
    () => firstImages('tiny', whole, { trainImages: 21, testImages: 11 }),
    new UsageError(
      'data set tiny: 2 faults\n  - trainImages must be at most 20, got 21\n  - testImages must be at most 10, got 11',
    ),
  );
});
