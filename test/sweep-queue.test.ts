// Sweeps on a queue, with a real server: the same table whatever happens to workers, coordinator and server. The long version,
// with a hundred kills, is a campaign in attack/.

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, test } from 'node:test';
import { Redis } from 'ioredis';
import { UsageError } from '../src/base/errors.ts';
import { ohmicVersion } from '../src/cli/version.ts';
import { createPool } from '../src/fleet/pool.ts';
import { queueAddress } from '../src/fleet/queue-connection.ts';
import { serveQueue } from '../src/fleet/queue-worker.ts';
import { commandIn } from './command.ts';
import { freePort, type RedisServer, startRedis, withoutRedis } from './redis-server.ts';
import {
  endAll,
  pause,
  type Running,
  startOhmic,
  tinySweep,
  until,
  workersOf,
  writeSweep,
} from './sweep-fleet.ts';

const folder = mkdtempSync(join(tmpdir(), 'ohmic-queue-'));
const ohmic = commandIn(folder);
const file = writeSweep(folder, tinySweep({ chips: 6, bits: [8] }));
let redis: RedisServer;
let alone: string;
const results = (out: string): string => readFileSync(join(folder, out, 'results.csv'), 'utf8');

before(async () => {
  if (withoutRedis) return;
  redis = await startRedis(folder);
  const { code, err } = await ohmic(['sweep', file, '--out', 'alone', '--quiet']);
  assert.equal(code, 0, err);
  alone = results('alone');
});
after(async () => {
  endAll();
  await redis?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const coordinator = (out: string, ...more: string[]): Running =>
  startOhmic(folder, ['sweep', file, '--out', out, '--queue', redis.url, '--batch', '1', ...more]);
/** Each worker has a cache of its own, as on a machine of its own; kernels alone are shared. */
const worker = (...more: string[]): Running =>
  startOhmic(folder, ['worker', '--queue', redis.url, '--workers', '1', '--lost-seconds', '1', ...more]);
const chipsIn = (out: string): number => {
  try {
    const database = new DatabaseSync(join(folder, out, 'sweep.sqlite'), { readOnly: true });
    try {
      return (database.prepare('SELECT count(*) AS n FROM chips').get() as { n: number }).n;
    } finally {
      database.close();
    }
  } catch {
    // Not there yet, or being written.
    return 0;
  }
};
const succeeded = async (running: Running): Promise<void> => {
  const { code } = await running.ended;
  assert.equal(code, 0, running.said());
};
const stopped = async (workers: readonly Running[]): Promise<void> => {
  for (const { child } of workers) child.kill('SIGINT');
  for (const { ended, said } of workers) assert.equal((await ended).code, 0, said());
};

test('three workers on a queue give the same table, and leave nothing on the server', {
  skip: withoutRedis,
}, async () => {
  const workers = [worker(), worker(), worker()];
  await succeeded(coordinator('queue'));
  assert.equal(results('queue'), alone);
  await stopped(workers);
  const client = new Redis(redis.url);
  assert.deepEqual(await client.keys('ohmic:*'), []);
  client.disconnect();
});

test('a shared folder in place of the server’s memory', { skip: withoutRedis }, async () => {
  const shared = join(folder, 'shared');
  const workers = [worker('--shared', shared)];
  await succeeded(coordinator('with-shared', '--shared', shared));
  await stopped(workers);
  assert.equal(results('with-shared'), alone);
  assert.equal(readdirSync(join(shared, 'trainings')).length, 2);
});

test('killed and hanging workers, a killed server and a killed coordinator: every point has one result, of the same bits', {
  skip: withoutRedis,
}, async () => {
  let workers = [worker('--silent-seconds', '3'), worker(), worker()];
  const first = coordinator('hurt');
  await until(() => chipsIn('hurt') >= 1);
  // One whose machine fails, one whose process hangs, one that hangs with all it has.
  workers[1]!.child.kill('SIGKILL');
  const [computing] = workersOf(workers[0]!.child.pid!);
  if (computing !== undefined) process.kill(computing, 'SIGSTOP');
  workers[2]!.child.kill('SIGSTOP');
  workers.push(worker());
  await until(() => chipsIn('hurt') >= 3);
  await redis.restart();
  const { length } = workersOf(workers[3]!.child.pid!);
  assert.ok(length <= 1);
  first.child.kill('SIGKILL');
  await first.ended;
  await pause(300);
  const second = coordinator('hurt');
  await until(() => chipsIn('hurt') >= 6);
  workers[2]!.child.kill('SIGCONT');
  await succeeded(second);
  assert.equal(results('hurt'), alone);
  workers = workers.filter(({ child }) => child.signalCode === null);
  await stopped(workers);
});

test('what a job was lost with goes on: the coordinator may be away', { skip: withoutRedis }, async () => {
  const one = worker();
  const first = coordinator('away');
  await until(() => chipsIn('away') >= 1);
  first.child.kill('SIGINT');
  assert.equal((await first.ended).code, 130);
  assert.match(first.said(), /Continue with:\n {2}ohmic sweep/);
  // Jobs that wait are done in the meantime.
  await pause(500);
  await succeeded(coordinator('away'));
  assert.equal(results('away'), alone);
  await stopped([one]);
});

for (const order of ['after', 'before'])
  test(`a worker of another version is refused, and takes nothing: it comes ${order} the sweep`, {
    skip: withoutRedis,
  }, async () => {
    const isFirst = order === 'before';
    const pool = createPool({
      count: 1,
      silentSeconds: 60,
      start: { ohmic: '9.9.9', backend: 'auto', threads: 1, data: undefined, checkpointMinutes: 2 },
    });
    const options = {
      pool,
      shared: undefined,
      cache: join(folder, 'cache'),
      lostSeconds: 1,
      signal: new AbortController().signal,
      address: queueAddress(redis.url),
      ohmic: '9.9.9',
      onLine: () => undefined,
    };
    const refused = (): Promise<void> =>
      assert.rejects(
        serveQueue(options),
        new UsageError(
          `worker: "tiny" is a sweep of ohmic ${ohmicVersion()}, this worker is 9.9.9; install ohmic@${ohmicVersion()} to work for it`,
        ),
      );
    const early = isFirst ? refused() : undefined;
    const sweep = `version-${order}`;
    const waiting = coordinator(sweep);
    const client = new Redis(redis.url);
    await until(() => /on the queue/.test(waiting.said()));
    while ((await client.hlen('ohmic:sweeps')) === 0) await pause(50);
    await (early ?? refused());
    assert.equal(chipsIn(sweep), 0);
    waiting.child.kill('SIGKILL');
    await waiting.ended;
    // The next finds no sweep of a killed coordinator.
    await client.del('ohmic:sweeps');
    client.disconnect();
  });

test('a queue that is not there, wants a password, refuses one, or forgets is named, and nothing is lost', {
  skip: withoutRedis,
}, async () => {
  const args = (url: string): string[] => ['sweep', file, '--out', 'alone', '--quiet', '--queue', url];
  const { code, err } = await ohmic(args(`redis://127.0.0.1:${await freePort()}`));
  assert.equal(code, 1);
  assert.match(
    err,
    /can't be reached \(connect ECONNREFUSED .*check host and port, and start redis-server there/,
  );
  const guarded = await startRedis(mkdtempSync(join(folder, 'guarded-')), ['--requirepass', 'secret']);
  assert.match((await ohmic(args(guarded.url))).err, /the server wants a password; set OHMIC_QUEUE_PASSWORD/);
  assert.match(
    (await ohmic(args(guarded.url), { env: { OHMIC_QUEUE_PASSWORD: 'wrong' } })).err,
    /the server refuses the password in OHMIC_QUEUE_PASSWORD/,
  );
  assert.equal((await ohmic(args(guarded.url), { env: { OHMIC_QUEUE_PASSWORD: 'secret' } })).code, 0);
  await guarded.stop();
  const forgetful = await startRedis(mkdtempSync(join(folder, 'forgetful-')), [
    '--maxmemory-policy',
    'allkeys-lru',
  ]);
  assert.match(
    (await ohmic(['worker', '--queue', forgetful.url])).err,
    /maxmemory-policy allkeys-lru; set it to noeviction/,
  );
  await forgetful.stop();
  assert.equal(results('alone'), alone);
});

test('a server without memory for a result keeps the job, which is done when there is room', {
  skip: withoutRedis,
}, async () => {
  const small = await startRedis(mkdtempSync(join(folder, 'small-')), ['--maxmemory', '100mb']);
  const client = new Redis(small.url);
  const queued = startOhmic(folder, ['sweep', file, '--out', 'small', '--queue', small.url, '--batch', '1']);
  await until(() => /on the queue/.test(queued.said()));
  const [one] = [
    startOhmic(folder, ['worker', '--queue', small.url, '--workers', '1', '--lost-seconds', '1']),
  ];
  await until(() => chipsIn('small') >= 1);
  await client.config('SET', 'maxmemory', '1mb');
  await pause(1000);
  await client.config('SET', 'maxmemory', '100mb');
  const { code } = await queued.ended;
  if (code !== 0) {
    // A coordinator that could not write says so, and the same command continues.
    assert.match(queued.said(), /OOM|more memory/);
    assert.doesNotMatch(queued.said(), /bug in ohmic/);
    const again = await ohmic(['sweep', file, '--out', 'small', '--queue', small.url, '--batch', '1']);
    assert.equal(again.code, 0, again.err);
  }
  assert.equal(results('small'), alone);
  await stopped([one]);
  client.disconnect();
  await small.stop();
});
