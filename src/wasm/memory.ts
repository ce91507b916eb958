// The one memory that all workers share: a first-fit allocator with 64-byte alignment over a WebAssembly.Memory that
// grows on demand, up to 4 GiB.

import { UsageError } from '../base/errors.ts';
import { PADDING_ELEMENTS } from '../compile/backend.ts';
import { MAXIMUM_PAGES } from './module.ts';
import { type WasmMemory, webAssembly } from './web-assembly.ts';

/** Bytes at an address of the memory, padding included. */
export type Block = { readonly address: number; readonly bytes: number };

const ALIGNMENT = 64;
const PAGE_BYTES = 65_536;
const ELEMENT_BYTES = 4;
/** Memory grows by half at least, so that it grows seldom. */
const GROWTH = 1.5;

/** Owns the shared memory. A new block is zeroed. */
export class SharedHeap {
  readonly memory: WasmMemory;
  /** Gaps, by address; never adjacent. */
  private gaps: readonly Block[] = [];
  /** First address behind all blocks, and behind every address ever used. */
  private end: number = ALIGNMENT;
  private used: number = ALIGNMENT;

  constructor() {
    this.memory = new webAssembly.Memory({ initial: 1, maximum: MAXIMUM_PAGES, shared: true });
  }

  /** Room for `elements` of 32 bits, and padding behind them. */
  allocate(elements: number): Block {
    const bytes = Math.ceil(((elements + PADDING_ELEMENTS) * ELEMENT_BYTES) / ALIGNMENT) * ALIGNMENT;
    const gap = this.gaps.find((candidate) => candidate.bytes >= bytes);
    const address = gap?.address ?? this.end;
    if (gap === undefined) {
      this.reach(address + bytes, elements);
      this.end = address + bytes;
    } else {
      const rest = { address: address + bytes, bytes: gap.bytes - bytes };
      this.gaps = this.gaps.flatMap((other) => (other !== gap ? [other] : rest.bytes > 0 ? [rest] : []));
    }
    const dirty = Math.min(bytes, Math.max(0, this.used - address));
    new Uint8Array(this.memory.buffer, address, dirty).fill(0);
    this.used = Math.max(this.used, address + bytes);
    return { address, bytes };
  }

  /** Blocks of several sizes; all or none. */
  allocateAll(sizes: readonly number[]): readonly Block[] {
    const blocks: Block[] = [];
    try {
      for (const elements of sizes) blocks.push(this.allocate(elements));
    } catch (error) {
      for (const block of blocks) this.free(block);
      throw error;
    }
    return blocks;
  }

  /** Takes a block back; the caller no longer touches it. */
  free(block: Block): void {
    const merged: Block[] = [];
    for (const gap of [...this.gaps, block].sort((a, b) => a.address - b.address)) {
      const last = merged.at(-1);
      if (last !== undefined && last.address + last.bytes === gap.address) {
        merged[merged.length - 1] = { address: last.address, bytes: last.bytes + gap.bytes };
      } else {
        merged.push(gap);
      }
    }
    const last = merged.at(-1);
    if (last !== undefined && last.address + last.bytes === this.end) {
      this.end = last.address;
      merged.pop();
    }
    this.gaps = merged;
  }

  /** A view of a block's first elements as it is now; views do not outlive a growth. */
  words(block: Block, elements: number): Uint32Array<SharedArrayBuffer> {
    return new Uint32Array(this.memory.buffer, block.address, elements);
  }

  private reach(end: number, elements: number): void {
    const pages = this.memory.buffer.byteLength / PAGE_BYTES;
    const needed = Math.ceil(end / PAGE_BYTES);
    if (needed <= pages) return;
    if (needed > MAXIMUM_PAGES) throw exhausted(elements, this.end);
    const comfortable = Math.min(MAXIMUM_PAGES, Math.max(needed, Math.ceil(pages * GROWTH)));
    if (!this.grow(comfortable - pages) && !this.grow(needed - pages)) throw exhausted(elements, this.end);
  }

  private grow(pages: number): boolean {
    try {
      this.memory.grow(pages);
      return true;
    } catch {
      return false;
    }
  }
}

function exhausted(elements: number, end: number): UsageError {
  const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
  return new UsageError(
    `wasm memory: ${elements} elements (${mebibytes(elements * ELEMENT_BYTES)} MiB) do not fit, ` +
      `${mebibytes(end)} of at most 4096 MiB are taken; use smaller batches or the native backend`,
  );
}
