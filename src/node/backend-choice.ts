// Names of the backends, apart from the engine that they make: flags and schemas need no more.

/** Where kernels run; `auto` takes native and, without a C compiler, wasm. */
export type BackendChoice = 'auto' | 'native' | 'wasm';

/** All choices, for messages and flags. */
export const BACKEND_CHOICES: readonly BackendChoice[] = ['auto', 'native', 'wasm'];
