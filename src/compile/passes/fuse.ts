// Second pass: decides which values exist in memory and which their users' kernels recompute. Products and reductions
// are kernels of their own; elementwise work and views are fused into the loads of the next kernel (its prologue) or
// the stores of the product before them (its epilogue).

import { elementCount, sameShape } from '../../base/shape.ts';
import { isInBody } from '../../graph/loops.ts';
import { type Graph, isOp, type Node, nodesOf, type OpName, reachable } from '../../graph/node.ts';
import { concatOffsets, sliceOffset } from '../parts.ts';
import { tuning } from '../tuning.ts';
import { constantValue } from './simplify.ts';

/** Nodes that are lowered together, to one kernel or a few, and the values that these store. */
export type Group =
  | { readonly kind: 'map'; readonly results: readonly [Node, ...Node[]] }
  | { readonly kind: 'reduce'; readonly results: readonly [Node, ...Node[]] }
  /** Assembled in memory: zeros with the padded tensor inside, or one part after the other. */
  | { readonly kind: 'placed'; readonly results: readonly [Node] }
  /**
   * `product`, continued by elementwise work up to the first result; the others are sums over its images and pixels.
   */
  | { readonly kind: 'product'; readonly product: Node; readonly results: readonly [Node, ...Node[]] };

/** Groups in an order that respects their dependencies, and the values that live in memory. */
export type Fusion = {
  readonly groups: readonly Group[];
  readonly stored: ReadonlySet<Node>;
  /** Position of the last group that loads a value. */
  readonly lastLoads: ReadonlyMap<Node, number>;
};

const PRODUCTS: ReadonlySet<OpName> = new Set([
  'matmul',
  'convolution',
  'convolutionInputGradient',
  'convolutionWeightGradient',
  'transposedConvolution',
]);
/** Products whose results are images: their kernels can also compute sums over images and pixels. */
const IMAGES: ReadonlySet<OpName> = new Set([
  'convolution',
  'convolutionInputGradient',
  'transposedConvolution',
]);
/** Values that kernels of their own assemble in memory. */
const PLACED: ReadonlySet<OpName> = new Set(['pad', 'concat', 'scatterAdd']);
const VIEWS: ReadonlySet<OpName> = new Set(['reshape', 'transpose', 'broadcast', 'slice', 'item']);
const DRAWS: ReadonlySet<OpName> = new Set(['uniform', 'normal']);
const EXPENSIVE: ReadonlySet<OpName> = new Set(['exp', 'log', 'tanh', 'cos', ...DRAWS, 'recurrence']);
const SOURCES: ReadonlySet<OpName> = new Set(['constant', 'iota']);

/** Deeper expressions are cut, so that recursion over one does not exhaust the stack. */
const MAX_DEPTH = 200;
/** Larger expressions are cut: a value that is used at many indices, as by slices of slices, is computed for each. */
const MAX_SIZE = 1024;

export function isProduct(node: Node): boolean {
  return PRODUCTS.has(node.op);
}

function isReduction(node: Node): boolean {
  return node.op === 'sum' || node.op === 'reduceMax';
}

/** True for a tensor in a binding: an input or a state. */
export function isBuffer(node: Node): boolean {
  return node.op === 'input' && node.attributes.role !== 'scalar';
}

/** True for an elementwise operation outside of the bodies of recurrences. */
function isElementwise(node: Node): boolean {
  return !(
    isProduct(node) ||
    isReduction(node) ||
    VIEWS.has(node.op) ||
    PLACED.has(node.op) ||
    node.op === 'gather' ||
    node.op === 'input' ||
    node.op === 'recurrence' ||
    isInBody(node)
  );
}

/** What it costs to recompute an expression. */
type Cost = {
  readonly loads: ReadonlySet<Node>;
  readonly isExpensive: boolean;
  /** Longest chain of operations. */
  readonly depth: number;
  /** Number of operations, if operands share none. */
  readonly size: number;
  /** What the recurrences among the operations load; undefined if there are none. */
  readonly loopLoads: ReadonlySet<Node> | undefined;
};

const LOAD: Omit<Cost, 'loads'> = { isExpensive: false, depth: 0, size: 0, loopLoads: undefined };

/**
 * True for operands that must be in memory, as they are loaded repeatedly or at computed addresses: filters and tables.
 */
function isFilterOperand(user: Node, node: Node): boolean {
  if (user.op === 'gather') return user.inputs[0] === node;
  return (user.op === 'matmul' || IMAGES.has(user.op)) && user.inputs[1] === node;
}

