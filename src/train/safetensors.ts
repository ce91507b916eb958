// Weights as bytes, in the safetensors format: 8 bytes of header length, a JSON header, the values. ohmic adds a
// SHA-256 of all the rest, header and values, to the header's metadata, so that a damaged file is found out.
// Format: github.com/huggingface/safetensors, README, "Format".

import { z } from 'zod';
import { sha256 } from '../base/digest.ts';
import { messageOf, UsageError } from '../base/errors.ts';
import { type HostTensor, hostTensor, type Parameters } from '../base/parameters.ts';
import { elementCount } from '../base/shape.ts';

/** A file's content: tensors, and texts by name. */
export type TensorFile = {
  readonly tensors: Parameters;
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

const whole = z.int().min(0);
const entrySchema: z.ZodType<HeaderEntry> = z.object({
  dtype: z.string(),
  shape: z.array(whole),
  data_offsets: z.tuple([whole, whole]),
});
const headerSchema: z.ZodType<{ readonly __metadata__?: Texts | undefined }> = z
  .object({ __metadata__: z.record(z.string(), z.string()).optional() })
  .catchall(entrySchema);

/** Bytes of a safetensors file. */
export async function encodeTensors({ tensors, metadata }: TensorFile): Promise<Uint8Array<ArrayBuffer>> {
  const entries: Record<string, HeaderEntry> = {};
  let offset = 0;
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    entries[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const body = new Uint8Array(offset);
  for (const [name, { data }] of Object.entries(tensors)) {
    body.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), entries[name]!.data_offsets[0]);
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
 * Content of a safetensors file of 32-bit floats.
 *
 * @param file its name, for errors
 * @throws UsageError if the file is truncated, damaged or of another format
 */
export async function decodeTensors(file: string, bytes: Uint8Array): Promise<TensorFile> {
  const fail = (what: string): never => {
    throw new UsageError(`${file}: ${what}; it is damaged or not a safetensors file; use an earlier file`);
  };
  if (bytes.length < 8) return fail(`expected at least 8 bytes, got ${bytes.length}`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  if (length > bytes.length - 8) return fail(`expected a header of ${length} bytes, got ${bytes.length - 8}`);
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, 8 + length)));
  } catch (thrown) {
    return fail(`the header is not JSON (${messageOf(thrown)})`);
  }
  const checked = headerSchema.safeParse(header);
  if (!checked.success) {
    const { path, message } = checked.error.issues[0]!;
    return fail(`the header is wrong at "${path.join('.')}": ${message}`);
  }
  const { __metadata__: metadata = {}, ...rest } = checked.data;
  const entries = rest as Entries;
  const body = bytes.subarray(8 + length);
  const tensors: Record<string, HostTensor> = {};
  for (const [name, { dtype, shape, data_offsets: range }] of Object.entries(entries)) {
    if (dtype !== 'F32')
      throw new UsageError(`${file}: tensor "${name}" is ${dtype}, expected F32; convert the file`);
    if (range[1] > body.length)
      return fail(`tensor "${name}" ends at byte ${range[1]}, the file holds ${body.length}`);
    if (range[1] - range[0] !== 4 * elementCount(shape))
      return fail(`tensor "${name}" has ${range[1] - range[0]} bytes for shape (${shape})`);
    tensors[name] = hostTensor(
      shape,
      new Float32Array(new Uint8Array(body.subarray(range[0], range[1])).buffer),
    );
  }
  const { sha256: expected, ...texts } = metadata;
  if (expected !== undefined) {
    const actual = await digestOf(texts, entries, body);
    if (actual !== expected) return fail(`its SHA-256 is ${actual}, expected ${expected}`);
  }
  return { tensors, metadata: texts };
}

function headerText(metadata: Texts, entries: Entries): string {
  return JSON.stringify({ __metadata__: metadata, ...entries });
}

/** SHA-256 of the header without the digest itself, and the values. */
function digestOf(metadata: Texts, entries: Entries, body: Uint8Array): Promise<string> {
  const header = new TextEncoder().encode(headerText(metadata, entries));
  const content = new Uint8Array(header.length + body.length);
  content.set(header);
  content.set(body, header.length);
  return sha256(content);
}
