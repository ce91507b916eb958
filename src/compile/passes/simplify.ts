// First pass of the compiler: graph to smaller graph. It drops custom gradients and `detach`, which only
// differentiation needs, folds constants, and removes neutral elements and repeated views. The builder makes equal
// nodes one.

import { elementCount, sameShape } from '../../base/shape.ts';
import { type Attributes, type Graph, isOp, type Node, nodesOf, type OpName } from '../../graph/node.ts';
import { type Builder, createBuilder } from '../../graph/tensor.ts';

/** An equivalent graph without custom, detach and neutral nodes. */
export function simplify(graph: Graph): Graph {
  const builder = createBuilder();
  return rebuilt(graph, builder, (node, rewritten) => rewrite(builder, node, node.inputs.map(rewritten)));
}

/**
 * The graph with every node rewritten, inputs before users, in the order of the graph unless another is given. `rewrite` gets what earlier nodes became. Inputs that
 * nothing needs are dropped.
 */
export function rebuilt(
  graph: Graph,
  builder: Builder,
  rewrite: (node: Node, rewritten: (earlier: Node) => Node) => Node,
  order: readonly Node[] = nodesOf(graph),
): Graph {
  const results = new Map<Node, Node>();
  const rewritten = (node: Node): Node => results.get(node)!;
  for (const node of order) results.set(node, rewrite(node, rewritten));
  const remap = (nodes: Readonly<Record<string, Node>>): Record<string, Node> =>
    Object.fromEntries(Object.entries(nodes).map(([name, node]) => [name, rewritten(node)]));
  const outputs = remap(graph.outputs);
  const updates = remap(graph.updates);
  const used = new Set(nodesOf({ outputs, updates }));
  const inputs = graph.inputs.map((input) => builder.make('input', [], input.attributes) as Node<'input'>);
  return {
    inputs: inputs.filter((input) => used.has(input) || input.attributes.name in updates),
    outputs,
    updates,
  };
}

/** The constant that all elements of `node` have; undefined if they are not known to be constant. */
export function constantValue(node: Node): number | undefined {
  if (isOp(node, 'constant')) return node.attributes.value;
  if (node.op === 'broadcast' || node.op === 'reshape') return constantValue(node.inputs[0]!);
  return undefined;
}

function rewrite(builder: Builder, node: Node, inputs: readonly Node[]): Node {
  const [a, b] = inputs;
  const remake = (): Node =>
    (builder.make as (op: OpName, inputs: readonly Node[], attributes: Attributes[OpName]) => Node)(
      node.op,
      inputs,
      node.attributes,
    );
  const valueA = a === undefined ? undefined : constantValue(a);
  const valueB = b === undefined ? undefined : constantValue(b);
  switch (node.op) {
    case 'custom':
    case 'detach':
      return a!;
    case 'reshape':
      return reshaped(builder, a!.op === 'reshape' ? a!.inputs[0]! : a!, node);
    case 'transpose':
      return transposed(builder, a!, node.attributes.permutation);
    case 'broadcast':
      return sameShape(a!.shape, node.shape) ? a! : remake();
    case 'sum':
    case 'reduceMax':
      return sameShape(a!.shape, node.shape) ? a! : remake();
    case 'negate':
      return a!.op === 'negate' ? a!.inputs[0]! : remake();
    case 'add':
      if (valueB === 0) return a!;
      if (valueA === 0) return b!;
      return folded(builder, node, valueA, valueB, (x, y) => x + y) ?? remake();
    case 'subtract':
      if (valueB === 0) return a!;
      return folded(builder, node, valueA, valueB, (x, y) => x - y) ?? remake();
    case 'multiply':
      if (valueB === 1) return a!;
      if (valueA === 1) return b!;
      return folded(builder, node, valueA, valueB, (x, y) => x * y) ?? remake();
    case 'divide':
      return valueB === 1 ? a! : remake();
    default:
      return remake();
  }
}

function reshaped(builder: Builder, from: Node, node: Node<'reshape'>): Node {
  return sameShape(from.shape, node.shape) ? from : builder.make('reshape', [from], node.attributes);
}

/** Axis k of the result is axis `permutation[k]` of `from`. */
function transposed(builder: Builder, from: Node, permutation: readonly number[]): Node {
  if (permutation.every((axis, k) => axis === k)) return from;
  if (!isOp(from, 'transpose')) return builder.make('transpose', [from], { permutation });
  const inner = from.attributes.permutation;
  return transposed(
    builder,
    from.inputs[0]!,
    permutation.map((axis) => inner[axis]!),
  );
}

/** A constant in place of an f32 operation on two constants. */
function folded(
  builder: Builder,
  node: Node,
  a: number | undefined,
  b: number | undefined,
  operation: (a: number, b: number) => number,
): Node | undefined {
  if (a === undefined || b === undefined || node.dtype !== 'f32') return undefined;
  const scalar = builder.make('constant', [], { value: operation(a, b), dtype: 'f32' });
  if (node.shape.length === 0) return scalar;
  const ones = node.shape.map(() => 1);
  const lifted = builder.make('reshape', [scalar], { shape: ones });
  return elementCount(node.shape) === 1 ? lifted : builder.make('broadcast', [lifted], { shape: node.shape });
}
