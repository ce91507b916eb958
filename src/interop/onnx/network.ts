// A description → a `Network` like any other. Its `apply` runs the nodes in the context's trace: weights are multiplied by
// the context's operator, everything else is digital. The parameters are found by running the nodes once.

import { UsageError } from '../../base/errors.ts';
import { hostTensor, type Parameters } from '../../base/parameters.ts';
import { elementCount, formatShape, type Shape } from '../../base/shape.ts';
import { exactProduct, type Layer } from '../../graph/operator.ts';
import type { Tensor } from '../../graph/tensor.ts';
import { type Trace, trace } from '../../graph/trace.ts';
import { checkContext } from '../../nn/define-network.ts';
import type { Initial, Network, ParameterSpec } from '../../nn/network.ts';
import type { DescribedNode, OnnxDescription } from './description.ts';
import { asNumbers } from './elementwise.ts';
import { evaluateNode } from './evaluate-node.ts';
import { axisToFront, exampleShape, inputValue } from './inputs.ts';
import type { Numbers, OnnxNode } from './model.ts';
import { layerName } from './names.ts';
import type { LayerRequest, ParameterRequest, World } from './step.ts';
import { dimsOf, type Host, inOrder, lastChannels, type Symbolic, type Value } from './value.ts';

/** Numbers of constants by name; absent where only parameters are made of them. */
export type ConstantNumbers = (name: string) => Numbers | undefined;

/** A parameter, and how it is made of a constant. */
type Declared = { readonly spec: ParameterSpec; readonly values: () => Float32Array };

/** Names of parameters and layers, settled once for all traces. */
type Registry = {
  readonly parameters: Map<string, Declared>;
  readonly layers: Map<string, Layer>;
  readonly names: Set<string>;
  readonly normalizations: Map<string, string>;
  readonly restored: ReadonlySet<string>;
};

/** A network that was found in a description. */
export type FoundNetwork = {
  readonly network: Network;
  /** Values of the parameters, if the numbers of the constants are known. */
  readonly parameters: () => Parameters;
  /** Constants whose numbers are needed to build the network. */
  readonly read: ReadonlySet<string>;
};

/** Two sizes of a batch, to find the axis of the batch in outputs. */
const BATCHES = [3, 7] as const;

/**
 * The network of a description.
 *
 * @param numbers the numbers of constants
 * @throws UsageError if the description can't be built
 */
export function networkOf(
  description: OnnxDescription,
  numbers: ConstantNumbers,
  text?: string,
): FoundNetwork {
  const restored = new Set(description.restored);
  const registry: Registry = {
    restored,
    parameters: new Map(),
    layers: new Map(),
    names: new Set(),
    normalizations: new Map(),
  };
  const read = new Set<string>();
  const hosts = constantsOf(description, numbers, read);
  const shapes = BATCHES.map((batch) => {
    let outputs: Record<string, Symbolic> = {};
    trace((t) => {
      const inputs = Object.fromEntries(
        description.inputs.map((input) => [input.as, t.input(input.as, [batch, ...exampleShape(input)])]),
      );
      outputs = runDescription(description, { hosts, inputs, world: declaringWorld(t, registry) });
      return { outputs: {} };
    });
    return Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, dimsOf(value)]));
  });
  const axes = batchAxes(shapes as [Record<string, Shape>, Record<string, Shape>]);
  const parameters = [...registry.parameters.values()].map(({ spec }) => spec);
  const outputs = description.outputs.filter(({ as }) => axes[as] !== undefined);
  if (outputs.length === 0) throw new UsageError('none of its outputs has the batch as an axis');
  const kept = { ...description, outputs };
  const compute = (inputs: Readonly<Record<string, Tensor>>, world: World): Record<string, Tensor> => {
    const values = runDescription(kept, { hosts, inputs, world });
    return Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, outputTensor(value, axes[name]!)]),
    );
  };
  const network: Network = {
    name: description.name,
    inputs: Object.fromEntries(description.inputs.map((input) => [input.as, exampleShape(input)])),
    outputs: outputShapes(compute, registry, description),
    parameters,
    layers: [...registry.layers.values()],
    normalizationLayers: normalizationsOf(parameters),
    carried: [],
    ...(text !== undefined && { description: text }),
    apply: (context) => {
      checkContext(network, context);
      const statistics: Record<string, Tensor> = {};
      const { parameters: given, operator, mode } = context;
      const world: World = {
        ...namingWorld(registry, (spec) => given[spec.name]!),
        builder: Object.values(context.inputs)[0]!.builder,
        mode,
        multiply: (x, layer, geometry) => operator.multiply(x, layer, geometry),
        note: (name, value) => {
          statistics[name] = value;
        },
      };
      return { outputs: compute(context.inputs, world), statistics, carried: {} };
    },
  };
  const values = (): Parameters =>
    Object.fromEntries(
      [...registry.parameters.values()].map((one) => [
        one.spec.name,
        hostTensor(one.spec.shape, one.values()),
      ]),
    );
  return { network, parameters: values, read };
}

