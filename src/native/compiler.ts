// Finds the system's C compiler, asks it about the machine, and compiles. What it compiled is kept (kernel-cache.ts): a
// second start costs no compilation.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { messageOf, UsageError } from '../base/errors.ts';
import { type InstructionSet, instructionSetOf, machineFlags } from './instruction-sets.ts';
import {
  beginBuilding,
  digestOf,
  findLibrary,
  keepLibrary,
  removeLitter,
  unwritable,
} from './kernel-cache.ts';
import { defaultCacheFolder, platform } from './platforms.ts';

/** A C compiler, and what it says of the machine. */
export type Compiler = InstructionSet & {
  /** As it was given, for people. */
  readonly command: string;
  /** The program and its first arguments. */
  readonly words: readonly string[];
  readonly version: string;
  readonly flags: readonly string[];
  readonly cacheFolder: string;
  /** After so long it is stopped. */
  readonly deadlineSeconds: number;
};

/** Choices that differ from the machine's own. */
export type CompilerOptions = {
  /** The compiler's command, which may hold arguments (`gcc -m64`); by default the variable CC, else `cc` or another. */
  readonly command?: string;
  /** Instruction set and optimisation flags; by default those for this machine. */
  readonly flags?: readonly string[];
  readonly cacheFolder?: string;
  readonly deadlineSeconds?: number;
  /** After so long a compiler that is asked about the machine is given up. */
  readonly answerSeconds?: number;
};

const COMMON_FLAGS = [
  '-std=gnu11',
  '-ffp-contract=off',
  '-fno-math-errno',
  '-fno-trapping-math',
  ...platform.flags,
];

/** Seconds after which a compiler is stopped: a hundred times what the largest network takes here. */
const DEADLINE_SECONDS = 600;

/** A command with its first arguments, `gcc -m64`, as make understands CC; a path that exists may hold blanks. */
function wordsOf(command: string): string[] {
  const [program = command, ...first] = existsSync(command) ? [command] : command.trim().split(/\s+/);
  // The compiler runs in another folder.
  return [program.includes('/') ? resolve(program) : program, ...first];
}

/**
 * Finds a working C compiler.
 *
 * @returns undefined if there is none
 * @throws UsageError if there is one that does not answer
 */
export function findCompiler(options: CompilerOptions = {}): Compiler | undefined {
  const given = options.command ?? (process.env['CC'] || undefined);
  for (const command of given === undefined ? platform.compilers : [given]) {
    const found = askCompiler(command, options);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The processor's own instruction set, whatever OHMIC_TARGET says; undefined if the compiler can't tell. */
export function processorInstructionSet(): InstructionSet | undefined {
  return findCompiler({ flags: ['-march=native'] }) ?? findCompiler({ flags: ['-mcpu=native'] });
}

function askCompiler(command: string, options: CompilerOptions): Compiler | undefined {
  const words = wordsOf(command);
  const ask = (flags: readonly string[]): string | undefined =>
    askMacros(command, words, flags, options.answerSeconds ?? ANSWER_SECONDS);
  const candidates = options.flags === undefined ? machineFlags(ask) : [options.flags];
  for (const flags of candidates) {
    const macros = ask(flags);
    if (macros === undefined) continue;
    const version = /__VERSION__ "([^"]*)"/.exec(macros)?.[1] ?? 'unknown';
    const fingerprint = digestOf(macros).slice(0, 16);
    const isGnu = !macros.includes('#define __clang__ ');
    return {
      command,
      words,
      version: `${version} ${fingerprint}`,
      ...instructionSetOf(macros),
      flags: [...COMMON_FLAGS, ...(isGnu ? platform.gnuFlags : []), ...flags],
      cacheFolder: options.cacheFolder ?? defaultCacheFolder(),
      deadlineSeconds: options.deadlineSeconds ?? DEADLINE_SECONDS,
    };
  }
  return undefined;
}

/** Seconds after which a compiler that is asked for its macros is given up. */
const ANSWER_SECONDS = 20;

function askMacros(
  command: string,
  [program, ...first]: readonly string[],
  flags: readonly string[],
  answerSeconds: number,
): string | undefined {
  try {
    const answer = execFileSync(program!, [...first, ...flags, '-dM', '-E', '-x', 'c', '-'], {
      input: '',
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'ignore'],
      timeout: 1000 * answerSeconds,
      killSignal: 'SIGKILL',
    });
    return answer.includes('#define ') ? answer : undefined;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ETIMEDOUT')
      throw failure(command, `did not answer within ${answerSeconds} s`);
    return undefined;
  }
}

