// A whole run that is killed, stopped by signals, and meets full disks, at random moments, and is continued each time: it
// ends with the bytes of one that was left alone, on both backends. Disks are full by a limit of the process and, where
// this user may mount one, by a small file system that other files fill.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
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
  'full file system': [1, 0],
};

/** Bytes of the small file system: some three times what a run keeps. */
const SMALL_BYTES = 4 << 20;

/** Mounts a small file system at a new folder; false where this user may not. */
function mountSmall(path: string): boolean {
  mkdirSync(path);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SMALL_BYTES}`, 'ohmic-attack', path], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    rmSync(path, { recursive: true });
    return false;
  }
}

/** Fills the file system of a folder but for so many bytes; returns the file that does. */
function fill(folder: string, left: number): string {
  const path = join(folder, 'filler');
  const { bavail, bsize } = statfsSync(folder);
  writeFileSync(path, Buffer.alloc(Math.max(0, bavail * bsize - left)));
  return path;
}

/** All files of a run by what must not differ: the record without its machine, everything else by its bytes. */
function contents(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(folder, name)).isFile())
    .filter((name) => !/(^|\/)\.|checkpoint|report\.html$|record\.json$/.test(name));
  return Object.fromEntries(
    files.sort().map((name) => [name, readFileSync(join(folder, name)).toString('base64')]),
  );
}

type Circumstances = {
  readonly cwd: string;
  readonly draws: Draws;
  /** Milliseconds after which a signal comes at the latest. */
  readonly longest: number;
  /** The folder that holds the folders of runs. */
  readonly place: string;
};

async function attempt(
  words: readonly string[],
  fate: string,
  { cwd, draws, longest, place }: Circumstances,
): Promise<Ended> {
  if (fate === 'full file system') {
    // From nothing at all to more than a run keeps.
    const filler = fill(place, draws.below((3 * SMALL_BYTES) / 8));
    const ended = await start(words, { cwd });
    rmSync(filler);
    return ended;
  }
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

type Attacked = Circumstances & {
  readonly fates: readonly string[];
  /** Counts, by fate; `met` counts those after which the command ended with an error. */
  readonly tried: Record<string, number>;
  readonly met: Record<string, number>;
};

/** Runs to its end, through all that befalls it, and compares with what an undisturbed run left. */
async function survive(
  words: readonly string[],
  out: string,
  expected: Readonly<Record<string, string>>,
  { fates, tried, met, ...circumstances }: Attacked,
): Promise<void> {
  for (let left = 12; ; left--) {
    const resume = existsSync(join(out, 'settings.json')) ? ['--resume'] : [];
    const fate = left > 0 ? circumstances.draws.pick(fates) : 'SIGHUP';
    tried[fate] = (tried[fate] ?? 0) + 1;
    const { code, signal, err } = await attempt([...words, ...resume], fate, circumstances);
    // Before its first breath a process obeys any signal.
    const isEarly = signal === fate && err === '';
    assert.ok(isEarly || FATES[fate]!.includes(code), `${fate}: code ${code}, ${signal}\n${err}`);
    assert.doesNotMatch(err, /bug in ohmic|\n {4}at /);
    if (code === 0) break;
    met[fate] = (met[fate] ?? 0) + 1;
  }
  assert.deepEqual(contents(out), expected, `${out} differs`);
  rmSync(out, { recursive: true });
}

export const interruptions: Campaign = {
  name: 'interruptions',
  run: async ({ draws, folder, effort }) => {
    const tried: Record<string, number> = {};
    const met: Record<string, number> = {};
    const small = join(folder, 'small');
    const isMounted = mountSmall(small);
    const place = isMounted ? small : folder;
    const fates = Object.keys(FATES).filter((fate) => isMounted || fate !== 'full file system');
    writeFileSync(join(folder, 'run.json'), JSON.stringify(SETTINGS));
    const backends = findCompiler() === undefined ? ['wasm'] : ['wasm', 'native'];
    try {
      for (const backend of backends) {
        const words = (out: string): string[] => [
          ...OHMIC, 'run', 'run.json', '--backend', backend, '--threads', '2', '--checkpoint-minutes', '0.001', '--out', out,
        ]; // biome-ignore format: flags and values in pairs
        const begun = performance.now();
        const alone = join(folder, `${backend}-alone`);
        const { code, err } = await start(words(alone), { cwd: folder });
        assert.equal(code, 0, err);
        // Short enough that a run meets several fates.
        const longest = (performance.now() - begun) / 2;
        for (let run = 0; run < Math.ceil(6 * effort); run++) {
          const out = join(place, `${backend}-${run}`);
          const circumstances = { cwd: folder, draws, longest, place, fates, tried, met };
          await survive(words(out), out, contents(alone), circumstances);
        }
      }
    } finally {
      if (isMounted) execFileSync('umount', [small]);
    }
    const list = Object.entries(tried).map(
      ([fate, count]) => `${count} ${fate} (${met[fate] ?? 0} ended a run)`,
    );
    const without = isMounted ? '' : '; no small file system, which this user may not mount';
    return `${list.join(', ')}; no bit differs on ${backends.join(' and ')}${without}`;
  },
};
