// The bytes of an ONNX file → the network as plain data. Checks what a file must say (operator set, names, sizes of
// tensors), and reads weights that lie in files beside it. What the nodes mean is not asked here.

import { echo } from '../../base/echo.ts';
import { messageOf, UsageError } from '../../base/errors.ts';
import type {
  AttributeMessage,
  FunctionMessage,
  GraphMessage,
  NodeMessage,
  ValueInfoMessage,
} from './messages.ts';
import {
  type AttributeValue,
  byName,
  type HostValues,
  type OnnxFunction,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxValueInfo,
} from './model.ts';
import {
  type ExternalFiles,
  externalFiles,
  numberKind,
  type ReadFile,
  tensorValues,
} from './tensor-values.ts';
import { decodeMessage } from './wire.ts';

/** Versions of the standard operators that are read. */
export const OPSETS = { oldest: 7, newest: 26 } as const;

/**
 * Decodes an ONNX file.
 *
 * @param readFile reads a file beside it, for weights that lie there
 * @throws UsageError if it is damaged, no ONNX file, or of a version of the operators that is not known
 */
export async function decodeModel(bytes: Uint8Array, readFile?: ReadFile): Promise<OnnxModel> {
  const message = decoded(bytes);
  const { graph } = message;
  if (graph === undefined) throw new UsageError('it has no graph; it is damaged or no ONNX file');
  const standard = message.opsetImport.find(({ domain = '' }) => isStandard(domain));
  const opset = standard?.version;
  if (opset === undefined || !(opset >= OPSETS.oldest && opset <= OPSETS.newest))
    throw new UsageError(
      `its operators are of version ${opset ?? 'unknown'}, expected ${OPSETS.oldest} to ${OPSETS.newest}; export it with another opset_version`,
    );
  const files = externalFiles(readFile);
  const functions = byName<OnnxFunction>();
  for (const one of message.functions)
    functions[functionKey(one.domain ?? '', one.name ?? '')] = await functionOf(one, files);
  return {
    producer: [message.producerName, message.producerVersion].filter(Boolean).join(' '),
    opset,
    graph: await graphOf(graph, files),
    functions,
  };
}

/** Key of a function in `OnnxModel.functions`. */
export function functionKey(domain: string, name: string): string {
  return `${domain}:${name}`;
}

/** True for the domain of the standard operators. */
export function isStandard(domain: string): boolean {
  return domain === '' || domain === 'ai.onnx';
}

function decoded(bytes: Uint8Array): ReturnType<typeof decodeMessage<'Model'>> {
  if (!(bytes instanceof Uint8Array))
    throw new UsageError(`expected the bytes of an ONNX file, a Uint8Array, got ${echo(bytes)}`);
  try {
    return decodeMessage('Model', bytes);
  } catch (thrown) {
    throw new UsageError(`${messageOf(thrown)}; it is damaged or no ONNX file`);
  }
}

async function graphOf(
  { node, initializer, input, output }: GraphMessage,
  files: ExternalFiles,
): Promise<OnnxGraph> {
  const constants = byName<HostValues>();
  for (const tensor of initializer)
    constants[required('an initializer', tensor.name)] = await tensorValues(tensor, files);
  const nodes: OnnxNode[] = [];
  for (const [position, message] of node.entries()) {
    const one = await nodeOf(message, position, files);
    const value = one.op === 'Constant' && isStandard(one.domain) ? constantValue(one) : undefined;
    if (value === undefined) nodes.push(one);
    else constants[required('the output of a Constant', one.outputs[0])] = value;
  }
  return {
    nodes,
    constants,
    // Files of the first versions list initializers among the inputs.
    inputs: input.map(valueInfo).filter(({ name }) => constants[name] === undefined),
    outputs: output.map(valueInfo),
  };
}

async function nodeOf(
  { name, opType, domain = '', input, output, attribute }: NodeMessage,
  position: number,
  files: ExternalFiles,
): Promise<OnnxNode> {
  const op = required(`node ${position}`, opType);
  const attributes = byName<AttributeValue>();
  for (const one of attribute) {
    const value = await attributeValue(one, files);
    if (value !== undefined) attributes[required(`an attribute of node ${position}`, one.name)] = value;
  }
  return { name: name || `${op}_${position}`, op, domain, inputs: input, outputs: output, attributes };
}

