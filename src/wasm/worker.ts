// What each worker runs: it holds the loaded programs and walks their launches together with the other workers. It
// knows neither Node nor the DOM; whoever starts the thread hands in its message port.

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
  /** Address of the call's words. */
  readonly words: number;
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
  /** Counters that they share, laid out by `counterWords`; zero when a run starts. */
  readonly counters: Int32Array<SharedArrayBuffer>;
};

/** What a worker is asked. Every request but `unload` is answered once. */
export type WorkerRequest =
  | { readonly kind: 'greet' }
  | { readonly kind: 'load'; readonly id: number; readonly program: WorkerProgram }
  | { readonly kind: 'run'; readonly id: number }
  | { readonly kind: 'unload'; readonly id: number };

/** A worker's answer; `failure` says what went wrong. */
export type WorkerReply = { readonly failure?: string };

/** The worker's end of its message channel. */
export type WorkerPort = {
  readonly post: (reply: WorkerReply) => void;
  readonly onMessage: (handler: (request: WorkerRequest) => void) => void;
};

/** Tests of a counter before a waiting worker goes to sleep: some tens of microseconds. */
const SPINS = 4000;
/** Layout of the counters: a flag, then per launch the chunks claimed and the workers arrived. */
const FAILED = 0;
const claimedAt = (launch: number): number => 1 + 2 * launch;
const arrivedAt = (launch: number): number => 2 + 2 * launch;

/** Number of 32-bit counters that a program of so many launches needs. */
export function counterWords(launches: number): number {
  return 1 + 2 * launches;
}

type LoadedProgram = WorkerProgram & { readonly kernels: readonly KernelFunction[] };

/** Answers requests on `port` for as long as the worker lives. */
export function serveWorker(port: WorkerPort): void {
  const programs = new Map<number, LoadedProgram>();
  const serve = async (request: Exclude<WorkerRequest, { kind: 'unload' }>): Promise<WorkerReply> => {
    switch (request.kind) {
      case 'load':
        programs.set(request.id, await instantiate(request.program));
        return {};
      case 'run':
        return runProgram(programs.get(request.id)!);
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

/**
 * Runs this worker's share of every launch. Chunks are claimed one by one. After a failure anywhere the workers claim no
 * more launches but still meet after each, so that none waits for ever.
 */
function runProgram({ kernels, launches, scalars, scratch, threads, counters }: LoadedProgram): WorkerReply {
  let reply: WorkerReply = {};
  let running = '';
  const run = ({ kernel, name, buffers, words }: WorkerCall, chunk: number): void => {
    running = name;
    kernels[kernel]!(buffers, scalars, words, scratch, chunk);
  };
  for (const [l, launch] of launches.entries()) {
    if (Atomics.load(counters, FAILED) === 0) {
      const { chunks } = callsOf(launch)[0]!;
      try {
        const claim = (): number => Atomics.add(counters, claimedAt(l), 1);
        for (let chunk = claim(); chunk < chunks; chunk = claim()) runChunk(launch, chunk, run);
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

/** Returns when `threads` workers have come here: spins for a while, then sleeps. */
function meet(counters: Int32Array<SharedArrayBuffer>, position: number, threads: number): void {
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
