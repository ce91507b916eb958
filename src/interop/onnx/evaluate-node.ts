// One node: computed at once if all that it needs is known, otherwise built into the graph. Known values are computed by
// the same builders, in a graph of their own that the interpreter evaluates, so no operator is written twice.

import { messageOf, UsageError } from '../../base/errors.ts';
import { elementCount } from '../../base/shape.ts';
import { interpret } from '../../graph/interpret.ts';
import { nodesOf } from '../../graph/node.ts';
import { exactProduct } from '../../graph/operator.ts';
import type { Tensor } from '../../graph/tensor.ts';
import { type Trace, trace } from '../../graph/trace.ts';
import type { Numbers, OnnxNode } from './model.ts';
import { operatorOf } from './operators.ts';
import { MOST_ELEMENTS, type ParameterRequest, Step, type World } from './step.ts';
import { dimsOf, type Host, inOrder, type Symbolic, type Value } from './value.ts';

/** Most numbers that constants may take to compute, for each node. */
const MOST_NUMBERS = 2 ** 26;

/** What a node makes, and if it was computed at once. */
export type Evaluated = { readonly outputs: readonly (Value | undefined)[]; readonly isKnown: boolean };

/** True if inputs can be computed with before there is a graph. */
export function isKnowable(inputs: readonly (Value | undefined)[]): boolean {
  const hosts = inputs.filter((value) => value !== undefined);
  if (!hosts.every((value): value is Host => value.where === 'host')) return false;
  // Weights that are stretched to the batch stay parameters, which do not depend on it.
  const isSized = hosts.some((host) => host.isSized);
  return !(isSized && hosts.some((host) => host.isStored && elementCount(host.dims) > 1));
}

/**
 * Evaluates a node whose operator is in the table.
 *
 * @throws UsageError that names the node, if it can't be
 */
export function evaluateNode(
  node: OnnxNode,
  opset: number,
  inputs: readonly (Value | undefined)[],
  world: World,
): Evaluated {
  const build = operatorOf(node.op)!;
  try {
    if (isKnowable(inputs)) {
      const outputs = computed(node, opset, inputs as (Host | undefined)[]);
      if (!outputs.some(isStretched)) return { outputs, isKnown: true };
    }
    const outputs = listOf(build(new Step(node, opset, inputs, world)));
    for (const value of outputs) checkSize(value);
    return { outputs, isKnown: false };
  } catch (thrown) {
    if (!(thrown instanceof UsageError)) throw thrown;
    throw new UsageError(`node "${node.name}" (${node.op}): ${messageOf(thrown)}`);
  }
}

/** True for a tensor that a size of the batch stretches: it is built, since no parameter can have its shape. */
function isStretched(value: Value | undefined): boolean {
  return value?.where === 'host' && value.isSized && value.kind !== 'int' && value.dims.length > 1;
}

function checkSize(value: Value | undefined): void {
  if (value?.where !== 'graph' || elementCount(value.tensor.shape) <= MOST_ELEMENTS) return;
  throw new UsageError(`a tensor (${dimsOf(value).join(', ')}) is too large`);
}

function listOf(made: Value | readonly (Value | undefined)[]): readonly (Value | undefined)[] {
  return Array.isArray(made) ? made : [made as Value];
}

function computed(
  node: OnnxNode,
  opset: number,
  inputs: readonly (Host | undefined)[],
): (Value | undefined)[] {
  const hosts = inputs.filter((value) => value !== undefined);
  const isSized = hosts.some((host) => host.isSized);
  const stored = hosts.filter((host) => host.isStored && elementCount(host.dims) > 1);
  const given: Record<string, Numbers> = {};
  let results: readonly (Value | undefined)[] = [];
  const graph = trace((t) => {
    const world = knownWorld(t, given);
    results = listOf(operatorOf(node.op)!(new Step(node, opset, inputs, world)));
    const outputs = results.flatMap((value, k): [string, Tensor][] =>
      value?.where === 'graph' ? [[`${k}`, numbersOf(value)]] : [],
    );
    return { outputs: Object.fromEntries(outputs) };
  });
  const size = nodesOf(graph).reduce((sum, one) => sum + elementCount(one.shape), 0);
  if (size > MOST_NUMBERS)
    throw new UsageError(`it takes ${size} numbers to compute, expected at most ${MOST_NUMBERS}`);
  const values = Object.keys(graph.outputs).length === 0 ? {} : interpret(graph, given).outputs;
  return results.map((value, k) => {
    const name = node.outputs[k] ?? '';
    if (value === undefined) return undefined;
    // A uniform tensor that is too large to be written out.
    if (value.where === 'host')
      return { ...value, name: value.isStored ? value.name : name, isSized: value.isSized || isSized };
    const { kind } = value;
    const isStored = kind === 'float' && stored.length > 0;
    const numbers = kind === 'float' ? Float32Array.from(values[`${k}`]!) : values[`${k}`]!;
    const label = stored.length === 1 ? stored[0]!.label : name;
    return {
      where: 'host',
      name,
      label,
      kind,
      dims: inOrder(value).shape,
      values: () => numbers,
      isStored,
      isSized,
    };
  });
}

function numbersOf(value: Symbolic): Tensor {
  const ordered = inOrder(value);
  return ordered.dtype === 'bool' ? ordered.cast('f32') : ordered;
}

/** The world of known numbers: parameters are inputs, weights multiply exactly. */
function knownWorld(t: Trace, given: Record<string, Numbers>): World {
  const names = new Map<string, string>();
  const input = ({ host, shape, arrange, variant = '' }: Omit<ParameterRequest, 'role'>): Tensor => {
    const key = `${host.name} ${variant} ${shape.join()}`;
    const name = names.get(key) ?? `${names.size}`;
    names.set(key, name);
    given[name] = arrange === undefined ? host.values() : arrange(host.values());
    return t.input(name, shape);
  };
  const weights = new Map<string, Tensor>();
  return {
    builder: t.builder,
    mode: { kind: 'inference' },
    parameter: input,
    layer: (request) => {
      const name = `${weights.size}`;
      weights.set(name, input(request));
      const { kind, shape, groups = 1 } = request;
      return { name, kind, shape, groups };
    },
    multiply: (x, layer, geometry) => exactProduct(x, weights.get(layer.name)!, layer.kind, geometry),
    note: () => undefined,
    isRestored: () => false,
    normalizationName: (host) => host.name,
  };
}