/** `AttributeProto.AttributeType`. */
const TYPES = { f: 1, i: 2, s: 3, t: 4, g: 5, floats: 6, ints: 7, strings: 8 } as const;

async function attributeValue(
  message: AttributeMessage,
  files: ExternalFiles,
): Promise<AttributeValue | undefined> {
  const { refAttrName, f, i, s, t, g, floats, ints, strings } = message;
  if (refAttrName) return { reference: refAttrName };
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  switch (message.type ?? guessedType(message)) {
    case TYPES.f:
      return f ?? 0;
    case TYPES.i:
      return i ?? 0;
    case TYPES.s:
      return text(s ?? new Uint8Array());
    case TYPES.t:
      if (t === undefined)
        throw new UsageError(`attribute "${message.name}" should be a tensor, but has none`);
      return { tensor: await tensorValues(t, files) };
    case TYPES.g:
      if (g === undefined)
        throw new UsageError(`attribute "${message.name}" should be a graph, but has none`);
      return { graph: await graphOf(g, files) };
    case TYPES.floats:
      return floats;
    case TYPES.ints:
      return ints;
    case TYPES.strings:
      return strings.map(text);
    default:
      return undefined;
  }
}

/** Files of the first versions do not name the type. */
function guessedType({ f, i, s, t, g, floats, ints }: AttributeMessage): number {
  if (f !== undefined) return TYPES.f;
  if (i !== undefined) return TYPES.i;
  if (s !== undefined) return TYPES.s;
  if (t !== undefined) return TYPES.t;
  if (g !== undefined) return TYPES.g;
  if (floats.length > 0) return TYPES.floats;
  return ints.length > 0 ? TYPES.ints : TYPES.strings;
}

/** The value of a `Constant`; undefined for those that no network computes with, such as texts. */
export function constantValue({ attributes }: Pick<OnnxNode, 'attributes'>): HostValues | undefined {
  const { value, value_float: float, value_floats: floats, value_int: int, value_ints: ints } = attributes;
  if (typeof value === 'object' && 'tensor' in value) return value.tensor;
  const list = (given: AttributeValue | undefined): number[] | undefined =>
    Array.isArray(given) ? given.map(Number) : typeof given === 'number' ? [given] : undefined;
  const [asFloats, asInts] = [list(float ?? floats), list(int ?? ints)];
  if (asFloats !== undefined)
    return {
      kind: 'float',
      dims: float === undefined ? [asFloats.length] : [],
      values: Float32Array.from(asFloats),
    };
  if (asInts !== undefined)
    return { kind: 'int', dims: int === undefined ? [asInts.length] : [], values: Float64Array.from(asInts) };
  return undefined;
}

async function functionOf(
  { input, output, node, attributeProto }: FunctionMessage,
  files: ExternalFiles,
): Promise<OnnxFunction> {
  const nodes: OnnxNode[] = [];
  for (const [position, one] of node.entries()) nodes.push(await nodeOf(one, position, files));
  const defaults = byName<AttributeValue>();
  for (const one of attributeProto) {
    const value = await attributeValue(one, files);
    if (value !== undefined && one.name !== undefined) defaults[one.name] = value;
  }
  return { inputs: input, outputs: output, defaults, nodes };
}

function valueInfo({ name, type }: ValueInfoMessage): OnnxValueInfo {
  const tensor = type?.tensorType;
  return {
    name: required('an input or output', name),
    kind: numberKind(tensor?.elemType),
    dims: tensor?.shape?.dim.map(({ dimValue, dimParam }) =>
      dimValue !== undefined && dimValue > 0 ? dimValue : dimParam || undefined,
    ),
  };
}

function required(what: string, name: string | undefined): string {
  if (name) return name;
  throw new UsageError(`${what} has no name; it is damaged or no ONNX file`);
}
