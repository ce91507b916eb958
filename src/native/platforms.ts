// What differs between operating systems, as one table: the compiler's name and flags, libraries, the user's cache folder.
// The calls of threads differ too; they are in threads.h. Processors are not in it: the compiler itself knows the one
// it runs on (instruction-sets.ts). Only Linux is tested.

import { homedir } from 'node:os';
import { join } from 'node:path';

/** Variables of a process. */
type Environment = Readonly<Record<string, string | undefined>>;

/** An operating system, as far as the native backend sees it. */
export type Platform = {
  /** Commands of C compilers, in the order in which they are tried where CC is not set. */
  readonly compilers: readonly string[];
  /** Flags for a shared library, beside those that all systems have in common. */
  readonly flags: readonly string[];
  /** More of them for GNU's compiler. */
  readonly gnuFlags: readonly string[];
  /** Last words of a call that links. */
  readonly libraries: readonly string[];
  readonly librarySuffix: string;
  /** Whether a process and all that it started can be ended as one group. */
  readonly hasProcessGroups: boolean;
  /** Whether a library that a process has loaded can be neither replaced nor removed. */
  readonly locksLibraries: boolean;
  /** The user's folder of caches. */
  readonly userCache: (environment: Environment, home: string) => string;
};

const unix: Platform = {
  compilers: ['cc', 'gcc', 'clang'],
  flags: ['-shared', '-fPIC', '-pthread'],
  gnuFlags: [],
  libraries: ['-lm'],
  librarySuffix: '.so',
  hasProcessGroups: true,
  locksLibraries: false,
  userCache: ({ XDG_CACHE_HOME: xdg }, home) => xdg || join(home, '.cache'),
};

const macos: Platform = {
  ...unix,
  librarySuffix: '.dylib',
  userCache: ({ XDG_CACHE_HOME: xdg }, home) => xdg || join(home, 'Library', 'Caches'),
};

/**
 * `gcc` of MinGW, or `clang` for either ABI; not Microsoft's `cl` and `clang-cl`, which lack the vector types and take
 * other options. GNU's compiler for Windows leaves stacks at 16 bytes and yet uses moves that want 32 or 64 for vectors
 * on them, so that its assembler has to choose moves that take any address.
 */
const windows: Platform = {
  compilers: ['clang', 'gcc', 'cc'],
  flags: ['-shared'],
  gnuFlags: ['-static-libgcc', '-Wa,-muse-unaligned-vector-move'],
  libraries: ['-lsynchronization'],
  librarySuffix: '.dll',
  hasProcessGroups: false,
  locksLibraries: true,
  userCache: ({ LOCALAPPDATA: local }, home) => local || join(home, 'AppData', 'Local'),
};

/** What is known of the system that Node calls `name`; others count as Unix. */
export function platformNamed(name: string): Platform {
  if (name === 'darwin') return macos;
  return name === 'win32' ? windows : unix;
}

/** The system that this process runs on. */
export const platform: Platform = platformNamed(process.platform);

/** Where what can be made again is kept: OHMIC_CACHE, else `ohmic` in the user's cache folder. */
export function defaultCacheFolder(
  { userCache }: Pick<Platform, 'userCache'> = platform,
  environment: Environment = process.env,
): string {
  // An empty variable counts as none.
  return environment['OHMIC_CACHE'] || join(userCache(environment, homedir()), 'ohmic');
}
