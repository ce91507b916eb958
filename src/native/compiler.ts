// Finds the system's C compiler, asks it about the machine, compiles, and keeps what it compiled: a second start
// costs no compilation. The cache is private, keyed by content, and written atomically.

import { execFile, execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { messageOf, UsageError } from '../base/errors.ts';

const run = promisify(execFile);

/** A C compiler, and what it says of the machine. */
export type Compiler = {
  readonly command: string;
  readonly version: string;
  readonly lanes: number;
  readonly registers: number;
  /** Name of the widest vector instructions. */
  readonly vectors: string;
  readonly flags: readonly string[];
  readonly cacheFolder: string;
};

/** Choices that differ from the machine's own. */
export type CompilerOptions = {
  /** The compiler's command; by default the variable CC, else `cc`. */
  readonly command?: string;
  /** Instruction set and optimisation flags; by default those for this machine. */
  readonly flags?: readonly string[];
  readonly cacheFolder?: string;
};

const COMMON_FLAGS = [
  '-std=gnu11',
  '-shared',
  '-fPIC',
  '-ffp-contract=off',
  '-fno-math-errno',
  '-fno-trapping-math',
  '-pthread',
];
/** Kernels come with their vectors, loops and blocks: -O3 finds 2 % more in them, for half as much compile time again. */
const MACHINE_FLAGS = ['-O1', '-march=native', '-mprefer-vector-width=512'];

/** Where compiled kernels are kept: OHMIC_CACHE, else the user's cache folder. */
export function defaultCacheFolder(): string {
  // An empty variable counts as none.
  const { OHMIC_CACHE: own, XDG_CACHE_HOME: xdg } = process.env;
  return own || join(xdg || join(homedir(), '.cache'), 'ohmic');
}

/**
 * Finds a working C compiler.
 *
 * @returns undefined if there is none
 */
export function findCompiler(options: CompilerOptions = {}): Compiler | undefined {
  const command = options.command ?? (process.env['CC'] || 'cc');
  const candidates =
    options.flags === undefined ? [MACHINE_FLAGS, ['-O1', '-march=native'], ['-O3']] : [options.flags];
  for (const flags of candidates) {
    const macros = askMacros(command, flags);
    if (macros === undefined) continue;
    const has = (name: string): boolean => macros.includes(`#define ${name} `);
    const machine = has('__AVX512F__')
      ? { lanes: 16, registers: 32, vectors: 'AVX-512' }
      : has('__AVX__')
        ? { lanes: 8, registers: 16, vectors: has('__FMA__') ? 'AVX2' : 'AVX' }
        : {
            lanes: 4,
            registers: has('__aarch64__') ? 32 : 16,
            vectors: has('__aarch64__') ? 'NEON' : '128-bit',
          };
    const version = /__VERSION__ "([^"]*)"/.exec(macros)?.[1] ?? 'unknown';
    const fingerprint = createHash('sha256').update(macros).digest('hex').slice(0, 16);
    return {
      command,
      version: `${version} ${fingerprint}`,
      ...machine,
      flags: [...COMMON_FLAGS, ...flags],
      cacheFolder: options.cacheFolder ?? defaultCacheFolder(),
    };
  }
  return undefined;
}

function askMacros(command: string, flags: readonly string[]): string | undefined {
  try {
    const answer = execFileSync(command, [...flags, '-dM', '-E', '-x', 'c', '-'], {
      input: '',
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'ignore'],
      timeout: 20_000,
    });
    return answer.includes('#define ') ? answer : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Compiles C to a shared library, translation units side by side, or finds it in the cache.
 *
 * @returns the library's path, and whether it had to be compiled
 * @throws UsageError if the compiler fails or the cache can't be written
 */
export async function compileLibrary(
  compiler: Compiler,
  sources: readonly string[],
): Promise<{ readonly path: string; readonly isFresh: boolean }> {
  const key = createHash('sha256')
    .update(JSON.stringify([compiler.command, compiler.version, compiler.flags, sources]))
    .digest('hex');
  const folder = join(compiler.cacheFolder, 'kernels');
  const path = join(folder, `${key}.so`);
  if (isWhole(path)) return { path, isFresh: false };
  const stem = join(folder, `${key}.${randomBytes(6).toString('hex')}`);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    for (const [unit, source] of sources.entries())
      writeFileSync(`${stem}.${unit}.c`, source, { mode: 0o600 });
  } catch (thrown) {
    throw new UsageError(
      `native backend: the cache folder ${folder} can't be written (${messageOf(thrown)}); set OHMIC_CACHE to another folder`,
    );
  }
  try {
    const call = (...words: string[]): Promise<unknown> =>
      run(compiler.command, [...compiler.flags, ...words], { maxBuffer: 1 << 26 });
    const units = sources.map((_, unit) => `${stem}.${unit}`);
    const [only] = units;
    if (units.length === 1) {
      await call('-o', `${stem}.so`, `${only}.c`, '-lm');
    } else {
      // All of them end before their files are removed.
      const ends = await Promise.allSettled(units.map((unit) => call('-c', '-o', `${unit}.o`, `${unit}.c`)));
      for (const end of ends) if (end.status === 'rejected') throw end.reason;
      await call('-o', `${stem}.so`, ...units.map((unit) => `${unit}.o`), '-lm');
    }
    keep(`${stem}.so`, path);
  } catch (thrown) {
    const firstLines = messageOf(thrown).split('\n').slice(0, 6).join('\n');
    throw new UsageError(
      `native backend: the C compiler "${compiler.command}" failed; set CC to another compiler, or use --backend wasm\n${firstLines}`,
    );
  } finally {
    for (const left of [`${stem}.so`, lengthFile(`${stem}.so`)]) rmSync(left, { force: true });
    for (const unit of sources.keys()) {
      rmSync(`${stem}.${unit}.c`, { force: true });
      rmSync(`${stem}.${unit}.o`, { force: true });
    }
  }
  return { path, isFresh: true };
}

/** Beside each library: how long it is. To load a part of one ends the process. */
function lengthFile(library: string): string {
  return `${library}.length`;
}

/** True if a library lies at `path` and is as long as it was. */
function isWhole(path: string): boolean {
  try {
    return Number(readFileSync(lengthFile(path), 'utf8')) === statSync(path).size;
  } catch {
    return false;
  }
}

/** Moves a library to its place, flushed to the disk first, and its length after it. */
function keep(library: string, path: string): void {
  const file = openSync(library, 'r');
  fsyncSync(file);
  closeSync(file);
  const { size } = statSync(library);
  writeFileSync(lengthFile(library), String(size), { mode: 0o600 });
  renameSync(library, path);
  renameSync(lengthFile(library), lengthFile(path));
}
