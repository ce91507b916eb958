// A tensor message → its values. Sizes are checked against the bytes that are there before anything is allocated, and
// external data are fetched by name.

import { throwFaults, UsageError } from '../../base/errors.ts';
import { formatShape } from '../../base/shape.ts';
import { floatsOf, type Dtype as StoredType } from '../number-formats.ts';
import type { TensorMessage } from './messages.ts';
import type { HostValues, NumberKind, Numbers } from './model.ts';

/** `TensorProto.DataType`: how ohmic reads the types that it knows. */
type DataType = {
  readonly name: string;
  readonly kind: NumberKind;
  readonly bytes: number;
  /** For floating-point numbers, read by number-formats.ts. */
  readonly stored?: StoredType;
  readonly read: (view: DataView, at: number) => number;
  /** Where numbers are if they are not raw. */
  readonly list: 'floatData' | 'int32Data' | 'int64Data' | 'doubleData' | 'uint64Data';
};

const dataTypes: Readonly<Record<number, DataType>> = {
  1: {
    name: 'float32',
    kind: 'float',
    bytes: 4,
    stored: 'F32',
    read: (view, at) => view.getFloat32(at, true),
    list: 'floatData',
  },
  2: { name: 'uint8', kind: 'int', bytes: 1, read: (view, at) => view.getUint8(at), list: 'int32Data' },
  3: { name: 'int8', kind: 'int', bytes: 1, read: (view, at) => view.getInt8(at), list: 'int32Data' },
  4: {
    name: 'uint16',
    kind: 'int',
    bytes: 2,
    read: (view, at) => view.getUint16(at, true),
    list: 'int32Data',
  },
  5: { name: 'int16', kind: 'int', bytes: 2, read: (view, at) => view.getInt16(at, true), list: 'int32Data' },
  6: { name: 'int32', kind: 'int', bytes: 4, read: (view, at) => view.getInt32(at, true), list: 'int32Data' },
  7: {
    name: 'int64',
    kind: 'int',
    bytes: 8,
    read: (view, at) => Number(view.getBigInt64(at, true)),
    list: 'int64Data',
  },
  9: { name: 'bool', kind: 'bool', bytes: 1, read: (view, at) => view.getUint8(at), list: 'int32Data' },
  10: {
    name: 'float16',
    kind: 'float',
    bytes: 2,
    stored: 'F16',
    read: (view, at) => view.getFloat32(at, true),
    list: 'int32Data',
  },
  11: {
    name: 'float64',
    kind: 'float',
    bytes: 8,
    stored: 'F64',
    read: (view, at) => view.getFloat64(at, true),
    list: 'doubleData',
  },
  12: {
    name: 'uint32',
    kind: 'int',
    bytes: 4,
    read: (view, at) => view.getUint32(at, true),
    list: 'uint64Data',
  },
  13: {
    name: 'uint64',
    kind: 'int',
    bytes: 8,
    read: (view, at) => Number(view.getBigUint64(at, true)),
    list: 'uint64Data',
  },
  16: {
    name: 'bfloat16',
    kind: 'float',
    bytes: 2,
    stored: 'BF16',
    read: (view, at) => view.getFloat32(at, true),
    list: 'int32Data',
  },
};

/** What kind of numbers a data type of ONNX holds; undefined for those that are not read. */
export function numberKind(dataType: number | undefined): NumberKind | undefined {
  return dataTypes[dataType ?? 0]?.kind;
}

/** Reads a file beside the model, or a part of it. */
export type ReadFile = (name: string) => Promise<Uint8Array>;

/** Files beside the model, each read once. */
export type ExternalFiles = { readonly of: (location: string) => Promise<Uint8Array> };

/** The files that `read` gives. */
export function externalFiles(read: ReadFile | undefined): ExternalFiles {
  const known = new Map<string, Promise<Uint8Array>>();
  return {
    of: (location) => {
      if (read === undefined)
        throw new UsageError(
          `its weights are in the file "${location}" beside it; hand over a function that reads it (readFile)`,
        );
      const isOutside = /^([/\\]|[a-z]:)|(^|[/\\])\.\.([/\\]|$)/i.test(location);
      if (isOutside || location === '')
        throw new UsageError(`its weights are in "${location}", expected a file in its own folder`);
      const found = known.get(location) ?? read(location);
      known.set(location, found);
      return found;
    },
  };
}

/**
 * The values of a tensor message.
 *
 * @throws UsageError for a type that is not read, or if there are more or fewer values than its axes say
 */
export async function tensorValues(tensor: TensorMessage, files: ExternalFiles): Promise<HostValues> {
  const where = `tensor "${tensor.name ?? ''}"`;
  const { dims, dataType = 0 } = tensor;
  const type = dataTypes[dataType];
  if (type === undefined)
    throw new UsageError(
      `${where} is of data type ${dataType}, expected ${Object.values(dataTypes)
        .map(({ name }) => name)
        .join(', ')}`,
    );
  if (!dims.every((size) => Number.isSafeInteger(size) && size >= 0))
    throw new UsageError(`${where} has sizes ${formatShape(dims)}, expected whole numbers from 0`);
  const count = dims.reduce((product, size) => product * size, 1);
  const raw = tensor.dataLocation === 1 ? await externalBytes(where, tensor, files) : tensor.rawData;
  if (raw === undefined || (raw.length === 0 && tensor[type.list].length > 0))
    return { kind: type.kind, dims, values: listedValues(where, type, count, tensor) };
  if (raw.length !== count * type.bytes)
    throw new UsageError(
      `${where} has ${raw.length} bytes, expected ${count * type.bytes} for ${type.name} ${formatShape(dims)}`,
    );
  return { kind: type.kind, dims, values: rawValues(type, dims, raw) };
}

function rawValues(
  { stored, kind, bytes, read }: DataType,
  shape: readonly number[],
  raw: Uint8Array,
): Numbers {
  if (stored !== undefined) return floatsOf('onnx', { name: '', dtype: stored, shape, bytes: raw });
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const values = Float64Array.from({ length: raw.length / bytes }, (_, i) => read(view, i * bytes));
  return kind === 'bool' ? values.map((value) => (value === 0 ? 0 : 1)) : values;
}

function listedValues(where: string, type: DataType, count: number, tensor: TensorMessage): Numbers {
  const list = tensor[type.list];
  if (list.length !== count)
    throw new UsageError(
      `${where} has ${list.length} values, expected ${count} for ${formatShape(tensor.dims)}`,
    );
  if (type.stored === 'F16' || type.stored === 'BF16') {
    const words = new Uint8Array(Uint16Array.from(list).buffer);
    return rawValues(type, [count], words);
  }
  return type.kind === 'float' ? Float32Array.from(list) : Float64Array.from(list);
}

async function externalBytes(
  where: string,
  { externalData }: TensorMessage,
  files: ExternalFiles,
): Promise<Uint8Array> {
  const entries = Object.fromEntries(externalData.map(({ key, value }) => [key ?? '', value ?? '']));
  const bytes = await files.of(entries['location'] ?? '');
  const number = (text: string | undefined, otherwise: number): number =>
    text === undefined ? otherwise : /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  const offset = number(entries['offset'], 0);
  const length = number(entries['length'], bytes.length - offset);
  throwFaults(
    where,
    offset >= 0 && length >= 0 && offset + length <= bytes.length
      ? []
      : [
          `expected bytes ${entries['offset'] ?? 0} to ${offset + length} of "${entries['location']}", which has ${bytes.length}`,
        ],
  );
  return bytes.subarray(offset, offset + length);
}
