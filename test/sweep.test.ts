// Sweeps on one machine, as users start them: the same table whatever befalls them, and only what is new is computed.

import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, test } from 'node:test';
import { parquetReadObjects } from 'hyparquet';
import { UsageError } from '../src/base/errors.ts';
import { silentProgress } from '../src/cli/progress.ts';
import { pointSettings } from '../src/cli/sweep-base.ts';
import { sweepCommand } from '../src/cli/sweep-command.ts';
import { readSweep } from '../src/cli/sweep-files.ts';
import type { SweepFlags } from '../src/cli/sweep-flags.ts';
import { pointsOf } from '../src/sweep/expand.ts';
import { commandIn } from './command.ts';
import { endAll, startOhmic, tinySweep, until, workersOf, writeSweep } from './sweep-fleet.ts';

const folder = mkdtempSync(join(tmpdir(), 'ohmic-sweep-'));
after(() => {
  endAll();
  rmSync(folder, { recursive: true, force: true });
});
const ohmic = commandIn(folder);
const file = writeSweep(folder, tinySweep());
const results = (out: string): string => readFileSync(join(folder, out, 'results.csv'), 'utf8');
const table = <T>(out: string, query: string): T[] => {
  const database = new DatabaseSync(join(folder, out, 'sweep.sqlite'), { readOnly: true });
  try {
    return database.prepare(query).all() as T[];
  } finally {
    database.close();
  }
};

before(async () => {
  const { code, err } = await ohmic(['sweep', file, '--out', 'alone', '--workers', '1', '--quiet']);
  assert.equal(code, 0, err);
});

test('a sweep writes a row for every chip, time and method of every point', async () => {
  const lines = results('alone').trimEnd().split('\r\n');
  assert.equal(lines[0], 'point,eta,bits,network,digitalAccuracy,chip,timeSeconds,method,accuracy');
  assert.equal(lines.length, 1 + 4 * 4 * 2 * 2);
  assert.match(lines[1]!, /^1,0,4,digital,0\.\d+,1,25,none,0\.\d+$/);
  const parquet = readFileSync(join(folder, 'alone/results.parquet'));
  const rows = await parquetReadObjects({
    file: parquet.buffer.slice(parquet.byteOffset, parquet.byteOffset + parquet.byteLength),
  });
  assert.deepEqual(
    rows.map((row) =>
      Object.values(row)
        .map((value) => (typeof value === 'number' ? Number(value.toPrecision(10)) : value))
        .join(),
    ),
    lines.slice(1),
  );
  assert.match(readFileSync(join(folder, 'alone/report.html'), 'utf8'), /<!doctype html>/);
});

test('points that need the same training share it', () => {
  assert.deepEqual(
    table('alone', 'SELECT kind, count(*) AS n FROM works GROUP BY kind ORDER BY kind').map((row) => ({
      ...(row as object),
    })),
    [
      { kind: 'evaluation', n: 4 },
      { kind: 'training', n: 2 },
    ],
  );
});

test('chips of one evaluation in single tasks and in one have the same bits as in ohmic run', async () => {
  const { base } = tinySweep() as { readonly base: Readonly<Record<string, object>> };
  const noise = { ...base['training'], noise: { kind: 'gaussian', relativeToMax: 0.04 } };
  const run = writeSweep(folder, { ...base, training: noise }, 'run.json');
  const { code, err } = await ohmic([
    'run',
    run,
    '--set',
    'adc.bits=8',
    '--out',
    'run',
    '--threads',
    '1',
    '--quiet',
  ]);
  assert.equal(code, 0, err);
  const single = readFileSync(join(folder, 'run/accuracies.csv'), 'utf8').trimEnd().split('\r\n').slice(1);
  // Both end in chip, time, method and accuracy; rows are in another order.
  const ends = (lines: readonly string[]): string[] =>
    lines.map((line) => line.split(',').slice(-4).join()).sort();
  const swept = results('alone')
    .trimEnd()
    .split('\r\n')
    .filter((line) => line.startsWith('4,'));
  assert.deepEqual(ends(swept), ends(single));
});

