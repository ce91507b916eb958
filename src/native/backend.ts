// The native backend: plans as machine code. Prints kernels as C, compiles and loads them, and runs them on a pool of
// threads. Runs leave the event loop free, except those so short that starting them on another thread takes longer.

import { availableParallelism } from 'node:os';
import { UsageError } from '../base/errors.ts';
import { createMutex, type Mutex } from '../base/mutex.ts';

import {
  type Backend,
  type DeviceBuffer,
  type KernelCall,
  outlineOf,
  PADDING_ELEMENTS,
  type Plan,
  type PlanOutline,
  type Program,
} from '../compile/backend.ts';
import {
  checkRun,
  checkThreads,
  closedBackend,
  freedProgram,
  guardedBuffer,
  MOST_THREADS,
} from '../compile/backend-checks.ts';
import { runtimeSource } from './c-sources.ts';
import { type Compiler, compileLibrary } from './compiler.ts';
import { printTranslationUnits } from './print-c.ts';
import { addressOf, bytesAt, loadKernels, loadRuntime, type Pointer, type Runtime } from './runtime.ts';

/** A program whose launches can be timed one by one. */
export type NativeProgram = Program & {
  /** Runs once, with threads that spin and never sleep; returns the milliseconds of each launch. */
  readonly profile: (buffers: readonly DeviceBuffer[], scalars: Uint32Array) => Promise<Float64Array>;
  /** True if the kernels had to be compiled, false if they came from the cache. */
  readonly isFresh: boolean;
};

/** The native backend; its programs can be profiled. */
export type NativeBackend = Omit<Backend, 'load'> & { readonly load: (plan: Plan) => Promise<NativeProgram> };

/** What programs and buffers of one backend share. */
type Machine = {
  readonly compiler: Compiler;
  readonly runtime: Runtime;
  readonly pool: Pointer;
  /** Addresses of buffers that are not freed. */
  readonly addresses: WeakMap<DeviceBuffer, bigint>;
  /** What is allocated or loaded and not freed yet: what frees it. */
  readonly held: Set<() => void>;
  readonly mutex: Mutex;
  readonly isClosed: () => boolean;
};

/**
 * Starts the native backend with a compiler that `findCompiler` found.
 *
 * @throws UsageError if `threads` is no whole number from 1 to 1024, or there is no memory for them
 */
export async function createNativeBackend(
  compiler: Compiler,
  threads: number = Math.min(availableParallelism(), MOST_THREADS),
): Promise<NativeBackend> {
  checkThreads('createNativeBackend', threads);
  const runtime = loadRuntime((await compileLibrary(compiler, [runtimeSource()])).path);
  const pool = runtime.pool(threads);
  if (pool === null) throw new UsageError(`native backend: no memory for ${threads} threads; use fewer`);
  const count = runtime.poolSize(pool);
  const mutex = createMutex();
  let isClosed = false;
  const machine: Machine = {
    compiler,
    runtime,
    pool,
    addresses: new WeakMap(),
    held: new Set(),
    mutex,
    isClosed: () => isClosed,
  };
  return {
    name: 'native',
    description: `native: ${compiler.command} ${/\d[\d.]*/.exec(compiler.version)?.[0] ?? 'unknown'}, ${compiler.vectors}, ${count} thread${count === 1 ? '' : 's'}`,
    lanes: compiler.lanes,
    registers: compiler.registers,
    threads: count,
    allocate: (elements) => allocate(machine, elements),
    load: (plan) => load(machine, plan),
    close: async () => {
      if (isClosed) return;
      isClosed = true;
      await mutex.runWhenFree(() => {
        runtime.closePool(pool);
        // What nobody freed would stay as long as the process.
        for (const free of machine.held) free();
        machine.held.clear();
      });
    },
  };
}

/** Milliseconds: a program whose last run took less runs on the thread of the event loop. */
const SHORT_MS = 4;
/** Milliseconds of short runs in a row after which the event loop runs, so that signals and timers do not wait longer. */
const YIELD_MS = 20;

function allocate({ runtime, addresses, held, mutex, isClosed }: Machine, elements: number): DeviceBuffer {
  if (isClosed()) throw closedBackend('native');
  const bytes = (elements + PADDING_ELEMENTS) * 4;
  const memory = runtime.allocate(bytes);
  if (memory === null)
    throw new UsageError(`native backend: no memory for ${elements} elements; use a smaller batch`);
  const view = new Float32Array(bytesAt(memory, bytes), 0, elements);
  const bits = new Int32Array(view.buffer, 0, elements);
  const release = (): void => runtime.free(memory);
  held.add(release);
  // Closing frees the memory: what is left of the buffer must not touch it.
  const checkOpen = (): void => {
    if (!held.has(release)) throw closedBackend('native');
  };
  return guardedBuffer(addresses, addressOf(memory), {
    elements,
    write: async (values) => {
      checkOpen();
      (values instanceof Int32Array ? bits : view).set(values);
    },
    read: async () => {
      checkOpen();
      return copyOf(view);
    },
    free: () => releaseWhenFree(mutex, held, release),
  });
}

/** Frees memory once nothing runs, unless closing has freed it. */
function releaseWhenFree(mutex: Mutex, held: Set<() => void>, release: () => void): void {
  // Should it fail, that is a fault of ohmic's: it ends the process as an unhandled rejection.
  void mutex.runWhenFree(() => {
    if (held.delete(release)) release();
  });
}

