// Weights as bytes, in the safetensors format: 8 bytes of header length, a JSON header, the values. ohmic adds a
// SHA-256 of all the rest, header and values, to the header's metadata, so that a damaged file is found out. Files of
// other programs are read with the same strictness as the reference implementation: every byte belongs to one tensor.
// Format: github.com/huggingface/safetensors, README, "Format".

import { z } from 'zod';
import { sha256 } from '../base/digest.ts';
import { messageOf, UsageError } from '../base/errors.ts';
import { type HostTensor, hostTensor, type Parameters } from '../base/parameters.ts';
import { faultsIn } from '../base/schema.ts';
import { formatShape } from '../base/shape.ts';
import { resembledFormat } from './file-format.ts';
import {
  bitsPerNumber,
  byteLength,
  type Dtype,
  floatsOf,
  isDtype,
  type StoredTensor,
} from './number-formats.ts';
import { repeatedNames } from './repeated-names.ts';

/** A file's content: tensors of 32-bit floats, and texts by name. */
export type TensorFile = {
  readonly tensors: Parameters;
  readonly metadata: Readonly<Record<string, string>>;
};

/** A file's content as it is stored: tensors of any type, in the order of their bytes. */
export type StoredFile = {
  readonly tensors: readonly StoredTensor[];
  readonly metadata: Readonly<Record<string, string>>;
};

/** Where a tensor lies, in bytes behind the header. */
type HeaderEntry = {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
};

type Entries = Readonly<Record<string, HeaderEntry>>;
type Texts = Readonly<Record<string, string>>;

/** The limit of the reference implementation; the header of a network of 100,000 tensors has some 10 MB. */
const LONGEST_HEADER_BYTES = 100_000_000;

const METADATA = '__metadata__';

const whole = z.int().min(0);
const entrySchema: z.ZodType<HeaderEntry> = z.object({
  dtype: z.string(),
  shape: z.array(whole).max(64),
  data_offsets: z.tuple([whole, whole]),
});
const headerSchema: z.ZodType<{ readonly __metadata__?: Texts | undefined }> = z
  .object({ [METADATA]: z.record(z.string(), z.string()).optional() })
  .catchall(entrySchema);

/**
 * Bytes of a safetensors file, with a digest of all the rest as `sha256` in its metadata.
 *
 * @throws UsageError if a tensor has a name that the header cannot hold
 */
export async function encodeTensors({ tensors, metadata }: TensorFile): Promise<Uint8Array<ArrayBuffer>> {
  for (const name of [METADATA, '__proto__']) {
    if (Object.hasOwn(tensors, name))
      throw new UsageError(`safetensors: a tensor may not be named "${name}"; rename it`);
  }
  let offset = 0;
  const placed = Object.entries(tensors).map(([name, { shape, data }]) => {
    const start = offset;
    offset += data.byteLength;
    return { name, shape, data, start };
  });
  const entries: Entries = Object.fromEntries(
    placed.map(({ name, shape, data, start }) => [
      name,
      { dtype: 'F32', shape, data_offsets: [start, start + data.byteLength] },
    ]),
  );
  const body = new Uint8Array(offset);
  for (const { data, start } of placed) {
    body.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), start);
  }
  const digest = await digestOf(metadata, entries, body);
  const text = new TextEncoder().encode(headerText({ ...metadata, sha256: digest }, entries));
  const length = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(8 + length + offset);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.fill(0x20, 8, 8 + length);
  bytes.set(text, 8);
  bytes.set(body, 8 + length);
  return bytes;
}

/**
 * Content of a safetensors file whose numbers are floating-point, as 32-bit floats; see `floatsOf` for how exactly.
 *
 * @param file its name, for errors
 * @throws UsageError if the file is truncated, damaged or of another format, or holds other numbers
 */
export async function decodeTensors(file: string, bytes: Uint8Array): Promise<TensorFile> {
  const { tensors, metadata } = await readStored(file, bytes);
  const read = tensors.map((tensor): [string, HostTensor] => [
    tensor.name,
    hostTensor(tensor.shape, floatsOf(file, tensor)),
  ]);
  return { tensors: Object.fromEntries(read), metadata };
}

/**
 * Content of any safetensors file, as it is stored. `floatsOf` and `integersOf` give the values of a tensor.
 *
 * The header may list tensors in any order, but their bytes must follow one another without gaps or overlaps and fill
 * the file. If the metadata have a `sha256`, it is checked and taken out.
 *
 * @param file its name, for errors
 * @throws UsageError if the file is truncated, damaged or of another format
 */
export async function readStored(file: string, bytes: Uint8Array): Promise<StoredFile> {
  const { metadata, entries, body } = readHeader(file, bytes);
  const tensors = placedTensors(file, entries, body);
  const { sha256: expected, ...texts } = metadata;
  if (expected !== undefined) {
    const actual = await digestOf(texts, entries, body);
    if (actual !== expected) throw damaged(file, `its SHA-256 is ${actual}, expected ${expected}`);
  }
  return { tensors, metadata: texts };
}