test('a point with noise training measures its network, which is that of ohmic run, also from kept digital weights', async () => {
  const { base } = tinySweep({ chips: 1 }) as { readonly base: Readonly<Record<string, object>> };
  const stages = { ...base, noiseTraining: { distillation: {} } };
  const axes = { eta: { path: 'noiseTraining.noise.relativeToMax', values: [0.04] } };
  const swept = writeSweep(folder, { name: 'stages', base: stages, axes }, 'stages.yaml');
  const noiseTraining = { distillation: {}, noise: { kind: 'gaussian', relativeToMax: 0.04 } };
  const run = writeSweep(folder, { ...stages, noiseTraining }, 'stages.json');
  for (const args of [
    ['sweep', swept, '--out', 'stages', '--workers', '1'],
    ['run', run, '--out', 'stages-run', '--threads', '1'],
  ]) {
    const { code, err } = await ohmic([...args, '--quiet']);
    assert.equal(code, 0, err);
  }
  const trainings = (out: string): number =>
    table<{ n: number }>(out, "SELECT count(*) AS n FROM works WHERE kind = 'training'")[0]!.n;
  assert.equal(trainings('stages'), 2);
  // Chip, time, method and accuracy are the last columns of both.
  const ends = (csv: string): string[] =>
    csv
      .trimEnd()
      .split('\r\n')
      .filter((line) => line.includes('noise-trained'))
      .map((line) => line.split(',').slice(-4).join())
      .sort();
  const expected = ends(readFileSync(join(folder, 'stages-run/accuracies.csv'), 'utf8'));
  assert.equal(expected.length, 2 * 2);
  assert.deepEqual(ends(results('stages')), expected);
  // The digital weights of the run in place of a training of them.
  const from = join(folder, 'stages-run/digital/weights.safetensors');
  const kept = writeSweep(folder, { name: 'from', base: { ...stages, from }, axes }, 'from.yaml');
  const { code, err } = await ohmic(['sweep', kept, '--out', 'from', '--workers', '1', '--quiet']);
  assert.equal(code, 0, err);
  assert.equal(trainings('from'), 1);
  assert.deepEqual(ends(results('from')), expected);
});

test('the same command again computes nothing; a new value of an axis and more chips compute themselves alone', async () => {
  cpSync(join(folder, 'alone'), join(folder, 'grown'), { recursive: true });
  const begun = table<{ seconds: number }>('grown', 'SELECT sum(seconds) AS seconds FROM chips')[0]!.seconds;
  const { code, err } = await ohmic(['sweep', file, '--out', 'grown', '--quiet']);
  assert.equal(code, 0, err);
  assert.equal(
    table<{ seconds: number }>('grown', 'SELECT sum(seconds) AS seconds FROM chips')[0]!.seconds,
    begun,
  );
  const sweep = tinySweep({ chips: 5 }) as { readonly axes: Readonly<Record<string, object>> };
  const more = { ...sweep, axes: { ...sweep.axes, bits: { path: 'adc.bits', values: [4, 6, 8] } } };
  const grown = writeSweep(folder, more, 'grown.yaml');
  const { code: again } = await ohmic(['sweep', grown, '--out', 'grown', '--quiet']);
  assert.equal(again, 0);
  // The points of before, and their chips of before, are as they were.
  const old = results('grown')
    .split('\r\n')
    .filter((line) => /^\d+,[\d.]+,[48],/.test(line) && !/,5,\d+,\w+,[\d.]+$/.test(line));
  const without = (line: string): string => line.replace(/^\d+,/, '');
  assert.deepEqual(old.map(without), results('alone').trimEnd().split('\r\n').slice(1).map(without));
  assert.equal(results('grown').trimEnd().split('\r\n').length, 1 + 6 * 5 * 2 * 2);
});