/** Chooses kernels for a simplified graph. */
export function fuse(graph: Graph): Fusion {
  const nodes = nodesOf(graph);
  const users = usersOf(nodes);
  const results = new Set([...Object.values(graph.outputs), ...Object.values(graph.updates)]);
  const stored = new Set<Node>([...results].filter((node) => !isBuffer(node)));
  const products = new Map<Node, Node>();
  const claimed = new Set<Node>();
  for (const node of nodes) {
    if (isProduct(node)) {
      const result = followEpilogue(node, users, results, claimed);
      products.set(result, node);
      stored.add(result);
    } else if (isReduction(node) || PLACED.has(node.op)) {
      stored.add(node);
    }
  }
  const costs = new Map<Node, Cost>();
  for (const node of nodes) {
    const cost = expressionCost(node, costs, stored, claimed);
    const inMemory = stored.has(node) || isBuffer(node);
    const isCut =
      cost.depth > MAX_DEPTH ||
      cost.size > MAX_SIZE ||
      mustStore(node, cost, users) ||
      isLoopStored(node, cost, users, claimed);
    // Values in the body of a recurrence change from iteration to iteration: they have no memory.
    if (!inMemory && !claimed.has(node) && isCut && !isInBody(node)) stored.add(node);
    costs.set(node, stored.has(node) || isBuffer(node) ? { ...LOAD, loads: new Set([node]) } : cost);
  }
  const groups = nodes.filter((node) => stored.has(node)).map((node) => groupOf(node, products));
  const order = schedule(mergeSiblings(attachSums(groups, stored), stored), stored);
  const lastLoads = new Map<Node, number>();
  for (const [position, group] of order.entries()) {
    for (const load of loadsOf(group, stored)) lastLoads.set(load, position);
  }
  return { groups: order, stored, lastLoads };
}

/**
 * Moves sums over images and pixels (batch-norm statistics and their gradients) into the group of the convolution that
 * computes their summands, if everything else that they load exists before it. Each saves a pass over memory.
 */
function attachSums(groups: readonly Group[], stored: ReadonlySet<Node>): Group[] {
  const positions = new Map(groups.map((group, position) => [group.results[0], position]));
  const attached = new Map<number, Node[]>();
  const left = groups.filter((group, own) => {
    const [sum] = group.results;
    if (group.kind !== 'reduce' || sum.op !== 'sum' || !isOverPixels(sum)) return true;
    const loads = [...loadsOf(group, stored)];
    const latest = Math.max(-1, ...loads.map((load) => positions.get(load) ?? -1));
    const host = groups[latest];
    if (host?.kind !== 'product' || latest > own) return true;
    const [result] = host.results;
    const isImage = IMAGES.has(host.product.op);
    const [summand] = sum.inputs as [Node];
    if (!isImage || !sameShape(result.shape, summand.shape) || !isElementwiseIn(summand, result, stored))
      return true;
    attached.set(latest, [...(attached.get(latest) ?? []), sum]);
    return false;
  });
  return left.map((group) => {
    const sums = attached.get(positions.get(group.results[0])!) ?? [];
    return group.kind === 'product' && sums.length > 0
      ? { ...group, results: [...group.results, ...sums] as [Node, ...Node[]] }
      : group;
  });
}

/** True for a sum over all axes but the last: of images, or of signals. */
function isOverPixels(sum: Node<'sum'>): boolean {
  const rank = sum.inputs[0]!.shape.length;
  const { axes } = sum.attributes;
  return rank >= 3 && axes.length === rank - 1 && !axes.includes(rank - 1);
}

/** True if every element of `node` needs only the same element of `value`. */
function isElementwiseIn(node: Node, value: Node, stored: ReadonlySet<Node>): boolean {
  const seen = new Set<Node>();
  const visit = (at: Node): boolean => {
    if (at === value || isBuffer(at) || stored.has(at) || seen.has(at)) return true;
    seen.add(at);
    return VIEWS.has(at.op) || at.op === 'gather' ? !reachable([at]).includes(value) : at.inputs.every(visit);
  };
  return visit(node);
}

function usersOf(nodes: readonly Node[]): Map<Node, Node[]> {
  const users = new Map<Node, Node[]>();
  for (const node of nodes) {
    for (const input of new Set(node.inputs)) {
      const known = users.get(input);
      if (known === undefined) users.set(input, [node]);
      else known.push(node);
    }
  }
  return users;
}

