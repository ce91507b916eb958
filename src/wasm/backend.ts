// The WebAssembly backend: runs plans on worker threads over one shared memory. The main thread lays out memory and
// posts runs; it never computes and never blocks. Where threads can't share memory, the kernels run on the calling
// thread over memory of its own, to the same bits.

import { InternalError, messageOf, UsageError } from '../base/errors.ts';
import { createMutex, type Mutex } from '../base/mutex.ts';
import {
  type Backend,
  callsOf,
  type DeviceBuffer,
  type KernelCall,
  type Launch,
  mapCalls,
  outlineOf,
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
} from '../compile/backend-checks.ts';

import type { EncodeOptions } from './encode-kernel.ts';
import { startLocalWorker } from './local-worker.ts';
import { type Block, SharedHeap } from './memory.ts';
import { encodeModule, type ModuleOptions } from './module.ts';
import { webAssembly } from './web-assembly.ts';
import { counterWords, type WorkerCall } from './worker.ts';
import { type WorkerHandle, WorkerPool } from './worker-pool.ts';

export type WasmOptions = EncodeOptions & {
  /** Worker threads, at least 1; without `startWorker` exactly 1. */
  readonly threads: number;
  /** Starts a thread that runs `serveWorker`. Absent: the calling thread computes, and pauses for its other work. */
  readonly startWorker?: (() => WorkerHandle) | undefined;
};

/** What programs and buffers of one backend share. */
type Machine = {
  readonly heap: SharedHeap;
  readonly pool: WorkerPool;
  readonly moduleOptions: ModuleOptions;
  readonly blocks: WeakMap<DeviceBuffer, Block>;
  readonly mutex: Mutex;
  /** Runs a task of the workers, unless the backend is closed: they do one thing at a time. */
  readonly runExclusive: <T>(task: () => Promise<T>) => Promise<T>;
  readonly newId: () => number;
  readonly isClosed: () => boolean;
};

const ELEMENT_BYTES = 4;
/** A thread that has not answered for so long will not. */
const START_SECONDS = 60;

/** What kernels are compiled for: 128-bit vectors, and the registers that engines leave of 16 for multiply and add. */
export const wasmTarget: { readonly lanes: number; readonly registers: number } = { lanes: 4, registers: 14 };

/**
 * Starts the workers and returns the backend.
 *
 * @throws UsageError if `threads` is no whole number from 1, or more than 1 without `startWorker`; if a worker does not
 *   start; if there is no memory
 */
export async function createWasmBackend({
  threads,
  startWorker,
  relaxed = false,
}: WasmOptions): Promise<Backend> {
  checkThreads('createWasmBackend', threads);
  const isShared = startWorker !== undefined;
  if (!isShared && threads > 1)
    throw new UsageError(`createWasmBackend: ${threads} threads need startWorker; pass it, or threads: 1`);
  const heap = new SharedHeap({ isShared });
  const pool = await startPool(threads, startWorker ?? startLocalWorker);
  const mutex = createMutex();
  let isClosed = false;
  let programs = 0;
  const runExclusive = <T>(task: () => Promise<T>): Promise<T> =>
    isClosed ? Promise.reject(closedBackend('wasm')) : mutex.runExclusive(task);
  const machine: Machine = {
    heap,
    pool,
    moduleOptions: { relaxed, isShared },
    blocks: new WeakMap(),
    mutex,
    runExclusive,
    newId: () => programs++,
    isClosed: () => isClosed,
  };
  return {
    name: 'wasm',
    description: isShared
      ? `WebAssembly SIMD, ${threads} ${threads === 1 ? 'thread' : 'threads'}`
      : 'WebAssembly SIMD, on the calling thread',
    ...wasmTarget,
    threads,
    allocate: (elements) => allocateBuffer(machine, elements),
    load: (plan) => loadProgram(machine, plan),
    close: async () => {
      if (isClosed) return;
      const stopped = runExclusive(() => pool.stop());
      isClosed = true;
      await stopped;
    },
  };
}

/** Starts the workers and waits until all have answered; if one does not, none is left. */
async function startPool(threads: number, startWorker: () => WorkerHandle): Promise<WorkerPool> {
  let pool: WorkerPool | undefined;
  try {
    pool = new WorkerPool(threads, startWorker);
    await withDeadline(pool.request(() => ({ kind: 'greet' })));
    return pool;
  } catch (thrown) {
    await pool?.stop();
    const reason = messageOf(thrown).replace(/^internal: /, '');
    throw new UsageError(
      `wasm backend: expected ${threads} worker ${threads === 1 ? 'thread' : 'threads'} to start, ` +
        `got: ${reason}; ask for fewer threads, or check the file that startWorker loads`,
    );
  }
}

