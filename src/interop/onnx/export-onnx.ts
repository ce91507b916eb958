// A network with its parameters as an ONNX file, which other programs run: the graph of its inference, node by node. It is
// traced for two sizes of the batch; where they differ, the file leaves the size open. Whatever parameters alone decide,
// such as the factors of a normalisation, is computed here.

import { UsageError } from '../../base/errors.ts';
import type { Parameters } from '../../base/parameters.ts';
import { interpret } from '../../graph/interpret.ts';
import { type Graph, isOp, type Node, nodesOf } from '../../graph/node.ts';
import { digital, weightsOf } from '../../graph/operator.ts';
import { trace } from '../../graph/trace.ts';
import { digitalStates, type Network } from '../../nn/network.ts';
import { encodeModel, nodeMessage, tensorMessage, valueInfo } from './encode.ts';
import { exportRules, type Writer } from './export-rules.ts';
import type { NodeMessage, TensorMessage } from './messages.ts';

/** What to export. */
export type ExportOptions = {
  readonly network: Network;
  /** Of the network as trained, or as a chip was read (`Deployment.parameters`). */
  readonly parameters: Parameters;
  /** Version of ohmic, for the file. */
  readonly version?: string;
};

/** Version of the operators that are written; every runtime of the last years knows it. */
const OPSET = 17;

const BATCHES = [2, 3] as const;

/**
 * The bytes of an ONNX file with operators of version 17. Images are (n, channels, height, width) there, the batch may have
 * any size; names of inputs and outputs are those of the network.
 *
 * @throws UsageError if the network draws random numbers, carries states, or its nodes depend on the batch otherwise
 *
 * Not modelled: converters, output noise, and read noise that every product draws.
 */
export function exportOnnx({ network, parameters, version = '' }: ExportOptions): Uint8Array<ArrayBuffer> {
  if (network.carried.length > 0)
    throw new UsageError(`export: ${network.name} carries states from window to window, which a file can't`);
  const [graph, other] = BATCHES.map((batch) => traceNetwork(network, batch)) as [Graph, Graph];
  const written = writeGraph(graph, other, parameters);
  const { inputs, outputs } = network;
  return encodeModel({
    opset: OPSET,
    producer: { name: 'ohmic', version },
    graph: {
      name: network.name,
      node: written.nodes,
      initializer: written.tensors,
      input: Object.entries(inputs).map(([name, shape]) => valueInfo(name, ['n', ...channelsFirst(shape)])),
      output: Object.entries(outputs).map(([name, shape]) => valueInfo(name, ['n', ...channelsFirst(shape)])),
    },
  });
}

/** (height, width, channels) → (channels, height, width). */
function channelsFirst(shape: readonly number[]): readonly number[] {
  return shape.length === 3 ? [shape[2]!, shape[0]!, shape[1]!] : shape;
}

function traceNetwork(network: Network, batch: number): Graph {
  return trace((t) => ({
    outputs: network.apply({
      inputs: Object.fromEntries(
        Object.entries(network.inputs).map(([name, shape]) => [name, t.input(name, [batch, ...shape])]),
      ),
      parameters: digitalStates(t, network),
      operator: digital((layer) => t.state(weightsOf(layer), layer.shape)),
      mode: { kind: 'inference' },
    }).outputs,
  }));
}

type Written = { readonly nodes: NodeMessage[]; readonly tensors: TensorMessage[] };