/** Follows a product's users as long as there is one and it is elementwise; claims them for the epilogue. */
function followEpilogue(
  product: Node,
  users: Map<Node, Node[]>,
  results: ReadonlySet<Node>,
  claimed: Set<Node>,
): Node {
  let result = product;
  if (product.op === 'convolutionWeightGradient') return result; // summed over partial results first
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    const next = users.get(result) ?? [];
    if (results.has(result) || next.length !== 1) return result;
    const user = next[0]!;
    if (!isElementwise(user) || claimed.has(user) || !sameShape(user.shape, product.shape)) return result;
    claimed.add(result);
    claimed.add(user);
    result = user;
  }
  return result;
}

function expressionCost(
  node: Node,
  costs: ReadonlyMap<Node, Cost>,
  stored: Set<Node>,
  claimed: ReadonlySet<Node>,
): Cost {
  const loads = new Set<Node>();
  let isExpensive = EXPENSIVE.has(node.op);
  let [depth, size] = [0, 1];
  const inputs = [...new Set(node.inputs)]
    .map((input) => [input, costs.get(input)!] as const)
    .sort(([, a], [, b]) => b.loads.size - a.loads.size);
  const all = new Set(inputs.flatMap(([, cost]) => [...cost.loads]));
  const heaviest = inputs.find(([input]) => !isInBody(input))?.[0];
  if (
    all.size > tuning.mostLoads &&
    heaviest !== undefined &&
    !claimed.has(heaviest) &&
    costs.get(heaviest)!.loads.size > 1
  ) {
    stored.add(heaviest);
  }
  const loopLoads = new Set<Node>();
  let holdsLoop = node.op === 'recurrence';
  for (const [input, cost] of inputs) {
    // Beside a value that is computed later than a recurrence, it would be computed a second time, for the later kernel.
    const isLater = (load: Node): boolean => !isBuffer(load) && !cost.loopLoads!.has(load);
    if (cost.loopLoads !== undefined && !isInBody(input) && [...all].some(isLater)) stored.add(input);
    for (const load of stored.has(input) ? [input] : cost.loads) loads.add(load);
    if (stored.has(input)) continue;
    isExpensive ||= cost.isExpensive;
    depth = Math.max(depth, cost.depth);
    size += cost.size;
    if (cost.loopLoads === undefined) continue;
    holdsLoop = true;
    for (const load of cost.loopLoads) loopLoads.add(load);
  }
  if (node.op === 'recurrence') for (const load of loads) loopLoads.add(load);
  return { loads, isExpensive, depth: depth + 1, size, loopLoads: holdsLoop ? loopLoads : undefined };
}

/**
 * True if a recurrence, or what is computed from it, must be stored: all its users but elementwise work. So all results of
 * a loop are computed by one map.
 */
function isLoopStored(
  node: Node,
  { loopLoads }: Cost,
  users: ReadonlyMap<Node, readonly Node[]>,
  claimed: ReadonlySet<Node>,
): boolean {
  if (loopLoads === undefined) return false;
  return (users.get(node) ?? []).some((user) => !isElementwise(user) || claimed.has(user));
}

/** True if `node` is broadcast, directly or through other views. */
function isStretched(node: Node, users: ReadonlyMap<Node, readonly Node[]>): boolean {
  return (users.get(node) ?? []).some(
    (user) => user.op === 'broadcast' || (VIEWS.has(user.op) && isStretched(user, users)),
  );
}

function mustStore(node: Node, cost: Cost, allUsers: ReadonlyMap<Node, readonly Node[]>): boolean {
  const users = allUsers.get(node) ?? [];
  if (users.some((user) => isFilterOperand(user, node))) return !isViewOfStored(node, cost);
  if (SOURCES.has(node.op) || node.op === 'input' || constantValue(node) !== undefined) return false;
  if (DRAWS.has(node.op) && users.every((user) => user.op === 'item')) return false;
  if (users.filter(isContiguousSlice).length >= tuning.manySlices && !isViewOfStored(node, cost)) return true;
  const isPlainView = VIEWS.has(node.op);
  if (!isPlainView && isWholePart(node, allUsers)) return true;
  if (!isPlainView && elementCount(node.shape) > 1 && isStretched(node, allUsers)) return true;
  if (cost.isExpensive && (users.length > 1 || users.some(isProduct))) return true;
  // Memory traffic if every user recomputes it, against storing it: its loads, two for the store, one for each user.
  const large = [...cost.loads].filter(
    (load) => 2 * elementCount(load.shape) >= elementCount(node.shape),
  ).length;
  return users.length > 1 && large > 1 && users.length * large > large + 2 + users.length;
}

