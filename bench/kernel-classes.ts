// What the kernels of a plan have to do, by class: useful operations of the products, bytes that the others touch.
// Both are counted from the graph and the plan, so they do not depend on how a kernel is written.

import { elementCount } from '../src/base/shape.ts';
import { callsOf, type Plan } from '../src/compile/backend.ts';
import { simplify } from '../src/compile/passes/simplify.ts';
import { type Graph, type Node, nodesOf, type OpName } from '../src/graph/node.ts';
import { type Int, range } from '../src/kernel/int.ts';
import { type Kernel, SCRATCH, type Statement } from '../src/kernel/kernel.ts';

/** A class of kernels: those whose names begin alike, and the products that they compute, if any. */
type KernelClass = {
  readonly name: string;
  readonly prefixes: readonly string[];
  readonly ops?: readonly OpName[];
};

/** The first class that fits a name counts. Filters repacked or transformed for a product are in the rest. */
const CLASSES: readonly KernelClass[] = [
  // One class, for a launch may compute both.
  {
    name: 'gradients',
    prefixes: ['convolutionInputGradient', 'weightGradient'],
    ops: ['convolutionInputGradient', 'convolutionWeightGradient'],
  },
  { name: 'convolution', prefixes: ['convolution'], ops: ['convolution'] },
  { name: 'matrix product', prefixes: ['matmul'], ops: ['matmul'] },
  { name: 'maps', prefixes: ['map'] },
  { name: 'reductions', prefixes: ['reduce', 'combine'] },
  { name: 'rest', prefixes: [''] },
];

/** What one class has to do in one run of a plan. */
export type ClassWork = {
  readonly name: string;
  /** Positions of its launches in the plan. */
  readonly launches: readonly number[];
  /** Operations, 2 a multiply-add, for a product; bytes for everything else. */
  readonly work: { readonly kind: 'operations' | 'bytes'; readonly amount: number };
};

/** How a class did: medians over rounds. */
export type ClassShare = {
  readonly name: string;
  readonly launches: number;
  readonly milliseconds: number;
  /** Of the time of all launches. */
  readonly shareOfStep: number;
  readonly work: ClassWork['work'];
  /** Operations over the peak, or bytes over the bandwidth, of the same round. */
  readonly shareOfRoofline: number;
};

/** The work of each class that occurs in a plan of `graph`. */
export function classWork(graph: Graph, plan: Plan): ClassWork[] {
  const nodes = nodesOf(simplify(graph));
  const bytes = plan.kernels.map(bytesTouched);
  const classOf = plan.kernels.map(
    ({ name }) => CLASSES.find(({ prefixes }) => prefixes.some((prefix) => name.startsWith(prefix)))!,
  );
  return CLASSES.flatMap((kind): ClassWork[] => {
    const launches = [...plan.launches.keys()].filter(
      (l) => classOf[callsOf(plan.launches[l]!)[0]!.kernel] === kind,
    );
    if (launches.length === 0) return [];
    const { ops } = kind;
    if (ops === undefined) {
      const amount = launches
        .flatMap((l) => callsOf(plan.launches[l]!))
        .reduce((sum, { kernel }) => sum + bytes[kernel]!, 0);
      return [{ name: kind.name, launches, work: { kind: 'bytes', amount } }];
    }
    const amount = nodes.reduce(
      (sum, node) => sum + (ops.includes(node.op) ? productOperations(node) : 0),
      0,
    );
    return [{ name: kind.name, launches, work: { kind: 'operations', amount } }];
  });
}

/** Useful operations of all products of a graph. */
export function usefulOperations(graph: Graph): number {
  return nodesOf(simplify(graph)).reduce((sum, node) => sum + productOperations(node), 0);
}

/**
 * Operations of a product computed directly: 2 n·oh·ow · kh·kw·c · m for a convolution and for either of its
 * gradients, 2 m·k·n for matrices; 0 for other nodes. With `rows`, over these rows only. Multiplications with padding
 * count; an algorithm that needs fewer multiplications can therefore do more than the machine's peak.
 */
function productOperations(node: Node): number {
  switch (node.op) {
    case 'matmul':
    case 'convolution': {
      const [from, to] = node.attributes.rows;
      return 2 * elementCount(node.shape) * (to - from);
    }
    case 'convolutionInputGradient': {
      const [gradient, filter] = node.inputs as [Node, Node];
      return 2 * pixelCount(gradient) * elementCount(filter.shape);
    }
    case 'convolutionWeightGradient':
      return 2 * pixelCount(node.inputs[1]!) * elementCount(node.attributes.filterShape);
    default:
      return 0;
  }
}

/** n · h · w of images (n, h, w, c). */
function pixelCount({ shape }: Node): number {
  return elementCount(shape.slice(0, -1));
}

/**
 * Bytes that one launch of a kernel moves if nothing is in a cache: for each buffer, the stretch between the first and
 * the last element that it loads, once, and likewise what it stores. A vector that runs over the end counts whole when
 * loaded. Scratch memory is not counted.
 */
export function bytesTouched(kernel: Kernel): number {
  const stretches = new Map<string, readonly [number, number]>();
  const touch = (access: string, [low, high]: readonly [number, number]): void => {
    const [first, last] = stretches.get(access) ?? [low, high];
    stretches.set(access, [Math.min(first, low), Math.max(last, high)]);
  };
  const visit = (statements: readonly Statement[], guards: Guards): void => {
    for (const statement of statements) {
      if (statement.kind === 'for' || statement.kind === 'ifAny') visit(statement.body, guards);
      if (statement.kind === 'if') visit(statement.body, guarded(guards, statement.index, statement.below));
      if (statement.kind !== 'load' && statement.kind !== 'store') continue;
      if (statement.buffer === SCRATCH) continue;
      const count = statement.kind === 'store' ? statement.count : kernel.lanes;
      const [low, high] = guardedRange(statement.index, guards);
      touch(`${statement.kind} ${statement.buffer}`, [
        low,
        statement.mode === 'vector' ? high + count - 1 : high,
      ]);
    }
  };
  visit(kernel.body, new Map());
  return [...stretches.values()].reduce((sum, [first, last]) => sum + 4 * (last - first + 1), 0);
}

/** Greatest values of variables inside the conditions around a statement. */
type Guards = ReadonlyMap<string, number>;

/** Conditions on a single variable narrow it; others are left out. */
function guarded(guards: Guards, { constant, terms }: Int, below: number): Guards {
  const [term] = terms;
  if (term?.atom.kind !== 'variable' || term.coefficient !== 1 || terms.length > 1) return guards;
  return new Map(guards).set(term.atom.name, below - 1 - constant);
}

/** The least and the greatest value of an index, inside conditions. */
function guardedRange(x: Int, guards: Guards): readonly [number, number] {
  const terms = x.terms.map(({ atom, coefficient }) => {
    const limit = atom.kind === 'variable' ? guards.get(atom.name) : undefined;
    return { atom: limit === undefined ? atom : { ...atom, max: Math.min(atom.max, limit) }, coefficient };
  });
  return range({ constant: x.constant, terms });
}
