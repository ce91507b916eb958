// Values and nodes as the messages of an ONNX file; what export-onnx.ts and tests write files with.

import { elementCount, type Shape } from '../../base/shape.ts';
import type {
  AttributeMessage,
  GraphMessage,
  NodeMessage,
  TensorMessage,
  ValueInfoMessage,
} from './messages.ts';
import type { AttributeValue, HostValues, NumberKind } from './model.ts';
import { encodeMessage } from './wire.ts';

/** `TensorProto.DataType` of the numbers that ohmic writes. */
export const DATA_TYPES: Readonly<Record<NumberKind | 'int32', number>> = {
  float: 1,
  int: 7,
  bool: 9,
  int32: 6,
};

/** A node, in plain form. */
export type WrittenNode = {
  readonly op: string;
  readonly name?: string;
  readonly domain?: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, WrittenAttribute>>;
};

/** A value of an attribute: whole numbers are written as such, others as floating-point numbers. */
export type WrittenAttribute =
  | AttributeValue
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly message: GraphMessage };

/** A tensor message; numbers are little-endian. */
export function tensorMessage(
  name: string,
  { kind, dims, values }: HostValues,
  dataType?: number,
): TensorMessage {
  const type = dataType ?? DATA_TYPES[kind];
  const bytes = new DataView(new ArrayBuffer(elementCount(dims) * (type === 7 ? 8 : type === 9 ? 1 : 4)));
  for (const [k, value] of values.entries()) {
    if (type === 1) bytes.setFloat32(4 * k, value, true);
    else if (type === 7) bytes.setBigInt64(8 * k, value >= 2 ** 63 ? 2n ** 63n - 1n : BigInt(value), true);
    else if (type === 9) bytes.setUint8(k, value);
    else bytes.setInt32(4 * k, value, true);
  }
  return { ...noTensor, dims, dataType: type, name, rawData: new Uint8Array(bytes.buffer) };
}

const noTensor = {
  floatData: [],
  int32Data: [],
  int64Data: [],
  doubleData: [],
  uint64Data: [],
  externalData: [],
};
const noAttribute = { floats: [], ints: [], strings: [] };

function attributeMessage(name: string, value: WrittenAttribute): AttributeMessage {
  const made = { ...noAttribute, name };
  const text = (one: string): Uint8Array => new TextEncoder().encode(one);
  if (typeof value === 'number')
    return Number.isInteger(value) ? { ...made, type: 2, i: value } : { ...made, type: 1, f: value };
  if (typeof value === 'string') return { ...made, type: 3, s: text(value) };
  if (Array.isArray(value)) {
    const list = value as readonly (number | string)[];
    if (list.some((one) => typeof one === 'string'))
      return { ...made, type: 8, strings: list.map((one) => text(String(one))) };
    return { ...made, type: 7, ints: list as readonly number[] };
  }
  const record = value as Exclude<WrittenAttribute, number | string | readonly number[] | readonly string[]>;
  if ('float' in record) return { ...made, type: 1, f: record.float };
  if ('floats' in record) return { ...made, type: 6, floats: record.floats };
  if ('tensor' in record) return { ...made, type: 4, t: tensorMessage('', record.tensor) };
  if ('message' in record) return { ...made, type: 5, g: record.message };
  if ('reference' in record) return { ...made, refAttrName: record.reference };
  throw new TypeError(`attribute ${name} can't be written`);
}

/** A node message. */
export function nodeMessage({
  op,
  name,
  domain,
  inputs,
  outputs,
  attributes = {},
}: WrittenNode): NodeMessage {
  return {
    opType: op,
    ...(name !== undefined && { name }),
    ...(domain !== undefined && { domain }),
    input: inputs,
    output: outputs,
    attribute: Object.entries(attributes).map(([key, value]) => attributeMessage(key, value)),
  };
}

/** A declared tensor; sizes that are texts may be any. */
export function valueInfo(
  name: string,
  dims: readonly (number | string)[],
  kind: NumberKind = 'float',
): ValueInfoMessage {
  const dim = dims.map((size) => (typeof size === 'number' ? { dimValue: size } : { dimParam: size }));
  return { name, type: { tensorType: { elemType: DATA_TYPES[kind], shape: { dim } } } };
}

/** A whole file. */
export type WrittenModel = {
  readonly opset: number;
  readonly graph: GraphMessage;
  readonly producer?: { readonly name: string; readonly version: string };
  readonly functions?: readonly {
    readonly name: string;
    readonly domain: string;
    readonly input: readonly string[];
    readonly output: readonly string[];
    readonly node: readonly NodeMessage[];
  }[];
};

/** IR version 8: of ONNX 1.13, whose operators are of version 18. */
const IR_VERSION = 8;

/** The bytes of a file. */
export function encodeModel({
  opset,
  graph,
  producer,
  functions = [],
}: WrittenModel): Uint8Array<ArrayBuffer> {
  const domains = [...new Set(functions.map(({ domain }) => domain))];
  return encodeMessage('Model', {
    irVersion: IR_VERSION,
    ...(producer !== undefined && { producerName: producer.name, producerVersion: producer.version }),
    opsetImport: [{ domain: '', version: opset }, ...domains.map((domain) => ({ domain, version: 1 }))],
    graph,
    functions: functions.map((one) => ({
      ...one,
      attributeProto: [],
      opsetImport: [{ domain: '', version: opset }],
    })),
  });
}

/** Whole numbers as a tensor. */
export function wholeTensor(
  name: string,
  values: readonly number[],
  dims: Shape = [values.length],
): TensorMessage {
  return tensorMessage(name, { kind: 'int', dims, values: Float64Array.from(values) });
}
