// The native backend: plans as machine code. Prints kernels as C, compiles and loads them, and runs them on a pool of
// threads off the event loop.

import { availableParallelism } from 'node:os';
import koffi from 'koffi';
import { invariant, UsageError } from '../base/errors.ts';
import {
  type Backend,
  type DeviceBuffer,
  PADDING_ELEMENTS,
  type Plan,
  type Program,
} from '../compile/backend.ts';
import { type Compiler, compileLibrary } from './compiler.ts';
import { printTranslationUnits } from './print-c.ts';
import { runtimeSource } from './runtime-source.ts';

type Pointer = unknown;

/** Functions of the runtime library. */
type Runtime = {
  readonly allocate: (bytes: number) => Pointer | null;
  readonly free: (memory: Pointer) => void;
  readonly pool: (threads: number) => Pointer;
  readonly poolSize: (pool: Pointer) => number;
  readonly closePool: (pool: Pointer) => void;
  readonly program: (...parts: unknown[]) => Pointer | null;
  readonly freeProgram: (program: Pointer) => void;
  readonly run: ((...parts: unknown[]) => void) & { readonly async: (...parts: unknown[]) => void };
};

/** A buffer of this backend, with its address. */
type NativeBuffer = DeviceBuffer & { readonly address: bigint };

/** A program whose launches can be timed one by one. */
export type NativeProgram = Program & {
  /** Runs like `run` and adds the milliseconds of each launch to `times`. */
  readonly profile: (
    buffers: readonly DeviceBuffer[],
    scalars: Uint32Array,
    times: Float64Array,
  ) => Promise<void>;
  /** True if the kernels had to be compiled, false if they came from the cache. */
  readonly isFresh: boolean;
};

/** The native backend, with `load` telling more than the interface asks. */
export type NativeBackend = Omit<Backend, 'load'> & { readonly load: (plan: Plan) => Promise<NativeProgram> };

/** Starts the native backend with a compiler that `findCompiler` found. */
export async function createNativeBackend(
  compiler: Compiler,
  threads: number = availableParallelism(),
): Promise<NativeBackend> {
  const runtime = loadRuntime((await compileLibrary(compiler, [runtimeSource])).path);
  const pool = runtime.pool(threads);
  const count = runtime.poolSize(pool);
  return {
    name: 'native',
    description: `native: ${compiler.command} ${compiler.version.split(' ')[0]}, ${compiler.vectors}, ${count} thread${count === 1 ? '' : 's'}`,
    lanes: compiler.lanes,
    registers: compiler.registers,
    threads: count,
    allocate: (elements) => allocate(runtime, elements),
    load: (plan) => load(compiler, runtime, pool, plan),
    close: async () => runtime.closePool(pool),
  };
}

/** A program whose last run took less runs on the event loop's own thread. */
const SHORT_MS = 4;
/** After so long the event loop gets a turn: signals, timers and progress must not wait for the end of many runs. */
const TURN_MS = 20;

/** Loaded kernel libraries by path, that is by content. They stay: a library that nobody refers to is unloaded. */
const libraries = new Map<string, { readonly library: unknown; readonly kernels: Pointer }>();

function loadKernels(path: string): { readonly kernels: Pointer } {
  const known = libraries.get(path);
  if (known !== undefined) return known;
  const library = koffi.load(path);
  const loaded = { library, kernels: library.func('void *ohmic_kernel_table(void)')() as Pointer };
  libraries.set(path, loaded);
  return loaded;
}

function loadRuntime(path: string): Runtime {
  const library = koffi.load(path);
  return {
    allocate: library.func('void *ohmic_allocate(int64_t bytes)'),
    free: library.func('void ohmic_free(void *memory)'),
    pool: library.func('void *ohmic_pool(int32_t count)'),
    poolSize: library.func('int32_t ohmic_pool_size(void *pool)'),
    closePool: library.func('void ohmic_close_pool(void *pool)'),
    program: library.func(
      'void *ohmic_program(void *kernels, int32_t *launches, int32_t launch_count, int64_t *places, int32_t place_count, uint32_t *words, int32_t word_count, int64_t arena_elements, int64_t scratch_elements)',
    ),
    freeProgram: library.func('void ohmic_free_program(void *program)'),
    run: library.func(
      'void ohmic_run(void *pool, void *program, uint64_t *bindings, uint32_t *scalars, double *times)',
    ),
  };
}

