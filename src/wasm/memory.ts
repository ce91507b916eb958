// The one memory in which all programs of a backend live, shared with its workers if it has any: a first-fit allocator
// with 64-byte alignment over a WebAssembly.Memory that grows on demand, up to 4 GiB or what the system grants.

import { messageOf, UsageError } from '../base/errors.ts';
import { PADDING_ELEMENTS } from '../compile/backend.ts';
import { MAXIMUM_PAGES } from './module.ts';
import { type WasmMemory, webAssembly } from './web-assembly.ts';

/** Bytes at an address of the memory, padding included. */
export type Block = { readonly address: number; readonly bytes: number };

const ALIGNMENT = 64;
const PAGE_BYTES = 65_536;
/** Below 256 MiB nothing is worth starting. */
const SMALLEST_MAXIMUM = 4096;
const ELEMENT_BYTES = 4;
/** Memory grows by half at least, so that it grows seldom. */
const GROWTH = 1.5;

/** Owns the memory. A new block is zeroed. */
export class SharedHeap {
  readonly memory: WasmMemory;
  private readonly maximumPages: number;
  /** Gaps, by address; never adjacent. */
  private gaps: readonly Block[] = [];
  /** First address behind all blocks, and behind every address ever used. */
  private end: number = ALIGNMENT;
  private used: number = ALIGNMENT;

  /**
   * @param isShared whether workers use the memory too; needs SharedArrayBuffer
   * @throws UsageError if the system grants no address space
   */
  constructor({ isShared = true }: { readonly isShared?: boolean } = {}) {
    const { memory, pages } = reserve(isShared);
    this.memory = memory;
    this.maximumPages = pages;
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
  words(block: Block, elements: number): Uint32Array {
    return new Uint32Array(this.memory.buffer, block.address, elements);
  }

  private reach(end: number, elements: number): void {
    const pages = this.memory.buffer.byteLength / PAGE_BYTES;
    const needed = Math.ceil(end / PAGE_BYTES);
    if (needed <= pages) return;
    const most = this.maximumPages;
    if (needed > most) throw exhausted(elements, this.end, most);
    const comfortable = Math.min(most, Math.max(needed, Math.ceil(pages * GROWTH)));
    if (!this.grow(comfortable - pages) && !this.grow(needed - pages))
      throw exhausted(elements, this.end, most);
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

/** Memory with the largest maximum that the system grants: phones refuse to set 4 GiB of addresses aside. */
function reserve(isShared: boolean): { readonly memory: WasmMemory; readonly pages: number } {
  let refusal: unknown;
  for (let pages = MAXIMUM_PAGES; pages >= SMALLEST_MAXIMUM; pages /= 2) {
    try {
      return { memory: new webAssembly.Memory({ initial: 1, maximum: pages, shared: isShared }), pages };
    } catch (thrown) {
      refusal = thrown;
    }
  }
  throw new UsageError(
    `wasm memory: expected room for at least ${(SMALLEST_MAXIMUM * PAGE_BYTES) / 2 ** 20} MiB, ` +
      `the system grants none (${messageOf(refusal)}); close other programs or pages`,
  );
}

function exhausted(elements: number, end: number, maximumPages: number): UsageError {
  const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
  return new UsageError(
    `wasm memory: ${elements} elements (${mebibytes(elements * ELEMENT_BYTES)} MiB) do not fit, ` +
      `${mebibytes(end)} of at most ${mebibytes(maximumPages * PAGE_BYTES)} MiB are taken; ` +
      'use smaller batches or the native backend',
  );
}
