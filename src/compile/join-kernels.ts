// Two kernels as one, chunk by chunk: what the first has loaded, the second finds in a near cache.

import { type Int, plus, substitute, times, variable } from './int.ts';
import { type Kernel, SCRATCH, type Statement } from './loop.ts';

/** The second kernel of a joint one. */
export type Follower = {
  readonly kernel: Kernel;
  /** Buffer slot of the joint kernel for each of its own. */
  readonly slots: readonly number[];
  /** Its chunks that follow each chunk of the first kernel. */
  readonly repeats: number;
};

/** Name of the variable that counts them. */
const REPEAT = 'repeat';

/** A kernel whose chunk c is chunk c of `first`, then chunks c · repeats … (c + 1) · repeats − 1 of the follower. */
export function joinKernels(first: Kernel, { kernel: second, slots, repeats }: Follower): Kernel {
  const chunk = plus(times(variable('chunk', first.chunks), repeats), variable(REPEAT, repeats));
  const index = (x: Int): Int => substitute(x, 'chunk', chunk);
  const renaming: Renaming = {
    index,
    local: (local) => local + first.types.length,
    slot: (slot) => (slot === SCRATCH ? SCRATCH : slots[slot]!),
    word: (position) => position + first.words,
    constant: (position) => position + first.constants.length,
  };
  const body = second.body.map((statement) => renamed(statement, renaming));
  return {
    name: `${first.name}_${second.name}`,
    lanes: first.lanes,
    buffers: Math.max(first.buffers, ...slots.map((slot) => slot + 1)),
    words: first.words + second.words,
    constants: [...first.constants, ...second.constants],
    scratch: Math.max(first.scratch, second.scratch),
    chunks: first.chunks,
    types: [...first.types, ...second.types],
    body: [...first.body, { kind: 'for', variable: REPEAT, count: repeats, body }],
  };
}

/** What the names within a statement become. */
type Renaming = {
  readonly index: (x: Int) => Int;
  readonly local: (local: number) => number;
  readonly slot: (slot: number) => number;
  readonly word: (position: number) => number;
  readonly constant: (position: number) => number;
};

function renamed(s: Statement, by: Renaming): Statement {
  const { index, local, slot } = by;
  const bodyOf = (body: readonly Statement[]): Statement[] => body.map((statement) => renamed(statement, by));
  switch (s.kind) {
    case 'operation':
      return { ...s, target: local(s.target), operands: s.operands.map(local) };
    case 'shift':
    case 'fold':
      return { ...s, target: local(s.target), operand: local(s.operand) };
    case 'lookup':
      return {
        ...s,
        target: local(s.target),
        operand: local(s.operand),
        position: by.constant(s.position),
      };
    case 'literal':
    case 'scalar':
      return { ...s, target: local(s.target) };
    case 'word':
      return { ...s, target: local(s.target), position: by.word(s.position) };
    case 'index':
      return { ...s, target: local(s.target), index: index(s.index) };
    case 'load':
      return { ...s, target: local(s.target), buffer: slot(s.buffer), index: index(s.index) };
    case 'store':
      return { ...s, value: local(s.value), buffer: slot(s.buffer), index: index(s.index) };
    case 'prefetch':
      return { ...s, buffer: slot(s.buffer), index: index(s.index) };
    case 'accumulator':
      return { ...s, target: local(s.target), initial: local(s.initial) };
    case 'assign':
      return { ...s, accumulator: local(s.accumulator), value: local(s.value) };
    case 'multiplyAdd':
      return { ...s, accumulator: local(s.accumulator), a: local(s.a), b: local(s.b) };
    case 'for':
      return { ...s, body: bodyOf(s.body) };
    case 'if':
      return { ...s, index: index(s.index), body: bodyOf(s.body) };
  }
}
