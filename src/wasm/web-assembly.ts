// The part of the WebAssembly JavaScript interface that ohmic uses. Node's type package leaves it to the DOM library,
// which this folder does not load; so the few names stand here, and the question whether the host has them.

import { messageOf, UsageError } from '../base/errors.ts';

/** A compiled module; can be posted to workers. */
export type WasmModule = { readonly [Symbol.toStringTag]: 'WebAssembly.Module' };

/** Linear memory. Only if it is shared can it be posted to workers. */
export type WasmMemory = {
  readonly buffer: ArrayBufferLike;
  /** Grows by 64 KiB pages; throws a RangeError if it cannot. Memory that is not shared detaches its old buffer. */
  readonly grow: (pages: number) => number;
};

/** A module bound to its memory. */
export type WasmInstance = { readonly exports: Readonly<Record<string, unknown>> };

type WasmInterface = {
  readonly Memory: new (limits: {
    readonly initial: number;
    readonly maximum: number;
    readonly shared: boolean;
  }) => WasmMemory;
  readonly compile: (bytes: Uint8Array) => Promise<WasmModule>;
  readonly instantiate: (
    module: WasmModule,
    imports: { readonly env: { readonly memory: WasmMemory } },
  ) => Promise<WasmInstance>;
  readonly validate: (bytes: Uint8Array) => boolean;
};

/** The host's WebAssembly. */
export const webAssembly: WasmInterface = (globalThis as unknown as { readonly WebAssembly: WasmInterface })
  .WebAssembly;

/** A module with one function that splats a 128-bit vector: the least that asks for SIMD. */
const simdProbe: Uint8Array = Uint8Array.from([
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  // Types: () → v128; functions: one of that type.
  ...[0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b, 0x03, 0x02, 0x01, 0x00],
  // Code: i32.const 0, i8x16.splat, end.
  ...[0x0a, 0x08, 0x01, 0x06, 0x00, 0x41, 0x00, 0xfd, 0x0f, 0x0b],
]);

/**
 * Asks the host to compile a vector instruction.
 *
 * @param what who asks, for the error
 * @throws UsageError if it has no WebAssembly, none with SIMD, or forbids compiling
 */
export async function checkWebAssembly(what: string): Promise<void> {
  try {
    await webAssembly.compile(simdProbe);
  } catch (thrown) {
    const reason = webAssembly === undefined ? 'there is none' : messageOf(thrown);
    throw new UsageError(
      `${what}: expected WebAssembly with SIMD, got: ${reason}; ` +
        "use a browser of 2023 or later, and allow 'wasm-unsafe-eval' if the page has a content security policy",
    );
  }
}
