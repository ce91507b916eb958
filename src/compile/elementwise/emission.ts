// What the emission of an expression works with: the kernel that it is emitted into, and the loops that it stands in.

import type { Node } from '../../graph/node.ts';
import type { KernelBuilder } from '../../kernel/builder.ts';
import type { Int } from '../../kernel/int.ts';
import type { Local } from '../../kernel/kernel.ts';

/** The kernel that an expression is emitted into. */
export type Surroundings = {
  readonly builder: KernelBuilder;
  /** Buffer slot of a value in memory; undefined if the expression computes the value. */
  readonly slotOf: (node: Node) => number | undefined;
  readonly scalarSlot: (name: string) => number;
  /** Position of a push constant with this value. */
  readonly pushConstantPosition: (value: number) => number;
};

/** A recurrence whose body is being emitted: its variable, and its states at the beginning of the iteration. */
export type OpenLoop = { readonly iteration: Int; readonly states: readonly Local[] };

/** Surroundings, and what an emitter knows of the place that it emits to. */
export type Place = Surroundings & {
  /** Recurrences around this place, by the number of their loop. */
  readonly loops: Map<number, OpenLoop>;
  /** Emits what stands in a block of its own: values that are met in it are not taken to be known after it. */
  readonly scoped: <T>(body: () => T) => T;
};

/** Emits the value of a node at an index. */
export type Emit = (node: Node, index: readonly Int[]) => Local;