/** Passes on what `answer` gives, or rejects when it takes too long. */
async function withDeadline(answer: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const reason = `no answer within ${START_SECONDS} s`;
    timer = setTimeout(() => reject(new InternalError(reason)), 1000 * START_SECONDS);
  });
  try {
    await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

function allocateBuffer({ heap, blocks, mutex, isClosed }: Machine, elements: number): DeviceBuffer {
  if (isClosed()) throw closedBackend('wasm');
  const block = heap.allocate(elements);
  const words = (): Uint32Array => {
    if (isClosed()) throw closedBackend('wasm');
    return heap.words(block, elements);
  };
  return guardedBuffer(blocks, block, {
    elements,
    write: async (values) => words().set(new Uint32Array(values.buffer, values.byteOffset, values.length)),
    read: async () => new Float32Array(words().slice().buffer),
    free: () => mutex.runWhenFree(() => heap.free(block)),
  });
}

/** Where a program's parts lie in the shared memory. */
type Layout = {
  readonly blocks: readonly Block[];
  readonly arena: Block;
  readonly scalars: Block;
  /** `constantsOf` all calls, one after another, then the buffer addresses of all calls. */
  readonly tables: Block;
  readonly constantCount: number;
  readonly addressCount: number;
  /** Per worker. */
  readonly scratch: readonly Block[];
};

async function loadProgram(machine: Machine, whole: Plan): Promise<Program> {
  const { heap, pool, runExclusive } = machine;
  const module = await webAssembly.compile(encodeModule(whole, machine.moduleOptions));
  // The loaded program needs the plan's outline only.
  const plan = outlineOf(whole);
  const layout = layOut(machine, plan);
  const free = (): void => {
    for (const block of layout.blocks) heap.free(block);
  };
  const id = machine.newId();
  const threads = pool.workers.length;
  const counterBytes = counterWords(plan.launches.length, threads) * ELEMENT_BYTES;
  const { isShared } = machine.moduleOptions;
  const counters = new Int32Array(
    isShared ? new SharedArrayBuffer(counterBytes) : new ArrayBuffer(counterBytes),
  );
  const constants = plan.launches.flatMap(callsOf).flatMap((call) => constantsOf(plan, call));
  heap.words(layout.tables, layout.constantCount).set(constants);
  const shared = {
    module,
    memory: heap.memory,
    launches: workerLaunches(plan, layout),
    scalars: layout.scalars.address,
    threads,
    counters,
  };
  try {
    await runExclusive(() =>
      pool.request((worker) => ({
        kind: 'load',
        id,
        program: { ...shared, number: worker, scratch: layout.scratch[worker]!.address },
      })),
    );
  } catch (error) {
    free();
    throw error;
  }
  let isFreed = false;
  return {
    run: async (buffers, scalars) => {
      if (isFreed) throw freedProgram('run');
      checkRun(plan, buffers, scalars, (buffer) => machine.blocks.has(buffer));
      const blocks = buffers.map((buffer) => machine.blocks.get(buffer)!);
      const scalarWords = scalars.slice();
      await runExclusive(() => {
        heap.words(layout.scalars, plan.scalars.length).set(scalarWords);
        const tables = heap.words(layout.tables, layout.constantCount + layout.addressCount);
        tables.set(bufferAddresses(plan, layout, blocks), layout.constantCount);
        counters.fill(0);
        return pool.request(() => ({ kind: 'run', id }));
      });
    },
    free: () => {
      if (isFreed) throw freedProgram('free');
      isFreed = true;
      // After close there are no workers.
      runExclusive(async () => {
        pool.notify({ kind: 'unload', id });
        free();
      }).catch(() => undefined);
    },
  };
}

/** The push constants of a call, then the constants of its kernel, as 32-bit words. */
function constantsOf({ kernels }: PlanOutline, { kernel, pushConstants }: KernelCall): readonly number[] {
  const constants = Float32Array.from(kernels[kernel]!.constants);
  return [...pushConstants, ...new Uint32Array(constants.buffer)];
}

/** How many that is. */
function countConstants({ kernels }: PlanOutline, { kernel, pushConstants }: KernelCall): number {
  return pushConstants.length + kernels[kernel]!.constants.length;
}

function layOut({ heap, pool }: Machine, plan: PlanOutline): Layout {
  const calls = plan.launches.flatMap(callsOf);
  const total = (size: (call: KernelCall) => number): number =>
    calls.reduce((sum, call) => sum + size(call), 0);
  const constantCount = total((call) => countConstants(plan, call));
  const addressCount = total(({ buffers }) => buffers.length);
  const scratchElements = Math.max(0, ...plan.kernels.map(({ scratch }) => scratch));
  const blocks = heap.allocateAll([
    plan.arenaElements,
    plan.scalars.length,
    constantCount + addressCount,
    ...pool.workers.map(() => scratchElements),
  ]);
  const [arena, scalars, tables, ...scratch] = blocks as readonly [Block, Block, Block, ...Block[]];
  return { blocks, arena, scalars, tables, constantCount, addressCount, scratch };
}

function workerLaunches(plan: PlanOutline, { tables, constantCount }: Layout): readonly Launch<WorkerCall>[] {
  let pushConstants = tables.address;
  let buffers = tables.address + constantCount * ELEMENT_BYTES;
  const place = (call: KernelCall): WorkerCall => {
    const { name, chunks } = plan.kernels[call.kernel]!;
    const placed = { kernel: call.kernel, name, chunks, buffers, pushConstants };
    pushConstants += countConstants(plan, call) * ELEMENT_BYTES;
    buffers += call.buffers.length * ELEMENT_BYTES;
    return placed;
  };
  return plan.launches.map((launch) => mapCalls(launch, place));
}

function bufferAddresses(plan: PlanOutline, { arena }: Layout, blocks: readonly Block[]): number[] {
  return plan.launches
    .flatMap(callsOf)
    .flatMap(({ buffers }) =>
      buffers.map((placement) =>
        placement.space === 'arena'
          ? arena.address + placement.offset * ELEMENT_BYTES
          : blocks[placement.binding]!.address + (placement.offset ?? 0) * ELEMENT_BYTES,
      ),
    );
}