function constantsOf(
  { constants }: OnnxDescription,
  numbers: ConstantNumbers,
  read: Set<string>,
): Map<string, Host> {
  return new Map(
    Object.entries(constants).map(([name, { kind, dims, label, isStored, values }]): [string, Host] => {
      const stored = values && (kind === 'float' ? Float32Array.from(values) : Float64Array.from(values));
      const get = (): Numbers => {
        read.add(name);
        const found = stored ?? numbers(name);
        if (found === undefined || found.length !== elementCount(dims))
          throw new UsageError(
            `constant "${name}" should have ${elementCount(dims)} numbers; the description is damaged`,
          );
        return found;
      };
      return [name, { where: 'host', name, label, kind, dims, values: get, isStored, isSized: false }];
    }),
  );
}

type Running = {
  readonly hosts: ReadonlyMap<string, Host>;
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly world: World;
};

function runDescription(
  description: OnnxDescription,
  { hosts, inputs, world }: Running,
): Record<string, Symbolic> {
  const values = new Map<string, Value>(hosts);
  for (const input of description.inputs) values.set(input.name, inputValue(input, inputs[input.as]!));
  for (const node of description.nodes) {
    const own = node.inputs.map((name) => (name === '' ? undefined : inputOf(values, node, name)));
    const { outputs } = evaluateNode(onnxNode(node), description.opset, own, world);
    for (const [k, name] of node.outputs.entries()) {
      const value = outputs[k];
      if (name !== '' && value !== undefined)
        values.set(name, value.where === 'host' ? { ...value, name } : value);
    }
  }
  return Object.fromEntries(
    description.outputs.map(({ name, as }) => {
      const value = values.get(name);
      if (value?.where !== 'graph')
        throw new UsageError(`output "${name}" is not computed; the description is damaged`);
      return [as, value];
    }),
  );
}

function inputOf(values: ReadonlyMap<string, Value>, node: DescribedNode, name: string): Value {
  const value = values.get(name);
  if (value === undefined) throw new UsageError(`node "${node.name}": its input "${name}" is missing`);
  return value;
}

function onnxNode(node: DescribedNode): OnnxNode {
  return { ...node, domain: '' };
}

/** Names of the batch normalisations. */
function normalizationsOf(parameters: readonly ParameterSpec[]): string[] {
  const ending = '.runningMean';
  return parameters.flatMap(({ name, role }) =>
    role === 'runningMean' ? [name.slice(0, -ending.length)] : [],
  );
}

/** Which axis of each output is the batch. */
function batchAxes([one, other]: readonly [Record<string, Shape>, Record<string, Shape>]): Record<
  string,
  number
> {
  return Object.fromEntries(
    Object.entries(one).flatMap(([name, dims]): [string, number][] => {
      const axes = dims.flatMap((size, axis) => (size === other[name]![axis] ? [] : [axis]));
      const axis = axes[0];
      const isBatch = axes.length === 1 && dims[axis!] === BATCHES[0] && other[name]![axis!] === BATCHES[1];
      return isBatch ? [[name, axis!]] : [];
    }),
  );
}

/** An output with the batch first; images have their channels last. */
function outputTensor(value: Symbolic, batchAxis: number): Tensor {
  if (value.channelsLast && batchAxis === 0 && value.tensor.shape.length === 4) return lastChannels(value);
  const ordered = inOrder(value);
  const tensor = asNumbers(ordered);
  return tensor.transpose(axisToFront(tensor.shape.length, batchAxis));
}