/** NaN and infinities in tensors, one text for each tensor that has some: `"a": 3 of 10 numbers are not finite (…)`. */
export function nonFiniteNumbers(tensors: Parameters): readonly string[] {
  return Object.entries(tensors).flatMap(([name, { data }]) => {
    const count = data.reduce((sum, value) => sum + (Number.isFinite(value) ? 0 : 1), 0);
    if (count === 0) return [];
    const first = data.findIndex((value) => !Number.isFinite(value));
    const verb = data.length === 1 ? 'number is' : 'numbers are';
    return [
      `"${name}": ${count} of ${data.length} ${verb} not finite, the first ${data[first]} at index ${first}`,
    ];
  });
}

type Header = { readonly metadata: Texts; readonly entries: Entries; readonly body: Uint8Array };

function readHeader(file: string, bytes: Uint8Array): Header {
  if (bytes.length < 8) throw damaged(file, `expected at least 8 bytes, got ${bytes.length}`);
  const length = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  if (length > bytes.length - 8 || length > LONGEST_HEADER_BYTES) {
    const format = resembledFormat(bytes);
    if (format !== undefined) {
      throw new UsageError(
        `${file}: expected a safetensors file, got what looks like ${format.what}; ${format.advice}`,
      );
    }
    const limit = Math.min(bytes.length - 8, LONGEST_HEADER_BYTES);
    throw damaged(file, `expected a header of ${length} bytes, got ${limit} at most`);
  }
  const end = 8 + Number(length);
  const { text, value } = readJson(file, bytes.subarray(8, end));
  const checked = headerSchema.safeParse(value);
  if (!checked.success) {
    throw damaged(file, `the header is wrong: ${faultsIn(checked.error, value)[0]}`);
  }
  const repeated = repeatedNames(text);
  if (repeated.length > 0) {
    throw damaged(file, `the header names ${repeated.slice(0, 5).join(', ')} more than once`);
  }
  const { [METADATA]: metadata = {}, ...entries } = checked.data;
  return { metadata, entries: entries as Entries, body: bytes.subarray(end) };
}

function readJson(file: string, bytes: Uint8Array): { readonly text: string; readonly value: unknown } {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return { text, value: JSON.parse(text) };
  } catch (thrown) {
    throw damaged(file, `the header is not JSON (${messageOf(thrown)})`);
  }
}

/** The tensors, in the order of their bytes. */
function placedTensors(file: string, entries: Entries, body: Uint8Array): StoredTensor[] {
  const unknown = Object.entries(entries).filter(([, { dtype }]) => !isDtype(dtype));
  if (unknown.length > 0) {
    const named = unknown.slice(0, 5).map(([name, { dtype }]) => `"${name}" is ${dtype}`);
    throw damaged(
      file,
      `tensor ${named.join(', ')}; known types are ${Object.keys(bitsPerNumber).join(', ')}`,
    );
  }
  const ordered = Object.entries(entries).sort(
    ([, { data_offsets: a }], [, { data_offsets: b }]) => a[0] - b[0] || a[1] - b[1],
  );
  let end = 0;
  const tensors = ordered.map(([name, { dtype: text, shape, data_offsets: range }]) => {
    const dtype = text as Dtype;
    if (range[1] > body.length) {
      throw damaged(file, `tensor "${name}" ends at byte ${range[1]}, the file holds ${body.length}`);
    }
    if (range[1] - range[0] !== byteLength(dtype, shape)) {
      throw damaged(
        file,
        `tensor "${name}" has ${range[1] - range[0]} bytes for shape ${formatShape(shape)} of ${dtype}`,
      );
    }
    if (range[0] !== end) {
      const what = range[0] < end ? 'overlaps another' : 'leaves a gap before it';
      throw damaged(file, `tensor "${name}" ${what}: it begins at byte ${range[0]}, expected ${end}`);
    }
    end = range[1];
    return { name, dtype, shape, bytes: body.subarray(range[0], range[1]) };
  });
  if (end !== body.length) {
    throw damaged(file, `its tensors end at byte ${end}, the file holds ${body.length}`);
  }
  return tensors;
}

function damaged(file: string, what: string): UsageError {
  return new UsageError(`${file}: ${what}; it is damaged or not a safetensors file; use an earlier file`);
}

function headerText(metadata: Texts, entries: Entries): string {
  return JSON.stringify({ [METADATA]: metadata, ...entries });
}

/** SHA-256 of the header without the digest itself, and the values. */
function digestOf(metadata: Texts, entries: Entries, body: Uint8Array): Promise<string> {
  const header = new TextEncoder().encode(headerText(metadata, entries));
  const content = new Uint8Array(header.length + body.length);
  content.set(header);
  content.set(body, header.length);
  return sha256(content);
}
