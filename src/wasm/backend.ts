// The WebAssembly backend: runs plans on worker threads over one shared memory. The main thread lays out memory and
// posts runs; it never computes and never blocks.

import { createTurns, type Turns } from '../base/turns.ts';
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
import { Crew, type WorkerHandle } from './crew.ts';
import type { EncodeOptions } from './encode-kernel.ts';
import { type Block, SharedHeap } from './memory.ts';
import { encodeModule } from './module.ts';
import { webAssembly } from './web-assembly.ts';
import { counterWords, type WorkerCall } from './worker.ts';

export type WasmOptions = EncodeOptions & {
  /** Worker threads, at least 1. */
  readonly threads: number;
  /** Starts a thread that runs `serveWorker`. */
  readonly startWorker: () => WorkerHandle;
};

/** What programs and buffers of one backend share. */
type Machine = {
  readonly heap: SharedHeap;
  readonly crew: Crew;
  readonly encodeOptions: EncodeOptions;
  readonly blocks: WeakMap<DeviceBuffer, Block>;
  readonly turns: Turns;
  /** Takes a turn, unless the backend is closed: the workers do one thing at a time. */
  readonly inTurn: <T>(task: () => Promise<T>) => Promise<T>;
  readonly newId: () => number;
};

const ELEMENT_BYTES = 4;

/** What kernels are compiled for: 128-bit vectors, and the registers that engines leave of 16 for multiply and add. */
export const wasmTarget: { readonly lanes: number; readonly registers: number } = { lanes: 4, registers: 14 };

/**
 * Starts the workers and returns the backend.
 *
 * @throws UsageError if `threads` is no whole number from 1
 * @throws InternalError if a worker does not start
 */
export async function createWasmBackend({
  threads,
  startWorker,
  relaxed = false,
}: WasmOptions): Promise<Backend> {
  checkThreads('createWasmBackend', threads);
  const crew = new Crew(threads, startWorker);
  const turns = createTurns();
  let isClosed = false;
  let programs = 0;
  const inTurn = <T>(task: () => Promise<T>): Promise<T> =>
    isClosed ? Promise.reject(closedBackend('wasm')) : turns.take(task);
  const machine: Machine = {
    heap: new SharedHeap(),
    crew,
    encodeOptions: { relaxed },
    blocks: new WeakMap(),
    turns,
    inTurn,
    newId: () => programs++,
  };
  try {
    await inTurn(() => crew.ask(() => ({ kind: 'greet' })));
  } catch (error) {
    await crew.stop();
    throw error;
  }
  return {
    name: 'wasm',
    description: `WebAssembly SIMD, ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
    ...wasmTarget,
    threads,
    allocate: (elements) => {
      if (isClosed) throw closedBackend('wasm');
      return allocateBuffer(machine, elements);
    },
    load: (plan) => loadProgram(machine, plan),
    close: async () => {
      if (isClosed) return;
      const stopped = inTurn(() => crew.stop());
      isClosed = true;
      await stopped;
    },
  };
}

function allocateBuffer({ heap, blocks, turns }: Machine, elements: number): DeviceBuffer {
  const block = heap.allocate(elements);
  const words = (): Uint32Array<SharedArrayBuffer> => heap.words(block, elements);
  return guardedBuffer(blocks, block, {
    elements,
    write: (values) => words().set(new Uint32Array(values.buffer, values.byteOffset, values.length)),
    read: () => new Float32Array(words().slice().buffer),
    free: () => turns.after(() => heap.free(block)),
  });
}

/** Where a program's parts lie in the shared memory. */
type Layout = {
  readonly blocks: readonly Block[];
  readonly arena: Block;
  readonly scalars: Block;
  /** `tableWords` of all calls, one after another, then the buffer addresses of all calls. */
  readonly tables: Block;
  readonly wordCount: number;
  readonly addressCount: number;
  /** Per worker. */
  readonly scratch: readonly Block[];
};

async function loadProgram(machine: Machine, whole: Plan): Promise<Program> {
  const { heap, crew, inTurn } = machine;
  const module = await webAssembly.compile(encodeModule(whole, machine.encodeOptions));
  // The program lives on; the code of its kernels need not.
  const plan = outlineOf(whole);
  const layout = layOut(machine, plan);
  const free = (): void => {
    for (const block of layout.blocks) heap.free(block);
  };
  const id = machine.newId();
  const counters = new Int32Array(new SharedArrayBuffer(counterWords(plan.launches.length) * ELEMENT_BYTES));
  const words = plan.launches.flatMap(callsOf).flatMap((call) => tableWords(plan, call));
  heap.words(layout.tables, layout.wordCount).set(words);
  const shared = {
    module,
    memory: heap.memory,
    launches: workerLaunches(plan, layout),
    scalars: layout.scalars.address,
    threads: crew.workers.length,
    counters,
  };
  try {
    await inTurn(() =>
      crew.ask((worker) => ({
        kind: 'load',
        id,
        program: { ...shared, scratch: layout.scratch[worker]!.address },
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
      await inTurn(() => {
        heap.words(layout.scalars, plan.scalars.length).set(scalarWords);
        const tables = heap.words(layout.tables, layout.wordCount + layout.addressCount);
        tables.set(bufferAddresses(plan, layout, blocks), layout.wordCount);
        counters.fill(0);
        return crew.ask(() => ({ kind: 'run', id }));
      });
    },
    free: () => {
      if (isFreed) throw freedProgram('free');
      isFreed = true;
      // After close there is nobody left to tell.
      inTurn(async () => {
        crew.tell({ kind: 'unload', id });
        free();
      }).catch(() => undefined);
    },
  };
}

/** The words of a call, then its kernel's constants. */
function tableWords({ kernels }: PlanOutline, { kernel, words }: KernelCall): readonly number[] {
  const constants = Float32Array.from(kernels[kernel]!.constants);
  return [...words, ...new Uint32Array(constants.buffer)];
}

/** How many that is. */
function tableSize({ kernels }: PlanOutline, { kernel, words }: KernelCall): number {
  return words.length + kernels[kernel]!.constants.length;
}

function layOut({ heap, crew }: Machine, plan: PlanOutline): Layout {
  const calls = plan.launches.flatMap(callsOf);
  const total = (size: (call: KernelCall) => number): number =>
    calls.reduce((sum, call) => sum + size(call), 0);
  const wordCount = total((call) => tableSize(plan, call));
  const addressCount = total(({ buffers }) => buffers.length);
  const scratchElements = Math.max(0, ...plan.kernels.map(({ scratch }) => scratch));
  const blocks = heap.allocateAll([
    plan.arenaElements,
    plan.scalars.length,
    wordCount + addressCount,
    ...crew.workers.map(() => scratchElements),
  ]);
  const [arena, scalars, tables, ...scratch] = blocks as readonly [Block, Block, Block, ...Block[]];
  return { blocks, arena, scalars, tables, wordCount, addressCount, scratch };
}

function workerLaunches(plan: PlanOutline, { tables, wordCount }: Layout): readonly Launch<WorkerCall>[] {
  let words = tables.address;
  let buffers = tables.address + wordCount * ELEMENT_BYTES;
  const place = (call: KernelCall): WorkerCall => {
    const { name, chunks } = plan.kernels[call.kernel]!;
    const placed = { kernel: call.kernel, name, chunks, buffers, words };
    words += tableSize(plan, call) * ELEMENT_BYTES;
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
          : blocks[placement.binding]!.address,
      ),
    );
}
