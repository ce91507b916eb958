import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { UsageError } from '../base/errors.ts';
import { type Compiler, type CompilerOptions, compileLibrary, findCompiler } from './compiler.ts';

const folder = mkdtempSync(join(tmpdir(), 'ohmic-compiler-test-'));
after(() => rmSync(folder, { recursive: true }));

const real = findCompiler({ flags: ['-O1'], cacheFolder: join(folder, 'cache') });
const needsCompiler = real === undefined ? 'no C compiler' : false;
const SOURCE = 'int answer(void) { return 42; }';

/** A compiler that answers questions like the real one, and compiles as the shell lines `compile` say. */
function fakeCompiler(name: string, compile: string, options: CompilerOptions = {}): Compiler {
  const command = join(folder, name);
  writeFileSync(
    command,
    `#!/bin/sh\nfor word in "$@"; do [ "$word" = -E ] && exec ${real!.command} "$@"; done\n${compile}\n`,
  );
  chmodSync(command, 0o755);
  return findCompiler({
    command,
    flags: ['-O1'],
    cacheFolder: join(folder, `cache of ${name}`),
    ...options,
  })!;
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

test('OHMIC_TARGET asks for a smaller instruction set', {
  skip: process.arch !== 'x64' ? 'x64 only' : needsCompiler,
}, () => {
  const before = process.env['OHMIC_TARGET'];
  try {
    process.env['OHMIC_TARGET'] = 'sse4';
    const { lanes, registers, vectors } = findCompiler()!;
    assert.deepEqual([lanes, registers, vectors], [4, 16, 'SSE4.2']);
    process.env['OHMIC_TARGET'] = 'avx3';
    assert.throws(() => findCompiler(), {
      name: 'UsageError',
      message: 'OHMIC_TARGET: expected native, avx512, avx2, sse4, neon, got "avx3"',
    });
    process.env['OHMIC_TARGET'] = 'neon';
    assert.throws(() => findCompiler(), {
      name: 'UsageError',
      message:
        'OHMIC_TARGET: expected instructions that this processor has, got neon; leave it out for the best ones',
    });
  } finally {
    if (before === undefined) delete process.env['OHMIC_TARGET'];
    else process.env['OHMIC_TARGET'] = before;
  }
});

test('what was compiled once comes from the cache, which only its owner can enter', {
  skip: needsCompiler,
}, async () => {
  const first = await compileLibrary(real!, [SOURCE]);
  const second = await compileLibrary(real!, [SOURCE]);
  assert.deepEqual([first.isFresh, second.isFresh, first.path], [true, false, second.path]);
  assert.deepEqual(kernelFiles(real!), [basename(dirname(first.path))]);
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
  assert.ok(kernelFiles(real!).every((name) => /^[0-9a-f]{64}$/.test(name)));
});

test('a library of which one bit or more is not as it was is removed and compiled anew', {
  skip: needsCompiler,
}, async () => {
  const source = ['int thrice(int x) { return 3 * x; }'];
  const { path } = await compileLibrary(real!, source);
  const whole = readFileSync(path);
  const flipped = (bit: number): Buffer => {
    const copy = Buffer.from(whole);
    copy[bit >> 3] = copy[bit >> 3]! ^ (1 << (bit & 7));
    return copy;
  };
  const bits = Array.from({ length: 8 }, (_, k) => Math.floor((whole.length * 8 - 1) * (k / 7)));
  for (const damage of [
    () => writeFileSync(path, whole.subarray(0, whole.length / 2)),
    () => writeFileSync(path, ''),
    () => rmSync(path),
    () => writeFileSync(join(dirname(path), `${'0'.repeat(64)}.so`), whole),
    ...bits.map((bit) => () => writeFileSync(path, flipped(bit))),
  ]) {
    damage();
    // Whatever else lies there, only what is whole is taken.
    if (existsSync(path) && readFileSync(path).equals(whole)) rmSync(path);
    assert.equal((await compileLibrary(real!, source)).isFresh, true);
    assert.deepEqual(readFileSync(path), whole, 'the same source gives the same bytes');
    assert.deepEqual(readdirSync(dirname(path)), [basename(path)]);
    assert.equal((await compileLibrary(real!, source)).isFresh, false);
  }
});

test('a library that others may write is not trusted, a folder that they may write is refused', {
  skip: needsCompiler,
}, async () => {
  const cacheFolder = join(folder, 'shared cache');
  const compiler = { ...real!, cacheFolder };
  const { path } = await compileLibrary(compiler, [SOURCE]);
  chmodSync(path, 0o666);
  assert.equal((await compileLibrary(compiler, [SOURCE])).isFresh, true);
  assert.equal(statSync(path).mode & 0o022, 0);
  const kernels = join(cacheFolder, 'kernels');
  chmodSync(kernels, 0o777);
  for (const source of [SOURCE, `${SOURCE}\n`]) {
    await assert.rejects(compileLibrary(compiler, [source]), {
      name: 'UsageError',
      message:
        /^native backend: .*kernels holds code that would run as you, but others may write it; remove it or correct its permissions \(chmod go-w\), or set OHMIC_CACHE to a folder of your own$/,
    });
  }
  chmodSync(kernels, 0o700);
  assert.equal((await compileLibrary(compiler, [SOURCE])).isFresh, false);
});

test('what belongs to another user is not trusted, a folder of kernels that does is refused', {
  skip: needsCompiler || (process.geteuid?.() !== 0 && 'only root can give files away'),
}, async () => {
  const somebody = 12_345;
  const compiler = { ...real!, cacheFolder: join(folder, 'foreign') };
  const { path } = await compileLibrary(compiler, [SOURCE]);
  chownSync(path, somebody, somebody);
  assert.equal((await compileLibrary(compiler, [SOURCE])).isFresh, true, 'compiled anew');
  assert.equal(statSync(path).uid, 0);
  const kernels = join(compiler.cacheFolder, 'kernels');
  chownSync(kernels, somebody, somebody);
  // One that is there, and one that would be written.
  for (const source of [SOURCE, `${SOURCE}\n`]) {
    await assert.rejects(compileLibrary(compiler, [source]), {
      name: 'UsageError',
      message: `native backend: ${kernels} holds code that would run as you, but it belongs to user ${somebody}, not to user 0; remove it or correct its permissions (chmod go-w), or set OHMIC_CACHE to a folder of your own`,
    });
  }
  chownSync(kernels, 0, 0);
  assert.equal((await compileLibrary(compiler, [SOURCE])).isFresh, false);
});

test('what killed compilations left is removed after an hour, and nothing else', {
  skip: needsCompiler,
}, async () => {
  const compiler = { ...real!, cacheFolder: join(folder, 'littered') };
  const { path } = await compileLibrary(compiler, [SOURCE]);
  const kernels = join(compiler.cacheFolder, 'kernels');
  const old = ['building-abc', `${'a'.repeat(64)}.so`, `${'a'.repeat(64)}.so.length`];
  const kept = ['building-def', 'notes'];
  for (const name of [...old, ...kept]) writeFileSync(join(kernels, name), '');
  const hoursAgo = Date.now() / 1000 - 7200;
  for (const name of [...old, 'notes']) utimesSync(join(kernels, name), hoursAgo, hoursAgo);
  await compileLibrary(compiler, ['int other;']);
  const left = kernelFiles(compiler);
  assert.deepEqual(
    [...old, ...kept, basename(dirname(path))].filter((name) => left.includes(name)),
    [...kept, basename(dirname(path))],
  );
});

test('a compiler that hangs is stopped with all that it started', { skip: needsCompiler }, async () => {
  const hanging = fakeCompiler('hanging', `sleep 60 & echo $! > ${join(folder, 'sleeper')}; wait`, {
    deadlineSeconds: 0.3,
  });
  await assert.rejects(compileLibrary(hanging, [SOURCE]), {
    name: 'UsageError',
    message:
      /^native backend: the C compiler ".*hanging" did not end within 0\.3 s and was stopped; set CC to another compiler, or use --backend wasm$/,
  });
  assert.deepEqual(kernelFiles(hanging), []);
  const sleeper = readFileSync(join(folder, 'sleeper'), 'utf8').trim();
  // A zombie waits for nothing but its parent.
  const isAtWork = (): boolean =>
    /^[^Z\s]/.test(spawnSync('ps', ['-o', 'stat=', '-p', sleeper], { encoding: 'utf8' }).stdout.trim());
  for (let look = 0; look < 100 && isAtWork(); look++) await new Promise((done) => setTimeout(done, 20));
  assert.ok(!isAtWork());
  const mute = join(folder, 'mute');
  writeFileSync(mute, '#!/bin/sh\nsleep 60\n', { mode: 0o755 });
  assert.throws(() => findCompiler({ command: mute, answerSeconds: 0.2 }), {
    name: 'UsageError',
    message: /^native backend: the C compiler ".*mute" did not answer within 0\.2 s; /,
  });
});

test('a command may hold arguments, a path to it blanks, and a cache folder may look like an option', {
  skip: needsCompiler,
}, async () => {
  const spaced = join(folder, 'my cc');
  writeFileSync(spaced, `#!/bin/sh\nexec ${real!.command} "$@"\n`, { mode: 0o755 });
  for (const command of [`${real!.command} -DTWELVE=12`, spaced]) {
    const compiler = findCompiler({ command, flags: ['-O1'], cacheFolder: join(folder, 'args') })!;
    assert.equal(compiler.command, command);
    const source = command === spaced ? SOURCE : 'int twelve(void) { return TWELVE; }';
    assert.equal((await compileLibrary(compiler, [source])).isFresh, true);
  }
  const here = process.cwd();
  process.chdir(folder);
  try {
    const { path } = await compileLibrary({ ...real!, cacheFolder: '-x' }, [SOURCE, 'int other;']);
    assert.ok(path.startsWith(join(folder, '-x', 'kernels')) && existsSync(path));
  } finally {
    process.chdir(here);
  }
});

test('a compiler that ends well without a library is one that fails', { skip: needsCompiler }, async () => {
  await assert.rejects(
    compileLibrary(fakeCompiler('idle', 'exit 0'), [SOURCE]),
    /"[^"]*idle" failed; .*\nit ended well, but left no library$/,
  );
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
    `case "$*" in *0.c*) exit 1;; esac\nsleep 0.3\nwhile [ "$1" != -o ]; do shift; done\necho partial > "$2"\ntouch ${join(folder, 'slow-ended')}`,
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

test('a cache folder below one that takes no folders is refused at once', {
  skip: needsCompiler || (existsSync('/proc/self') ? false : 'no /proc'),
}, async () => {
  await assert.rejects(compileLibrary({ ...real!, cacheFolder: '/proc/ohmic/cache' }, [SOURCE]), {
    name: 'UsageError',
    message: /the cache folder \/proc\/ohmic\/cache\/kernels can't be written \(.*\); set OHMIC_CACHE/,
  });
});

test('without CC, the first of the platform’s names that works is taken', { skip: needsCompiler }, () => {
  const { PATH, CC } = process.env;
  const only = join(folder, 'only-clang');
  mkdirSync(only);
  const found = spawnSync('sh', ['-c', `command -v ${real!.words[0]}`], { encoding: 'utf8' }).stdout.trim();
  writeFileSync(join(only, 'clang'), `#!/bin/sh\nPATH='${PATH}' exec ${found} "$@"\n`, { mode: 0o755 });
  try {
    delete process.env['CC'];
    process.env['PATH'] = only;
    assert.equal(findCompiler({ flags: ['-O1'] })?.command, 'clang');
  } finally {
    process.env['PATH'] = PATH;
    if (CC !== undefined) process.env['CC'] = CC;
  }
});