function outputShapes(
  compute: (inputs: Readonly<Record<string, Tensor>>, world: World) => Record<string, Tensor>,
  registry: Registry,
  { inputs }: OnnxDescription,
): Record<string, Shape> {
  let shapes: Record<string, Shape> = {};
  trace((t) => {
    const given = Object.fromEntries(
      inputs.map((input) => [input.as, t.input(input.as, [2, ...exampleShape(input)])]),
    );
    const outputs = compute(given, declaringWorld(t, registry));
    shapes = Object.fromEntries(Object.entries(outputs).map(([name, { shape }]) => [name, shape.slice(1)]));
    return { outputs: {} };
  });
  return shapes;
}

/** A world whose parameters are states of the trace. */
function declaringWorld(t: Trace, registry: Registry): World {
  const state = ({ name, shape }: Pick<ParameterSpec, 'name' | 'shape'>): Tensor => t.state(name, shape);
  return {
    ...namingWorld(registry, state),
    builder: t.builder,
    mode: { kind: 'inference' },
    multiply: (x, layer, geometry) =>
      exactProduct(x, state({ name: `${layer.name}.weights`, shape: layer.shape }), layer.kind, geometry),
    note: () => undefined,
  };
}

/** Names for parameters and layers, the same in every trace. */
function namingWorld(
  registry: Registry,
  tensorOf: (spec: ParameterSpec) => Tensor,
): Pick<World, 'parameter' | 'layer' | 'normalizationName' | 'isRestored'> {
  return {
    isRestored: (layer) => registry.restored.has(layer),
    parameter: (request, node) => tensorOf(declare(registry, request, node).spec),
    layer: (request, node) => declareLayer(registry, request, node),
    normalizationName: (host, node) => {
      const key = `${host.name} ${node.name}`;
      const name =
        registry.normalizations.get(key) ?? freeName(registry, layerName(host.label, node), 'runningMean');
      registry.normalizations.set(key, name);
      return name;
    },
  };
}

function declare(registry: Registry, request: ParameterRequest, node: OnnxNode): Declared {
  const { host, role, shape, arrange, variant = '' } = request;
  const key = `${host.name}|${role}|${variant}|${shape.join()}`;
  const known = registry.parameters.get(key);
  if (known !== undefined) return known;
  if (host.isSized) throw new UsageError(`${formatShape(shape)} numbers depend on the size of the batch`);
  const base = freeName(registry, request.base ?? layerName(host.label, node), role);
  const spec: ParameterSpec = { name: `${base}.${role}`, shape, role, initial: initialOf(request) };
  registry.names.add(spec.name);
  const values = (): Float32Array => {
    const numbers = host.values();
    return arrange?.(numbers) ?? Float32Array.from(numbers);
  };
  const declared = { spec, values };
  registry.parameters.set(key, declared);
  return declared;
}

function declareLayer(registry: Registry, request: LayerRequest, node: OnnxNode): Layer {
  const { host, kind, shape, groups = 1, variant = '' } = request;
  const key = `${host.name}|${kind}|${variant}|${shape.join()}|${groups}`;
  const known = registry.layers.get(key);
  if (known !== undefined) return known;
  const { spec } = declare(
    registry,
    { ...request, role: 'weights', variant: `${kind} ${variant} ${groups}` },
    node,
  );
  const name = spec.name.slice(0, -'.weights'.length);
  const layer: Layer = { name, kind, shape, ...(groups > 1 && { groups }) };
  registry.layers.set(key, layer);
  return layer;
}

/** A name that no parameter of that role has yet. */
function freeName({ names }: Registry, base: string, role: string): string {
  let name = base;
  for (let k = 2; names.has(`${name}.${role}`); k++) name = `${base}_${k}`;
  return name;
}

/** Initial values, for a training from the start. */
function initialOf({ role, shape }: ParameterRequest): Initial {
  const fanIn = elementCount(shape.slice(0, -1));
  switch (role) {
    case 'weights':
      return { kind: 'he-normal', fanIn };
    case 'scale':
    case 'runningVariance':
      return { kind: 'constant', value: 1 };
    default:
      return { kind: 'constant', value: 0 };
  }
}