test('a sweep that was stopped, killed, and lost and hung its workers ends with the same bytes', async () => {
  // So many chips that two workers have something left to do after the stop and the kill, however fast they are.
  const many = writeSweep(folder, tinySweep({ chips: 64 }), 'many.yaml');
  const { code, err } = await ohmic(['sweep', many, '--out', 'unhurt', '--workers', '1', '--quiet']);
  assert.equal(code, 0, err);
  const args = [
    'sweep',
    many,
    '--out',
    'hurt',
    '--workers',
    '2',
    '--batch',
    '2',
    // More than a worker takes to start on a machine that has other things to do.
    '--silent-seconds',
    '10',
    '--quiet',
  ];
  const path = join(folder, 'hurt/sweep.sqlite');
  const count = (of: string): number => {
    try {
      return existsSync(path) ? table<{ n: number }>('hurt', `SELECT count(*) AS n FROM ${of}`)[0]!.n : 0;
    } catch {
      // It is being written.
      return 0;
    }
  };
  const stopped = startOhmic(folder, args);
  await until(() => count('works') > 0 && workersOf(stopped.child.pid!).length === 2);
  stopped.child.kill('SIGINT');
  assert.equal((await stopped.ended).code, 130);
  assert.match(stopped.said(), /stopped; what is done is kept/);
  const killed = startOhmic(folder, args);
  await until(() => count('chips') > 0);
  killed.child.kill('SIGKILL');
  await killed.ended;
  const hurt = startOhmic(folder, args);
  await until(() => workersOf(hurt.child.pid!).length > 1);
  const [first, second] = workersOf(hurt.child.pid!);
  process.kill(first!, 'SIGKILL');
  process.kill(second!, 'SIGSTOP');
  assert.deepEqual(await hurt.ended, { code: 0, signal: null }, hurt.said());
  assert.equal(results('hurt'), results('unhurt'));
});

test('a disk without room ends a sweep with 1 and a reason, and nothing that was kept is lost', async () => {
  const sweep = writeSweep(folder, tinySweep({ chips: 40 }), 'long.yaml');
  const { code, err } = await limited(
    ['sweep', sweep, '--out', 'full', '--workers', '1', '--batch', '4', '--quiet'],
    150,
  );
  assert.equal(code, 1, err);
  assert.match(err, /can't be written|can't be used/);
  assert.doesNotMatch(err, /bug in ohmic/);
  const { code: again, err: said } = await ohmic([
    'sweep',
    sweep,
    '--out',
    'full',
    '--workers',
    '1',
    '--quiet',
  ]);
  assert.equal(again, 0, said);
  const first = results('full')
    .split('\r\n')
    .filter((line) => /^\d+,[\d.]+,\d,digital,[\d.]+,[1-4],\d+,\w+,[\d.]+$/.test(line));
  assert.deepEqual(first, results('alone').trimEnd().split('\r\n').slice(1));
});

/** Runs the command where no file may grow beyond so many kilobytes. */
async function limited(
  args: readonly string[],
  kilobytes: number,
): Promise<{ code: number | null; err: string }> {
  const { spawn } = await import('node:child_process');
  const { MAIN } = await import('./command.ts');
  const words = [process.execPath, MAIN, ...args].map((word) => `'${word}'`).join(' ');
  const child = spawn('bash', ['-c', `ulimit -f ${kilobytes}; exec ${words}`], { cwd: folder });
  let err = '';
  child.stderr.on('data', (text) => {
    err += text;
  });
  const code = await new Promise<number | null>((resolve) => void child.on('close', resolve));
  return { code, err };
}