function allocate(runtime: Runtime, elements: number): NativeBuffer {
  const bytes = (elements + PADDING_ELEMENTS) * 4;
  const memory = runtime.allocate(bytes);
  if (memory === null)
    throw new UsageError(`native backend: no memory for ${elements} elements; use a smaller batch`);
  const view = new Float32Array(koffi.view(memory, bytes), 0, elements);
  const bits = new Int32Array(view.buffer, 0, elements);
  return {
    elements,
    address: koffi.address(memory),
    write: (values) => (values instanceof Int32Array ? bits : view).set(values),
    read: () => copyOf(view),
    free: () => runtime.free(memory),
  };
}

/** A copy in memory that was not filled with zeros first: to fill it costs as much as to copy. */
function copyOf(values: Float32Array): Float32Array {
  const memory = Buffer.allocUnsafeSlow(values.byteLength);
  const copy = new Float32Array(memory.buffer, memory.byteOffset, values.length);
  copy.set(values);
  return copy;
}

async function load(compiler: Compiler, runtime: Runtime, pool: Pointer, plan: Plan): Promise<NativeProgram> {
  const { path, isFresh } = await compileLibrary(compiler, printTranslationUnits(plan.kernels, plan.lanes));
  const { kernels } = loadKernels(path);
  const places: bigint[] = [];
  const words: number[] = [];
  const launches: number[] = [];
  for (const launch of plan.launches) {
    const { chunks } = plan.kernels[launch.kernel]!;
    launches.push(launch.kernel, chunks, places.length, words.length, launch.nextChunks ?? 0);
    words.push(...launch.words);
    for (const place of launch.buffers) {
      places.push(place.space === 'binding' ? BigInt(place.binding) : BigInt(-1 - place.offset));
    }
  }
  const scratch = Math.max(0, ...plan.kernels.map((kernel) => kernel.scratch));
  const program = runtime.program(
    kernels,
    Int32Array.from(launches),
    plan.launches.length,
    BigInt64Array.from(places),
    places.length,
    Uint32Array.from(words),
    words.length,
    plan.arenaElements,
    scratch,
  );
  if (program === null) {
    throw new UsageError(
      `native backend: no memory for the plan's ${4 * plan.arenaElements} bytes; use a smaller batch`,
    );
  }
  let lastMs = Number.POSITIVE_INFINITY;
  let lastTurn = 0;
  const runWith = (
    buffers: readonly DeviceBuffer[],
    scalars: Uint32Array,
    times: Float64Array | null,
  ): Promise<void> => {
    invariant(buffers.length === plan.bindings.length, 'one buffer per binding');
    const addresses = BigUint64Array.from(buffers, (buffer) => (buffer as NativeBuffer).address);
    const start = performance.now();
    // Handing a run to another thread and hearing of its end takes longer than a short run.
    if (lastMs < SHORT_MS) {
      runtime.run(pool, program, addresses, scalars, times);
      const end = performance.now();
      lastMs = end - start;
      if (end - lastTurn < TURN_MS) return Promise.resolve();
      return new Promise((resolve) => {
        setImmediate(() => {
          lastTurn = performance.now();
          resolve();
        });
      });
    }
    return new Promise((resolve, reject) => {
      runtime.run.async(pool, program, addresses, scalars, times, (error: Error | null) => {
        lastTurn = performance.now();
        lastMs = lastTurn - start;
        if (error) reject(error);
        else resolve();
      });
    });
  };
  return {
    isFresh,
    run: (buffers, scalars) => runWith(buffers, scalars, null),
    profile: runWith,
    free: () => runtime.freeProgram(program),
  };
}
