// The messages of an ONNX file that ohmic reads and writes, field by field: number, name and kind as in onnx.proto. The
// table of fields is what wire.ts decodes and encodes by; the types are what comes out. Fields that are left out (texts
// for people, quantisation notes, training information) are skipped.
// Source: github.com/onnx/onnx, onnx/onnx.proto, IR version 13.

/** `TensorProto`. */
export type TensorMessage = {
  readonly dims: readonly number[];
  readonly dataType?: number;
  readonly floatData: readonly number[];
  readonly int32Data: readonly number[];
  readonly int64Data: readonly number[];
  readonly doubleData: readonly number[];
  readonly uint64Data: readonly number[];
  readonly rawData?: Uint8Array;
  readonly name?: string;
  readonly externalData: readonly EntryMessage[];
  readonly dataLocation?: number;
};

/** `StringStringEntryProto`. */
export type EntryMessage = { readonly key?: string; readonly value?: string };

/** `AttributeProto`. */
export type AttributeMessage = {
  readonly name?: string;
  readonly refAttrName?: string;
  readonly type?: number;
  readonly f?: number;
  readonly i?: number;
  readonly s?: Uint8Array;
  readonly t?: TensorMessage;
  readonly g?: GraphMessage;
  readonly floats: readonly number[];
  readonly ints: readonly number[];
  readonly strings: readonly Uint8Array[];
};

/** `NodeProto`. */
export type NodeMessage = {
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly name?: string;
  readonly opType?: string;
  readonly domain?: string;
  readonly attribute: readonly AttributeMessage[];
};

/** `TensorShapeProto.Dimension`. */
export type DimensionMessage = { readonly dimValue?: number; readonly dimParam?: string };

/** `ValueInfoProto`, with the parts of its `TypeProto` for tensors. */
export type ValueInfoMessage = {
  readonly name?: string;
  readonly type?: {
    readonly tensorType?: {
      readonly elemType?: number;
      readonly shape?: { readonly dim: readonly DimensionMessage[] };
    };
  };
};

/** `GraphProto`. */
export type GraphMessage = {
  readonly node: readonly NodeMessage[];
  readonly name?: string;
  readonly initializer: readonly TensorMessage[];
  readonly input: readonly ValueInfoMessage[];
  readonly output: readonly ValueInfoMessage[];
};

/** `OperatorSetIdProto`. */
export type OperatorSetMessage = { readonly domain?: string; readonly version?: number };

/** `FunctionProto`. */
export type FunctionMessage = {
  readonly name?: string;
  readonly domain?: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly attributeProto: readonly AttributeMessage[];
  readonly opsetImport: readonly OperatorSetMessage[];
  readonly node: readonly NodeMessage[];
};

/** `ModelProto`. */
export type ModelMessage = {
  readonly irVersion?: number;
  readonly producerName?: string;
  readonly producerVersion?: string;
  readonly graph?: GraphMessage;
  readonly opsetImport: readonly OperatorSetMessage[];
  readonly functions: readonly FunctionMessage[];
};

/** Kinds of single values on the wire. */
export type ScalarKind = 'string' | 'bytes' | 'int64' | 'int32' | 'uint64' | 'float' | 'double';

/** A field of a message. */
export type Field = {
  readonly name: string;
  readonly kind: ScalarKind | MessageName;
  readonly repeated?: boolean;
};

/** Names of the messages. */
export type MessageName =
  | 'Model'
  | 'OperatorSet'
  | 'Graph'
  | 'Node'
  | 'Attribute'
  | 'Tensor'
  | 'Entry'
  | 'ValueInfo'
  | 'Type'
  | 'TensorType'
  | 'TensorShape'
  | 'Dimension'
  | 'Function';

const one = (name: string, kind: Field['kind']): Field => ({ name, kind });
const many = (name: string, kind: Field['kind']): Field => ({ name, kind, repeated: true });

/** The fields of each message by number. */
export const messages: { readonly [M in MessageName]: Readonly<Record<number, Field>> } = {
  Model: {
    1: one('irVersion', 'int64'),
    2: one('producerName', 'string'),
    3: one('producerVersion', 'string'),
    7: one('graph', 'Graph'),
    8: many('opsetImport', 'OperatorSet'),
    25: many('functions', 'Function'),
  },
  OperatorSet: { 1: one('domain', 'string'), 2: one('version', 'int64') },
  Graph: {
    1: many('node', 'Node'),
    2: one('name', 'string'),
    5: many('initializer', 'Tensor'),
    11: many('input', 'ValueInfo'),
    12: many('output', 'ValueInfo'),
  },
  Node: {
    1: many('input', 'string'),
    2: many('output', 'string'),
    3: one('name', 'string'),
    4: one('opType', 'string'),
    5: many('attribute', 'Attribute'),
    7: one('domain', 'string'),
  },
  Attribute: {
    1: one('name', 'string'),
    2: one('f', 'float'),
    3: one('i', 'int64'),
    4: one('s', 'bytes'),
    5: one('t', 'Tensor'),
    6: one('g', 'Graph'),
    7: many('floats', 'float'),
    8: many('ints', 'int64'),
    9: many('strings', 'bytes'),
    20: one('type', 'int32'),
    21: one('refAttrName', 'string'),
  },
  Tensor: {
    1: many('dims', 'int64'),
    2: one('dataType', 'int32'),
    4: many('floatData', 'float'),
    5: many('int32Data', 'int32'),
    7: many('int64Data', 'int64'),
    8: one('name', 'string'),
    9: one('rawData', 'bytes'),
    10: many('doubleData', 'double'),
    11: many('uint64Data', 'uint64'),
    13: many('externalData', 'Entry'),
    14: one('dataLocation', 'int32'),
  },
  Entry: { 1: one('key', 'string'), 2: one('value', 'string') },
  ValueInfo: { 1: one('name', 'string'), 2: one('type', 'Type') },
  Type: { 1: one('tensorType', 'TensorType') },
  TensorType: { 1: one('elemType', 'int32'), 2: one('shape', 'TensorShape') },
  TensorShape: { 1: many('dim', 'Dimension') },
  Dimension: { 1: one('dimValue', 'int64'), 2: one('dimParam', 'string') },
  Function: {
    1: one('name', 'string'),
    4: many('input', 'string'),
    5: many('output', 'string'),
    7: many('node', 'Node'),
    9: many('opsetImport', 'OperatorSet'),
    10: one('domain', 'string'),
    11: many('attributeProto', 'Attribute'),
  },
};

/** What each message decodes to. */
export type MessageTypes = {
  readonly Model: ModelMessage;
  readonly OperatorSet: OperatorSetMessage;
  readonly Graph: GraphMessage;
  readonly Node: NodeMessage;
  readonly Attribute: AttributeMessage;
  readonly Tensor: TensorMessage;
  readonly Entry: EntryMessage;
  readonly ValueInfo: ValueInfoMessage;
  readonly Type: NonNullable<ValueInfoMessage['type']>;
  readonly TensorType: NonNullable<NonNullable<ValueInfoMessage['type']>['tensorType']>;
  readonly TensorShape: { readonly dim: readonly DimensionMessage[] };
  readonly Dimension: DimensionMessage;
  readonly Function: FunctionMessage;
};
