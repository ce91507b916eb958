// One flipped bit anywhere in the kernel cache: what is loaded is what was compiled, and a training gives the same bytes.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileLibrary, findCompiler } from '../src/native/compiler.ts';
import { type Campaign, type Draws, OHMIC, start } from './campaign.ts';

/** Flips one bit of one of the files. */
function flip(files: readonly string[], draws: Draws): void {
  const file = draws.pick(files);
  const bytes = readFileSync(file);
  const at = draws.below(bytes.length);
  bytes[at] = bytes[at]! ^ (1 << draws.below(8));
  writeFileSync(file, bytes);
}

const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile());

export const cache: Campaign = {
  name: 'cache',
  run: async ({ draws, folder, effort }) => {
    const cacheFolder = join(folder, 'small');
    const compiler = findCompiler({ cacheFolder, flags: ['-O1'] });
    if (compiler === undefined) return 'nothing: no C compiler';
    const sources = ['int answer(void) { return 42; }'];
    const { path } = await compileLibrary(compiler, sources);
    const whole = readFileSync(path);
    const flips = Math.ceil(300 * effort);
    for (let k = 0; k < flips; k++) {
      flip([path], draws);
      assert.equal((await compileLibrary(compiler, sources)).isFresh, true);
      assert.ok(readFileSync(path).equals(whole));
    }
    const trainings = Math.ceil(10 * effort);
    let expected: Buffer | undefined;
    for (let k = 0; k <= trainings; k++) {
      if (k > 0) flip(filesBelow(join(folder, 'cache/kernels')), draws);
      const words = [
        ...OHMIC, 'train', '--dataset', 'synthetic', '--train-images', '40', '--test-images', '20', '--model', 'mlp',
        '--backend', 'native', '--epochs', '1', '--batch-size', '20', '--out', `run-${k}`,
      ]; // biome-ignore format: flags and values in pairs
      const { code, signal, err } = await start(words, {
        cwd: folder,
        env: { OHMIC_CACHE: join(folder, 'cache') },
      });
      assert.equal(code, 0, `${signal}: ${err}`);
      const weights = readFileSync(join(folder, `run-${k}/weights.safetensors`));
      expected ??= weights;
      assert.ok(weights.equals(expected), 'the same weights');
    }
    return `${flips} flipped bits of a library, ${trainings} trainings over a flipped cache`;
  },
};
