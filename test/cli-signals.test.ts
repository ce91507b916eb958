// The `ohmic` command where its surroundings end before it does: the terminal, a disk behind its output, the compiler.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { findCompiler } from '../src/native/compiler.ts';
import { commandIn, MAIN } from './command.ts';

const folder = mkdtempSync(join(tmpdir(), 'ohmic-signals-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const place = (name: string): string => join(folder, name);
const ohmic = commandIn(folder);

/** Some seconds of training without a checkpoint but the one at its end. */
const training = (out: string, epochs = 6): string[] => [
  'train', '--dataset', 'synthetic', '--train-images', '100', '--test-images', '20', '--model', 'small-cnn',
  '--backend', 'wasm', '--threads', '1', '--batch-size', '20', '--epochs', String(epochs), '--out', out,
]; // biome-ignore format: flags and values in pairs

async function until(isTrue: () => boolean, what: string): Promise<void> {
  for (let look = 0; look < 1000; look++) {
    if (isTrue()) return;
    await new Promise((done) => setTimeout(done, 20));
  }
  assert.fail(`it never came: ${what}`);
}

test('without a terminal, as under nohup, SIGHUP leaves a checkpoint and the work goes on', async () => {
  let isSent = false;
  let wasKept: boolean | undefined;
  const { code, err } = await ohmic(training('outlives'), {
    onErr: (child, said) => {
      if (!isSent && said.includes('epoch 1 of')) isSent = child.kill('SIGHUP');
      if (said.includes('epoch 4 of')) wasKept ??= existsSync(place('outlives/checkpoint.safetensors'));
    },
  });
  assert.equal(code, 0, err);
  assert.equal(wasKept, true);
  assert.ok(existsSync(place('outlives/weights.safetensors')));
});

test('a terminal that vanishes stops the work with a checkpoint; without SIGHUP it goes on, though nothing more can be shown', {
  skip: spawnSync('script', ['--version']).status !== 0 && 'no script, which makes terminals',
}, async () => {
  for (const [out, epochs, shell] of [
    ['vanished', 400, 'exec'],
    // The leader of the session keeps the signal to itself.
    ['mute', 12, "trap '' HUP;"],
  ] as const) {
    const said = place(`said-${out}`);
    const command = [process.execPath, MAIN, ...training(out, epochs)].join(' ');
    const terminal = spawn('script', ['-qfc', `cd ${folder}; ${shell} ${command}; true`, said], {
      stdio: 'ignore',
    });
    await until(
      () => existsSync(said) && readFileSync(said, 'utf8').includes('epoch 1 of'),
      'its first epoch',
    );
    assert.ok(existsSync(place(`${out}/.lock-holder`)));
    terminal.kill('SIGKILL');
    // An orderly end removes it.
    await until(() => !existsSync(place(`${out}/.lock-holder`)), 'its end');
    assert.ok(existsSync(place(`${out}/checkpoint.safetensors`)));
    assert.equal(existsSync(place(`${out}/weights.safetensors`)), out === 'mute');
  }
});

test('full disks behind stdout and stderr end no training; a missing output is an error', {
  skip: !existsSync('/dev/full') && 'no /dev/full',
}, () => {
  const full = openSync('/dev/full', 'w');
  const run = (...words: string[]): ReturnType<typeof spawnSync> =>
    spawnSync(process.execPath, [MAIN, ...words], {
      cwd: folder,
      stdio: ['ignore', full, 'pipe'],
      encoding: 'utf8',
    });
  const listed = run('presets');
  assert.equal(listed.status, 1);
  assert.match(
    String(listed.stderr),
    /^ohmic: standard output can't be written \(.*ENOSPC.*\); what was to come is missing\n$/,
  );
  const trained = spawnSync(process.execPath, [MAIN, ...training('full', 1)], {
    cwd: folder,
    stdio: ['ignore', full, full],
  });
  closeSync(full);
  assert.equal(trained.status, 1, 'nobody was told where the weights are');
  assert.ok(existsSync(place('full/weights.safetensors')));
});

const compiler = findCompiler();

test('Ctrl-C while the compiler runs is an interruption, and leaves nothing in the cache', {
  skip: compiler === undefined && 'no C compiler',
}, async () => {
  const slow = place('slow-cc');
  // The runtime is compiled at once, kernels after the signal.
  writeFileSync(
    slow,
    `#!/bin/sh\ngrep -qs ohmic_kernel_table *.c && { touch ${place('compiling')}; sleep 1; }\nexec ${compiler!.command} "$@"\n`,
  );
  chmodSync(slow, 0o755);
  const env = { ...process.env, CC: slow, OHMIC_CACHE: place('cache') };
  const words = training('interrupted').map((word) => (word === 'wasm' ? 'native' : word));
  for (const [signals, left] of [
    [1, /^ohmic|Continue with:\n {2}ohmic train .*--resume\n$/],
    [2, /keeps only the last checkpoint\n$/],
  ] as const) {
    rmSync(place('compiling'), { force: true });
    rmSync(place('interrupted'), { force: true, recursive: true });
    const child = spawn(process.execPath, [MAIN, ...words], { cwd: folder, env, detached: true });
    let err = '';
    child.stderr.on('data', (text) => {
      err += text;
    });
    const ended = once(child, 'close');
    await until(() => existsSync(place('compiling')), 'the compiler');
    for (let sent = 0; sent < signals; sent++) {
      // As a terminal does: to the whole group.
      process.kill(-child.pid!, 'SIGINT');
      if (sent === 0) await until(() => err.includes('stopping'), 'its answer');
    }
    assert.deepEqual(await ended, [130, null], err);
    assert.match(err, left);
    assert.doesNotMatch(err, /compiler/);
    const litter = readdirSync(place('cache/kernels')).filter((name) => !/^[0-9a-f]{64}$/.test(name));
    assert.deepEqual(litter, []);
    rmSync(place('cache'), { recursive: true });
  }
});
