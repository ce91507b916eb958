// Numbers as files of weights store them, little-endian: how many bits each type takes, and their values as float32 or
// as integers. Used by safetensors.ts. Types of 8 bits and less for floating-point numbers are known by size only.

import { UsageError } from '../base/errors.ts';
import { elementCount, type Shape } from '../base/shape.ts';

/** A type of numbers in a file, as safetensors names it (`Dtype` in its `tensor.rs`). */
export type Dtype =
  | ('BOOL' | 'U8' | 'I8' | 'U16' | 'I16' | 'U32' | 'I32' | 'U64' | 'I64')
  | ('F64' | 'F32' | 'F16' | 'BF16' | 'C64')
  | ('F4' | 'F6_E2M3' | 'F6_E3M2' | 'F8_E5M2' | 'F8_E4M3' | 'F8_E8M0');

/** Bits of one number of each type. */
export const bitsPerNumber: Readonly<Record<Dtype, number>> = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  I64: 64,
  U64: 64,
  F64: 64,
};

/** A tensor as it lies in a file. */
export type StoredTensor = {
  readonly name: string;
  readonly dtype: Dtype;
  /** () for a single number. */
  readonly shape: Shape;
  /** Its values, row-major and little-endian; at any alignment. */
  readonly bytes: Uint8Array;
};

/** True for a name of `Dtype`. */
export function isDtype(name: string): name is Dtype {
  return Object.hasOwn(bitsPerNumber, name);
}

/** Bytes that `shape` takes in a file. Not whole for a sub-byte type that does not fill its last byte. */
export function byteLength(dtype: Dtype, shape: Shape): number {
  return (elementCount(shape) * bitsPerNumber[dtype]) / 8;
}

type Reader<T> = (view: DataView, at: number) => T;

const floatReaders: { readonly [D in Dtype]?: Reader<number> } = {
  F64: (view, at) => view.getFloat64(at, true),
  F32: (view, at) => view.getFloat32(at, true),
  F16: (view, at) => fromHalf(view.getUint16(at, true)),
};

const integerReaders: { readonly [D in Dtype]?: Reader<bigint> } = {
  BOOL: (view, at) => BigInt(view.getUint8(at)),
  U8: (view, at) => BigInt(view.getUint8(at)),
  I8: (view, at) => BigInt(view.getInt8(at)),
  U16: (view, at) => BigInt(view.getUint16(at, true)),
  I16: (view, at) => BigInt(view.getInt16(at, true)),
  U32: (view, at) => BigInt(view.getUint32(at, true)),
  I32: (view, at) => BigInt(view.getInt32(at, true)),
  U64: (view, at) => view.getBigUint64(at, true),
  I64: (view, at) => view.getBigInt64(at, true),
};

/** True for types that `floatsOf` reads: F64, F32, F16, BF16. */
export function isFloat(dtype: Dtype): boolean {
  return dtype === 'BF16' || floatReaders[dtype] !== undefined;
}

/**
 * The values of a tensor as float32. F32, F16 and BF16 are kept exactly; F64 is rounded to the nearest float32, which is
 * infinite beyond 3.4e38.
 *
 * @param where the file, for errors
 * @throws UsageError for other types
 */
export function floatsOf(where: string, { name, dtype, shape, bytes }: StoredTensor): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = elementCount(shape);
  // As bits, so that a NaN keeps its payload; copied, so that they are aligned.
  if (dtype === 'F32') return new Float32Array(new Uint8Array(bytes).buffer);
  if (dtype === 'BF16') {
    const words = Uint32Array.from({ length: count }, (_, i) => view.getUint16(2 * i, true) * 0x10000);
    return new Float32Array(words.buffer);
  }
  const read = floatReaders[dtype];
  if (read === undefined) {
    throw new UsageError(
      `${where}: tensor "${name}" is ${dtype}, expected F32, F16, BF16 or F64; convert it to float32`,
    );
  }
  const size = bitsPerNumber[dtype] / 8;
  return Float32Array.from({ length: count }, (_, i) => read(view, size * i));
}

/**
 * The values of a tensor as integers; those of BOOL are 0n and 1n.
 *
 * @param where the file, for errors
 * @throws UsageError for types that are not integers
 */
export function integersOf(where: string, { name, dtype, shape, bytes }: StoredTensor): readonly bigint[] {
  const read = integerReaders[dtype];
  if (read === undefined) {
    throw new UsageError(
      `${where}: tensor "${name}" is ${dtype}, expected integers: ${Object.keys(integerReaders).join(', ')}`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = bitsPerNumber[dtype] / 8;
  return Array.from({ length: elementCount(shape) }, (_, i) => read(view, size * i));
}

/** IEEE 754 binary16 → its value: (−1)ˢ · 2^(e − 15) · (1 + m / 1024), and m · 2⁻²⁴ below the smallest normal number. */
function fromHalf(word: number): number {
  const sign = word & 0x8000 ? -1 : 1;
  const exponent = (word >> 10) & 0x1f;
  const mantissa = word & 0x3ff;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 0x1f) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * 2 ** (exponent - 15) * (1 + mantissa / 1024);
}
