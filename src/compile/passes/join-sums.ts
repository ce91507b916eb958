// Pass after simplify: a sum of many terms to one value. The gradient of a tensor that is used in parts, as unrolled
// networks do, is a sum of padded gradients: it becomes a concatenation. The gradient of weights that are used at every
// step is a sum of products: Σ Aₜ Bₜ becomes [A₁ … A_T] [B₁; …; B_T], which adds in registers. Left out: stacks of
// matrices, products over a share of the rows.

import { type Graph, isOp, type Node, nodesOf, type OpName, reachable } from '../../graph/node.ts';
import { type Builder, createBuilder } from '../../graph/tensor.ts';
import { tuning } from '../tuning.ts';
import { rebuilt } from './simplify.ts';

type Pad = Extract<Node, { readonly op: 'pad' }>;
type Matmul = Extract<Node, { readonly op: 'matmul' }>;

/** An equivalent graph, up to rounding. Long sums are taken in another order, which depends on the graph alone. */
export function joinSums(graph: Graph): Graph {
  const nodes = nodesOf(graph);
  const uses = useCounts(graph, nodes);
  const inner = new Set(
    nodes.flatMap((node) => (node.op === 'add' ? node.inputs.filter((one) => isInner(one, uses)) : [])),
  );
  const builder = createBuilder();
  const parts = new Parts(builder);
  const isSum = (node: Node): boolean => node.op === 'add' && node.dtype === 'f32' && !inner.has(node);
  // Concatenations first, so that products find them.
  const concatenations = nodes.filter(
    (node) => node.op === 'concat' || (isSum(node) && termsOf(node, uses).some(({ op }) => op === 'pad')),
  );
  const order = reachable([...concatenations, ...nodes]);
  const rewrite = (node: Node, inputsOf: (earlier: Node) => Node): Node => {
    if (isSum(node)) {
      const sum = joinedSum(builder, parts, termsOf(node, uses), inputsOf, uses);
      if (sum !== undefined) return sum;
    }
    const made = remade(builder, node, node.inputs.map(inputsOf));
    parts.note(made);
    return made;
  };
  return rebuilt(graph, builder, rewrite, order);
}

/** How often each node is used, as an input or as a result. */
function useCounts({ outputs, updates }: Graph, nodes: readonly Node[]): Map<Node, number> {
  const uses = new Map<Node, number>();
  const all = [
    ...nodes.flatMap(({ inputs }) => inputs),
    ...Object.values(outputs),
    ...Object.values(updates),
  ];
  for (const node of all) uses.set(node, (uses.get(node) ?? 0) + 1);
  return uses;
}

/** True for a partial sum that nothing but a longer sum uses. */
function isInner(node: Node, uses: ReadonlyMap<Node, number>): boolean {
  return node.op === 'add' && node.dtype === 'f32' && uses.get(node) === 1;
}

/** The terms of a sum, from left to right. */
function termsOf(sum: Node, uses: ReadonlyMap<Node, number>): Node[] {
  const terms: Node[] = [];
  const pending = [...sum.inputs].reverse();
  while (pending.length > 0) {
    const next = pending.pop()!;
    if (isInner(next, uses)) pending.push(...[...next.inputs].reverse());
    else terms.push(next);
  }
  return terms;
}

/** The sum, with padded terms and products joined; undefined if there are none to join. */
function joinedSum(
  builder: Builder,
  parts: Parts,
  terms: readonly Node[],
  rewritten: (node: Node) => Node,
  uses: ReadonlyMap<Node, number>,
): Node | undefined {
  const own = terms.filter((term) => uses.get(term) === 1);
  const pads = sameAxis(own.filter((term): term is Pad => isOp(term, 'pad')));
  const products = worthwhile(own.filter((term): term is Matmul => isOp(term, 'matmul')));
  if (pads.length === 0 && products.length === 0) return undefined;
  const joined = new Set<Node>([...pads, ...products]);
  const values = terms.filter((term) => !joined.has(term)).map(rewritten);
  if (pads.length > 0) values.push(...concatenated(builder, parts, pads, rewritten));
  if (products.length > 0) values.push(product(builder, parts, products, rewritten));
  return values.reduce((sum, value) => builder.make('add', [sum, value], {}));
}

/** The axis along which alone a pad adds zeros; undefined if it adds none, or along several. */
function padAxis({ attributes: { before, after } }: Pad): number | undefined {
  const axes = before.flatMap((zeros, axis) => (zeros > 0 || after[axis]! > 0 ? [axis] : []));
  return axes.length === 1 ? axes[0] : undefined;
}

/** Those of the pads that pad the axis of the first one; none if these are fewer than two. */
function sameAxis(pads: readonly Pad[]): Pad[] {
  const axis = pads.map(padAxis).find((one) => one !== undefined);
  const chosen = pads.filter((pad) => axis !== undefined && padAxis(pad) === axis);
  return chosen.length > 1 ? chosen : [];
}