/** True for a slice that needs no kernel, if what it is a slice of is in memory. */
function isContiguousSlice(node: Node): boolean {
  return sliceOffset(node) !== undefined;
}

/** True for a value that is contiguous in a concatenation, under any shape, and so can be computed in its place. */
function isWholePart(node: Node, users: ReadonlyMap<Node, readonly Node[]>): boolean {
  return (users.get(node) ?? []).some(
    (user) =>
      (isOp(user, 'concat') && concatOffsets(user) !== undefined) ||
      (user.op === 'reshape' && isWholePart(user, users)),
  );
}

/** True for a value that is in memory under another shape, or as a contiguous part of another value. */
function isViewOfStored(node: Node, cost: Cost): boolean {
  if (node.op !== 'reshape' && sliceOffset(node) === undefined) return false;
  const [input] = node.inputs as [Node];
  return cost.loads.has(input) || isViewOfStored(input, cost);
}

function groupOf(node: Node, products: ReadonlyMap<Node, Node>): Group {
  const product = products.get(node);
  if (product !== undefined) return { kind: 'product', product, results: [node] };
  if (isReduction(node)) return { kind: 'reduce', results: [node] };
  if (PLACED.has(node.op)) return { kind: 'placed', results: [node] };
  return { kind: 'map', results: [node] };
}

/** Values in memory that a group's kernel loads. */
function loadsOf(group: Group, stored: ReadonlySet<Node>): Set<Node> {
  const loads = new Set<Node>();
  const seen = new Set<Node>();
  const visit = (node: Node): void => {
    if (seen.has(node)) return;
    seen.add(node);
    if (isBuffer(node) || (stored.has(node) && !(group.results as readonly Node[]).includes(node)))
      loads.add(node);
    else node.inputs.forEach(visit);
  };
  for (const result of group.results) result.inputs.forEach(visit);
  return loads;
}

/**
 * Joins groups over the same elements at the same depth of the graph: maps of one shape, reductions over the same axes.
 */
function mergeSiblings(groups: readonly Group[], stored: ReadonlySet<Node>): Group[] {
  const levels = new Map<Node, number>();
  const merged = new Map<string, Group>();
  for (const [position, group] of groups.entries()) {
    const level = 1 + Math.max(0, ...[...loadsOf(group, stored)].map((load) => levels.get(load) ?? 0));
    for (const result of group.results) levels.set(result, level);
    const key = siblingKey(group, level) ?? `#${position}`;
    const known = merged.get(key);
    merged.set(
      key,
      known === undefined ? group : ({ ...known, results: [...known.results, ...group.results] } as Group),
    );
  }
  return [...merged.values()];
}

function siblingKey(group: Group, level: number): string | undefined {
  const [node] = group.results;
  if (group.kind === 'map') return `map ${level} ${node.shape.join()}`;
  if (group.kind === 'reduce' && (node.op === 'sum' || node.op === 'reduceMax')) {
    return `reduce ${level} ${node.inputs[0]!.shape.join()} ${node.attributes.axes.join()}`;
  }
  return undefined;
}

/**
 * Orders groups so that every value is computed before it is loaded. Otherwise they keep their order, except that a
 * filter's gradient comes as early as possible: it is small, and its operands can be freed earlier.
 */
function schedule(groups: readonly Group[], stored: ReadonlySet<Node>): Group[] {
  const producers = new Map<Node, Group>();
  for (const group of groups) for (const result of group.results) producers.set(result, group);
  const needs = (group: Group): Group[] =>
    [...loadsOf(group, stored)].flatMap((load) => {
      const producer = producers.get(load);
      return producer === undefined || producer === group ? [] : [producer];
    });
  const waiting = new Map(groups.filter(isFilterGradient).map((group) => [group, needs(group)]));
  const order: Group[] = [];
  const done = new Set<Group>();
  const append = (group: Group): void => {
    done.add(group);
    order.push(group);
    for (const [eager, needed] of waiting) {
      if (!needed.every((producer) => done.has(producer))) continue;
      waiting.delete(eager);
      if (!done.has(eager)) append(eager);
    }
  };
  const visit = (group: Group): void => {
    if (done.has(group)) return;
    for (const producer of needs(group)) visit(producer);
    if (!done.has(group)) append(group);
  };
  groups.forEach(visit);
  return order;
}

function isFilterGradient(group: Group): boolean {
  return group.kind === 'product' && group.product.op === 'convolutionWeightGradient';
}
