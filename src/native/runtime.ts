// The runtime library, as functions: memory, the pool of threads, programs (the C is in runtime.c).

import koffi from 'koffi';
import { messageOf, UsageError } from '../base/errors.ts';

/** An address in C's memory. */
export type Pointer = unknown;

/** Functions of the runtime library. */
export type Runtime = {
  readonly allocate: (bytes: number) => Pointer | null;
  readonly free: (memory: Pointer) => void;
  /** Null where there is no memory; likewise below. */
  readonly pool: (threads: number) => Pointer | null;
  readonly poolSize: (pool: Pointer) => number;
  readonly closePool: (pool: Pointer) => void;
  readonly program: (...parts: unknown[]) => Pointer | null;
  readonly freeProgram: (program: Pointer) => void;
  readonly run: NativeFunction;
  readonly profile: NativeFunction;
};

/**
 * Runs a program; 0 if there is no memory for that. It can also run on another thread; a callback then gets its end and
 * what it returns.
 */
type NativeFunction = ((...parts: unknown[]) => number) & { readonly async: (...parts: unknown[]) => void };

/** A compiled library. Throws UsageError if the system refuses it. */
function loadLibrary(path: string): ReturnType<typeof koffi.load> {
  try {
    return koffi.load(path);
  } catch (thrown) {
    throw new UsageError(
      `native backend: the compiled library can't be loaded (${messageOf(thrown)}); set OHMIC_CACHE to a folder from which programs may run, or use --backend wasm`,
    );
  }
}

/** Loads the runtime library. */
export function loadRuntime(path: string): Runtime {
  const library = loadLibrary(path);
  return {
    allocate: library.func('void *ohmic_allocate(int64_t bytes)'),
    free: library.func('void ohmic_free(void *memory)'),
    pool: library.func('void *ohmic_pool(int32_t count)'),
    poolSize: library.func('int32_t ohmic_pool_size(void *pool)'),
    closePool: library.func('void ohmic_close_pool(void *pool)'),
    program: library.func(
      'void *ohmic_program(void *kernels, int32_t *launches, int32_t launch_count, int64_t *places, int32_t place_count, uint32_t *push_constants, int32_t push_constant_count, int64_t arena_elements, int64_t scratch_elements)',
    ),
    freeProgram: library.func('void ohmic_free_program(void *program)'),
    run: library.func('int32_t ohmic_run(void *pool, void *program, uint64_t *bindings, uint32_t *scalars)'),
    profile: library.func(
      'int32_t ohmic_profile(void *pool, void *program, uint64_t *bindings, uint32_t *scalars, _Out_ double *times)',
    ),
  };
}

/** Loaded kernel libraries by path, that is by content. They stay: a library that nobody refers to is unloaded. */
const libraries = new Map<string, { readonly library: unknown; readonly kernels: Pointer }>();

/** The table of functions of a kernel library. */
export function loadKernels(path: string): Pointer {
  const known = libraries.get(path);
  if (known !== undefined) return known.kernels;
  const library = loadLibrary(path);
  const kernels: Pointer = library.func('void *ohmic_kernel_table(void)')();
  libraries.set(path, { library, kernels });
  return kernels;
}

/** The bytes behind an address. */
export function bytesAt(memory: Pointer, bytes: number): ArrayBuffer {
  return koffi.view(memory, bytes);
}

/** The address as a number. */
export function addressOf(memory: Pointer): bigint {
  return koffi.address(memory);
}
