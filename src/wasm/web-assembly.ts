// The part of the WebAssembly JavaScript interface that ohmic uses. Node's type package leaves it to the DOM library,
// which this folder does not load; so the few names stand here.

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