/** A copy in memory that was not filled with zeros first: to fill it costs as much as to copy. */
function copyOf(values: Float32Array): Float32Array {
  const memory = Buffer.allocUnsafeSlow(values.byteLength);
  const copy = new Float32Array(memory.buffer, memory.byteOffset, values.length);
  copy.set(values);
  return copy;
}

async function load(machine: Machine, whole: Plan): Promise<NativeProgram> {
  const { compiler, runtime, pool, mutex, addresses, held } = machine;
  if (machine.isClosed()) throw closedBackend('native');
  const { path, isFresh } = await compileLibrary(compiler, printTranslationUnits(whole.kernels, whole.lanes));
  // The loaded program needs the plan's outline only.
  const plan = outlineOf(whole);
  if (machine.isClosed()) throw closedBackend('native');
  const program = loadProgram(runtime, plan, path);
  const release = (): void => runtime.freeProgram(program);
  held.add(release);
  let isFreed = false;
  let lastMs = Number.POSITIVE_INFINITY;
  let lastYield = 0;
  const given = (buffers: readonly DeviceBuffer[], scalars: Uint32Array): readonly unknown[] => {
    if (machine.isClosed()) throw closedBackend('native');
    if (isFreed) throw freedProgram('run');
    checkRun(plan, buffers, scalars, (buffer) => addresses.has(buffer));
    const bindings = BigUint64Array.from(buffers, (buffer) => addresses.get(buffer)!);
    return [pool, program, bindings, scalars.slice()];
  };
  const run = async (buffers: readonly DeviceBuffer[], scalars: Uint32Array): Promise<void> => {
    const parts = given(buffers, scalars);
    await mutex.runExclusive(async () => {
      const start = performance.now();
      // To start a run on another thread and to learn of its end takes longer than a short run.
      if (lastMs < SHORT_MS) {
        checkRan(runtime.run(...parts), plan);
      } else {
        checkRan(await onOtherThread(runtime.run, parts), plan);
        lastYield = performance.now();
      }
      lastMs = performance.now() - start;
    });
    if (performance.now() - lastYield < YIELD_MS) return;
    await new Promise((resolve) => setImmediate(resolve));
    lastYield = performance.now();
  };
  return {
    isFresh,
    run,
    profile: async (buffers, scalars) => {
      const times = new Float64Array(plan.launches.length);
      const parts = [...given(buffers, scalars), times];
      await mutex.runExclusive(async () => checkRan(await onOtherThread(runtime.profile, parts), plan));
      return times;
    },
    free: () => {
      if (isFreed) throw freedProgram('free');
      isFreed = true;
      releaseWhenFree(mutex, held, release);
    },
  };
}

/** Throws UsageError if a run found no scratch memory. */
function checkRan(result: number, plan: PlanOutline): void {
  if (result !== 0) return;
  const bytes = 4 * largestScratch(plan);
  throw new UsageError(
    `native backend: no memory for ${bytes} bytes of scratch memory a thread; use fewer threads`,
  );
}

/** Elements of scratch memory that the plan's kernels need. */
function largestScratch({ kernels }: PlanOutline): number {
  return Math.max(0, ...kernels.map(({ scratch }) => scratch));
}

/** Calls a function of the runtime while the event loop goes on. */
function onOtherThread(f: Runtime['run'], parts: readonly unknown[]): Promise<number> {
  return new Promise((resolve, reject) => {
    f.async(...parts, (error: Error | null, result: number) => {
      if (error) reject(error);
      else resolve(result);
    });
  });
}

/** The fields of the second call of a launch that has only one. */
const NO_CALL: readonly number[] = [0, 0, 0, 0];

/** Bits of a place that hold the number of a binding; those above hold the offset in it. */
const BINDING_BITS = 24n;

/** The plan's launches as the runtime walks them, with the kernels of the library at `path`. */
function loadProgram(runtime: Runtime, plan: PlanOutline, path: string): Pointer {
  const places: bigint[] = [];
  const pushConstants: number[] = [];
  const fieldsOf = (call: KernelCall): readonly number[] => {
    const fields = [call.kernel, plan.kernels[call.kernel]!.chunks, places.length, pushConstants.length];
    pushConstants.push(...call.pushConstants);
    for (const place of call.buffers) {
      places.push(
        place.space === 'binding'
          ? BigInt(place.binding) + (BigInt(place.offset ?? 0) << BINDING_BITS)
          : BigInt(-1 - place.offset),
      );
    }
    return fields;
  };
  const launches = plan.launches.flatMap((launch) =>
    launch.kind === 'single'
      ? [...fieldsOf(launch.call), ...NO_CALL, 0]
      : [...fieldsOf(launch.first), ...fieldsOf(launch.second), launch.ratio],
  );
  const program = runtime.program(
    loadKernels(path),
    Int32Array.from(launches),
    plan.launches.length,
    BigInt64Array.from(places),
    places.length,
    Uint32Array.from(pushConstants),
    pushConstants.length,
    plan.arenaElements,
    largestScratch(plan),
  );
  if (program !== null) return program;
  throw new UsageError(
    `native backend: no memory for the plan's ${4 * plan.arenaElements} bytes; use a smaller batch`,
  );
}