function writeGraph(graph: Graph, other: Graph, parameters: Parameters): Written {
  const nodes: NodeMessage[] = [];
  const tensors: TensorMessage[] = [];
  const order = nodesOf(graph);
  const twins = nodesOf(other);
  const isSame = order.length === twins.length && order.every((node, k) => node.op === twins[k]!.op);
  if (!isSame) throw new UsageError('export: the nodes of the network depend on the size of the batch');
  const twinOf = new Map(order.map((node, k): [Node, Node] => [node, twins[k]!]));
  const known = knownNodes(order, twinOf, parameters);
  const names = new Map<Node, string>();
  let count = 0;
  let batchName: string | undefined;
  const writer: Writer = {
    nameOf: (node) => {
      const name = names.get(node) ?? (known.has(node) ? nameKnown(node) : written(node));
      names.set(node, name);
      return name;
    },
    add: (op, inputs, attributes) => {
      const name = `${op}_${count++}`;
      nodes.push(
        nodeMessage({ op, name, inputs, outputs: [`${name}.value`], ...(attributes && { attributes }) }),
      );
      return `${name}.value`;
    },
    constant: (values) => {
      const name = `constant_${count++}`;
      tensors.push(tensorMessage(name, values));
      return name;
    },
    known: (node) => known.get(node),
    sizes: (node) =>
      node.shape.map((size, axis) => (size === twinOf.get(node)!.shape[axis] ? size : undefined)),
    batch: () => {
      batchName ??= writer.add('Slice', [
        writer.add('Shape', [firstInput(graph)]),
        ...[0, 1].map((at) => writer.constant({ kind: 'int', dims: [1], values: Float64Array.of(at) })),
      ]);
      return { sizes: BATCHES, name: batchName };
    },
    twin: (node) => twinOf.get(node) as typeof node,
  };
  const nameKnown = (node: Node): string => {
    const kind = node.dtype === 'f32' ? 'float' : node.dtype === 'bool' ? 'bool' : 'int';
    const name = isOp(node, 'input') ? node.attributes.name : `known_${count++}`;
    tensors.push(
      tensorMessage(
        name,
        { kind, dims: node.shape, values: known.get(node)! },
        node.dtype === 'i32' ? 6 : undefined,
      ),
    );
    return name;
  };
  const written = (node: Node): string =>
    isOp(node, 'input') ? inputName(node, writer) : exportRules[node.op](node as never, writer);
  for (const node of order) {
    // Broadcasts are written where an operator needs one; most broadcast by themselves.
    if (!known.has(node) && !isOp(node, 'broadcast')) writer.nameOf(node);
  }
  for (const [name, node] of Object.entries(graph.outputs)) nodes.push(outputNode(name, node, writer));
  return { nodes, tensors };
}

/** An input of the file, whose first axis is the batch. */
function firstInput({ inputs }: Graph): string {
  return inputs.find(({ attributes }) => attributes.role === 'input')!.attributes.name;
}

/** An input, turned to channels last if it is images. */
function inputName({ attributes: { name }, shape }: Node<'input'>, writer: Writer): string {
  return shape.length === 4 ? writer.add('Transpose', [name], { perm: [0, 2, 3, 1] }) : name;
}

function outputNode(name: string, node: Node, writer: Writer): NodeMessage {
  const made = { inputs: [writer.nameOf(node)], outputs: [name] };
  return node.shape.length === 4
    ? nodeMessage({ op: 'Transpose', ...made, attributes: { perm: [0, 3, 1, 2] } })
    : nodeMessage({ op: 'Identity', ...made });
}

/** Values of the nodes that depend on parameters alone. */
function knownNodes(
  order: readonly Node[],
  twinOf: ReadonlyMap<Node, Node>,
  parameters: Parameters,
): Map<Node, Float64Array> {
  const chosen: Node[] = [];
  const isKnown = new Set<Node>();
  for (const node of order) {
    const isState = isOp(node, 'input') && node.attributes.role === 'state';
    const isSized = node.shape.join() !== twinOf.get(node)!.shape.join();
    const isComputed =
      !isOp(node, 'input') &&
      !isSized &&
      node.op !== 'uniform' &&
      node.op !== 'normal' &&
      node.inputs.every((input) => isKnown.has(input));
    if (!isState && !isComputed) continue;
    isKnown.add(node);
    chosen.push(node);
  }
  const given: Record<string, Float32Array> = {};
  for (const node of chosen) {
    if (!isOp(node, 'input')) continue;
    const { name } = node.attributes;
    const tensor = parameters[name];
    if (tensor === undefined) throw new UsageError(`export: parameter "${name}" is missing`);
    given[name] = tensor.data;
  }
  // Only values that other nodes or the result need: weights are not copied.
  const outputs = Object.fromEntries(chosen.map((node, k) => [`${k}`, node]));
  const inputs = chosen.filter((node): node is Extract<Node, { op: 'input' }> => isOp(node, 'input'));
  const values = interpret({ inputs, outputs, updates: {} }, given).outputs;
  return new Map(chosen.map((node, k): [Node, Float64Array] => [node, values[`${k}`]!]));
}
