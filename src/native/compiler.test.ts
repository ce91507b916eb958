import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { UsageError } from '../base/errors.ts';
import { type Compiler, compileLibrary, defaultCacheFolder, findCompiler } from './compiler.ts';

const folder = mkdtempSync(join(tmpdir(), 'ohmic-compiler-test-'));
after(() => rmSync(folder, { recursive: true }));

const real = findCompiler({ flags: ['-O1'], cacheFolder: join(folder, 'cache') });
const needsCompiler = real === undefined ? 'no C compiler' : false;
const SOURCE = 'int answer(void) { return 42; }';

/** A compiler that answers questions like the real one, and compiles as the shell lines `compile` say. */
function fakeCompiler(name: string, compile: string): Compiler {
  const command = join(folder, name);
  writeFileSync(
    command,
    `#!/bin/sh\nfor word in "$@"; do [ "$word" = -E ] && exec ${real!.command} "$@"; done\n${compile}\n`,
  );
  chmodSync(command, 0o755);
  return findCompiler({ command, flags: ['-O1'], cacheFolder: join(folder, `cache of ${name}`) })!;
}

const kernelFiles = ({ cacheFolder }: Compiler): string[] => readdirSync(join(cacheFolder, 'kernels'));

test('a command that is no compiler is no compiler', () => {
  assert.equal(findCompiler({ command: join(folder, 'missing') }), undefined);
  assert.equal(findCompiler({ command: 'true' }), undefined);
  assert.equal(findCompiler({ flags: ['-fno-such-flag-exists'] }), undefined);
});

test('the flags decide how wide vectors are', {
  skip: process.arch !== 'x64' ? 'x64 only' : needsCompiler,
}, () => {
  const widths = [['-O2'], ['-O2', '-mavx'], ['-O2', '-mavx2', '-mfma'], ['-O2', '-mavx512f']].map(
    (flags) => {
      const { lanes, registers, vectors } = findCompiler({ flags })!;
      return [lanes, registers, vectors];
    },
  );
  assert.deepEqual(widths, [
    [4, 16, '128-bit'],
    [8, 16, 'AVX'],
    [8, 16, 'AVX2'],
    [16, 32, 'AVX-512'],
  ]);
});

test('what was compiled once comes from the cache, which only its owner can enter', {
  skip: needsCompiler,
}, async () => {
  const first = await compileLibrary(real!, [SOURCE]);
  const second = await compileLibrary(real!, [SOURCE]);
  assert.deepEqual([first.isFresh, second.isFresh, first.path], [true, false, second.path]);
  const name = first.path.split('/').at(-1);
  assert.deepEqual(kernelFiles(real!), [name, `${name}.length`]);
  assert.equal(statSync(join(real!.cacheFolder, 'kernels')).mode & 0o777, 0o700);
});

test('other source, flags or compiler means another library', { skip: needsCompiler }, async () => {
  const others: readonly (readonly [Compiler, readonly string[]])[] = [
    [real!, [SOURCE]],
    [real!, [`${SOURCE}\n`]],
    [{ ...real!, flags: [...real!.flags, '-DOTHER'] }, [SOURCE]],
    [{ ...real!, version: 'newer' }, [SOURCE]],
    [real!, [SOURCE, 'int other;']],
  ];
  const paths = await Promise.all(
    others.map(async ([compiler, sources]) => (await compileLibrary(compiler, sources)).path),
  );
  assert.equal(new Set(paths).size, others.length);
  for (const path of paths) assert.ok(existsSync(path));
});

test('two that compile the same at the same time do not disturb each other', {
  skip: needsCompiler,
}, async () => {
  const source = ['int twice(int x) { return 2 * x; }'];
  const both = await Promise.all([compileLibrary(real!, source), compileLibrary(real!, source)]);
  assert.equal(both[0].path, both[1].path);
  assert.ok(kernelFiles(real!).every((name) => /^[0-9a-f]{64}\.so(\.length)?$/.test(name)));
});

