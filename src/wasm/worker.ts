// The code of each worker: it has the loaded programs and runs their launches together with the other workers. It uses
// neither Node nor the DOM: the thread's entry file passes its message port.

import { assertNever, messageOf } from '../base/errors.ts';
import { callsOf, type Launch } from '../compile/backend.ts';
import type { KernelFunction } from './module.ts';
import { type WasmMemory, type WasmModule, webAssembly } from './web-assembly.ts';

/** A call of a kernel, with addresses in the shared memory. */
export type WorkerCall = {
  /** Number of the kernel in the module, and its name for errors. */
  readonly kernel: number;
  readonly name: string;
  readonly chunks: number;
  /** Address of the table of buffer addresses. */
  readonly buffers: number;
  /** Address of the call's push constants, with the constants of its kernel behind them. */
  readonly pushConstants: number;
};

/** A program as a worker needs it. */
export type WorkerProgram = {
  readonly module: WasmModule;
  readonly memory: WasmMemory;
  readonly launches: readonly Launch<WorkerCall>[];
  /** Address of the runtime scalars. */
  readonly scalars: number;
  /** Address of this worker's own scratch memory. */
  readonly scratch: number;
  /** Workers that run the program together. */
  readonly threads: number;
  /** Which of them this one is, from 0. */
  readonly number: number;
  /** Counters that they share, laid out by `counterWords`; zero when a run starts. */
  readonly counters: Int32Array;
};

/** A request to a worker. Each but `unload` gets one reply. */
export type WorkerRequest =
  | { readonly kind: 'greet' }
  | { readonly kind: 'load'; readonly id: number; readonly program: WorkerProgram }
  | { readonly kind: 'run'; readonly id: number }
  | { readonly kind: 'unload'; readonly id: number };

/** A worker's reply; `failure` says what went wrong. */
export type WorkerReply = { readonly failure?: string };

/** The worker's end of its message channel. */
export type WorkerPort = {
  readonly post: (reply: WorkerReply) => void;
  readonly onMessage: (handler: (request: WorkerRequest) => void) => void;
};

/**
 * Called after each chunk on a thread that has other work too: a promise to wait for when that work should have its
 * turn, else undefined.
 */
export type Pause = () => Promise<void> | undefined;

/** Tests of a counter before a waiting worker goes to sleep: some tens of microseconds. */
const SPINS = 4000;
/** Layout of the counters: a flag; the workers arrived, per launch; the chunks claimed of each worker's share, likewise. */
const FAILED = 0;
const arrivedAt = (launch: number): number => 1 + launch;
const claimedAt = (launch: number, owner: number, launches: number): number =>
  1 + (1 + owner) * launches + launch;

/** Number of 32-bit counters that a program of so many launches needs, run by so many workers. */
export function counterWords(launches: number, threads: number): number {
  return 1 + (1 + threads) * launches;
}

type LoadedProgram = WorkerProgram & { readonly kernels: readonly KernelFunction[] };

/** Answers requests on `port` for as long as the worker lives. A worker that is a thread of its own has no `pause`. */
export function serveWorker(port: WorkerPort, pause?: Pause): void {
  const programs = new Map<number, LoadedProgram>();
  const serve = async (request: Exclude<WorkerRequest, { kind: 'unload' }>): Promise<WorkerReply> => {
    switch (request.kind) {
      case 'load':
        programs.set(request.id, await instantiate(request.program));
        return {};
      case 'run':
        return runProgram(programs.get(request.id)!, pause);
      case 'greet':
        return {};
      default:
        return assertNever(request);
    }
  };
  port.onMessage((request) => {
    if (request.kind === 'unload') {
      programs.delete(request.id);
      return;
    }
    serve(request).then(port.post, (error: unknown) => port.post({ failure: messageOf(error) }));
  });
}

async function instantiate(program: WorkerProgram): Promise<LoadedProgram> {
  const { exports } = await webAssembly.instantiate(program.module, { env: { memory: program.memory } });
  const count = Object.keys(exports).length;
  const kernels = Array.from({ length: count }, (_, k) => exports[`k${k}`] as KernelFunction);
  return { ...program, kernels };
}

/** First chunk of a worker's share of a launch. A single chunk is the first worker's. */
function shareStart(chunks: number, worker: number, threads: number): number {
  return Math.ceil((chunks * worker) / threads);
}

/**
 * Runs this worker's share of every launch: chunks whose data the launches before have often left in its cache. It goes on
 * with what others have not claimed yet, chunk by chunk, and meets them at a barrier after each launch. After a failure in
 * any of them they claim no more chunks, but still meet, so that none waits for ever.
 */
async function runProgram(
  { kernels, launches, scalars, scratch, threads, number, counters }: LoadedProgram,
  pause: Pause | undefined,
): Promise<WorkerReply> {
  let reply: WorkerReply = {};
  let running = '';
  const run = ({ kernel, name, buffers, pushConstants }: WorkerCall, chunk: number): void => {
    running = name;
    kernels[kernel]!(buffers, scalars, pushConstants, scratch, chunk);
  };
  for (const [l, launch] of launches.entries()) {
    if (Atomics.load(counters, FAILED) === 0) {
      const { chunks } = callsOf(launch)[0]!;
      try {
        for (let k = 0; k < threads; k++) {
          const owner = (number + k) % threads;
          const start = shareStart(chunks, owner, threads);
          const end = shareStart(chunks, owner + 1, threads);
          const position = claimedAt(l, owner, launches.length);
          const claim = (): number => start + Atomics.add(counters, position, 1);
          for (let chunk = claim(); chunk < end; chunk = claim()) {
            runChunk(launch, chunk, run);
            const waiting = pause?.();
            if (waiting !== undefined) await waiting;
          }
        }
      } catch (error) {
        reply = { failure: `kernel "${running}": ${messageOf(error)}` };
        Atomics.store(counters, FAILED, 1);
      }
    }
    // The replies are the barrier of the last launch; the counters must be left alone from then on.
    if (threads > 1 && l < launches.length - 1) meet(counters, arrivedAt(l), threads);
  }
  return reply;
}

/** Runs a chunk of a launch: in a pair, a chunk of the first call and the chunks of the second that follow it. */
function runChunk(
  launch: Launch<WorkerCall>,
  chunk: number,
  run: (call: WorkerCall, chunk: number) => void,
): void {
  if (launch.kind === 'single') {
    run(launch.call, chunk);
    return;
  }
  const { first, second, ratio } = launch;
  run(first, chunk);
  for (let k = 0; k < ratio; k++) run(second, chunk * ratio + k);
}

/** A barrier: returns when `threads` workers have reached it. Spins for a while, then sleeps. */
function meet(counters: Int32Array, position: number, threads: number): void {
  if (Atomics.add(counters, position, 1) === threads - 1) {
    Atomics.notify(counters, position);
    return;
  }
  for (let spin = 0; spin < SPINS; spin++) {
    if (Atomics.load(counters, position) === threads) return;
  }
  for (
    let arrived = Atomics.load(counters, position);
    arrived < threads;
    arrived = Atomics.load(counters, position)
  ) {
    Atomics.wait(counters, position, arrived);
  }
}
