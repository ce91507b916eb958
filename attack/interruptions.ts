// A whole run that is killed, stopped by signals, and meets full disks, at random moments, and is continued each time: it
// ends with the bytes of one that was left alone, on both backends.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findCompiler } from '../src/native/compiler.ts';
import { type Campaign, type Draws, type Ended, OHMIC, start } from './campaign.ts';

const SETTINGS = {
  data: { dataset: 'synthetic', trainImages: 100, testImages: 40 },
  model: 'small-cnn',
  training: { epochs: 8, batchSize: 20 },
  noiseTraining: { epochs: 6, noise: { kind: 'gaussian', relativeToMax: 0.04 } },
  hardware: 'joshi2020',
  evaluation: {
    chips: 2,
    timesSeconds: [25, 86_400],
    adabs: { batches: 1, batchSize: 20 },
    calibrationImages: 20,
  },
};

/** What may befall a run, and how it may then end: an exit code, or null where it was killed. */
const FATES: Readonly<Record<string, readonly (number | null)[]>> = {
  SIGKILL: [null, 0],
  SIGINT: [130, 0],
  SIGTERM: [143, 0],
  // Without a terminal the work goes on.
  SIGHUP: [0],
  'full disk': [1, 0],
};

/** All files of a run by what must not differ: the record without its machine, everything else by its bytes. */
function contents(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(folder, name)).isFile())
    .filter((name) => !/(^|\/)\.|checkpoint|report\.html$|record\.json$/.test(name));
  return Object.fromEntries(
    files.sort().map((name) => [name, readFileSync(join(folder, name)).toString('base64')]),
  );
}

async function attempt(
  words: readonly string[],
  fate: string,
  { cwd, draws, longest }: { readonly cwd: string; readonly draws: Draws; readonly longest: number },
): Promise<Ended> {
  if (fate === 'full disk') {
    // Files may grow to so many blocks of 512 or 1024 bytes: a disk that is full from then on.
    const quoted = words.map((word) => `'${word}'`).join(' ');
    return start(['sh', '-c', `ulimit -f ${1 + draws.below(400)}; exec ${quoted}`], { cwd });
  }
  const after = draws.below(longest);
  return start(words, {
    cwd,
    onStart: (child) => void setTimeout(() => child.kill(fate as NodeJS.Signals), after),
  });
}

export const interruptions: Campaign = {
  name: 'interruptions',
  run: async ({ draws, folder, effort }) => {
    const tried: Record<string, number> = {};
    writeFileSync(join(folder, 'run.json'), JSON.stringify(SETTINGS));
    const backends = findCompiler() === undefined ? ['wasm'] : ['wasm', 'native'];
    for (const backend of backends) {
      const words = (out: string): string[] => [
        ...OHMIC, 'run', 'run.json', '--backend', backend, '--threads', '2', '--checkpoint-minutes', '0.001', '--out', out,
      ]; // biome-ignore format: flags and values in pairs
      const begun = performance.now();
      const alone = await start(words(`${backend}-alone`), { cwd: folder });
      assert.equal(alone.code, 0, alone.err);
      // Short enough that a run meets several fates.
      const longest = (performance.now() - begun) / 2;
      const expected = contents(join(folder, `${backend}-alone`));
      for (let run = 0; run < Math.ceil(6 * effort); run++) {
        const out = `${backend}-${run}`;
        for (let left = 12; ; left--) {
          const resume = existsSync(join(folder, out, 'settings.json')) ? ['--resume'] : [];
          const fate = left > 0 ? draws.pick(Object.keys(FATES)) : 'SIGHUP';
          tried[fate] = (tried[fate] ?? 0) + 1;
          // Before its first breath a process obeys any signal.
          const { code, signal, err } = await attempt([...words(out), ...resume], fate, {
            cwd: folder,
            draws,
            longest,
          });
          const isEarly = signal === fate && err === '';
          assert.ok(isEarly || FATES[fate]!.includes(code), `${fate}: code ${code}, ${signal}\n${err}`);
          assert.doesNotMatch(err, /bug in ohmic|\n {4}at /);
          if (code === 0) break;
        }
        assert.deepEqual(contents(join(folder, out)), expected, `${out} differs`);
      }
    }
    const list = Object.entries(tried).map(([fate, count]) => `${count} ${fate}`);
    return `${list.join(', ')}; no bit differs on ${backends.join(' and ')}`;
  },
};