test('a library of which only a part came to the disk is compiled anew', {
  skip: needsCompiler,
}, async () => {
  const source = ['int thrice(int x) { return 3 * x; }'];
  const { path } = await compileLibrary(real!, source);
  const whole = readFileSync(path);
  for (const damage of [
    () => writeFileSync(path, whole.subarray(0, whole.length / 2)),
    () => writeFileSync(path, ''),
    () => rmSync(path),
    () => rmSync(`${path}.length`),
  ]) {
    damage();
    assert.equal((await compileLibrary(real!, source)).isFresh, true);
    assert.equal(readFileSync(path).length, whole.length);
    assert.equal((await compileLibrary(real!, source)).isFresh, false);
  }
});

test('a compiler that fails is a usage error with its own words, and leaves nothing behind', {
  skip: needsCompiler,
}, async () => {
  const broken = fakeCompiler('broken', 'echo "sorry: no licence" >&2; exit 1');
  await assert.rejects(compileLibrary(broken, [SOURCE]), (error: unknown) => {
    assert.ok(error instanceof UsageError);
    assert.match(
      error.message,
      /^native backend: the C compiler ".*\/broken" failed; set CC to another compiler, or use --backend wasm\n/,
    );
    assert.match(error.message, /sorry: no licence/);
    return true;
  });
  assert.deepEqual(kernelFiles(broken), []);
});

test('of two units that compile side by side, one failing leaves nothing of the other', {
  skip: needsCompiler,
}, async () => {
  const slow = fakeCompiler(
    'half-broken',
    `case "$*" in *.0.c*) exit 1;; esac\nsleep 0.3\nwhile [ "$1" != -o ]; do shift; done\necho partial > "$2"\ntouch ${join(folder, 'slow-ended')}`,
  );
  await assert.rejects(compileLibrary(slow, [SOURCE, SOURCE]), /the C compiler ".*half-broken" failed/);
  // It waited for the slow one, so that nothing comes after what was removed.
  assert.ok(existsSync(join(folder, 'slow-ended')));
  assert.deepEqual(kernelFiles(slow), []);
});

test('C that does not compile shows the first lines of what the compiler says', {
  skip: needsCompiler,
}, async () => {
  await assert.rejects(compileLibrary(real!, ['this is not C']), (error: unknown) => {
    assert.ok(error instanceof UsageError);
    assert.match(error.message, /error: /);
    assert.ok(error.message.split('\n').length <= 7);
    return true;
  });
});

test('a cache folder that cannot be written is a usage error that names it', {
  skip: needsCompiler,
}, async () => {
  // Below a file no folder can be made, whoever asks.
  const file = join(folder, 'file');
  writeFileSync(file, '');
  const compiler: Compiler = { ...real!, cacheFolder: join(file, 'cache') };
  await assert.rejects(compileLibrary(compiler, [SOURCE]), (error: unknown) => {
    assert.ok(error instanceof UsageError);
    assert.match(
      error.message,
      /^native backend: the cache folder .*\/file\/cache\/kernels can't be written \(.*\); set OHMIC_CACHE to another folder$/,
    );
    return true;
  });
});

test('the cache folder is OHMIC_CACHE, else ohmic in the user’s cache', () => {
  const names = ['OHMIC_CACHE', 'XDG_CACHE_HOME'] as const;
  const kept = names.map((name) => process.env[name]);
  try {
    process.env['OHMIC_CACHE'] = '/own';
    assert.equal(defaultCacheFolder(), '/own');
    delete process.env['OHMIC_CACHE'];
    process.env['XDG_CACHE_HOME'] = '/users';
    assert.equal(defaultCacheFolder(), join('/users', 'ohmic'));
    delete process.env['XDG_CACHE_HOME'];
    assert.ok(defaultCacheFolder().endsWith(join('.cache', 'ohmic')));
  } finally {
    for (const [k, name] of names.entries()) {
      if (kept[k] === undefined) delete process.env[name];
      else process.env[name] = kept[k];
    }
  }
});