/** The sum of `pads` along one axis, as few concatenations: one, if none overlaps another. Gaps are zeros. */
function concatenated(
  builder: Builder,
  parts: Parts,
  pads: readonly Pad[],
  rewritten: (node: Node) => Node,
): Node[] {
  const axis = padAxis(pads[0]!)!;
  const size = pads[0]!.shape[axis]!;
  const pieces = new Map<string, { readonly start: number; readonly end: number; readonly value: Node }>();
  for (const { attributes, inputs } of pads) {
    const [start, end] = [attributes.before[axis]!, size - attributes.after[axis]!];
    const key = `${start} ${end}`;
    const earlier = pieces.get(key);
    const value = rewritten(inputs[0]!);
    pieces.set(key, {
      start,
      end,
      value: earlier === undefined ? value : builder.make('add', [earlier.value, value], {}),
    });
  }
  let waiting = [...pieces.values()].sort((a, b) => a.start - b.start || a.end - b.end);
  const results: Node[] = [];
  while (waiting.length > 0) {
    const row: Node[] = [];
    const overlapping: typeof waiting = [];
    let at = 0;
    const fill = (to: number): void => {
      if (to > at) row.push(zeros(builder, pads[0]!.shape.with(axis, to - at)));
    };
    for (const piece of waiting) {
      if (piece.start < at) {
        overlapping.push(piece);
        continue;
      }
      fill(piece.start);
      row.push(piece.value);
      at = piece.end;
    }
    fill(size);
    results.push(parts.joined(row, axis));
    waiting = overlapping;
  }
  return results;
}

function zeros(builder: Builder, shape: readonly number[]): Node {
  const scalar = builder.make('constant', [], { value: 0, dtype: 'f32' });
  const lifted = builder.make('reshape', [scalar], { shape: shape.map(() => 1) });
  return builder.make('broadcast', [lifted], { shape });
}

/**
 * The products that are worth joining: concatenated operands, of (m + n) k elements a term, are written and loaded,
 * where otherwise m n elements a term are added up.
 */
function worthwhile(products: readonly Matmul[]): Matmul[] {
  const chosen = products.filter(({ shape, inputs, attributes: { rows } }) => {
    const [m, n] = shape as [number, number];
    const k = inputs[0]!.shape.at(-1)!;
    return shape.length === 2 && rows[0] === 0 && rows[1] === k && (m + n) * k <= m * n;
  });
  return chosen.length >= tuning.fewestProducts ? chosen : [];
}

function product(
  builder: Builder,
  parts: Parts,
  products: readonly Matmul[],
  rewritten: (node: Node) => Node,
): Node {
  // The left operands, as matrices of k rows where they are transposed.
  const areTransposed = products.every(({ inputs: [left] }) => left!.op === 'transpose');
  const terms = products.map(({ inputs: [left, right] }) => ({
    left: rewritten(areTransposed ? left!.inputs[0]! : left!),
    right: rewritten(right!),
  }));
  const ordered = parts.inOrder(
    terms,
    ({ left }) => left,
    ({ right }) => right,
  );
  const right = parts.joined(
    ordered.map((term) => term.right),
    0,
  );
  const lefts = parts.joined(
    ordered.map((term) => term.left),
    areTransposed ? 0 : 1,
  );
  const left = areTransposed ? builder.make('transpose', [lefts], { permutation: [1, 0] }) : lefts;
  return builder.make('matmul', [left, right], { rows: [0, right.shape[0]!] });
}

/** Where values stand in concatenations that exist, so that none is made twice. */
class Parts {
  private readonly builder: Builder;
  private readonly places = new Map<Node, { readonly whole: Node<'concat'>; readonly position: number }[]>();

  constructor(builder: Builder) {
    this.builder = builder;
  }

  /** Remembers a concatenation. */
  note(node: Node): void {
    if (!isOp(node, 'concat')) return;
    for (const [position, part] of node.inputs.entries()) {
      const known = this.places.get(part) ?? [];
      if (!known.some(({ whole }) => whole === node)) known.push({ whole: node, position });
      this.places.set(part, known);
    }
  }

  /** The terms in the order in which one of their values stands in a concatenation, if one has them all. */
  inOrder<T>(terms: readonly T[], ...values: readonly ((term: T) => Node)[]): readonly T[] {
    for (const value of values) {
      for (const { whole } of this.places.get(value(terms[0]!)) ?? []) {
        const positions = new Map(terms.map((term) => [term, whole.inputs.indexOf(value(term))]));
        if ([...positions.values()].every((position) => position >= 0))
          return [...terms].sort((a, b) => positions.get(a)! - positions.get(b)!);
      }
    }
    return terms;
  }

  /** Values one behind the other along `axis`: part of a concatenation that exists, or a new one. */
  joined(values: readonly Node[], axis: number): Node {
    if (values.length === 1) return values[0]!;
    for (const { whole, position } of this.places.get(values[0]!) ?? []) {
      const run = whole.inputs.slice(position, position + values.length);
      if (whole.attributes.axis !== axis || run.length < values.length) continue;
      if (run.some((part, k) => part !== values[k])) continue;
      const before = lengthOf(whole.inputs.slice(0, position), axis);
      const start = whole.shape.map((_, k) => (k === axis ? before : 0));
      const end = whole.shape.map((size, k) => (k === axis ? before + lengthOf(run, axis) : size));
      return run.length === whole.inputs.length ? whole : this.builder.make('slice', [whole], { start, end });
    }
    const made = this.builder.make('concat', values, { axis });
    this.note(made);
    return made;
  }
}

function lengthOf(parts: readonly Node[], axis: number): number {
  return parts.reduce((sum, { shape }) => sum + shape[axis]!, 0);
}

function remade(builder: Builder, node: Node, inputs: readonly Node[]): Node {
  return (builder.make as (op: OpName, inputs: readonly Node[], attributes: unknown) => Node)(
    node.op,
    inputs,
    node.attributes,
  );
}