/**
 * Compiles C to a shared library, translation units side by side, or finds it in the cache.
 *
 * @returns the library's path, and whether it had to be compiled
 * @throws UsageError if the compiler fails or does not end, or the cache can't be written or trusted
 */
export async function compileLibrary(
  compiler: Compiler,
  sources: readonly string[],
): Promise<{ readonly path: string; readonly isFresh: boolean }> {
  const { command, version, flags, cacheFolder } = compiler;
  const key = digestOf(JSON.stringify([command, version, flags, sources]));
  const found = findLibrary(cacheFolder, key);
  if (found !== undefined) return { path: found, isFresh: false };
  const building = beginBuilding(cacheFolder);
  const jobs = new Set<ChildProcess>();
  // Processes of their own do not hear the Ctrl-C that ends this one.
  const giveUp = (): void => {
    for (const job of jobs) killGroup(job);
    rmSync(building, { recursive: true, force: true });
  };
  process.once('exit', giveUp);
  try {
    await build(compiler, sources, building, jobs);
    removeLitter(building);
    return { path: keepLibrary(cacheFolder, key, join(building, LIBRARY)), isFresh: true };
  } finally {
    process.off('exit', giveUp);
    giveUp();
  }
}

/** The compiler works inside the folder: no path can look like an option, and equal sources give equal bytes. */
const LIBRARY = `library${platform.librarySuffix}`;

async function build(
  compiler: Compiler,
  sources: readonly string[],
  folder: string,
  jobs: Set<ChildProcess>,
): Promise<void> {
  try {
    for (const [unit, source] of sources.entries())
      writeFileSync(join(folder, `${unit}.c`), source, { mode: 0o600 });
  } catch (thrown) {
    throw unwritable(compiler.cacheFolder, thrown);
  }
  const call = (...words: string[]): Promise<void> => runCompiler(compiler, words, folder, jobs);
  const units = [...sources.keys()];
  if (units.length === 1) {
    await call('-o', LIBRARY, '0.c', ...platform.libraries);
  } else {
    // All of them end before their files are removed.
    const ends = await Promise.allSettled(units.map((unit) => call('-c', '-o', `${unit}.o`, `${unit}.c`)));
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
    await call('-o', LIBRARY, ...units.map((unit) => `${unit}.o`), ...platform.libraries);
  }
  if (!existsSync(join(folder, LIBRARY)))
    throw failure(compiler.command, 'failed', 'it ended well, but left no library');
}

/** What to throw where a compiler does not do its work, with the first lines of what it says. */
function failure(command: string, what: string, why = ''): UsageError {
  const lines = why.split('\n').slice(0, 6);
  const text = `native backend: the C compiler "${command}" ${what}; set CC to another compiler, or use --backend wasm`;
  return new UsageError(why === '' ? text : [text, ...lines].join('\n'));
}

/** Bytes of a compiler's complaints that are kept. */
const MOST_COMPLAINTS = 1 << 16;

/** Runs the compiler in a folder, as the leader of its own process group, so that all of it can be stopped. */
function runCompiler(
  { command, words, flags, deadlineSeconds }: Compiler,
  more: readonly string[],
  cwd: string,
  jobs: Set<ChildProcess>,
): Promise<void> {
  const [program, ...first] = words;
  return new Promise((resolve, reject) => {
    const child = spawn(program!, [...first, ...flags, ...more], {
      cwd,
      detached: platform.hasProcessGroups,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    jobs.add(child);
    let complaints = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaints = (complaints + text).slice(0, MOST_COMPLAINTS);
    });
    const deadline = setTimeout(() => {
      killGroup(child);
      end(failure(command, `did not end within ${deadlineSeconds} s and was stopped`));
    }, 1000 * deadlineSeconds);
    const end = (fault?: UsageError): void => {
      clearTimeout(deadline);
      jobs.delete(child);
      if (fault === undefined) resolve();
      else reject(fault);
    };
    child.on('error', (error) => end(failure(command, 'failed', messageOf(error))));
    child.on('close', (code, signal) => {
      if (code === 0) end();
      else end(failure(command, 'failed', complaints || `it ended with ${signal ?? `exit code ${code}`}`));
    });
  });
}

/** Ends a process and all that it started. */
function killGroup(child: ChildProcess): void {
  child.stderr?.destroy();
  if (child.pid === undefined) return;
  try {
    if (platform.hasProcessGroups) process.kill(-child.pid, 'SIGKILL');
    else child.kill('SIGKILL');
  } catch {
    // It has ended already.
  }
}
