// Messages as protobuf bytes and back, by the table of messages.ts. The encoding of single values is the library's. Memory
// stays within a small multiple of the bytes: byte fields are views, lists hold numbers, and messages within messages
// end at a depth that no network reaches.

import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { UsageError } from '../../base/errors.ts';
import { type Field, type MessageName, type MessageTypes, messages, type ScalarKind } from './messages.ts';

/** A graph in a graph takes three levels; exporters nest branches some ten deep. */
const DEEPEST = 100;

const wireTypes: { readonly [K in ScalarKind]: WireType } = {
  string: WireType.LengthDelimited,
  bytes: WireType.LengthDelimited,
  int64: WireType.Varint,
  int32: WireType.Varint,
  uint64: WireType.Varint,
  float: WireType.Bit32,
  double: WireType.Bit64,
};

const readers: { readonly [K in ScalarKind]: (reader: BinaryReader) => unknown } = {
  string: (reader) => reader.string(true),
  bytes: (reader) => reader.bytes(),
  int64: (reader) => Number(reader.int64()),
  int32: (reader) => reader.int32(),
  uint64: (reader) => Number(reader.uint64()),
  float: (reader) => reader.float(),
  double: (reader) => reader.double(),
};

const writers: { readonly [K in ScalarKind]: (writer: BinaryWriter, value: never) => unknown } = {
  string: (writer, value: string) => writer.string(value),
  bytes: (writer, value: Uint8Array) => writer.bytes(value),
  int64: (writer, value: number) => writer.int64(wholeNumber(value)),
  int32: (writer, value: number) => writer.int32(value),
  uint64: (writer, value: number) => writer.uint64(wholeNumber(value)),
  float: (writer, value: number) => writer.float(value),
  double: (writer, value: number) => writer.double(value),
};

const LARGEST_INT64 = 2n ** 63n - 1n;

/** 2^63 − 1 is no number of JavaScript: the next one above stands for it. */
function wholeNumber(value: number): bigint {
  const whole = BigInt(value);
  return whole > LARGEST_INT64 ? LARGEST_INT64 : whole;
}

/**
 * Decodes a message.
 *
 * @throws UsageError if the bytes are cut off, have another type for a field, or nest too deeply; Error of the library for
 *         bytes that are no protobuf
 */
export function decodeMessage<M extends MessageName>(
  message: M,
  bytes: Uint8Array,
  depth = 0,
): MessageTypes[M] {
  if (depth > DEEPEST) throw new UsageError(`its messages are nested more than ${DEEPEST} deep`);
  const reader = new BinaryReader(bytes);
  const fields = messages[message];
  const result: Record<string, unknown> = {};
  for (const { name, repeated } of Object.values(fields)) if (repeated) result[name] = [];
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const field = fields[number];
    if (field === undefined) {
      reader.skip(wireType, number);
      continue;
    }
    readField(reader, { field, wireType, message, depth, result });
  }
  return result as MessageTypes[M];
}

type FieldAt = {
  readonly field: Field;
  readonly wireType: WireType;
  readonly message: MessageName;
  readonly depth: number;
  readonly result: Record<string, unknown>;
};

function readField(reader: BinaryReader, { field, wireType, message, depth, result }: FieldAt): void {
  const { name, kind, repeated = false } = field;
  const add = (value: unknown): void => {
    if (repeated) (result[name] as unknown[]).push(value);
    else result[name] = value;
  };
  const expected = isScalar(kind) ? wireTypes[kind] : WireType.LengthDelimited;
  if (wireType === expected) {
    if (isScalar(kind)) {
      add(readers[kind](reader));
      if (reader.pos > reader.len) throw new UsageError(`it ends within ${message}.${name}`);
    } else add(decodeMessage(kind, reader.bytes(), depth + 1));
    return;
  }
  const isPacked = repeated && isScalar(kind) && wireType === WireType.LengthDelimited;
  if (!isPacked)
    throw new UsageError(`${message}.${name} has wire type ${wireType}, expected ${expected} (${kind})`);
  const packed = new BinaryReader(reader.bytes());
  while (packed.pos < packed.len) add(readers[kind](packed));
  if (packed.pos > packed.len) throw new UsageError(`it ends within ${message}.${name}`);
}

/** The bytes of a message; lists of numbers are packed, fields that are undefined left out. */
export function encodeMessage<M extends MessageName>(
  message: M,
  value: Partial<MessageTypes[M]>,
): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter();
  writeMessage(writer, message, value as Readonly<Record<string, unknown>>);
  return writer.finish();
}

function writeMessage(
  writer: BinaryWriter,
  message: MessageName,
  value: Readonly<Record<string, unknown>>,
): void {
  for (const [number, { name, kind, repeated = false }] of Object.entries(messages[message])) {
    const given = value[name];
    if (given === undefined) continue;
    const all = (repeated ? given : [given]) as readonly unknown[];
    const isPacked = repeated && isScalar(kind) && wireTypes[kind] !== WireType.LengthDelimited;
    if (isPacked && all.length === 0) continue;
    if (isPacked) {
      writer.tag(Number(number), WireType.LengthDelimited).fork();
      for (const one of all) writers[kind](writer, one as never);
      writer.join();
      continue;
    }
    for (const one of all) {
      if (isScalar(kind)) {
        writer.tag(Number(number), wireTypes[kind]);
        writers[kind](writer, one as never);
      } else {
        writer.tag(Number(number), WireType.LengthDelimited).fork();
        writeMessage(writer, kind, one as Readonly<Record<string, unknown>>);
        writer.join();
      }
    }
  }
}

function isScalar(kind: Field['kind']): kind is ScalarKind {
  return kind in wireTypes;
}
