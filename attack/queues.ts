// Sweeps on a queue through a hundred kills: workers, the processes in which they compute, the server and the coordinator are
// killed or suspended at random moments and started again. In the end every point has exactly one result, of the bits of a
// sweep that was left alone.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type RedisServer, startRedis, withoutRedis } from '../test/redis-server.ts';
import {
  endAll,
  pause,
  type Running,
  startOhmic,
  tinySweep,
  workersOf,
  writeSweep,
} from '../test/sweep-fleet.ts';
import { type Campaign, type Draws, OHMIC, start } from './campaign.ts';

const FATES = [
  'worker',
  'worker',
  'computation',
  'computation',
  'hang',
  'machine hangs',
  'server',
  'coordinator',
] as const;
type Fate = (typeof FATES)[number];

type Sweep = {
  readonly folder: string;
  readonly file: string;
  readonly redis: RedisServer;
  readonly draws: Draws;
  readonly tried: Record<string, number>;
};

const lost = ['--lost-seconds', '1', '--silent-seconds', '3', '--workers', '1'];

/** Runs one sweep to its end, through all that befalls it; returns how often something was killed or suspended. */
async function survive(
  { folder, file, redis, draws, tried }: Sweep,
  out: string,
  most: number,
): Promise<number> {
  const coordinate = (): Running =>
    startOhmic(folder, ['sweep', file, '--out', out, '--queue', redis.url, '--batch', '1', '--quiet']);
  const work = (): Running => startOhmic(folder, ['worker', '--queue', redis.url, ...lost]);
  let coordinator = coordinate();
  const workers = [work(), work(), work()];
  let count = 0;
  let code: number | null | undefined;
  const follow = (one: Running): void => {
    void one.ended.then((end) => {
      if (one === coordinator) code = end.code;
    });
  };
  follow(coordinator);
  while (code === undefined) {
    await pause(50 + draws.below(900));
    if (code !== undefined || count >= most) continue;
    const fate = draws.pick(FATES);
    const k = draws.below(workers.length);
    tried[fate] = (tried[fate] ?? 0) + 1;
    count++;
    await strike(fate, k);
  }
  function suspend(pid: number): void {
    process.kill(pid, 'SIGSTOP');
    // Its parent has killed it by then, unless that was killed itself.
    setTimeout(() => {
      try {
        process.kill(pid, 'SIGCONT');
      } catch {
        // It is gone.
      }
    }, 5000);
  }
  async function strike(fate: Fate, k: number): Promise<void> {
    const { child } = workers[k]!;
    const [computing] = workersOf(child.pid!);
    switch (fate) {
      case 'worker':
        child.kill('SIGKILL');
        await workers[k]!.gone;
        workers[k] = work();
        return;
      case 'computation':
        if (computing !== undefined) process.kill(computing, 'SIGKILL');
        return;
      case 'hang':
        if (computing !== undefined) suspend(computing);
        return;
      case 'machine hangs':
        child.kill('SIGSTOP');
        setTimeout(() => child.kill('SIGCONT'), 3000);
        return;
      case 'server':
        await redis.restart();
        return;
      case 'coordinator': {
        const before = coordinator;
        // The end of the one that is killed is no end of the sweep.
        coordinator = { ...before };
        before.child.kill('SIGKILL');
        const { code: early } = await before.ended;
        // It may just have ended by itself.
        if (early !== null) code = early;
        else {
          coordinator = coordinate();
          follow(coordinator);
        }
      }
    }
  }
  for (const { child } of workers) child.kill('SIGKILL');
  assert.equal(code, 0, coordinator.said());
  return count;
}

export const queues: Campaign = {
  name: 'queues',
  run: async ({ draws, folder, effort }) => {
    if (withoutRedis) return `nothing, as ${withoutRedis}`;
    const file = writeSweep(folder, tinySweep({ chips: 30 }));
    const { code, err } = await start([...OHMIC, 'sweep', file, '--out', 'alone', '--quiet'], {
      cwd: folder,
    });
    assert.equal(code, 0, err);
    const results = (out: string): string => readFileSync(join(folder, out, 'results.csv'), 'utf8');
    const alone = results('alone');
    const place = join(folder, 'redis');
    mkdirSync(place);
    const redis = await startRedis(place);
    const tried: Record<string, number> = {};
    const wanted = Math.ceil(100 * effort);
    let [done, sweeps] = [0, 0];
    try {
      while (done < wanted) {
        const out = `hurt-${sweeps++}`;
        done += await survive({ folder, file, redis, draws, tried }, out, wanted - done);
        assert.equal(results(out), alone, `${out} differs`);
      }
    } finally {
      endAll();
      await redis.stop();
    }
    const list = Object.entries(tried).map(([fate, count]) => `${count} ${fate}`);
    return `${done} blows to ${sweeps} sweeps (${list.join(', ')}); no point lost, none twice, no bit differs`;
  },
};