test('four shards and their collection give the same table', async () => {
  const plan = await ohmic(['sweep', 'plan', file, '--shards', '4', '--out', 'shards', '--quiet']);
  assert.equal(plan.code, 0, plan.err);
  assert.match(
    readFileSync(join(folder, 'shards/tiny.slurm'), 'utf8'),
    /#SBATCH --array=1-4\n.*--shard "\$\{SLURM_ARRAY_TASK_ID\}\/4"\n$/s,
  );
  const parts = await Promise.all(
    [1, 2, 3, 4].map((k) =>
      ohmic(['sweep', file, '--out', 'shards', '--shard', `${k}/4`, '--workers', '1', '--quiet']),
    ),
  );
  for (const { code, err } of parts) assert.equal(code, 0, err);
  const { code, err } = await ohmic(['sweep', 'collect', file, '--out', 'shards', '--quiet']);
  assert.equal(code, 0, err);
  assert.equal(results('shards'), results('alone'));
});

test('the script and the collection of a plan are of the same sweep as the plan', async () => {
  const flags = ['--set', 'seed=3', '--backend', 'wasm', '--data', 'images'];
  const plan = await ohmic(['sweep', 'plan', file, '--shards', '2', '--out', 'changed', '--yes', ...flags]);
  assert.equal(plan.code, 0, plan.err);
  const script = readFileSync(join(folder, 'changed/tiny.slurm'), 'utf8');
  assert.match(script, /--set seed=3 --backend wasm --data \S*images --yes --workers/);
  assert.match(plan.out, /sweep collect .* --set seed=3 --backend wasm --data \S*images\n/);
});

test('chips of too few evaluations are divided among shards', async () => {
  const kept = writeSweep(
    folder,
    {
      base: {
        weights: `alone/trainings/${table<{ name: string }>('alone', "SELECT name FROM works WHERE kind = 'training' ORDER BY name")[0]!.name}/weights.safetensors`,
        data: { trainImages: 64, testImages: 32 },
        hardware: 'hermes256',
        evaluation: { chips: 5, timesSeconds: [25], methods: ['none'], calibrationImages: 16 },
      },
      axes: {},
    },
    'kept.yaml',
  );
  const whole = await ohmic(['sweep', kept, '--out', 'kept', '--quiet']);
  assert.equal(whole.code, 0, whole.err);
  for (const k of [1, 2, 3]) {
    const { code, err } = await ohmic(['sweep', kept, '--out', 'divided', '--shard', `${k}/3`, '--quiet']);
    assert.equal(code, 0, err);
  }
  const { code } = await ohmic(['sweep', 'collect', kept, '--out', 'divided', '--quiet']);
  assert.equal(code, 0);
  assert.equal(results('divided'), results('kept'));
});

test('--dry-run says what there is to do, from a measurement, and leaves nothing behind', async () => {
  const { code, out, err } = await ohmic(['sweep', file, '--out', 'dry', '--dry-run', '--workers', '2']);
  assert.equal(code, 0, err);
  assert.match(
    out,
    /^points +4\ntrainings +2\ndeployments +4\nchips +16\ntime +about .*2 workers, from some steps and one chip\n$/,
  );
  assert.equal(existsSync(join(folder, 'dry')), false);
  const { out: done } = await ohmic(['sweep', file, '--out', 'alone', '--dry-run']);
  assert.match(done, /chips +16, 16 of them done in .*alone\ntime +about 0 s/);
});

test('a point that fails says why and leaves the others; --retry-failed tries it again', async () => {
  const sweep = tinySweep() as { readonly axes: Readonly<Record<string, object>> };
  // So large a rate makes weights infinite, which a training refuses.
  const axes = { rate: { path: 'training.learningRate.initial', values: [0.1, 1e30] } };
  const failing = writeSweep(folder, { ...sweep, axes }, 'failing.yaml');
  const args = ['sweep', failing, '--out', 'failing', '--quiet'];
  const { code, err } = await ohmic(args);
  assert.equal(code, 1);
  assert.match(
    err,
    /sweep: 1 of 2 points failed, 1 are done; try them again with --retry-failed\n {2}- point 2: .+/,
  );
  assert.equal(results('failing').trimEnd().split('\r\n').length, 1 + 16);
  const begun = performance.now();
  assert.equal((await ohmic(args)).code, 1);
  const idle = performance.now() - begun;
  const { err: again } = await ohmic([...args.slice(0, -1), '--retry-failed']);
  assert.match(again, /1 failed works are tried again/);
  assert.ok(idle > 0);
});

