// Drafts of kernels: a kernel while its body is written, and the memories that its call touches.

import type { Node } from '../graph/node.ts';
import { KernelBuilder } from '../kernel/builder.ts';
import { type Int, LANE, literal, plus, times } from '../kernel/int.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Surroundings } from './elementwise/emission.ts';
import { type Target, tuning } from './tuning.ts';

/** Memory that a plan places: a stored value, or a temporary of the lowering. */
export type Memory = {
  readonly label: string;
  readonly elements: number;
  /** It begins at element `offset` of another memory, which is no part itself. */
  readonly part?: { readonly of: Memory; readonly offset: number };
};

/**
 * Most additions in a row to one 32-bit sum. Longer sums are cut into stretches: a sum that has grown to 2¹⁷ times its
 * next term rounds every term the same way, and the errors add up.
 */
export const CHAIN = 1024;

/** What every lowering needs: the machine, and where values are. */
export type Context = Target & {
  readonly memoryOf: (node: Node) => Memory | undefined;
  readonly scalarSlot: (name: string) => number;
};

/** A kernel with its arguments, before memory is placed. */
export type DraftLaunch = {
  readonly kernel: Kernel;
  readonly memories: readonly Memory[];
  readonly pushConstants: readonly number[];
  /** The memories that it writes; it only loads from the others. */
  readonly writes: ReadonlySet<Memory>;
  /** Images of a chunk, if chunk c works on images c · `images` to (c + 1) · `images` − 1. */
  readonly images?: number;
};

/** Collects one kernel's arguments while its body is written. */
export type Draft = Surroundings & {
  /** Buffer slot of a memory that the kernel loads. */
  readonly input: (memory: Memory) => number;
  /** Buffer slot of a memory that the kernel writes. */
  readonly output: (memory: Memory) => number;
  /** `images` as in `DraftLaunch`. */
  readonly finish: (name: string, chunks: number, images?: number) => DraftLaunch;
};

/** An empty draft. */
export function createDraft(context: Context): Draft {
  const builder = new KernelBuilder(context.lanes);
  const memories: Memory[] = [];
  const writes = new Set<Memory>();
  const pushConstants: number[] = [];
  const input = (memory: Memory): number => {
    const known = memories.indexOf(memory);
    return known >= 0 ? known : memories.push(memory) - 1;
  };
  return {
    builder,
    input,
    output: (memory) => {
      writes.add(memory);
      return input(memory);
    },
    slotOf: (node) => {
      const memory = context.memoryOf(node);
      return memory === undefined ? undefined : input(memory);
    },
    scalarSlot: context.scalarSlot,
    pushConstantPosition: (value) => {
      const known = pushConstants.indexOf(value);
      return known >= 0 ? known : pushConstants.push(value) - 1;
    },
    finish: (name, chunks, images) => ({
      kernel: builder.finish({
        name,
        buffers: memories.length,
        pushConstants: pushConstants.length,
        chunks,
      }),
      memories,
      pushConstants,
      writes,
      ...(images !== undefined && { images }),
    }),
  };
}

/** The lane number, for vectors of which `count` lanes are used. */
export function lane(count: number): Int {
  return {
    constant: 0,
    terms: [{ atom: { kind: 'variable', name: LANE, max: Math.max(0, count - 1) }, coefficient: 1 }],
  };
}

/** The variable `chunk` of a kernel with so many chunks. */
export function chunkIndex(chunks: number): Int {
  return chunks === 1
    ? literal(0)
    : {
        constant: 0,
        terms: [{ atom: { kind: 'variable', name: 'chunk', max: chunks - 1 }, coefficient: 1 }],
      };
}

/**
 * Visits a row of `size` elements vector by vector: `body` gets the index of the elements (with the variable `lane`)
 * and the number of lanes in use. Rows of up to `unrolled` vectors are unrolled, so that values that depend on the position
 * alone move out of outer loops.
 */
export function eachVector(
  b: KernelBuilder,
  size: number,
  body: (index: Int, count: number) => void,
  unrolled: number = tuning.unrolledVectors,
): void {
  const whole = Math.floor(size / b.lanes);
  const rest = size - whole * b.lanes;
  const full = (v: Int): void => body(plus(times(v, b.lanes), lane(b.lanes)), b.lanes);
  if (whole <= unrolled) for (let v = 0; v < whole; v++) full(literal(v));
  else b.loop(whole, full, 'v');
  if (rest > 0) body(plus(literal(whole * b.lanes), lane(rest)), rest);
}

/**
 * Visits `count` items in stretches of `length`; the last has the remainder. `body` gets the first item of a stretch
 * and the number of items.
 */
export function eachStretch(
  b: KernelBuilder,
  count: number,
  length: number,
  body: (first: Int, items: number) => void,
): void {
  const whole = Math.floor(count / length);
  b.loop(whole, (s) => body(times(s, length), length), 's');
  if (count > whole * length) body(literal(whole * length), count - whole * length);
}

/**
 * Shares `count` items among chunks of `perChunk`. `body` gets the first item of a chunk and the number of items, which
 * is a constant: a smaller last chunk has code of its own.
 *
 * @returns the number of chunks
 */
export function shareItems(
  b: KernelBuilder,
  count: number,
  perChunk: number,
  body: (first: Int, items: number) => void,
): number {
  const chunks = Math.ceil(count / perChunk);
  const rest = count - (chunks - 1) * perChunk;
  const chunk = chunkIndex(chunks);
  const first = times(chunk, perChunk);
  if (rest === perChunk) {
    body(first, perChunk);
  } else if (chunks === 1) {
    body(literal(0), rest);
  } else {
    b.guard(chunk, chunks - 1, () => body(first, perChunk));
    b.guard(plus(literal(chunks - 1), times(chunk, -1)), 1, () =>
      body(literal((chunks - 1) * perChunk), rest),
    );
  }
  return chunks;
}
