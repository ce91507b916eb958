// Picks the backend on Node: native where a C compiler works, WebAssembly elsewhere. Sits here and not in engine.ts
// because that file also runs in browsers.

import { availableParallelism } from 'node:os';
import { assertNever, messageOf, UsageError } from '../base/errors.ts';
import type { Backend } from '../compile/backend.ts';
import { checkThreads, MOST_THREADS } from '../compile/backend-checks.ts';
import { type ChosenEngine, engineOn } from '../engine.ts';
import { findCompiler } from '../native/compiler.ts';
import { platform } from '../native/platforms.ts';
import { createWasmBackend } from '../wasm/backend.ts';
import type { BackendChoice } from './backend-choice.ts';
import { startNodeWorker } from './workers.ts';

/** What `createEngine` is asked for. */
export type EngineOptions = { readonly backend?: BackendChoice; readonly threads?: number };

/**
 * An engine on the backend of choice. The compiler is the variable CC, else `cc`. Under `auto`, a missing `cc` means
 * wasm with a notice; a CC that does not work is an error, because somebody asked for it.
 *
 * @param options.threads worker threads, at least 1; by default one a processor
 * @throws UsageError if the compiler that was asked for does not work, or `threads` is no whole number from 1
 */
export async function createEngine({
  backend = 'auto',
  threads = Math.min(availableParallelism(), MOST_THREADS),
}: EngineOptions = {}): Promise<ChosenEngine> {
  checkThreads('createEngine', threads);
  switch (backend) {
    case 'wasm':
      return { engine: engineOn(await wasmBackend(threads)) };
    case 'native':
      return { engine: engineOn(await nativeBackend(threads)) };
    case 'auto': {
      if (process.env['CC']) return { engine: engineOn(await nativeBackend(threads)) };
      try {
        return { engine: engineOn(await nativeBackend(threads)) };
      } catch (thrown) {
        if (!(thrown instanceof UsageError)) throw thrown;
        const [reason] = messageOf(thrown).split('\n');
        const notice = `using WebAssembly, which is slower than native code (${reason})`;
        return { engine: engineOn(await wasmBackend(threads)), notice };
      }
    }
    default:
      return assertNever(backend);
  }
}

function wasmBackend(threads: number): Promise<Backend> {
  return createWasmBackend({ threads, startWorker: startNodeWorker });
}

async function nativeBackend(threads: number): Promise<Backend> {
  const compiler = findCompiler();
  if (compiler === undefined) {
    const asked = process.env['CC'];
    throw new UsageError(
      !asked
        ? `native backend: expected a C compiler on PATH (${platform.compilers.join(', ')}), found none that works; install gcc or clang, set CC, or use --backend wasm`
        : `native backend: expected a C compiler in CC, but "${asked}" does not work; set CC to another, unset it, or use --backend wasm`,
    );
  }
  // Loaded only when needed: the library that calls C has no build for some systems.
  const { createNativeBackend } = await import('../native/backend.ts').catch((thrown: unknown) => {
    throw new UsageError(
      `native backend: koffi, which calls the kernels, can't be loaded on this system (${messageOf(thrown)}); use --backend wasm`,
    );
  });
  return createNativeBackend(compiler, threads);
}