const refusals: readonly (readonly [what: string, change: object, flags: SweepFlags, message: RegExp])[] = [
  [
    'an axis that names no setting',
    { axes: { 'adc.bitz': [4] } },
    {},
    /axes\.adc\.bitz: no setting has this name; did you mean "adc\.bits"\?/,
  ],
  [
    'an empty axis',
    { axes: { 'adc.bits': [] } },
    {},
    /axes\.adc\.bits: expected at least one value, got none/,
  ],
  [
    'a value twice',
    { axes: { seed: [1, 1] } },
    {},
    /axes\.seed: values must differ from one another, got 1 twice/,
  ],
  [
    'an impossible value',
    { axes: { 'adc.bits': [4, 99] } },
    {},
    /impossible points.*adc\.bits: expected number to be <=24, got 99 \(adc\.bits = 99\)/,
  ],
  [
    'two axes on one setting',
    { axes: { a: { path: 'adc.bits', values: [4, 6] }, b: { path: 'hardware.adc.bits', values: [6, 8] } } },
    {},
    /axes\.b: expected a setting of its own, got hardware\.adc\.bits, which a sets/,
  ],
  [
    'millions',
    { axes: { seed: { seeds: 1000 }, 'evaluation.chips': { from: 1, to: 1000, count: 1000 } } },
    {},
    /expected at most 100000 points, got 1000000; .*--yes/,
  ],
  [
    'a constraint that leaves nothing',
    { where: 'bits > 100' },
    {},
    /expected at least one point, got none of 4/,
  ],
  [
    'a constraint on nothing',
    { where: 'bitz > 4' },
    {},
    /where\[0\]: "bitz > 4": expected one of eta, bits, got "bitz"; did you mean "bits"\?/,
  ],
  ['a sweep inside', { base: { noiseSweep: {} } }, {}, /base\.noiseSweep: a sweep has no sweep inside/],
  ['a part that is none', {}, { shard: '5/4' }, /--shard: expected a part/],
  [
    'a password in the open',
    {},
    { queue: 'redis://a:b@127.0.0.1' },
    /expected no password in the address.*OHMIC_QUEUE_PASSWORD/,
  ],
  ['a queue of another kind', {}, { queue: 'http://127.0.0.1' }, /expected redis:\/\/ or rediss:\/\//],
  ['a folder of something else', {}, { out: '.' }, /expected a new folder or that of a sweep, it holds/],
  [
    'a table of another sweep',
    { base: { ...(tinySweep() as { base: object }).base, model: 'lenet5' } },
    { out: 'alone' },
    /the table of another sweep.*base\.model: "mlp" there, "lenet5" here/,
  ],
];

for (const [k, [what, change, flags, message]] of refusals.entries()) {
  test(`refused: ${what}`, async () => {
    const kept = results('alone');
    const sweep = writeSweep(folder, { ...tinySweep(), ...change }, `refused-${k}.yaml`);
    const out = join(folder, flags.out ?? `refused-${k}`);
    await assert.rejects(
      sweepCommand(sweep, { ...flags, out }, silentProgress),
      (thrown) => thrown instanceof UsageError && message.test(thrown.message),
    );
    assert.equal(results('alone'), kept);
  });
}

test('the examples are sweeps of fewer than 25 lines, each as large as it says', () => {
  const examples = join(import.meta.dirname, '../examples');
  const sizes = { 'sweep-small.yaml': 18, 'sweep-mnist.yaml': 36 };
  for (const [name, size] of Object.entries(sizes)) {
    const path = join(examples, name);
    assert.ok(readFileSync(path, 'utf8').trimEnd().split('\n').length < 25, name);
    const { file: sweep, base } = readSweep(path, {});
    const all = [...pointsOf(sweep)];
    assert.equal(all.length, size);
    for (const values of all) pointSettings(base, sweep, values, name);
  }
});
